#!/usr/bin/env bash
# PaddlePaddle: the gradient of leaky_relu at exactly 0 is 1, and that of prelu with the same slope is the slope
#
# Expected, written down first: one convention in one library: f(x) = x for x > 0, else slope * x, and so the slope at 0, as in
#   PyTorch; and that leaky_relu and prelu, which compute the same function, agree.
# Found: the forward passes agree, the gradients at 0 do not: leaky_relu counts 0 among the positive values (gradient 1),
#   prelu and relu among the others (the slope, and 0).
# Where it matters: activations that are exactly 0 are not rare: zero padding, a correlation beyond the frame's edge, masked
#   pixels. A training that is ported from PyTorch then gets other gradients there, silently.
# Remedy: prelu with a fixed weight.
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

import paddle
import paddle.nn.functional as F

print("paddlepaddle", paddle.__version__)
SLOPE = 0.1
functions = {
    "leaky_relu": lambda x: F.leaky_relu(x, SLOPE),
    "prelu": lambda x: F.prelu(x, paddle.full([1], SLOPE)),
    "relu": F.relu,
}
found = {}
for name, function in functions.items():
    x = paddle.to_tensor([-1.0, 0.0, 1.0], stop_gradient=False)
    y = function(x)
    found[name] = [round(value, 4) for value in paddle.grad(y.sum(), x)[0].tolist()]
    print(f"{name}: values {[round(value, 4) for value in y.tolist()]}, gradients at -1, 0, 1: {found[name]}")
sys.exit(found != {"leaky_relu": [0.1, 1.0, 1.0], "prelu": [0.1, 0.1, 1.0], "relu": [0.0, 0.0, 1.0]})
PROGRAM
"$folder/venv/bin/python" "$folder/program.py" && echo "as described" && exit 0
echo "CHANGED: see the head of this file"
exit 1
