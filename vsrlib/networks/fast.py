"""Parts of the network computed faster than as published, and equal to it but for rounding.

The upsampling tail as one 5x5 convolution. From the reconstruction features to the residual image there is no
activation: two convolutions with a pixel shuffle each, then two more. The whole is linear, so it equals one 5x5
convolution from F channels to 3 x 4 x 4 on the LR grid and one pixel shuffle of 4. Each stage pads with zeros, and what
a stage would have computed outside the frame does not exist; that reaches one LR pixel into the output, so the
outermost ring has kernels of its own.

The convolutions that inference spends its time in, from one feature width to the same: residual blocks and fusion, by
the framework or by Winograd. What the flow network has of its own is in `fast_flow.py`.
"""

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import product
from types import ModuleType
from typing import Any

import numpy as np

from vsrlib.kernels import winograd
from vsrlib.networks.architecture import MASK_THRESHOLD, NetworkConfig
from vsrlib.networks.fast_flow import Weights, WinogradFlow
from vsrlib.networks.network import Network

REACH = 2  # LR pixels that the tail looks to either side
_STAGES = ("upsample_layers.0", "upsample_layers.2", "out_conv.0", "out_conv.1")


@dataclass(frozen=True)
class Ends:
    """Whether a pixel is the first and whether it is the last along one axis; both in a frame of one pixel."""

    first: bool
    last: bool


@dataclass(frozen=True)
class Kernel:
    """A convolution from F channels to (3, s, s): weight (3, s, s, F, 2r + 1, 2r + 1), bias (3, s, s)."""

    weight: np.ndarray
    bias: np.ndarray


class FoldedTail:
    """The folded tail of one set of weights, in one framework; for use without gradients.

    ops: the framework's operations. tensor: array -> its tensor, on the network's device.
    """

    def __init__(self, values: dict[str, np.ndarray], ops: ModuleType, tensor: Callable[[np.ndarray], Any]) -> None:
        self._ops, self._tensor = ops, tensor
        self._fold = fold(values)
        self._kernels: dict[tuple[Ends, Ends], tuple[Any, Any]] = {}

    def __call__(self, x: Any) -> Any:
        """Reconstruction features (B, F, h, w) -> residual image (B, 3, 4h, 4w)."""
        rows, columns = (_spans(side) for side in x.shape[2:])
        parts = [self._ops.concat([self._part(x, row, column) for column in columns], 3) for row in rows]
        return self._ops.pixel_shuffle(self._ops.concat(parts, 2), 4)

    def _part(self, x: Any, row: "_Span", column: "_Span") -> Any:
        weight, bias = self._kernel(row.ends, column.ends)
        return self._ops.conv2d(
            x[:, :, row.inputs, column.inputs], weight[:, :, row.taps, column.taps], bias, (row.padding, column.padding)
        )

    def _kernel(self, rows: Ends, columns: Ends) -> tuple[Any, Any]:
        if (rows, columns) not in self._kernels:
            kernel = self._fold(rows, columns)
            weight = kernel.weight.reshape(-1, *kernel.weight.shape[3:])
            self._kernels[rows, columns] = self._tensor(weight), self._tensor(kernel.bias.reshape(-1))
        return self._kernels[rows, columns]


class PublishedBlocks:
    """What comes before the tail, by the framework and in the published order; with gradients where they are asked for.

    `flow_net`: the flow network, for `flows_from`.
    """

    def __init__(self, network: Network) -> None:
        self._module, self._ops = network.module, network.backend.ops
        self.flow_net: Any = network.module.flow_net

    def features(self, frames: Any) -> Any:
        """(B, 3, h, w) -> features, of a layout of its own."""
        return self._module.features(frames)

    def align(self, features: Any, flow: Any) -> Any:
        """Features where the flow (B, 2, h, w) points; zero where that is outside the frame."""
        return self._module.warp(features, flow)[0]

    def cut(self, features: Any, rows: slice, columns: slice) -> Any:
        """The features of a rectangle."""
        return features[:, :, rows, columns]

    def fuse(self, aligned: Iterable[Any]) -> Any:
        """Features of the five frames, aligned to the centre -> reconstruction features (B, F, h, w)."""
        return self._module.fuse(list(aligned))


