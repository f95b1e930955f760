#!/usr/bin/env bash
# PyTorch: on a CPU the 16-bit gradients of a warp, of replicate padding and of an index stop growing at 256 (bfloat16)
#
# Expected, written down first: sums of bfloat16 and float16 values are taken in float32 and rounded once, whichever
#   operation takes them, as sum, mean, matmul and convolutions do. The gradient of a pixel that many others read from is
#   right but for its last bit.
# Found: it hangs on the operation. Of 4096 ones that fall on one value the gradients of grid_sample, of replicate padding,
#   of x[index], index_select, embedding and embedding_bag give 256 in bfloat16 and 2048 in float16, where one more
#   changes nothing any longer, and so do index_add_ of one axis and index_put_(accumulate=True). The gradients of gather,
#   expand, repeat, interpolate, and scatter_add_, scatter_reduce_ and index_add_ of two axes give 4096. No message; in
#   float32 all give 4096.
# Remedy: warps, paddings and look-ups stay in float32. autocast takes the first two so by itself, indexing in the type that
#   it is given.
# Seen with Python 3.11, torch 2.13.0, numpy 1.26.4, x86-64.
#
# Exit status 0: the behaviour is as described. 1: it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==1.26.4
cat > "$folder/program.py" <<'PROGRAM'
import sys

import torch
import torch.nn.functional as F

COUNT = 4096
STOP = {torch.bfloat16: 256, torch.float16: 2048, torch.float32: COUNT}
index = torch.zeros(COUNT, dtype=torch.long)


def gradient(shape, kind, function, place=0):
    """Of the sum of what a function makes of zeros: how often the value at a place is read."""
    x = torch.zeros(shape, dtype=kind, requires_grad=True)
    function(x).sum().backward()
    return x.grad.flatten()[place].item()


def stopping(kind):
    ones, grid = torch.ones(COUNT, dtype=kind), torch.zeros(1, 64, 64, 2, dtype=kind)
    return {
        "gradient of grid_sample": gradient((1, 1, 3, 3), kind, lambda x: F.grid_sample(x, grid, align_corners=True), 4),
        "gradient of replicate padding": gradient((1, 1, 1, 1), kind, lambda x: F.pad(x, (63, 0, 63, 0), "replicate")),
        "gradient of x[index]": gradient(1, kind, lambda x: x[index]),
        "gradient of index_select": gradient(1, kind, lambda x: x.index_select(0, index)),
        "gradient of embedding": gradient((1, 8), kind, lambda x: F.embedding(index, x)),
        "gradient of embedding_bag": gradient((1, 8), kind, lambda x: F.embedding_bag(index[None], x, mode="sum")),
        "index_add_, one axis": torch.zeros(1, dtype=kind).index_add_(0, index, ones).item(),
        "index_put_, accumulate": torch.zeros(1, dtype=kind).index_put_((index,), ones, accumulate=True).item(),
    }


def going_on(kind):
    ones = torch.ones(COUNT, dtype=kind)
    return {
        "gradient of gather": gradient(1, kind, lambda x: x.gather(0, index)),
        "gradient of expand": gradient(1, kind, lambda x: x.expand(COUNT)),
        "gradient of repeat": gradient(1, kind, lambda x: x.repeat(COUNT)),
        "gradient of interpolate": gradient((1, 1, 1, 1), kind, lambda x: F.interpolate(x, (64, 64), mode="bilinear")),
        "scatter_add_": torch.zeros(1, dtype=kind).scatter_add_(0, index, ones).item(),
        "scatter_reduce_": torch.zeros(1, dtype=kind).scatter_reduce_(0, index, ones, "sum").item(),
        "index_add_, two axes": torch.zeros(1, 8, dtype=kind).index_add_(0, index, ones[:, None].repeat(1, 8))[0, 0].item(),
        "sum": ones.sum().item(),
    }


torch.set_num_threads(1)
print(f"torch {torch.__version__}; of {COUNT} ones that fall on one value:")
found = {kind: (stopping(kind), going_on(kind)) for kind in STOP}
for part in (0, 1):
    for name in found[torch.float32][part]:
        print(f"  {name:<30}", *(f"{found[kind][part][name]:>6.0f} {str(kind)[6:]:<9}" for kind in STOP))
as_described = all(
    set(found[kind][0].values()) == {STOP[kind]} and set(found[kind][1].values()) == {COUNT} for kind in STOP
)
sys.exit(not as_described)
PROGRAM
"$folder/venv/bin/python" "$folder/program.py"
