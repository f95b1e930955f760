#!/usr/bin/env bash
# matplotlib: its equations know \ne, \leq and \geq, but not \le and \ge, nor most other second names of TeX's relations
#
# Expected, written down first: \le and \ge, which are TeX's own names, are known as \leq, \geq and \ne are; a notebook's
#   equation that MathJax shows with them is drawn, too.
# Found: `$a \le b$` is refused (ValueError: Unknown symbol: \le), and so is \ge, while \ne, TeX's name of the same kind, and
#   \leq, \geq, \neq are drawn. Of the other pairs of names one is known as well: \leftarrow and not \gets, \wedge, \vee and
#   \neg and not \land, \lor and \lnot, \ni and not \owns; of \to and \rightarrow both are.
# Remedy: the name that is known; a test that draws every equation of a notebook finds the others.
# Seen with Python 3.11, matplotlib 3.11.2, numpy 1.26.4.
#
# Exit status 0: the behaviour is as described. 1: it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check matplotlib==3.11.2 numpy==1.26.4
cat > "$folder/program.py" <<'PROGRAM'
import sys

import matplotlib
from matplotlib.mathtext import MathTextParser

PAIRS = ("ne neq", "to rightarrow", "le leq", "ge geq", "gets leftarrow", "land wedge", "lor vee", "lnot neg", "owns ni")
KNOWN = {"ne", "neq", "to", "rightarrow", "leq", "geq", "leftarrow", "wedge", "vee", "neg", "ni"}


def known(name: str) -> bool:
    try:
        MathTextParser("path").parse(rf"$a \{name} b$")
    except ValueError as error:
        assert f"Unknown symbol: \\{name}" in str(error), error
        return False
    return True


print(f"matplotlib {matplotlib.__version__}")
found = {name: known(name) for pair in PAIRS for name in pair.split()}
for pair in PAIRS:
    print("  " + ", ".join(f"\\{name} {'is known' if found[name] else 'is not'}" for name in pair.split()))
sys.exit(found != {name: name in KNOWN for name in found})
PROGRAM
MPLCONFIGDIR=$folder "$folder/venv/bin/python" "$folder/program.py"
