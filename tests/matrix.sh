#!/usr/bin/env bash
# tests/matrix.sh FOLDER [NAME...]
#
# Does the project work on today's systems? This makes the named environments in FOLDER, or all of them, says what came of
# each, and fails if one did. It takes the Pythons that uv finds, or brings.
#
#   lock       Python 3.11 with requirements.lock: the fast tests, without Jittor's
#   3.12       Python 3.12 with the newest version of every package, without Jittor: the same tests
#   3.13       the same on Python 3.13; before its tests it lists what those packages have, and where FOLDER has the
#              environment `lock`, writes what they have dropped to tests/project/dropped_names.json
#   3.14       the same on Python 3.14, without PaddlePaddle, which has no package for it
#   wheel      Python 3.13 with the project's wheel and what it requires, and nothing else: vsrlib infer, in PyTorch
#   debian12   tests/bare_machine.sh; as root
#   debian13   tests/bare_machine.sh --debian 13; as root
#
# The tests take a quarter of an hour in each environment, and PyTorch some gigabytes of downloads where the index of its
# CPU builds cannot be reached. What each said is in FOLDER/NAME.log.
set -euo pipefail
fail() { echo "error: $*" >&2; exit 1; }

every=(lock 3.12 3.13 3.14 wheel debian12 debian13)
[ $# -gt 0 ] || fail "there is no FOLDER for the environments; name one."
folder=$(realpath -m "$1")
shift
names=("$@")
[ $# -gt 0 ] || names=("${every[@]}")
for name in "${names[@]}"; do
    [[ " ${every[*]} " == *" $name "* ]] || fail "$name is no environment; choose from: ${every[*]}."
done
command -v uv >/dev/null || fail "uv was not found, which brings the Pythons; pip install uv."
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p "$folder"
export OMP_NUM_THREADS=1

index=https://download.pytorch.org/whl/cpu
if command -v curl >/dev/null && curl --silent --fail --head --max-time 5 --output /dev/null "$index/torch/"; then
    export PIP_EXTRA_INDEX_URL="${PIP_EXTRA_INDEX_URL:+$PIP_EXTRA_INDEX_URL }$index"
fi

# An empty environment of a Python.
make() {
    uv python find --no-project --system "$2" >/dev/null 2>&1 || uv python install "$2"
    "$(uv python find --no-project --system "$2")" -m venv --clear "$folder/$1"
}

pip_install() { "$folder/$1/bin/python" -m pip install --quiet --disable-pip-version-check "${@:2}"; }

fast_tests() {
    PYTHONPATH=$PWD "$folder/$1/bin/python" -m pytest -q -rs -m "not jittor and not paddle and not slow"
    [ "$1" = 3.14 ] || PYTHONPATH=$PWD "$folder/$1/bin/python" -m pytest -q -rs -m "paddle and not slow"
}

lock() {
    make lock 3.11
    pip_install lock -r requirements.lock -r tests/requirements.txt
    pip_install lock --no-deps --no-build-isolation --editable .
    fast_tests lock
}

newest() {
    make "$1" "$1"
    # without their versions
    local absent=none
    [ "$1" != 3.14 ] || absent=paddlepaddle
    mapfile -t tools < <(sed -nE 's/^([A-Za-z][^=]*)==.*/\1/p' tests/requirements.txt | grep -vx "$absent")
    pip_install "$1" --editable '.[notebooks,onnx,test]' "${tools[@]}"
    if [ "$1" = 3.13 ]; then
        "$folder/$1/bin/python" tests/helpers/library_names.py list "$folder/newest.json"
        [ ! -d "$folder/lock" ] || "$folder/lock/bin/python" tests/helpers/library_names.py dropped "$folder/newest.json" \
            tests/project/dropped_names.json
    fi
    fast_tests "$1"
}

wheel() {
    make wheel 3.13
    "$folder/wheel/bin/python" -m pip wheel --quiet --no-deps --wheel-dir "$folder/wheel" .
    pip_install wheel "$folder"/wheel/vsrlib-*.whl
    cd "$folder/wheel"
    bin/python - <<'PYTHON'
import os

import numpy as np
from PIL import Image

os.makedirs("clip", exist_ok=True)
for index, level in enumerate(np.linspace(40, 200, 5)):
    Image.fromarray(np.full((24, 32, 3), level, np.uint8)).save(f"clip/{index}.png")
PYTHON
    bin/vsrlib infer clip restored --weights study-realistic
    ls restored/frames/*/*.png
}

run() {
    case $1 in
        lock | wheel) "$1" ;;
        3.*) newest "$1" ;;
        debian*) tests/bare_machine.sh --debian "${1#debian}" --only '01 02 04' ;;
    esac
}

failed=()
for name in "${names[@]}"; do
    begin=$SECONDS
    # A process of its own: where `set -e` ends it, the others still run. Within `if` it would end nothing.
    set +e
    (set -e; run "$name") >"$folder/$name.log" 2>&1
    status=$?
    set -e
    outcome=passed
    [ $status = 0 ] || { outcome=failed; failed+=("$name"); }
    echo "$name: $outcome, $(((SECONDS - begin) / 60)) min; $(tail -1 "$folder/$name.log")"
done
[ ${#failed[@]} = 0 ] || fail "${failed[*]} failed; see the logs in $folder."
