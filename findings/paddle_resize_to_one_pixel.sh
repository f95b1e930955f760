#!/usr/bin/env bash
# PaddlePaddle: a picture that is resized to one pixel becomes its first pixel, a line its middle
#
# Expected, written down first: with align_corners=False and align_mode=0 the centre of an output pixel lies at
#   (i + 0.5) * n / m - 0.5 of the input, so that one pixel is the middle of the axis, as in PyTorch and as PaddlePaddle
#   itself has it at two and more; in linear, bilinear and bicubic alike.
# Found: of two and more pixels all are PyTorch's. Of one, bilinear gives the first pixel and bicubic a value beyond it,
#   in place of the middle (0 for 6, -0.75 for 6.9375); linear, of the same values in one dimension, gives the middle.
# Where it matters: the coarsest level of a pyramid, global context by resizing, thumbnails of strips; a port passes at
#   every size but one.
# Remedy: average the one or two middle pixels first, or adaptive_avg_pool where the mean is meant.
# Seen with Python 3.11, paddlepaddle 3.3.1, torch 2.13.0, numpy 1.26.4.
#
# Exit status 0: the behaviour is as described. 1: it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check paddlepaddle==3.3.1 numpy==1.26.4 torch==2.13.0
cat > "$folder/program.py" <<'PROGRAM'
import sys

import numpy as np
import paddle
import torch

print("paddlepaddle", paddle.__version__, "torch", torch.__version__)
line = np.array([0.0, 8.0, 4.0, 2.0], np.float32)
shapes = {"linear": (1, 1, 4), "bilinear": (1, 1, 4, 4), "bicubic": (1, 1, 4, 4)}
found = {}
for mode, shape in shapes.items():
    values = np.broadcast_to(line, shape).copy()
    for size in (1, 2, 3):
        to = (size,) * (len(shape) - 2)
        layout = {"data_format": "NCW"} if len(to) == 1 else {}
        asked = {"mode": mode, "align_corners": False}
        paddles = paddle.nn.functional.interpolate(paddle.to_tensor(values), list(to), **asked, **layout).numpy()
        torchs = torch.nn.functional.interpolate(torch.from_numpy(values), to, **asked).numpy()
        rows = [[round(float(value), 4) for value in one.reshape(-1, size)[0]] for one in (paddles, torchs)]
        found[mode, size] = rows
        print(mode, "to", size, "paddle", rows[0], "torch", rows[1])
others = {key: rows[0] for key, rows in found.items() if rows[0] != rows[1]}
sys.exit(others != {("bilinear", 1): [0.0], ("bicubic", 1): [-0.75]})
PROGRAM
"$folder/venv/bin/python" "$folder/program.py" && echo "as described" && exit 0
echo "CHANGED: see the head of this file"
exit 1
