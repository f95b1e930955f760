#!/usr/bin/env bash
# Jittor: // rounds towards zero and makes whole numbers of floats, while % of floats rounds down: a is not (a // b) * b + a % b
#
# Expected, written down first: -7 // 3 is -3 and -7 % 3 is 2, for whole numbers and for floats, as in Python, numpy and
#   PyTorch; and 7.5 // 2 is the float 3.0.
# Found: -7 // 3 is -2 for both. For whole numbers % goes with it (-1), as in C. For floats it does not: -7.0 % 3.0 is 2.0, as
#   in Python, so that (a // b) * b + a % b is -4 where it should be -7. And // of two floats is an int32: 3e9 // 1, which a float
#   holds, is no whole number of that type.
# Remedy: `(a / b).floor()`, and `a - (a / b).floor() * b` for what is left.
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
as_described = True
for kind, remainder in (("int32", -1), ("float32", 2)):
    a, b = (jt.array(np.array([value], kind)) for value in (-7, 3))
    quotient, rest = a // b, a % b
    again = quotient * b + rest
    print(f"  {kind}: -7 // 3 = {quotient.item()} ({quotient.dtype}), -7 % 3 = {rest.item()}, together {again.item()}")
    as_described &= quotient.item() == -2 and str(quotient.dtype) == "int32" and rest.item() == remainder
    as_described &= again.item() == (-7 if kind == "int32" else -4)
half = jt.array(np.array([7.5], "float32")) // jt.array(np.array([2], "float32"))
print(f"  7.5 // 2.0 = {half.item()} ({half.dtype})")
as_described &= half.item() == 3 and str(half.dtype) == "int32"
large = (jt.array(np.array([3e9], "float32")) // jt.array(np.array([1], "float32"))).item()
print(f"  3e9 // 1.0 = {large}")
as_described &= large != 3_000_000_000
down = (jt.array(np.array([-7], "float32")) / jt.array(np.array([3], "float32"))).floor().item()
print(f"  (-7 / 3).floor() = {down}")
as_described &= down == -3
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
