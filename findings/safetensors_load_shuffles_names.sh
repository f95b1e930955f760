#!/usr/bin/env bash
# safetensors: the same file has its names in one order by load_file, and by load in another one in every process
#
# Expected, written down first: one order for both, that of the header or of the alphabet, the same each time. Whoever goes
#   through a state dictionary and draws random numbers name by name relies on it.
# Found: `load_file(path)` and `safe_open(path).keys()` of safetensors.numpy give one order each time; `load(bytes)` of the
#   same file gives a dictionary in the order of a hash table whose seed is new in each process, and PYTHONHASHSEED=0 changes
#   nothing. The values are right.
# Remedy: `for name in sorted(values)`.
# Seen with Python 3.11, safetensors 0.8.0, numpy 1.26.4.
#
# Exit status 0: the behaviour is as described. 1: it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check safetensors==0.8.0 numpy==1.26.4
"$folder/venv/bin/python" - "$folder/file" <<'PROGRAM'
import sys

import numpy as np
from safetensors.numpy import save_file

save_file({f"layer{number}": np.full(3, number, np.float32) for number in range(12)}, sys.argv[1])
PROGRAM
cat > "$folder/program.py" <<'PROGRAM'
import sys
from pathlib import Path

from safetensors import safe_open
from safetensors.numpy import load, load_file

with safe_open(sys.argv[1], "np") as file:
    opened = list(file.keys())
values = load_file(sys.argv[1])
assert all((value == int(name.removeprefix("layer"))).all() for name, value in values.items())
for how, names in (("load_file", values), ("load", load(Path(sys.argv[1]).read_bytes())), ("safe_open", opened)):
    print(how, *(name.removeprefix("layer") for name in names))
PROGRAM
for _ in 1 2 3 4 5 6; do PYTHONHASHSEED=0 "$folder/venv/bin/python" "$folder/program.py" "$folder/file"; done | sort > "$folder/out"
cat "$folder/out"
orders() { grep "^$1 " "$folder/out" | sort -u | wc -l; }
echo "orders in six processes: load_file $(orders load_file), load $(orders load), safe_open $(orders safe_open)"
[ "$(orders load_file)" = 1 ] && [ "$(orders load)" -gt 1 ] && [ "$(orders safe_open)" = 1 ] && echo "as described" && exit 0
echo "CHANGED: see the head of this file"
exit 1