class FrameworkBlocks(PublishedBlocks):
    """By the framework's own convolutions, which are given the frames one after the other; without gradients.

    `values`: the network's parameters by name.
    """

    def __init__(self, network: Network, values: dict[str, np.ndarray]) -> None:
        super().__init__(network)
        weight, bias = values["fusion_conv.0.weight"], values["fusion_conv.0.bias"]
        self._fusion = [network.tensor(weight[:, one]) for one in _frames(network.config)]
        self._bias, self._zero = network.tensor(bias), network.tensor(0 * bias)

    def fuse(self, aligned: Iterable[Any]) -> Any:
        aligned, x = iter(aligned), None
        for weight in self._fusion:
            part = self._ops.conv2d(next(aligned), weight, self._bias if x is None else self._zero, (1, 1))
            x = part if x is None else x + part
        return self._module.recons_net(x)


class WinogradBlocks(PublishedBlocks):
    """By `vsrlib.kernels.winograd`, without gradients. `values`: the network's parameters by name.

    Features are (B, h, w, F).
    """

    def __init__(self, network: Network, values: dict[str, np.ndarray]) -> None:
        super().__init__(network)
        self._native = importlib.import_module(f"vsrlib.kernels.{network.framework}_cpp")
        self.flow_net = WinogradFlow(network, values)
        config = network.config
        self._align_corners = config.align_corners

        def weights(name: str, inputs: slice = slice(None)) -> Weights:
            weight = winograd.transformed(values[f"{name}.weight"][:, inputs])
            return network.tensor(weight), network.tensor(values[f"{name}.bias"])

        def blocks(name: str, count: int) -> list[tuple[Weights, Weights]]:
            return [(weights(f"{name}.{i}.conv1"), weights(f"{name}.{i}.conv2")) for i in range(count)]

        self._fusion = [weights("fusion_conv.0", one) for one in _frames(config)]
        self._zero = network.tensor(0 * values["fusion_conv.0.bias"])
        self._extra = blocks("extra_feat", config.extra_blocks)
        self._recons = blocks("recons_net", config.recons_blocks)

    def features(self, frames: Any) -> Any:
        return self._residual(self._native.channels_last_of(self._module.in_conv, frames), self._extra)

    def align(self, features: Any, flow: Any) -> Any:
        inside = self._ops.sample(self._ops.ones(flow), flow, "zeros", self._align_corners)
        return self._native.warp(features, flow, self._ops.at_least(inside, MASK_THRESHOLD), self._align_corners)

    def cut(self, features: Any, rows: slice, columns: slice) -> Any:
        return features[:, rows, columns]

    def fuse(self, aligned: Iterable[Any]) -> Any:
        aligned, x = iter(aligned), None
        for weight, bias in self._fusion:  # a frame's features go before the next one's are aligned
            x = self._native.convolve([next(aligned)], weight, bias if x is None else self._zero, x)
        return self._native.channels_first(self._residual(x, self._recons))

    def _residual(self, x: Any, blocks: list[tuple[Weights, Weights]]) -> Any:
        for first, second in blocks:
            x = self._native.convolve([self._native.convolve([x], *first, slope=winograd.RELU)], *second, residual=x)
        return x


