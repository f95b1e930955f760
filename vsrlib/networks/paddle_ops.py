"""The operations of the network that need care in a port, in PaddlePaddle. Twin: `torch_ops.py`.

Where PaddlePaddle's own operation departs from PyTorch's, the note at the function says how.
"""

from typing import Any, Literal

import numpy as np

from vsrlib.kernels.paddle_env import import_paddle
from vsrlib.networks.architecture import Conv, Deconv, Layer, Linear

paddle = import_paddle()
from paddle import Tensor as Tensor  # noqa: E402  (only after the environment has been set)
from paddle import nn as nn  # noqa: E402
from paddle.nn import functional  # noqa: E402


def _leaky_relu(x: Tensor, slope: float) -> Tensor:
    """x where it is larger than 0, else slope * x; the gradient at 0 is the slope, where PaddlePaddle's own has 1.

    A correlation is exactly 0 wherever the second map ends, so that this is not rare.
    """
    if x.stop_gradient:
        return functional.leaky_relu(x, slope)
    return functional.prelu(x, paddle.full([1], slope, x.dtype))


class _Functions:
    """PaddlePaddle's functions, but for the leaky ReLU above."""

    leaky_relu = staticmethod(_leaky_relu)

    def __getattr__(self, name: str) -> Any:
        return getattr(functional, name)


F = _Functions()


class LeakyReLU(nn.LeakyReLU):
    """Its layer."""

    def forward(self, x: Tensor) -> Tensor:
        return _leaky_relu(x, self._negative_slope)


class Convolution(nn.Conv2D):
    """PaddlePaddle's, of which stride, padding and dilation can be read and changed as in the other frameworks."""

    def __init__(self, layer: Conv) -> None:
        super().__init__(layer.inputs, layer.outputs, layer.kernel, layer.stride, layer.padding, layer.dilation)
        self.stride, self.padding, self.dilation = ((one,) * 2 for one in (layer.stride, layer.padding, layer.dilation))
        self.groups = 1

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class ConvolutionTranspose(nn.Conv2DTranspose):
    """PaddlePaddle's, of which stride and padding can be read and changed as in the other frameworks."""

    def __init__(self, layer: Deconv) -> None:
        super().__init__(layer.inputs, layer.outputs, layer.kernel, layer.stride, layer.padding)
        self.stride, self.padding, self.dilation = (layer.stride,) * 2, (layer.padding,) * 2, (1, 1)
        self.groups = 1

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d_transpose(x, self.weight, self.bias, self.stride, self.padding)


class FullyConnected(nn.Layer):
    """A fully connected layer whose weight lies (outputs, inputs), as in the other frameworks.

    That of PaddlePaddle's own lies (inputs, outputs), and where both are equal, no shape tells.
    """

    def __init__(self, layer: Linear) -> None:
        super().__init__()
        self.weight = self.create_parameter([layer.outputs, layer.inputs])
        self.bias = self.create_parameter([layer.outputs], is_bias=True)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.t(), self.bias)


def conv(layer: Layer) -> Convolution:
    """A convolution layer as described; its values are set later."""
    assert isinstance(layer, Conv)
    return Convolution(layer)


def deconv(layer: Layer) -> ConvolutionTranspose:
    """A transposed convolution layer as described; its values are set later."""
    assert isinstance(layer, Deconv)
    return ConvolutionTranspose(layer)


def linear(layer: Layer) -> FullyConnected:
    """A fully connected layer as described; its values are set later."""
    assert isinstance(layer, Linear)
    return FullyConnected(layer)


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resize of (B, C, h, w) to `size`, pixel centres at half integers.

    PaddlePaddle gives a side of one pixel the first of x, not its centre: that of the middle pixel, or two.
    """
    height, width = x.shape[2:]
    if size[0] == 1:
        x = x[:, :, (height - 1) // 2 : height // 2 + 1].mean(axis=2, keepdim=True)
    if size[1] == 1:
        x = x[:, :, :, (width - 1) // 2 : width // 2 + 1].mean(axis=3, keepdim=True)
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def sample(x: Tensor, flow: Tensor, padding: Literal["zeros", "border"], align_corners: bool) -> Tensor:
    """Bilinear samples of x (B, C, h, w) at each pixel's place plus its flow (B, 2, h, w), in pixels.

    The grid is normalised by (size - 1), which fits `align_corners=True` only: PaddlePaddle's default, not PyTorch's.
    """
    height, width = x.shape[2:]
    columns = paddle.arange(width, dtype=x.dtype).reshape([1, 1, width])
    rows = paddle.arange(height, dtype=x.dtype).reshape([1, height, 1])
    grid = paddle.stack(
        [(columns + flow[:, 0]) * (2 / max(width - 1, 1)) - 1, (rows + flow[:, 1]) * (2 / max(height - 1, 1)) - 1],
        axis=3,
    )
    return F.grid_sample(x, grid, mode="bilinear", padding_mode=padding, align_corners=align_corners)


def conv2d(x: Tensor, weight: Tensor, bias: Tensor, padding: tuple[int, int]) -> Tensor:
    """Convolution (cross-correlation) of x (B, C, h, w) with weight (D, C, k, l) and bias (D,), zeros around x."""
    return F.conv2d(x, weight, bias, padding=padding)


def concat(parts: list[Tensor], axis: int) -> Tensor:
    """The parts, one after the other along an axis."""
    return paddle.concat(parts, axis=axis)


def pixel_shuffle(x: Tensor, factor: int) -> Tensor:
    """(B, C f f, h, w) -> (B, C, f h, f w); channel c f f + i f + j becomes the pixel (i, j) of its cell."""
    return F.pixel_shuffle(x, factor)


def ones(x: Tensor) -> Tensor:
    """One channel of ones, of the size of x: (B, 1, h, w)."""
    return paddle.ones_like(x[:, 0:1])


def at_least(x: Tensor, threshold: float) -> Tensor:
    """1 where x reaches the threshold, else 0; without gradient."""
    return (x >= threshold).astype(x.dtype)


def above(x: Tensor, threshold: float) -> Tensor:
    """1 where x is larger than the threshold, else 0; without gradient."""
    return (x > threshold).astype(x.dtype)


def floored(x: Tensor, smallest: float) -> Tensor:
    """x where it is larger, else `smallest`, and there without gradient."""
    return x.clip(min=smallest)


def mean(x: Tensor) -> Tensor:
    """Mean of all values, one axis after the other: PaddlePaddle's own sums millions of values naively in float32."""
    while x.ndim > 1:
        x = x.mean(axis=-1)
    return x.mean()


def global_mean(x: Tensor) -> Tensor:
    """Mean over height and width: (B, C, 1, 1)."""
    return x.mean(axis=3, keepdim=True).mean(axis=2, keepdim=True)


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
        [1, batch * channels, height + size - 1, width + size - 1]
    )
    weight = kernel.expand([batch, channels, size, size]).reshape([batch * channels, 1, size, size])
    out = F.conv2d(padded, weight, stride=scale, groups=batch * channels)
    return out.reshape([batch, channels, out.shape[2], out.shape[3]])


def absolute(x: Tensor) -> Tensor:
    """|x|, with gradient 0 at 0."""
    return x.abs()


def constant(values: np.ndarray, like: Tensor) -> Tensor:
    """An array as a tensor of the type of `like`, on the CPU."""
    return paddle.to_tensor(np.ascontiguousarray(values), dtype=like.dtype)
