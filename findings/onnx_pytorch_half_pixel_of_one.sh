#!/usr/bin/env bash
# ONNX: Resize with "pytorch_half_pixel" is not PyTorch's resize where one pixel is left
#
# Expected, written down first: by its name, what torch.nn.functional.interpolate(align_corners=False) computes, at every size;
#   and that PyTorch's exporter, which would write it for interpolate, so gives other values where one pixel is left.
# Found: the first half is wrong. Equal at all sizes but one: of an axis whose result has one pixel, PyTorch takes the middle,
#   ONNX's operator, as its specification says, the first. The second half is wrong, too: PyTorch's exporters write "half_pixel",
#   which is PyTorch's resize at every size. Who writes a graph by hand, and goes by the name, is silently wrong.
# Remedy: write "half_pixel".
# Seen with Python 3.11, torch 2.13.0, onnx 1.23.2, onnxruntime 1.32.0, numpy 1.26.4.
#
# Exit status 0: the behaviour is as described. 1: it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 onnx==1.23.2 onnxruntime==1.32.0 \
    numpy==1.26.4
cat > "$folder/program.py" <<'PROGRAM'
import sys

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper


def resize(mode, x, size):
    node = helper.make_node("Resize", ["x", "", "", "size"], ["y"], mode="linear", coordinate_transformation_mode=mode)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, None, None]) for name in "xy"]
    sizes = helper.make_tensor("size", TensorProto.INT64, [4], [1, 1, *size])
    graph = helper.make_graph([node], "resize", ends[:1], ends[1:], [sizes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0]


x = np.arange(48, dtype=np.float32).reshape(1, 1, 6, 8)
found = {}
for size in ((1, 3), (3, 1), (2, 3), (5, 7), (12, 11)):
    wanted = torch.nn.functional.interpolate(torch.tensor(x), size=size, mode="bilinear", align_corners=False).numpy()
    for mode in ("pytorch_half_pixel", "half_pixel"):
        found[mode, size] = float(np.abs(resize(mode, x, size) - wanted).max())
        print(mode, size, "largest difference from PyTorch", round(found[mode, size], 4))
alone = all((value > 1) == (mode == "pytorch_half_pixel" and 1 in size) for (mode, size), value in found.items())
sys.exit(not alone)
PROGRAM
"$folder/venv/bin/python" "$folder/program.py" && echo "as described" && exit 0
echo "CHANGED: see the head of this file"
exit 1
