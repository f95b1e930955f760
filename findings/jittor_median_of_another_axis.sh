#!/usr/bin/env bash
# Jittor: the median along any axis but the first is a row out of the sorted values, of another shape and of wrong numbers
#
# Expected, written down first: of a 3x5 array `jt.median(x, 1)` holds three numbers, the middle one of each row, as in
#   PyTorch.
# Found: five numbers: the third row of the array whose rows were sorted. The values are sorted along the axis that was
#   asked for, and then the middle one is taken along the axis before it: `slice(None)` stands once less than it must in
#   front of the index. The same with dim=-1, and with keepdim, where (1, 5) comes for (3, 1). Of a square array the shape
#   does not tell. Along the first axis, and over all values, it is right, and so are jt.sort, jt.topk and jt.kthvalue.
# Remedy: `jt.kthvalue(x, (n + 1) // 2, dim)[0]`, or the middle of `jt.sort(x, dim)[0]`.
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
values = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)
x = jt.array(values)
wanted = np.median(values, axis=1)
found = jt.median(x, 1).numpy()
print(f"  along the rows: {found.round(3)}, shape {found.shape}; numpy: {wanted.round(3)}, shape {wanted.shape}")
as_described = found.shape == (5,) and np.array_equal(found, np.sort(values, 1)[2])
last = x.median(-1, keepdim=True).numpy()
print(f"  dim=-1, keepdim: shape {last.shape}; numpy: {(3, 1)}")
as_described &= last.shape == (1, 5)
square = jt.median(x[:, :3], 1).numpy()
print(f"  of three columns: {square.round(3)}; numpy: {np.median(values[:, :3], axis=1).round(3)}")
as_described &= square.shape == (3,) and not np.allclose(square, np.median(values[:, :3], axis=1))
as_described &= np.allclose(jt.median(x, 0).numpy(), np.median(values, axis=0))
as_described &= np.allclose(jt.median(x).numpy(), np.median(values))
as_described &= np.allclose(jt.kthvalue(x, 3, 1)[0].numpy(), wanted)
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
