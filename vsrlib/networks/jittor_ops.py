"""The operations of the network that need care in a port, in Jittor. Twin: `torch_ops.py`.

Where Jittor's own operation departs from PyTorch's, the note at the function says how.
"""

from typing import Literal

import numpy as np

from vsrlib.kernels.jittor_env import import_jittor
from vsrlib.networks.architecture import Conv, Deconv, Layer, Linear

jt = import_jittor()
from jittor import Var as Var  # noqa: E402  (only after the environment has been set)
from jittor import nn as nn  # noqa: E402


def conv(layer: Layer) -> nn.Conv:
    """A convolution layer as described; its values are set later."""
    assert isinstance(layer, Conv)
    return nn.Conv(layer.inputs, layer.outputs, layer.kernel, layer.stride, layer.padding, layer.dilation)


def deconv(layer: Layer) -> nn.ConvTranspose:
    """A transposed convolution layer as described; its values are set later."""
    assert isinstance(layer, Deconv)
    return nn.ConvTranspose(layer.inputs, layer.outputs, layer.kernel, layer.stride, layer.padding)


def linear(layer: Layer) -> nn.Linear:
    """A fully connected layer as described; its values are set later."""
    assert isinstance(layer, Linear)
    return nn.Linear(layer.inputs, layer.outputs)


def resize(x: Var, size: tuple[int, int]) -> Var:
    """Bilinear resize of (B, C, h, w) to `size`, pixel centres at half integers.

    The size is passed, never a factor: with a factor Jittor departs when the size is no integer.
    """
    return nn.interpolate(x, size=size, mode="bilinear", align_corners=False)


def sample(x: Var, flow: Var, padding: Literal["zeros", "border"], align_corners: bool) -> Var:
    """Bilinear samples of x (B, C, h, w) at each pixel's place plus its flow (B, 2, h, w), in pixels.

    The grid is normalised by (size - 1), which fits `align_corners=True` only.
    """
    height, width = x.shape[2:]
    columns = jt.arange(width).float32().reshape(1, 1, width)
    rows = jt.arange(height).float32().reshape(1, height, 1)
    grid = jt.stack(
        [(columns + flow[:, 0]) * (2 / max(width - 1, 1)) - 1, (rows + flow[:, 1]) * (2 / max(height - 1, 1)) - 1],
        dim=3,
    )
    return nn.grid_sample(x, grid, mode="bilinear", padding_mode=padding, align_corners=align_corners)


def conv2d(x: Var, weight: Var, bias: Var, padding: tuple[int, int]) -> Var:
    """Convolution (cross-correlation) of x (B, C, h, w) with weight (D, C, k, l) and bias (D,), zeros around x."""
    return nn.conv2d(x, weight, bias, padding=padding)


def concat(parts: list[Var], axis: int) -> Var:
    """The parts, one after the other along an axis."""
    return jt.concat(parts, dim=axis)


def pixel_shuffle(x: Var, factor: int) -> Var:
    """(B, C f f, h, w) -> (B, C, f h, f w); channel c f f + i f + j becomes the pixel (i, j) of its cell."""
    return nn.PixelShuffle(factor)(x)


def ones(x: Var) -> Var:
    """One channel of ones, of the size of x: (B, 1, h, w)."""
    return jt.ones((x.shape[0], 1, x.shape[2], x.shape[3]))


def at_least(x: Var, threshold: float) -> Var:
    """1 where x reaches the threshold, else 0; without gradient."""
    return (x >= threshold).float32().stop_grad()


def above(x: Var, threshold: float) -> Var:
    """1 where x is larger than the threshold, else 0; without gradient."""
    return (x > threshold).float32().stop_grad()


def floored(x: Var, smallest: float) -> Var:
    """x where it is larger, else `smallest`, and there without gradient."""
    return jt.maximum(x, smallest)


def mean(x: Var) -> Var:
    """Mean of all values, one axis after the other: Jittor's own sums millions of values naively in float32."""
    while x.ndim > 1:
        x = x.mean(-1)
    return x.mean()


def global_mean(x: Var) -> Var:
    """Mean over height and width: (B, C, 1, 1)."""
    return x.mean(3, keepdims=True).mean(2, keepdims=True)


def adaptive_mean(x: Var, size: int) -> Var:
    """Means over size x size bins; bin i covers [floor(i n / size), ceil((i + 1) n / size)).

    Jittor's own adaptive pooling uses one window size and one stride for all bins, which is something else unless
    the input is a multiple of the output; here it is a product with an averaging matrix on either side.
    """
    batch, channels, height, width = x.shape
    x = jt.matmul(x.reshape(batch * channels * height, width), constant(_averaging(width, size).T, x))
    x = x.reshape(batch * channels, height, size).transpose(0, 2, 1).reshape(batch * channels * size, height)
    x = jt.matmul(x, constant(_averaging(height, size).T, x))
    return x.reshape(batch, channels, size, size).transpose(0, 1, 3, 2)


def blur_down(x: Var, kernel: Var, scale: int) -> Var:
    """Correlate every channel of sample i with kernel i, borders repeated, and keep [::scale, ::scale].

    x (B, C, h, w), kernel (B, 1, k, k) with k odd -> (B, C, ceil(h / scale), ceil(w / scale)). One strided grouped
    convolution: only the pixels that are kept are computed.
    """
    batch, channels, height, width = x.shape
    size = kernel.shape[2]
    padded = nn.pad(x, [size // 2] * 4, mode="replicate").reshape(
        1, batch * channels, height + size - 1, width + size - 1
    )
    weight = kernel.expand(batch, channels, size, size).reshape(batch * channels, 1, size, size)
    out = nn.conv2d(padded, weight, stride=scale, groups=batch * channels)
    return out.reshape(batch, channels, out.shape[2], out.shape[3])


def absolute(x: Var) -> Var:
    """|x|, with gradient 0 at 0, where Jittor's own has +-1."""
    return x * ((x > 0).float32() - (x < 0).float32()).stop_grad()


def constant(values: np.ndarray, like: Var) -> Var:
    """An array as a variable without gradient, float32 as everything in Jittor here (`like` is not needed)."""
    return jt.array(np.ascontiguousarray(values, dtype=np.float32)).stop_grad()


def _averaging(inputs: int, outputs: int) -> np.ndarray:
    matrix = np.zeros((outputs, inputs))
    for i in range(outputs):
        begin, end = i * inputs // outputs, -(-(i + 1) * inputs // outputs)
        matrix[i, begin:end] = 1 / (end - begin)
    return matrix
