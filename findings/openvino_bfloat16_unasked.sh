#!/usr/bin/env bash
# OpenVINO: on a processor with AVX512-BF16 or AMX a float32 model is computed in bfloat16, unasked, and no warning says so
#
# Expected, written down first: the documentation has the default; a float32 model with float32 inputs and outputs, compiled for
#   the CPU without any option, would still be told from what was asked for by a warning, or only where accuracy was traded by
#   name (PERFORMANCE_HINT).
# Found: nothing is said. A convolution of 288 products has a relative error of some 1e-3 where float32 has 1e-7; a network of some
#   forty of them differed in half of its 8-bit values. The compiled model tells, if it is asked: INFERENCE_PRECISION_HINT.
# Remedy: compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}).
# Seen with Python 3.11, openvino 2026.4.1, onnx 1.23.2, numpy 1.26.4, AMD EPYC with avx512_bf16.
#
# Exit status 0: the behaviour is as described, or the processor has no bfloat16. 1: it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check openvino==2026.4.1 onnx==1.23.2 ml_dtypes==0.5.4 numpy==1.26.4
cat > "$folder/program.py" <<'PROGRAM'
import sys

import numpy as np
import onnx
import openvino
from onnx import TensorProto, helper, numpy_helper

random = np.random.default_rng(0)
weight = random.standard_normal((32, 32, 3, 3)).astype(np.float32)
x = random.standard_normal((1, 32, 20, 20)).astype(np.float32)
truth = np.zeros((1, 32, 18, 18))
for i in range(3):
    for j in range(3):
        part = x[0, :, i : i + 18, j : j + 18].astype(np.float64)
        truth[0] += np.einsum("oc,chw->ohw", weight[:, :, i, j].astype(np.float64), part)
ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, size) for name, size in (("x", x.shape), ("y", truth.shape))]
node = helper.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[3, 3])
graph = helper.make_graph([node], "conv", ends[:1], ends[1:], [numpy_helper.from_array(weight, "w")])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), sys.argv[1])
core = openvino.Core()
if "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
    print("this processor has no bfloat16, so that there is nothing to see here")
    sys.exit(0)
errors = []
for options in ({}, {"INFERENCE_PRECISION_HINT": "f32"}):
    compiled = core.compile_model(sys.argv[1], "CPU", options)
    found = compiled(x)["y"]
    errors.append(float(np.linalg.norm(found - truth) / np.linalg.norm(truth)))
    print(options, compiled.get_property("INFERENCE_PRECISION_HINT"), found.dtype, f"relative error {errors[-1]:.1e}")
sys.exit(not (errors[0] > 1e-4 and errors[1] < 1e-5))
PROGRAM
"$folder/venv/bin/python" "$folder/program.py" "$folder/model.onnx" 2> "$folder/said" && [ ! -s "$folder/said" ] \
    && echo "as described: standard error is empty" && exit 0
cat "$folder/said"
echo "CHANGED: see the head of this file"
exit 1
