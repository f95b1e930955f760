"""An ONNX graph while it is written, and the operations of the network that need care in a port. Kin: `torch_ops.py`.

Written by `onnx.helper` and not by PyTorch's exporter, because one file serves frames of every size: whatever depends
on height and width is computed from them inside the graph. The exporter would keep the bins of the adaptive mean as
those of its example, and its rounding up, `-(-n // 64)`, would round down, because ONNX divides integers towards zero.
"""

import hashlib
import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vsrlib import __version__
from vsrlib.common.errors import UserError, install
from vsrlib.kernels.correlation import SEARCH_RANGE

OPSET, IR_VERSION = 17, 8
"""Of 2022: the oldest set of operators that has all of the network's, so that the fewest programs refuse the files."""

Shape = Sequence[int | str]
"""Sides of a tensor; a word is a side that is known only when the graph is run."""

_END = np.iinfo(np.int64).max  # of an axis


def package(name: str) -> Any:
    """The package `name`, "onnx" or "onnxruntime". UserError where it is not installed."""
    try:
        return importlib.import_module("onnx") if name == "onnx" else importlib.import_module("onnxruntime")
    except ImportError as error:
        raise UserError(
            f"ONNX needs the package {name}, which cannot be imported ({error}); install it: {install('onnx', name)}."
        ) from error


