#!/usr/bin/env bash
# ./run_all.sh [OPTIONS]        set everything up and run the study (options of `vsrlib study`; --help lists them)
# ./run_all.sh demo [OPTIONS]   set everything up and restore a second of film (options of `vsrlib demo`)
# ./run_all.sh test [OPTIONS]   set everything up and pass the tests (options of pytest)
#
# With conda or mamba on the path the environment is made from environment.yml in .conda/, otherwise in .venv/;
# VSRLIB_ENV=venv takes .venv/ in any case. The packages are those of requirements.lock either way.
#
# ./run_all.sh --frameworks torch    the same study in PyTorch alone: with this system's own Python, 3.11 to 3.14, in
#                                    .venv/, and without the packages that Jittor needs
# ./run_all.sh --frameworks torch,jittor,paddle    with PaddlePaddle beside them, also beside torch alone
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

fail() { echo "error: $*" >&2; exit 1; }
say() { echo "== $*"; }

# What is said before an installation: which step it is of two (the demonstration has no second one), and that it is slow.
first="1/2 "
[ "${1:-}" != demo ] || first=""
wait="This takes minutes, in which nothing is said."

has_gpu() { command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; }

frameworks=torch,jittor
arguments=("$@")
for index in "${!arguments[@]}"; do
    case ${arguments[index]} in
        --frameworks) frameworks=${arguments[index + 1]:-} ;;
        --frameworks=*) frameworks=${arguments[index]#*=} ;;
    esac
done
alone() {
    with_jittor='' versions='3.11 3.12 3.13 3.14'
    candidates='python3 python python3.14 python3.13 python3.12 python3.11'
    # which has no package for it
    [ -z "$with_paddle" ] || versions=${versions% 3.14}
}
rest=,$frameworks, with_paddle=''
if [[ $rest == *,paddle,* ]]; then
    with_paddle=1 rest=${rest/,paddle,/,}
fi
case $rest in
    ,torch,) alone ;;
    ,torch,jittor, | ,jittor,torch,) with_jittor=1 versions=3.11 candidates='python3.11 python3 python' ;;
    *) fail "--frameworks is '$frameworks'; choose torch,jittor or torch, or either with ,paddle behind it." ;;
esac

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

# The first of the candidates that has one of the versions.
first_python() {
    local candidate
    for candidate in $candidates; do
        if [[ " $versions " == *" $(version_of "$candidate") "* ]]; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

# The same; where there is none, one that uv brings.
find_python() {
    first_python && return
    if command -v uv >/dev/null; then
        say "Python ${versions%% *} was not found; uv brings one. Download: about 35 MB." >&2
        uv python install --quiet "${versions%% *}" && uv python find --no-project --system "${versions%% *}" && return
    fi
    if [ -n "$with_jittor" ]; then
        fail "Python 3.11 was not found, which Jittor needs; install it: $(line_for_python), or leave Jittor out:" \
             "./run_all.sh --frameworks torch."
    fi
    fail "none of Python ${versions// /, } was found; install one: $(line_for_python)."
}

# What brings Python 3.11 on this system, by what it says of itself.
line_for_python() {
    local system
    # shellcheck disable=SC1090
    system=$(. "${OS_RELEASE:-/etc/os-release}" 2>/dev/null && echo "${ID:-}${VERSION_ID:-}")
    if [ -n "$conda" ]; then
        echo "conda does, without VSRLIB_ENV=venv"
        return
    fi
    case $system in
        debian12* | ubuntu22.04) echo "sudo apt install python3.11-dev python3.11-venv g++" ;;
        ubuntu24.04) echo "sudo add-apt-repository ppa:deadsnakes/ppa && sudo apt install python3.11-dev python3.11-venv g++" ;;
        fedora* | rhel[89]* | centos[89]* | rocky[89]* | almalinux[89]*) echo "sudo dnf install python3.11-devel gcc-c++" ;;
        opensuse* | sles*) echo "sudo zypper install python311-devel gcc-c++" ;;
        arch*) echo "sudo pacman -S uv gcc, with which this script fetches it" ;;
        *) echo "curl -LsSf https://astral.sh/uv/install.sh | sh, with which this script fetches it" ;;
    esac
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
    say "${first}installing into .conda/ with $1. Download: Python and a compiler, about 350 MB; $torch_size;" \
        "about 130 other packages, 260 MB; CuPy, about 100 MB. $wait"
    if [ -x "$python" ] && ! moved; then
        "$1" env update --quiet --prefix .conda --file environment.yml
    else
        rm -rf .conda
        "$1" env create --quiet --yes --prefix .conda --file environment.yml
    fi
    pwd > .conda/.vsrlib-path
    fingerprint "$with_jittor" > .conda/.vsrlib-installed
}

