#!/usr/bin/env bash
# ./run_all.sh [OPTIONS]        set everything up and run the study (options of `vsrlib study`; --help lists them)
# ./run_all.sh demo [OPTIONS]   set everything up and restore a second of film (options of `vsrlib demo`)
# ./run_all.sh test [OPTIONS]   set everything up and pass the tests (options of pytest)
#
# With conda or mamba on the path the environment is made from environment.yml in .conda/, otherwise in .venv/;
# VSRLIB_ENV=venv takes .venv/ in any case. The packages are those of requirements.lock either way.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

fail() { echo "error: $1" >&2; exit 1; }
say() { echo "== $*"; }

has_gpu() { command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; }

find_python() {
    local candidate
    for candidate in python3.11 python3 python; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail "Python 3.11 was not found; install it (Debian: apt install python3.11-dev python3.11-venv) or install conda."
}

# PyTorch's CPU build is a tenth of the plain package, which brings CUDA; its index is used if it can be reached.
choose_torch() {
    local index=https://download.pytorch.org/whl/cpu
    if has_gpu; then
        torch_size="PyTorch with CUDA, about 3 GB"
    elif "$1" -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5)' "$index/torch/" 2>/dev/null; then
        export PIP_EXTRA_INDEX_URL="${PIP_EXTRA_INDEX_URL:+$PIP_EXTRA_INDEX_URL }$index"
        torch_size="PyTorch for CPUs, about 190 MB"
    else
        torch_size="the plain PyTorch package (190 MB to 3 GB: the index of its CPU build cannot be reached from here)"
    fi
}

set_up_conda() {
    environment=.conda python=.conda/bin/python
    up_to_date && return
    choose_torch "$(command -v python3 || command -v python || echo false)"
    say "1/2 installing into .conda/ with $1. Download: Python and a compiler, about 350 MB; $torch_size;" \
        "about 130 other packages, 260 MB; CuPy, about 100 MB."
    if [ -x "$python" ] && ! moved; then
        "$1" env update --quiet --prefix .conda --file environment.yml
    else
        rm -rf .conda
        "$1" env create --quiet --yes --prefix .conda --file environment.yml
    fi
    pwd > .conda/.vsrlib-path
    fingerprint > .conda/.vsrlib-installed
}

set_up_venv() {
    environment=.venv python=.venv/bin/python
    up_to_date && return
    local system_python
    system_python=$(find_python)
    choose_torch "$system_python"
    say "1/2 installing into .venv/. Download: $torch_size; about 130 other packages, 260 MB. On disk: 1.8 GB, and as much again once Jittor has compiled itself."
    # An environment that was moved or is half made is made anew: its scripts hold absolute paths.
    if moved || ! "$python" -m pip --version >/dev/null 2>&1; then
        "$system_python" -m venv --clear .venv \
        || fail "the virtual environment could not be made; install Python's venv (Debian: apt install python3.11-venv)."
    fi
    pwd > .venv/.vsrlib-path
    "$python" -m pip install --quiet --disable-pip-version-check -r requirements.lock
    if has_gpu; then
        "$python" -m pip install --quiet --disable-pip-version-check "$(grep -o 'cupy-cuda12x==[0-9.]*' environment.yml)"
    fi
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
    fingerprint > .venv/.vsrlib-installed
}

# Whether the environment was made for another folder.
moved() { [ -f "$environment/.vsrlib-path" ] && [ "$(cat "$environment/.vsrlib-path")" != "$PWD" ]; }

# What an environment was made from.
fingerprint() { { pwd; has_gpu && echo gpu; cat requirements.lock environment.yml pyproject.toml; } | sha256sum; }

up_to_date() {
    [ -x "$python" ] && [ -f "$environment/.vsrlib-installed" ] && [ "$(fingerprint)" = "$(cat "$environment/.vsrlib-installed")" ]
}

conda=$(command -v mamba || command -v conda || true)
if [ -n "$conda" ] && [ "${VSRLIB_ENV:-}" != venv ]; then
    set_up_conda "$conda"
    PATH="$PWD/.conda/bin:$PATH"  # its compiler
else
    set_up_venv
    command -v g++ >/dev/null || echo "warning: no g++ was found, so all Jittor steps will be skipped (Debian: apt install g++)." >&2
fi

install_for_tests() {
    cmp -s tests/requirements.txt "$environment/.vsrlib-tests" && return
    say "installing what only the tests need. Download: NVIDIA's runtime compiler, 90 MB; a driver of browsers, 53 MB;" \
        "ruff, mypy and snakemake, 40 MB; ONNX and its runtime, 45 MB."
    "$python" -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
    cp tests/requirements.txt "$environment/.vsrlib-tests"
}

if [ "${1:-}" = demo ]; then  # PyTorch alone, so that nothing is compiled
    shift
    exec "$python" -m vsrlib demo "$@"
fi

# What the tests need is downloaded while Jittor compiles itself.
if [ "${1:-}" = test ]; then
    install_for_tests &
    installing=$!
fi
say "2/2 checking the frameworks; the first time Jittor compiles itself, 3 to 6 minutes on two cores."
"$python" -m vsrlib check --if-changed

if [ "${1:-}" != test ]; then
    say "running the study"
    exec "$python" -m vsrlib study "$@"
fi
shift
wait $installing

# Every group of tests runs in two processes. Jittor's run beside the others, whose fast ones come first: while one waits,
# another computes. What Jittor's say is kept until they have ended.
run_tests() { "$python" -m pytest -q -rs -n 2 --dist loadfile --no-loadscope-reorder -m "$@"; }
said=$environment/.vsrlib-jittor-tests
OMP_WAIT_POLICY=passive run_tests jittor "$@" &> "$said" &
jittor=$!

status=0 ran=0
# Status 5: an option of yours left no test there.
take() {
    case $1 in
        0) ran=1 ;;
        5) [ "$2" -gt 0 ] || status=5 ;;
        *) status=$1 ran=1 ;;
    esac
}
for marks in "not jittor and not slow" "not jittor and slow"; do
    say "tests: $marks"
    result=0
    OMP_NUM_THREADS=1 run_tests "$marks" "$@" || result=$?
    take $result $#
done
say "tests: jittor"
result=0
wait $jittor || result=$?
cat "$said"
take $result $#
[ $ran = 1 ] || fail "no test was run."
exit $status
