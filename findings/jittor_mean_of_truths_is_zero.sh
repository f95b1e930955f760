#!/usr/bin/env bash
# Jittor: the mean of a tensor of truth values is 0, so `(predicted == wanted).mean()` is an accuracy of 0
#
# Expected, written down first: 2/3 for True, True, False, as numpy has it, or an error that asks for floats, as PyTorch has it.
# Found: 0, an int32, and no message; also of a hundred times True. A reduction of truth values has an int32 as its result,
#   and the factor 1 / n of a mean has the result's type: it is 0 from two values on (of a single True the mean is 1). The
#   sum is right, and so are the mean of whole numbers and the mean after `.float32()`.
# Remedy: `.float32().mean()`.
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
for truths in ([True, True, False], [True] * 100):
    var = jt.array(np.array(truths))
    mean, total, floats = var.mean(), var.sum().item(), var.float32().mean().item()
    print(f"  {sum(truths)} of {len(truths)} true: mean {mean.item()} ({mean.dtype}), sum {total}, of floats {floats:.4f}")
    as_described &= mean.item() == 0 and total == sum(truths) and abs(floats - sum(truths) / len(truths)) < 1e-6
accuracy = (jt.array([3, 1, 4]) == jt.array([3, 1, 4])).mean().item()
print(f"  (a == b).mean() of two equal ones: {accuracy}")
as_described &= accuracy == 0
single = jt.array(np.array([True])).mean().item()
print(f"  mean of a single True: {single}")
as_described &= single == 1
whole = jt.array([1, 2]).mean().item()
print(f"  mean of 1 and 2: {whole}")
as_described &= whole == 1.5
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
