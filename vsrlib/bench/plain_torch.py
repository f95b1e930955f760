"""The obvious formulations that ours are measured against, in PyTorch. Twin: `plain_jittor.py`.

Each computes the same as ours, and gradients flow through it.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from vsrlib.kernels.correlation import SEARCH_RANGE

_SIDE = 2 * SEARCH_RANGE + 1


def correlation(first: Tensor, second: Tensor) -> Tensor:
    """(B, C, h, w) twice -> (B, 81, h, w): one multiplication of the maps for each displacement."""
    height, width = first.shape[2:]
    padded = F.pad(second, [SEARCH_RANGE] * 4)
    return torch.cat(
        [
            (first * padded[:, :, dy : dy + height, dx : dx + width]).mean(dim=1, keepdim=True)
            for dy in range(_SIDE)
            for dx in range(_SIDE)
        ],
        dim=1,
    )


def blur_down(x: Tensor, kernel: Tensor, scale: int) -> Tensor:
    """As `torch_ops.blur_down`, by way of every pixel: blur the whole, then keep [::scale, ::scale]."""
    batch, channels, height, width = x.shape
    size = kernel.shape[2]
    shape = (1, batch * channels, height + size - 1, width + size - 1)
    padded = F.pad(x, [size // 2] * 4, mode="replicate").reshape(shape)
    weight = kernel.expand(batch, channels, size, size).reshape(batch * channels, 1, size, size)
    blurred = F.conv2d(padded, weight, groups=batch * channels).reshape(batch, channels, height, width)
    return blurred[:, :, ::scale, ::scale]