def fold(values: dict[str, np.ndarray]) -> Callable[[Ends, Ends], Kernel]:
    """The tail's kernel for the LR pixels at given ends of the rows and of the columns, float64: s = 4, r = 2.

    `values` holds the network's parameters by name. What several of its kernels have in common is computed once.
    """
    first, second, third, last = (
        (values[f"{name}.weight"].astype(np.float64), values[f"{name}.bias"].astype(np.float64)) for name in _STAGES
    )
    at_output = Kernel(last[0][:, None, None], last[1][:, None, None])

    @cache
    def at_full(rows: Ends, columns: Ends) -> Kernel:
        return _before(third, 1, lambda rows, columns: at_output, rows, columns)

    @cache
    def at_half(rows: Ends, columns: Ends) -> Kernel:
        return _before(second, 2, at_full, rows, columns)

    return lambda rows, columns: _before(first, 2, at_half, rows, columns)


def _before(
    conv: tuple[np.ndarray, np.ndarray], factor: int, finer: Callable[[Ends, Ends], Kernel], rows: Ends, columns: Ends
) -> Kernel:
    """The kernel before a 3x3 `conv` and a pixel shuffle of `factor`, of what `finer` is on the finer grid."""
    weight, bias = conv
    phases = [
        (
            Ends(rows.first and i == 0, rows.last and i == factor - 1),
            Ends(columns.first and j == 0, columns.last and j == factor - 1),
        )
        for i, j in product(range(factor), repeat=2)
    ]
    kernels = [finer(*ends) for ends in phases]
    size, inner, side = kernels[0].weight.shape[1], kernels[0].weight.shape[3], kernels[0].weight.shape[-1]
    # Taps on the finer grid, from the first row and column of the coarse pixel before: each lies in the coarse pixel
    # (-1, 0 or 1) away, there at a phase, and coarse pixels that do not exist are left out.
    taps = np.zeros((3, factor, size, factor, size, inner, 3 * factor, 3 * factor))
    constant = np.zeros((3, factor, size, factor, size))
    for (i, j), kernel in zip(product(range(factor), repeat=2), kernels):
        taps[:, i, :, j, ..., i : i + side, j : j + side] = kernel.weight
        constant[:, i, :, j] = kernel.bias
    outer = constant.shape
    taps = taps.reshape(*outer, inner, 3, factor, 3, factor)[..., _existing(rows), :, _existing(columns), :]
    taps = np.moveaxis(taps, (6, 8), (0, 1))  # which coarse pixel, before all else
    flat = np.ascontiguousarray(taps).reshape(*taps.shape[:2], constant.size, -1)
    moved = (flat.reshape(-1, flat.shape[-1]) @ weight.reshape(len(weight), -1)).reshape(
        *flat.shape[:3], *weight.shape[1:]
    )
    total = np.zeros((constant.size, weight.shape[1], 5, 5))
    for v, u in product(*(range(count) for count in flat.shape[:2])):
        row, column = v + rows.first, u + columns.first
        total[:, :, row : row + 3, column : column + 3] += moved[v, u]
    constant += (flat.sum((0, 1)) @ bias).reshape(outer)
    shape = (3, factor * size, factor * size)
    return Kernel(total.reshape(*shape, *total.shape[1:]), constant.reshape(shape))


def _existing(ends: Ends) -> slice:
    """Which of the pixels before, here and after there are."""
    return slice(1 if ends.first else 0, 2 if ends.last else 3)


@dataclass(frozen=True)
class _Span:
    """Output pixels along one axis that share a kernel: what they read, and which taps lie inside the frame."""

    ends: Ends
    inputs: slice
    taps: slice
    padding: int


def _spans(side: int) -> list[_Span]:
    spans = []
    for place in sorted({0, side - 1}):
        inputs = slice(max(place - REACH, 0), min(place + REACH + 1, side))
        taps = slice(inputs.start - place + REACH, inputs.stop - place + REACH)
        spans.append(_Span(Ends(place == 0, place == side - 1), inputs, taps, 0))
    if side > 2:
        spans.insert(1, _Span(Ends(False, False), slice(0, side), slice(0, 2 * REACH + 1), REACH - 1))
    return spans


def _frames(config: NetworkConfig) -> list[slice]:
    """Which of the fusion's inputs belong to each frame."""
    return [slice(i * config.features, (i + 1) * config.features) for i in range(config.frames)]
