"""The obvious formulations that ours are measured against, in Jittor. Twin: `plain_torch.py`.

Each computes the same as ours, and gradients flow through it.
"""

from vsrlib.kernels.correlation import SEARCH_RANGE
from vsrlib.networks.jittor_ops import Var, jt, nn

_SIDE = 2 * SEARCH_RANGE + 1


def correlation(first: Var, second: Var) -> Var:
    """(B, C, h, w) twice -> (B, 81, h, w): one multiplication of the maps for each displacement."""
    height, width = first.shape[2:]
    padded = nn.pad(second, [SEARCH_RANGE] * 4)
    return jt.concat(
        [
            (first * padded[:, :, dy : dy + height, dx : dx + width]).mean(1, keepdims=True)
            for dy in range(_SIDE)
            for dx in range(_SIDE)
        ],
        dim=1,
    )


def blur_down(x: Var, kernel: Var, scale: int) -> Var:
    """As `jittor_ops.blur_down`, by way of every pixel: blur the whole, then keep [::scale, ::scale]."""
    batch, channels, height, width = x.shape
    size = kernel.shape[2]
    shape = (1, batch * channels, height + size - 1, width + size - 1)
    padded = nn.pad(x, [size // 2] * 4, mode="replicate").reshape(shape)
    weight = kernel.expand(batch, channels, size, size).reshape(batch * channels, 1, size, size)
    blurred = nn.conv2d(padded, weight, groups=batch * channels).reshape(batch, channels, height, width)
    return blurred[:, :, ::scale, ::scale]
