#!/usr/bin/env bash
# PaddlePaddle: the mean of some millions of equal float32 values is off in the third digit
#
# Expected, written down first: what NumPy and PyTorch do: sums in blocks or pairs, so that the mean of five million values of 0.1
#   is 0.1 to six digits.
# Found: on the CPU `mean` and `sum` over all values add them one after the other in float32. The error grows with the count:
#   a ten-thousandth for 1e5 values, six thousandths for 5e6. The mean of the means of rows is a hundred times better, because
#   each sum is short.
# Where it matters: a loss over a batch of frames, the norm of all gradients, an accuracy over a test set.
# Remedy: means of means, one axis after the other.
# Seen with Python 3.11, paddlepaddle 3.3.1, numpy 1.26.4.
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
errors = {}
for count in (10_000, 100_000, 1_000_000, 5_000_000):
    values = np.full(count, 0.1, np.float32)
    whole = abs(float(paddle.to_tensor(values).mean()) / 0.1 - 1)
    square = paddle.to_tensor(values.reshape(1000, -1))
    axes = abs(float(square.mean(axis=1).mean()) / 0.1 - 1)
    errors[count] = whole, axes
    print(f"{count} times 0.1: relative error of mean {whole:.1e}, of the mean of means {axes:.1e}, "
          f"of NumPy {abs(float(values.mean()) / 0.1 - 1):.1e}")
sys.exit(not (errors[5_000_000][0] > 1e-3 and all(axes < 1e-4 for _, axes in errors.values())))
PROGRAM
"$folder/venv/bin/python" "$folder/program.py" && echo "as described" && exit 0
echo "CHANGED: see the head of this file"
exit 1
