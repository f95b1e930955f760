#!/usr/bin/env bash
# Jittor: the running product of numbers below zero is NaN, because it is the exponential of a sum of logarithms
#
# Expected, written down first: jt.cumprod of 2, -3, 4 is 2, -6, -24, as in numpy and PyTorch, and of whole numbers exact.
# Found: 2, NaN, NaN, and no message. `cumprod` is exp(cumsum(log(x))): what follows a number below zero is NaN, and of
#   positive whole numbers it comes near and not exact (1 to 10: off by some units of 3,628,800). Everything after a zero is
#   0, as it should be. `prod`, which is an operation of its own, is right for all of these.
# Remedy: multiply in a loop over the axis, or take sign and size apart: the running product of the signs is 1 - 2 * (the
#   number of negative ones so far, modulo 2).
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
import sys

import jittor as jt
import numpy as np

jt.flags.use_cuda = 0
print(f"jittor {jt.__version__}")
values = np.array([2, -3, 4], np.float32)
found = jt.cumprod(jt.array(values), 0).numpy()
print(f"  of {values}: {found}; numpy: {np.cumprod(values)}; their product: {jt.array(values).prod().item()}")
as_described = found[0] == 2 and np.isnan(found[1:]).all() and jt.array(values).prod().item() == -24
whole = np.arange(1, 11, dtype=np.float32)
last = jt.cumprod(jt.array(whole), 0).numpy()[-1]
print(f"  of 1 to 10, the last: {last}; numpy: {np.cumprod(whole)[-1]}")
as_described &= last != 3628800 and abs(last / 3628800 - 1) < 1e-4
zero = jt.cumprod(jt.array(np.array([2, 0, 4], np.float32)), 0).numpy()
print(f"  of 2, 0, 4: {zero}")
as_described &= np.allclose(zero, [2, 0, 0])
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
