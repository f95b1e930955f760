"""The upsampling tail as one 5x5 convolution.

From the reconstruction features to the residual image there is no activation: two convolutions with a pixel shuffle
each, then two more. The whole is linear, so it equals one 5x5 convolution from F channels to 3 x 4 x 4 on the LR grid
and one pixel shuffle of 4. Each stage pads with zeros, and what a stage would have computed outside the frame does not
exist; that reaches one LR pixel into the output, so the outermost ring has kernels of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import product
from types import ModuleType
from typing import Any

import numpy as np

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


def fold(values: dict[str, np.ndarray], rows: Ends, columns: Ends) -> Kernel:
    """The tail's kernel for the LR pixels at the given ends of the frame, float64: s = 4, r = 2.

    `values` holds the network's parameters by name.
    """
    first, second, third, last = ((values[f"{name}.weight"].astype(np.float64), values[f"{name}.bias"].astype(np.float64))
                                  for name in _STAGES)

    weight, bias = last

    @cache
    def at_full(rows: Ends, columns: Ends) -> Kernel:
        return _after(third, Kernel(weight[:, None, None], bias[:, None, None]), rows, columns)

    @cache
    def at_half(rows: Ends, columns: Ends) -> Kernel:
        return _before_shuffle(second, at_full, rows, columns)

    return _before_shuffle(first, at_half, rows, columns)


def _after(conv: tuple[np.ndarray, np.ndarray], kernel: Kernel, rows: Ends, columns: Ends) -> Kernel:
    """`kernel` of what `conv` puts out, as a kernel of what it takes in."""
    weight, bias = conv
    reach = kernel.weight.shape[-1] // 2
    side = 2 * (reach + 1) + 1
    total = np.zeros((*kernel.weight.shape[:3], weight.shape[1], side, side))
    constant = kernel.bias.copy()
    for v, u in _inside(range(-reach, reach + 1), rows, columns):
        tap = kernel.weight[..., v + reach, u + reach]
        constant += tap @ bias
        total[..., v + reach:v + reach + 3, u + reach:u + reach + 3] += np.tensordot(tap, weight, axes=1)
    return Kernel(total, constant)


def _before_shuffle(conv: tuple[np.ndarray, np.ndarray], finer: Any, rows: Ends, columns: Ends) -> Kernel:
    """The kernel before `conv` and a pixel shuffle of 2, of what `finer(rows, columns)` is on the finer grid."""
    kernels = {(i, j): finer(Ends(rows.first and i == 0, rows.last and i == 1),
                             Ends(columns.first and j == 0, columns.last and j == 1)) for i, j in product((0, 1), (0, 1))}
    weight, bias = (part.reshape(-1, 2, 2, *part.shape[1:]) for part in conv)
    sample = kernels[0, 0]
    fine, size, reach = sample.weight.shape[-1] // 2, sample.weight.shape[1], 2
    total = np.zeros((3, 2, size, 2, size, weight.shape[3], 2 * reach + 1, 2 * reach + 1))
    constant = np.zeros((3, 2, size, 2, size))
    for (i, j), kernel in kernels.items():
        constant[:, i, :, j] += kernel.bias
        for v, u in product(range(-fine, fine + 1), repeat=2):
            # The finer pixel lies in the coarser one (row, column) away, there at phase (p, q).
            (row, p), (column, q) = divmod(i + v, 2), divmod(j + u, 2)
            if not (_exists(row, rows) and _exists(column, columns)):
                continue
            tap = kernel.weight[..., v + fine, u + fine]
            constant[:, i, :, j] += tap @ bias[:, p, q]
            total[:, i, :, j, ..., row + 1:row + 4, column + 1:column + 4] += np.tensordot(tap, weight[:, p, q], axes=1)
    shape = (3, 2 * size, 2 * size)
    return Kernel(total.reshape(*shape, *total.shape[5:]), constant.reshape(shape))


def _inside(offsets: range, rows: Ends, columns: Ends) -> list[tuple[int, int]]:
    return [(v, u) for v, u in product(offsets, repeat=2) if _exists(v, rows) and _exists(u, columns)]


def _exists(offset: int, ends: Ends) -> bool:
    return not (ends.first and offset < 0) and not (ends.last and offset > 0)


class FoldedTail:
    """The folded tail of one set of weights, in one framework; for use without gradients.

    ops: the framework's operations. tensor: array -> its tensor, on the network's device.
    """

    def __init__(self, values: dict[str, np.ndarray], ops: ModuleType, tensor: Callable[[np.ndarray], Any]) -> None:
        self._ops, self._tensor = ops, tensor
        self._values = {key: value for key, value in values.items() if key.rpartition(".")[0] in _STAGES}
        self._kernels: dict[tuple[Ends, Ends], tuple[Any, Any]] = {}

    def __call__(self, x: Any) -> Any:
        """Reconstruction features (B, F, h, w) -> residual image (B, 3, 4h, 4w)."""
        rows, columns = (_spans(side) for side in x.shape[2:])
        parts = [self._ops.concat([self._part(x, row, column) for column in columns], 3) for row in rows]
        return self._ops.pixel_shuffle(self._ops.concat(parts, 2), 4)

    def _part(self, x: Any, row: "_Span", column: "_Span") -> Any:
        weight, bias = self._kernel(row.ends, column.ends)
        return self._ops.conv2d(x[:, :, row.inputs, column.inputs], weight[:, :, row.taps, column.taps], bias,
                                (row.padding, column.padding))

    def _kernel(self, rows: Ends, columns: Ends) -> tuple[Any, Any]:
        if (rows, columns) not in self._kernels:
            kernel = fold(self._values, rows, columns)
            weight = kernel.weight.reshape(-1, *kernel.weight.shape[3:])
            self._kernels[rows, columns] = self._tensor(weight), self._tensor(kernel.bias.reshape(-1))
        return self._kernels[rows, columns]


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
