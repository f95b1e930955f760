#!/usr/bin/env bash
# PaddlePaddle: a list as index on a view that is not contiguous is carried out along the first axis: other values, or another shape
#
# Expected, written down first: `x[:, 1:][:, [1, 0]]` exchanges the two columns that are left, and
#   `x.transpose([1, 0, 2])[:, [1, 0]]` of a 2x3x4 array is 3x2x4, as in NumPy and in PyTorch. How a tensor lies in memory
#   changes nothing of what an index means.
# Found: on the CPU, without a word, `view[:, list]` is NumPy's `moveaxis(view[list], 0, 1)`: the list picks along the first
#   axis, and that axis is put where the list stood. Other numbers in the first case, 2x2x4 in the second. On the third axis it
#   is the same, and so is an integer tensor in the list's place; a mask gives another shape as well. Right are a list on the
#   first axis, slice and list in the same brackets (`x[:, 1:, [1, 0]]`), and whatever is contiguous.
# Where it matters: channels, frames or attention heads that are put into another order behind a slice or a transpose. Where the
#   axes are as long as each other, no shape tells.
# Remedy: `paddle.index_select(view, index, axis)`, or `.contiguous()` before the index, which makes the view itself so. Without
#   views (`paddle.set_flags({"FLAGS_use_stride_kernel": False})`) it is right as well.
# Seen with Python 3.11, paddlepaddle 3.3.1, numpy 1.26.4, CPU.
#
# Exit status 0: the behaviour is as described. 1: it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check paddlepaddle==3.3.1 numpy==1.26.4
cat > "$folder/program.py" <<'PROGRAM'
import sys

import numpy as np
import paddle

paddle.set_device("cpu")
print("paddlepaddle", paddle.__version__)
a = np.arange(24, dtype="float32").reshape(2, 3, 4)
x, order, mask = paddle.to_tensor(a), paddle.to_tensor([1, 0]), np.array([True, False])
sliced, turned = a[:, 1:], a.transpose(1, 0, 2)


def equal(found: paddle.Tensor, array: np.ndarray) -> bool:
    return list(found.shape) == list(array.shape) and bool((found.numpy() == array).all())


def along_the_first(array: np.ndarray, axis: int) -> np.ndarray:
    return np.moveaxis(array[[1, 0]], 0, axis)


faults = {  # found, numpy's, and what is described
    "list behind a slice": (x[:, 1:][:, [1, 0]], sliced[:, [1, 0]], along_the_first(sliced, 1)),
    "tensor behind a slice": (x[:, 1:][:, order], sliced[:, [1, 0]], along_the_first(sliced, 1)),
    "list on the third axis": (x[:, 1:][:, :, [1, 0]], sliced[:, :, [1, 0]], along_the_first(sliced, 2)),
    "list behind a step": (x[:, ::2][:, [1, 0]], a[:, ::2][:, [1, 0]], along_the_first(a[:, ::2], 1)),
    "list behind transpose": (x.transpose([1, 0, 2])[:, [1, 0]], turned[:, [1, 0]], along_the_first(turned, 1)),
}
sound = {
    "of the whole array": (x[:, [1, 0]], a[:, [1, 0]]),
    "on the first axis": (x[:, 1:][[1, 0]], sliced[[1, 0]]),
    "in the same brackets": (x[:, 1:, [1, 0]], a[:, 1:, [1, 0]]),
    "by index_select": (paddle.index_select(x[:, 1:], order, axis=1), sliced[:, [1, 0]]),
    "behind .contiguous()": (x[:, 1:].contiguous()[:, [1, 0]], sliced[:, [1, 0]]),
}
as_described = True
for words, (found, wanted, described) in faults.items():
    as_described &= not equal(found, wanted) and equal(found, described)
    print(f"  {words}: shape {list(found.shape)}, first {found.flatten()[::4].tolist()}")
    print(f"    numpy: shape {list(wanted.shape)}, first {wanted.flatten()[::4].tolist()}")
masked = x[:, 1:][:, paddle.to_tensor(mask)]
as_described &= list(masked.shape) == [1, 2, 4] != list(sliced[:, mask].shape)
print(f"  mask behind a slice: shape {list(masked.shape)}, numpy: {list(sliced[:, mask].shape)}")
paddle.set_flags({"FLAGS_use_stride_kernel": False})
sound["without views"] = paddle.to_tensor(a)[:, 1:][:, [1, 0]], sliced[:, [1, 0]]
for words, (found, wanted) in sound.items():
    as_described &= equal(found, wanted)
    print(f"  {words}: {'right' if equal(found, wanted) else 'WRONG'}")
sys.exit(not as_described)
PROGRAM
"$folder/venv/bin/python" "$folder/program.py" && echo "as described" && exit 0
echo "CHANGED: see the head of this file"
exit 1
