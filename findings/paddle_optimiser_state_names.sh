#!/usr/bin/env bash
# PaddlePaddle: the state of an optimiser cannot be loaded by a second optimiser of the same parameters
#
# Expected, written down first: state_dict() and set_state_dict() as in other libraries: a new Adam over the same parameters takes
#   the state of the old one, and goes on as the old one would.
# Found: the names in the state hold a number that grows with every optimiser made in the process (..._moment1_0, ..._moment1_1).
#   A new Adam is asked for names that the file has not, and set_state_dict raises AssertionError. In a new process, where the
#   count begins anew, the same file loads, as long as as many optimisers were made before.
# Where it matters: resuming within a notebook, a second optimiser for a second group of parameters, a test of resuming.
# Remedy: set the accumulators by the names of the parameters.
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

print("paddlepaddle", paddle.__version__)


def steps(adam, value, count):
    for _ in range(count):
        (value * value).sum().backward()
        adam.step()
        adam.clear_grad()


value = paddle.create_parameter([3], "float32", default_initializer=paddle.nn.initializer.Constant(1.0))
first = paddle.optimizer.Adam(0.1, parameters=[value])
steps(first, value, 3)
state = first.state_dict()
print("names of the first optimiser:", sorted(name for name in state if "moment" in name))

second = paddle.optimizer.Adam(0.1, parameters=[value])
second.set_state_dict(state)
try:
    steps(second, value, 1)
except AssertionError as error:
    print("the second optimiser: AssertionError:", str(error).strip()[:200])
    refused = True
else:
    refused = False
again = paddle.optimizer.Adam(0.1, parameters=[value])
steps(again, value, 1)
print("names of a further one:", sorted(name for name in again.state_dict() if "moment" in name))
sys.exit(not (refused and state.keys() != again.state_dict().keys()))
PROGRAM
"$folder/venv/bin/python" "$folder/program.py" && echo "as described" && exit 0
echo "CHANGED: see the head of this file"
exit 1
