#!/usr/bin/env bash
# PyTorch 2.14: the gradient of clamp at a bound is 0 where the bounds are numbers, and a half where they are tensors
#
# Expected, written down first: clamp(x, 0, 1) passes the gradient at 0 and at 1, as it did since 2018, and does the same whether its
#   bounds are given as numbers or as tensors.
# Found: in 2.14.1 a value at a bound has the gradient 0 (numbers) or 0.5 (tensors, like maximum). In 2.13.0 it has 1 in both.
# Where it matters: values that stand at a bound are common: frames clamped to [0, 1] in a loss, parameters that are kept in a range by
#   a clamp, quantisation. From 2.14 on they stay there. A training or a port that is compared between two versions, or with a
#   framework that has another convention, differs without a message.
# Remedy: where values at a bound shall move, write the mask: x + (x.clamp(0, 1) - x).detach() passes all gradients.
# Seen with Python 3.11, torch 2.13.0 and 2.14.1, numpy 1.26.4, x86-64. The second one brings CUDA, and takes 5 GB of disk.
#
# Exit status 0: the behaviour is as described. 1: it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/program.py" <<'PROGRAM'
import sys

import torch

AT = [-1.0, 0.0, 0.5, 1.0, 2.0]
bounds = torch.tensor(0.0), torch.tensor(1.0)
functions = {
    "numbers": lambda x: torch.clamp(x, 0, 1),
    "tensors": lambda x: torch.clamp(x, *bounds),
    "maximum and minimum": lambda x: torch.minimum(torch.maximum(x, bounds[0]), bounds[1]),
    "remedy": lambda x: x + (x.clamp(0, 1) - x).detach(),
}
found = {}
for name, function in functions.items():
    x = torch.tensor(AT, requires_grad=True)
    value = function(x)
    value.sum().backward()
    assert value.tolist() == [0, 0, 0.5, 1, 1]
    found[name] = x.grad.tolist()
    print(f"torch {torch.__version__}, {name}: gradients at {AT}: {found[name]}")
at_bound = {"2.13": (1.0, 1.0), "2.14": (0.0, 0.5)}[torch.__version__[:4]]
described = {name: [0, one, 1, one, 0] for name, one in zip(functions, (*at_bound, 0.5))} | {"remedy": [1.0] * 5}
sys.exit(found != described)
PROGRAM
for version in 2.13.0 2.14.1; do
    python3 -m venv --clear "$folder/venv"
    "$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==$version numpy==1.26.4
    "$folder/venv/bin/python" "$folder/program.py" || { echo "CHANGED: see the head of this file"; exit 1; }
done
echo "as described"
