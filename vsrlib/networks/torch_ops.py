"""The operations of the network that need care in a port, in PyTorch. Twin: `jittor_ops.py`.

Nothing here relies on a default that has changed between versions or differs between the frameworks.
"""

from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vsrlib.networks.architecture import Conv, Deconv, Layer, Linear


def conv(layer: Layer) -> nn.Conv2d:
    """A convolution layer as described; its values are set later."""
    assert isinstance(layer, Conv)
    return nn.Conv2d(layer.inputs, layer.outputs, layer.kernel, layer.stride, layer.padding, layer.dilation)


def deconv(layer: Layer) -> nn.ConvTranspose2d:
    """A transposed convolution layer as described; its values are set later."""
    assert isinstance(layer, Deconv)
    return nn.ConvTranspose2d(layer.inputs, layer.outputs, layer.kernel, layer.stride, layer.padding)


def linear(layer: Layer) -> nn.Linear:
    """A fully connected layer as described; its values are set later."""
    assert isinstance(layer, Linear)
    return nn.Linear(layer.inputs, layer.outputs)


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resize of (B, C, h, w) to `size`, pixel centres at half integers."""
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def sample(x: Tensor, flow: Tensor, padding: Literal["zeros", "border"], align_corners: bool) -> Tensor:
    """Bilinear samples of x (B, C, h, w) at each pixel's place plus its flow (B, 2, h, w), in pixels.

    The grid is normalised by (size - 1), which fits `align_corners=True` only.
    """
    height, width = x.shape[2:]
    columns = torch.arange(width, dtype=x.dtype, device=x.device).reshape(1, 1, width)
    rows = torch.arange(height, dtype=x.dtype, device=x.device).reshape(1, height, 1)
    grid = torch.stack(
        [(columns + flow[:, 0]) * (2 / max(width - 1, 1)) - 1, (rows + flow[:, 1]) * (2 / max(height - 1, 1)) - 1],
        dim=3,
    )
    return F.grid_sample(x, grid, mode="bilinear", padding_mode=padding, align_corners=align_corners)


def conv2d(x: Tensor, weight: Tensor, bias: Tensor, padding: tuple[int, int]) -> Tensor:
    """Convolution (cross-correlation) of x (B, C, h, w) with weight (D, C, k, l) and bias (D,), zeros around x."""
    return F.conv2d(x, weight, bias, padding=padding)


def concat(parts: list[Tensor], axis: int) -> Tensor:
    """The parts, one after the other along an axis."""
    return torch.cat(parts, dim=axis)


def pixel_shuffle(x: Tensor, factor: int) -> Tensor:
    """(B, C f f, h, w) -> (B, C, f h, f w); channel c f f + i f + j becomes the pixel (i, j) of its cell."""
    return F.pixel_shuffle(x, factor)


def ones(x: Tensor) -> Tensor:
    """One channel of ones, of the size of x: (B, 1, h, w)."""
    return torch.ones_like(x[:, 0:1])


def at_least(x: Tensor, threshold: float) -> Tensor:
    """1 where x reaches the threshold, else 0; without gradient."""
    return (x >= threshold).to(x.dtype)


def above(x: Tensor, threshold: float) -> Tensor:
    """1 where x is larger than the threshold, else 0; without gradient."""
    return (x > threshold).to(x.dtype)


def floored(x: Tensor, smallest: float) -> Tensor:
    """x where it is larger, else `smallest`, and there without gradient."""
    return x.clamp(min=smallest)


def mean(x: Tensor) -> Tensor:
    """Mean of all values."""
    return x.mean()


def global_mean(x: Tensor) -> Tensor:
    """Mean over height and width: (B, C, 1, 1)."""
    return x.mean(dim=(2, 3), keepdim=True)


def adaptive_mean(x: Tensor, size: int) -> Tensor:
    """Means over size x size bins; bin i covers [floor(i n / size), ceil((i + 1) n / size))."""
    return F.adaptive_avg_pool2d(x, size)


def blur_down(x: Tensor, kernel: Tensor, scale: int) -> Tensor:
    """Correlate every channel of sample i with kernel i, borders repeated, and keep [::scale, ::scale].

    x (B, C, h, w), kernel (B, 1, k, k) with k odd -> (B, C, ceil(h / scale), ceil(w / scale)). One strided grouped
    convolution: only the pixels that are kept are computed.
    """
    batch, channels, height, width = x.shape
    size = kernel.shape[2]
    padded = F.pad(x, [size // 2] * 4, mode="replicate").reshape(
        1, batch * channels, height + size - 1, width + size - 1
    )
    weight = kernel.expand(batch, channels, size, size).reshape(batch * channels, 1, size, size)
    out = F.conv2d(padded, weight, stride=scale, groups=batch * channels)
    return out.reshape(batch, channels, out.shape[2], out.shape[3])


def absolute(x: Tensor) -> Tensor:
    """|x|, with gradient 0 at 0."""
    return x.abs()


def constant(values: np.ndarray, like: Tensor) -> Tensor:
    """An array as a tensor of the type and on the device of `like`."""
    return torch.as_tensor(values, dtype=like.dtype, device=like.device)
