#!/usr/bin/env bash
# Jittor: the largest of numbers and a NaN is a number, and of two it depends on which of them is named first
#
# Expected, written down first: as in numpy and PyTorch a NaN is passed on, so that `x.max()` of a tensor with one in it
#   is NaN, and jt.maximum(a, b) is jt.maximum(b, a).
# Found: `x.max()` and `x.min()` of 1, NaN, 2 are both 2, which is no minimum either: what stands after the NaN wins.
#   jt.maximum(NaN, 1) is NaN and jt.maximum(1, NaN) is 1; jt.minimum likewise. A comparison with NaN is false, whichever way it
#   is asked. So a check of whether a loss or a gradient is finite that looks at the largest value alone finds nothing
#   wrong; the sum and the mean do pass it on.
# Remedy: `jt.isfinite(x).all()`, or look at the sum.
# Seen with Python 3.11, jittor 1.3.11.0, numpy 1.26.4, g++ 12.2, CPU. Needs g++ and Python's headers; takes minutes, for
#   Jittor compiles itself.
#
# Exit status 0: the behaviour is as described. 1: it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check jittor==1.3.11.0 numpy==1.26.4 setuptools==80.9.0
cat > "$folder/program.py" <<'PROGRAM'
import math
import sys

import jittor as jt
import numpy as np

jt.flags.use_cuda = 0
print(f"jittor {jt.__version__}")
x = jt.array(np.array([1, np.nan, 2], np.float32))
largest, smallest, total = x.max().item(), x.min().item(), x.sum().item()
print(f"  of 1, NaN, 2: the largest {largest}, the smallest {smallest}, the sum {total}; numpy: NaN, NaN, NaN")
as_described = largest == 2 and smallest == 2 and math.isnan(total)
one, nan = (jt.array(np.array([value], np.float32)) for value in (1, np.nan))
for name in ("maximum", "minimum"):
    both = getattr(jt, name)
    first, second = both(nan, one).item(), both(one, nan).item()
    print(f"  {name}(NaN, 1) = {first}, {name}(1, NaN) = {second}")
    as_described &= math.isnan(first) and second == 1
print("answered", flush=True)
sys.exit(not as_described)
PROGRAM
# The first import compiles Jittor and may ask to be started again, with status 0 and nothing done.
status=1
for _ in 1 2 3; do
    status=0
    HOME=$folder use_mkl=0 nvcc_path="" FIX_TORCH_ERROR=0 log_silent=1 "$folder/venv/bin/python" "$folder/program.py" \
        2> "$folder/log" | tee "$folder/out" || status=1
    grep -q answered "$folder/out" && break
    status=1
done
[ $status = 0 ] && echo "as described" || { tail -5 "$folder/log"; echo "CHANGED: see the head of this file"; }
exit $status
