#!/usr/bin/env bash
# tests/mutation.sh OUTPUT [--only TEXT] [--count N] [--workers N]
#
# Do the tests notice small faults in the modules that compute? This makes an environment for cosmic-ray in OUTPUT/work,
# which lists the faults, and runs tests/reliability/mutation.py, whose first lines say the rest. It takes hours, goes on
# where it was interrupted, and writes OUTPUT/mutation.json; for the project's own, OUTPUT is figures/reliability.
# PYTHON: the project's interpreter, .venv/bin/python if not given.
set -euo pipefail
[ $# -gt 0 ] || { echo "error: there is no OUTPUT; give a folder, such as figures/reliability." >&2; exit 1; }
output=$(realpath -m "$1")
shift
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${PYTHON:-.venv/bin/python}
tool=$output/work/tool
if ! "$tool/bin/python" -c 'import cosmic_ray' 2>/dev/null; then
    "$python" -m venv "$tool"
    "$tool/bin/pip" install --quiet cosmic-ray==8.7.0 parso==0.8.7
fi
export OMP_NUM_THREADS=1 PYTHONPATH=$PWD
exec "$python" tests/reliability/mutation.py "$output" --tool "$tool/bin/python" "$@"