class Graph:
    """Nodes and constants; every operation takes names of tensors, adds nodes, and returns the name of its output.

    Tensors are float32, sizes int64. The same calls write the same bytes.
    """

    def __init__(self) -> None:
        self._onnx = package("onnx")
        self._nodes: list[Any] = []
        self._constants: dict[str, np.ndarray] = {}

    def model(
        self, inputs: Mapping[str, Shape], outputs: Mapping[str, tuple[str, Shape]], notes: Mapping[str, str]
    ) -> bytes:
        """The file's contents, checked by ONNX's own checker.

        inputs: name -> shape; outputs: name -> tensor and shape; notes: the file's metadata.
        """
        helper, kind = self._onnx.helper, self._onnx.TensorProto.FLOAT
        ends = [helper.make_node("Identity", [tensor], [name], name) for name, (tensor, _) in outputs.items()]
        graph = helper.make_graph(
            [*self._nodes, *ends],
            "vsrlib",
            [helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs.items()],
            [helper.make_tensor_value_info(name, kind, shape) for name, (_, shape) in outputs.items()],
            [self._onnx.numpy_helper.from_array(values, name) for name, values in self._constants.items()],
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="vsrlib",
            producer_version=__version__,
        )
        helper.set_model_props(model, dict(notes))
        self._onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString(deterministic=True))

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """A node of one of ONNX's operators."""
        name = f"{operator}_{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(operator, inputs, [name], name, **attributes))
        return name

    def constant(self, values: np.ndarray, name: str = "") -> str:
        """An array in the file, under its name or one made of its contents: equal ones are kept once."""
        values = np.asarray(values, order="C")  # which, unlike ascontiguousarray, leaves a number without axes
        about = f"{values.dtype}{values.shape}".encode()
        name = name or f"constant_{hashlib.sha256(about + values.tobytes()).hexdigest()[:16]}"
        self._constants[name] = values
        return name

    def integers(self, *values: int) -> str:
        """A constant of one axis, int64."""
        return self.constant(np.array(values, np.int64))

    def number(self, value: float) -> str:
        """A constant without axes, float32."""
        return self.constant(np.array(value, np.float32).reshape(()))

    def size(self, x: str) -> str:
        """Height and width of x (B, C, h, w): int64 (2,)."""
        return self.add("Shape", x, start=2, end=4)

    def floats(self, x: str) -> str:
        """Whole numbers, or truths as 0 and 1, in float32."""
        return self.add("Cast", x, to=self._onnx.TensorProto.FLOAT)

    def take(self, x: str, places: Sequence[int], axis: int = 0) -> str:
        """These of x along an axis, in this order."""
        return self.add("Gather", x, self.integers(*places), axis=axis)

    def cut(self, x: str, axis: int, begin: int, end: int | None) -> str:
        """x[begin:end] along an axis, as Python has it."""
        bounds = (self.integers(begin), self.integers(_END if end is None else end))
        return self.add("Slice", x, *bounds, self.integers(axis))

    def concat(self, parts: Sequence[str], axis: int) -> str:
        """The parts, one after the other along an axis."""
        return self.add("Concat", *parts, axis=axis)

    def rounded_up(self, x: str, multiple: int) -> str:
        """Positive whole numbers -> the next multiple each. ONNX divides towards zero, so nothing here is negative."""
        more = self.add("Add", x, self.integers(multiple - 1))
        return self.add("Mul", self.add("Div", more, self.integers(multiple)), self.integers(multiple))

    def counted(self, count: str) -> str:
        """0, 1, ... to count (1,), without it: int64 (count,)."""
        zero, one = (self.constant(np.array(value, np.int64)) for value in (0, 1))
        return self.add("Range", zero, self.add("Squeeze", count), one)

    def resize(self, x: str, size: str) -> str:
        """Bilinear resize of (B, C, h, w) to `size`, pixel centres at half integers.

        By a product with a matrix for each axis, whose places are rounded as PyTorch rounds them: those of ONNX
        Runtime's Resize are some 1e-5 pixels off, which a flow multiplies.
        """
        down, across = (
            self._weights(self.add("Shape", x, start=axis, end=axis + 1), self.take(size, [axis - 2]))
            for axis in (2, 3)
        )
        return self.add("MatMul", self.add("MatMul", down, x), self.add("Transpose", across, perm=[1, 0]))

    def enlarged(self, x: str, factor: int) -> str:
        """The same to `factor` times the size, a power of two, at which nothing is rounded."""
        scales = self.constant(np.array([1, 1, factor, factor], np.float32))
        return self.add("Resize", x, "", scales, mode="linear", coordinate_transformation_mode="half_pixel")

    def grid(self, flow: str) -> str:
        """Where `sample` reads: each pixel's place plus its flow (B, 2, h, w), in pixels -> (B, h, w, 2).

        Normalised by (size - 1), which fits `align_corners=True` only.
        """
        axes = []
        for channel, side in ((0, 3), (1, 2)):  # x, then y
            length = self.add("Shape", flow, start=side, end=side + 1)
            places = self.floats(self.counted(length))
            if side == 2:
                places = self.add("Unsqueeze", places, self.integers(1))
            last = self.add("Max", self.add("Sub", self.floats(length), self.number(1)), self.number(1))
            along = self.add("Gather", flow, self.constant(np.array(channel, np.int64)), axis=1)
            scaled = self.add("Mul", self.add("Add", places, along), self.add("Div", self.number(2), last))
            axes.append(self.add("Unsqueeze", self.add("Sub", scaled, self.number(1)), self.integers(3)))
        return self.concat(axes, 3)

    def sample(self, x: str, grid: str, padding: str, align_corners: bool) -> str:
        """Bilinear samples of x (B, C, h, w); padding "zeros" or "border"."""
        return self.add("GridSample", x, grid, mode="bilinear", padding_mode=padding, align_corners=int(align_corners))

    def inside(self, flow: str, grid: str, align_corners: bool) -> str:
        """How much of each sample lies in the frame: samples of ones, zeros around them, (B, 1, h, w)."""
        shape = self.concat([self.add("Shape", flow, end=1), self.integers(1), self.add("Shape", flow, start=2)], 0)
        one = self._onnx.numpy_helper.from_array(np.ones(1, np.float32))
        return self.sample(self.add("ConstantOfShape", shape, value=one), grid, "zeros", align_corners)

    def correlation(self, first: str, second: str) -> str:
        """(B, C, h, w) twice -> (B, 81, h, w), as `vsrlib.kernels.correlation.reference` defines it."""
        reach = SEARCH_RANGE
        padded = self.add("Pad", second, self.integers(0, 0, reach, reach, 0, 0, reach, reach))
        shifts = range(2 * reach + 1)
        # All nine columns at once, row by row: (B, 9, C, h + 8, w), and of it (B, 9, C, h, w).
        columns = [self.add("Unsqueeze", self._shifted(padded, 3, dx), self.integers(1)) for dx in shifts]
        across, one = self.concat(columns, 1), self.add("Unsqueeze", first, self.integers(1))
        rows = [self.add("Mul", one, self._shifted(across, 3, dy)) for dy in shifts]
        return self.concat([self.add("ReduceMean", row, axes=[2], keepdims=0) for row in rows], 1)

    def adaptive_mean(self, x: str, bins: int) -> str:
        """Means of (B, C, h, w) over bins x bins parts; part i covers [floor(i n / bins), ceil((i + 1) n / bins)).

        By a product with a matrix for each axis, made of the size: ONNX has no such pooling.
        """
        down, across = (self._averages(self.add("Shape", x, start=axis, end=axis + 1), bins) for axis in (2, 3))
        return self.add("MatMul", self.add("MatMul", down, x), self.add("Transpose", across, perm=[1, 0]))

    def _shifted(self, x: str, axis: int, shift: int) -> str:
        """Along an axis that is 2 SEARCH_RANGE longer than the result's: what begins at `shift`."""
        return self.cut(x, axis, shift, shift - 2 * SEARCH_RANGE or None)

    def _averages(self, length: str, bins: int) -> str:
        """The matrix (bins, n) that takes means along an axis of n = length (1,)."""
        numbers = np.arange(bins, dtype=np.int64)[:, None]
        begin = self.add("Div", self.add("Mul", self.constant(numbers), length), self.integers(bins))
        end = self.add("Mul", self.constant(numbers + 1), length)
        end = self.add("Div", self.add("Add", end, self.integers(bins - 1)), self.integers(bins))
        places = self.counted(length)
        member = self.add("And", self.add("GreaterOrEqual", places, begin), self.add("Less", places, end))
        return self.add("Div", self.floats(member), self.floats(self.add("Sub", end, begin)))

    def _weights(self, length: str, wanted: str) -> str:
        """The matrix (m, n) that resizes an axis from n = length (1,) to m = wanted (1,): 1 - |place - pixel| or 0."""
        half, one, zero = (self.number(value) for value in (0.5, 1, 0))
        scale = self.add("Div", self.floats(length), self.floats(wanted))
        places = self.add("Mul", self.add("Add", self.floats(self.counted(wanted)), half), scale)
        last = self.add("Sub", self.floats(length), one)
        places = self.add("Min", self.add("Max", self.add("Sub", places, half), zero), last)
        away = self.add("Sub", self.add("Unsqueeze", places, self.integers(1)), self.floats(self.counted(length)))
        return self.add("Max", self.add("Sub", one, self.add("Abs", away)), zero)