set_up_venv() {
    environment=.venv python=.venv/bin/python
    up_to_date && [[ " $versions " == *" $(version_of "$python") "* ]] && return
    local system_python version others cupy
    system_python=$(find_python)
    version=$(version_of "$system_python")
    choose_torch "$system_python"
    others="about 130 other packages, 260 MB. On disk: 1.8 GB, and as much again once Jittor has compiled itself"
    [ -n "$with_jittor" ] || others="about 110 other packages, 240 MB. On disk: 1.5 GB and more, most of it PyTorch"
    say "${first}installing into .venv/. Download: $torch_size; $others. $wait"
    # An environment that was moved, is half made, or is of another Python is made anew: its scripts hold absolute paths.
    if moved || ! "$python" -m pip --version >/dev/null 2>&1 || [ "$(version_of "$python")" != "$version" ]; then
        "$system_python" -m venv --clear .venv \
        || fail "the virtual environment could not be made; install Python's venv (Debian: apt install python$version-venv)."
    fi
    pwd > .venv/.vsrlib-path
    cupy=$(grep -o 'cupy-cuda12x==[0-9.]*' environment.yml)
    if [ -n "$with_jittor" ]; then
        pip_install -r requirements.lock
        pip_install --no-deps --no-build-isolation --editable .
    elif [ "$version" = 3.11 ]; then
        pip_install --constraint requirements.lock --editable '.[notebooks]'
    else
        # the lock is of Python 3.11
        pip_install --editable '.[notebooks]'
        cupy="cupy-cuda12x"
    fi
    if has_gpu; then
        pip_install "$cupy"
    fi
    fingerprint "$with_jittor" > .venv/.vsrlib-installed
}

pip_install() { "$python" -m pip install --quiet --disable-pip-version-check "$@"; }

# Whether the environment was made for another folder.
moved() { [ -f "$environment/.vsrlib-path" ] && [ "$(cat "$environment/.vsrlib-path")" != "$PWD" ]; }

# What an environment was made from, with Jittor (1) or without.
fingerprint() {
    { pwd; echo "jittor $1"; has_gpu && echo gpu; cat requirements.lock environment.yml pyproject.toml; } | sha256sum
}

up_to_date() {
    local installed
    [ -x "$python" ] && [ -f "$environment/.vsrlib-installed" ] || return
    installed=$(cat "$environment/.vsrlib-installed")
    # one with Jittor does for PyTorch alone, too
    [ "$installed" = "$(fingerprint 1)" ] || [ "$installed" = "$(fingerprint "$with_jittor")" ]
}

# Its environment is of Python 3.11 with Jittor, so that for PyTorch alone it is not made but used where it is there.
use_conda() {
    environment=.conda python=.conda/bin/python
    [ -n "$conda" ] && [ "${VSRLIB_ENV:-}" != venv ] && { [ -n "$with_jittor" ] || up_to_date; }
}

conda=$(command -v mamba || command -v conda || true)
# The demonstration is in PyTorch, and does not need the Python of Jittor.
if [ "${1:-}" = demo ] && [ -z "$conda" ] && ! first_python >/dev/null; then
    alone
fi
if use_conda; then
    set_up_conda "$conda"
    PATH="$PWD/.conda/bin:$PATH"  # its compiler
else
    set_up_venv
    [ -z "$with_jittor" ] || [ "${1:-}" = demo ] || command -v g++ >/dev/null \
    || echo "warning: no g++ was found, so all Jittor steps will be skipped (Debian: apt install g++)." >&2
fi

# The requirement stands in pyproject.toml; what the lock holds stays as it is.
install_paddle() {
    local requirement
    requirement=$(grep -o 'paddlepaddle>=[0-9.,<]*' pyproject.toml)
    [ "$(cat "$environment/.vsrlib-paddle" 2>/dev/null)" != "$requirement" ] || return 0
    say "installing PaddlePaddle. Download: 195 MB; on disk: 720 MB."
    if [ -n "$with_jittor" ]; then
        pip_install --constraint requirements.lock "$requirement"
    else
        pip_install "$requirement"
    fi
    echo "$requirement" > "$environment/.vsrlib-paddle"
}

install_for_tests() {
    cmp -s tests/requirements.txt "$environment/.vsrlib-tests" && return
    say "installing what only the tests need. Download: NVIDIA's runtime compiler, 90 MB; a driver of browsers, 53 MB;" \
        "ruff, mypy and snakemake, 40 MB; ONNX and its runtime, 45 MB; TensorBoard, 20 MB; PaddlePaddle, 195 MB, and" \
        "720 MB on disk."
    "$python" -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
    cp tests/requirements.txt "$environment/.vsrlib-tests"
}

if [ "${1:-}" = demo ]; then  # PyTorch alone, which needs no compiler
    shift
    exec "$python" -m vsrlib demo "$@"
fi

[ -z "$with_paddle" ] || install_paddle

# What the tests need is downloaded while Jittor compiles itself.
if [ "${1:-}" = test ]; then
    install_for_tests &
    installing=$!
fi
if [ -n "$with_jittor" ]; then
    say "2/2 checking the frameworks; the first time Jittor compiles itself, 3 to 6 minutes on two cores."
else
    say "2/2 checking PyTorch${with_paddle:+ and PaddlePaddle}."
fi
"$python" -m vsrlib check --if-changed --frameworks "$frameworks"

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
for marks in "not jittor and not slow" "not jittor and not paddle and slow" paddle; do
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
