"""The network as ONNX graphs, written from the layers of `networks.architecture`. Kin: `torch_net.py`.

A clip is restored by two graphs: FEATURES of every frame once, and RESTORATION of five frames' features. WINDOW is
both in one, for five frames by themselves, and KERNEL estimates their blur kernel. What the streaming engine does, the
graphs do: the flows to the four neighbours as one batch, and the folded tail of `networks.fast`.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from vsrlib.networks import architecture as arch
from vsrlib.networks.architecture import CENTRE, Conv, Deconv, NetworkConfig
from vsrlib.networks.backend import Values
from vsrlib.networks.fast import REACH, Ends, Kernel, fold
from vsrlib.networks.onnx_graph import Graph, Shape

WINDOW, FEATURES, RESTORATION, KERNEL = FORMS = ("window", "features", "restoration", "kernel")
"""What a graph computes. All take `frames` (n, 3, height, width), RGB in [0, 1]; n is 5, for FEATURES any number."""

FRAMES, RECONS = "frames", "recons"

Pyramid = dict[int, str]

_LEVELS = ("One", "Two", "Thr", "Fou", "Fiv", "Six")  # of the pyramid
_DENSE = ("One", "Two", "Thr", "Fou", "Fiv")  # of each decoder
_FLOW = "flow_net.moduleNetwork"


def build(form: str, config: NetworkConfig, values: Values, notes: Mapping[str, str]) -> bytes:
    """The graph of a form, one of FORMS, as the contents of a file. UserError where the package onnx is not installed.

    values: the network's parameters by name; notes: metadata of the file.
    """
    net = _Network(config, values)
    frames: dict[str, Shape] = {FRAMES: (config.frames, 3, "height", "width")}
    recons: Shape = (1, 3, "height_x4", "width_x4")
    match form:
        case "window":
            state = net.state(FRAMES)
            return net.model(frames, {RECONS: (net.restored(FRAMES, state), recons)}, notes)
        case "features":
            shapes = _shapes(config, "count")
            state = net.state(FRAMES)
            outputs = {name: (state[name], shape) for name, shape in shapes.items()}
            return net.model({FRAMES: ("count", 3, "height", "width")}, outputs, notes)
        case "restoration":
            shapes = _shapes(config, config.frames)
            state = {name: name for name in shapes}
            return net.model(frames | shapes, {RECONS: (net.restored(FRAMES, state), recons)}, notes)
        case "kernel":
            side = config.kernel_size
            return net.model(frames, {"kernel": (net.kernel(FRAMES), (1, 1, side, side))}, notes)
    raise ValueError(form)


def _shapes(config: NetworkConfig, count: int | str) -> dict[str, Shape]:
    """What FEATURES computes and RESTORATION takes: `features`, and the levels of the pyramid that are decoded."""
    found: dict[str, Shape] = {"features": (count, config.features, "height", "width")}
    for level in arch.LEVELS:
        found[f"level_{level}"] = (count, config.pyramid[level - 1], f"height_{level}", f"width_{level}")
    return found


class _Span(NamedTuple):
    """Output pixels along one axis that share a kernel of the folded tail.

    read: which part of the input they are computed from; taps: which of the kernel's five lie inside the frame; pads:
    zeros before and after; keep: which of what is computed are theirs.
    """

    ends: Ends
    read: tuple[int, int | None]
    taps: slice
    pads: tuple[int, int]
    keep: tuple[int, int | None]


_SPANS = {
    "first": _Span(Ends(True, False), (0, REACH + 1), slice(REACH, None), (0, REACH), (0, 1)),
    "only": _Span(Ends(True, True), (0, 1), slice(REACH, REACH + 1), (0, 0), (0, 1)),
    "middle": _Span(Ends(False, False), (0, None), slice(None), (REACH, REACH), (1, -1)),
    "last": _Span(Ends(False, True), (-REACH - 1, None), slice(REACH + 1), (REACH, 0), (-1, None)),
}
"""`only` takes the place of `first` in a frame of one pixel, where `last` is left out."""


class _Network(Graph):
    """The parts of the network. Tensors are (B, C, h, w), by their names in the graph."""

    def __init__(self, config: NetworkConfig, values: Values) -> None:
        super().__init__()
        self._config, self._values, self._layers = config, values, arch.layers(config)

    def state(self, frames: str) -> dict[str, str]:
        """Features and pyramid of frames, by the names of `_shapes`."""
        x = self.conv("in_conv.0", frames)
        for block in range(self._config.extra_blocks):
            x = self.residual(f"extra_feat.{block}", x)
        pyramid = self.pyramid(frames)
        return {"features": x} | {f"level_{level}": pyramid[level] for level in arch.LEVELS}

    def restored(self, frames: str, state: Mapping[str, str]) -> str:
        """Five frames and their state -> the centre frame restored, (1, 3, 4h, 4w), not clamped."""
        features, size = state["features"], self.size(frames)
        others = [place for place in range(self._config.frames) if place != CENTRE]
        levels = {level: state[f"level_{level}"] for level in arch.LEVELS}
        flows = self.between(
            {level: self.take(x, [CENTRE] * len(others)) for level, x in levels.items()},
            {level: self.take(x, others) for level, x in levels.items()},
            size,
        )
        warped = self.warp(self.take(features, others), flows)
        aligned = self.concat(
            [self.cut(warped, 0, 0, CENTRE), self.take(features, [CENTRE]), self.cut(warped, 0, CENTRE, None)], 0
        )
        x = self.conv("fusion_conv.0", self.add("Reshape", aligned, self.integers(1, -1, 0, 0)))
        for block in range(self._config.recons_blocks):
            x = self.residual(f"recons_net.{block}", x)
        scale = self._config.scale
        residual = self.add("DepthToSpace", self.tail(x), blocksize=scale, mode="CRD")
        return self.add("Add", residual, self.enlarged(self.take(frames, [CENTRE]), scale))

    def kernel(self, frames: str) -> str:
        """Five frames -> their blur kernel, (1, 1, 13, 13)."""
        x, bins = self.add("Reshape", frames, self.integers(1, -1, 0, 0)), self._config.kernel_size
        x = self.conv("kernel_net.in_conv", x)
        x = self.attentive("kernel_net.body1.1", self.attentive("kernel_net.body1.0", x))
        x = self.adaptive_mean(x, bins)
        x = self.attentive("kernel_net.body2.1", self.attentive("kernel_net.body2.0", x))
        x = self.conv("kernel_net.body2.3", self.conv("kernel_net.body2.2", x))
        x = self.add("Reshape", x, self.integers(1, bins * bins))
        for layer in ("kernel_net.fc_net.0", "kernel_net.fc_net.1"):
            x = self.add("Gemm", x, *self.parameters(layer), transB=1)
        return self.add("Reshape", self.add("Softmax", x, axis=1), self.integers(1, 1, bins, bins))

    def parameters(self, name: str) -> tuple[str, str]:
        """Weight and bias of a layer, which the file has under their own names."""
        weight, bias = f"{name}.weight", f"{name}.bias"
        return self.constant(self._values[weight], weight), self.constant(self._values[bias], bias)

    def conv(self, name: str, x: str) -> str:
        """The convolution of that name, or the transposed one."""
        layer = self._layers[name]
        assert isinstance(layer, Conv | Deconv)
        about = {"kernel_shape": [layer.kernel] * 2, "strides": [layer.stride] * 2, "pads": [layer.padding] * 4}
        if isinstance(layer, Deconv):
            return self.add("ConvTranspose", x, *self.parameters(name), **about)
        return self.add("Conv", x, *self.parameters(name), **about, dilations=[layer.dilation] * 2)

    def leaky(self, x: str) -> str:
        """The flow network's activation."""
        return self.add("LeakyRelu", x, alpha=arch.LEAKY_SLOPE)

    def residual(self, name: str, x: str) -> str:
        """y = x + conv2(ReLU(conv1(x))); no activation after the sum."""
        return self.add("Add", x, self.conv(f"{name}.conv2", self.add("Relu", self.conv(f"{name}.conv1", x))))

    def attentive(self, name: str, x: str) -> str:
        """Residual channel-attention block."""
        y = self.conv(f"{name}.body.2", self.add("Relu", self.conv(f"{name}.body.0", x)))
        scale = self.conv(f"{name}.body.3.conv_du.0", self.add("GlobalAveragePool", y))
        scale = self.conv(f"{name}.body.3.conv_du.2", self.add("Relu", scale))
        return self.add("Add", x, self.add("Mul", y, self.add("Sigmoid", scale)))

    def pyramid(self, frames: str) -> Pyramid:
        """Feature pyramid of frames, levels 1 to 6, of sides that are multiples of 64."""
        x, found = self.resize(frames, self.rounded_up(self.size(frames), arch.FLOW_STRIDE)), {}
        for level, name in enumerate(_LEVELS, 1):
            for layer in (0, 2, 4):
                x = self.leaky(self.conv(f"{_FLOW}.moduleExtractor.module{name}.{layer}", x))
            found[level] = x
        return found

    def between(self, first: Pyramid, second: Pyramid, size: str) -> str:
        """Flow from the first frames to the second, given as pyramids, for frames of `size`, in pixels."""
        flow = dense = ""
        for level in sorted(arch.LEVELS, reverse=True):
            flow, dense = self.decoded(level, first[level], second[level], flow, dense)
        x, last = dense, len(self._config.refiner)
        for index in range(last + 1):
            x = self.conv(f"{_FLOW}.moduleRefiner.moduleMain.{2 * index}", x)
            x = self.leaky(x) if index < last else x
        flow = self.add("Mul", self.resize(self.add("Add", flow, x), size), self.number(arch.FLOW_SCALE))
        padded = self.rounded_up(size, arch.FLOW_STRIDE)
        ratio = self.take(self.add("Div", self.floats(size), self.floats(padded)), [1, 0])  # x before y
        return self.add("Mul", flow, self.add("Reshape", ratio, self.integers(1, 2, 1, 1)))

    def decoded(self, level: int, first: str, second: str, flow: str, dense: str) -> tuple[str, str]:
        """One level: flow and features, from those of the coarser one; "" at the coarsest."""
        name = f"{_FLOW}.module{arch.LEVELS[level]}"
        if level not in arch.WARP_SCALE:
            feat = self.leaky(self.correlation(first, second))
        else:
            upflow, upfeat = self.conv(f"{name}.moduleUpflow", flow), self.conv(f"{name}.moduleUpfeat", dense)
            warped = self.warp_level(second, self.add("Mul", upflow, self.number(arch.WARP_SCALE[level])))
            feat = self.concat([self.leaky(self.correlation(first, warped)), first, upflow, upfeat], 1)
        for layer in _DENSE:
            feat = self.concat([self.leaky(self.conv(f"{name}.module{layer}.0", feat)), feat], 1)
        return self.conv(f"{name}.moduleSix.0", feat), feat

    def warp_level(self, x: str, flow: str) -> str:
        """Sample x where the flow points; zero wherever that is not wholly inside the frame."""
        grid, align = self.grid(flow), self._config.align_corners
        seen = self.add("Greater", self.inside(flow, grid, align), self.number(arch.MASK_THRESHOLD))
        return self.add("Mul", self.sample(x, grid, "zeros", align), self.floats(seen))

    def warp(self, x: str, flow: str) -> str:
        """Sample x where the flow points, borders repeated, and mask it."""
        grid, align = self.grid(flow), self._config.align_corners
        seen = self.add("GreaterOrEqual", self.inside(flow, grid, align), self.number(arch.MASK_THRESHOLD))
        return self.add("Mul", self.sample(x, grid, "border", align), self.floats(seen))

    def tail(self, x: str) -> str:
        """Reconstruction features -> the residual image before its pixel shuffle, (1, 48, h, w): folded."""
        kernels = fold(dict(self._values))
        rows = {}
        for row, span in _SPANS.items():
            columns = {column: self._part(x, span, other, kernels) for column, other in _SPANS.items()}
            rows[row] = self._joined(columns, x, 3)
        return self._joined(rows, x, 2)

    def _part(self, x: str, row: _Span, column: _Span, kernels: Callable[[Ends, Ends], Kernel]) -> str:
        kernel = kernels(row.ends, column.ends)
        weight = kernel.weight.reshape(-1, *kernel.weight.shape[3:])[:, :, row.taps, column.taps]
        for axis, span in ((2, row), (3, column)):
            x = x if span.read == (0, None) else self.cut(x, axis, *span.read)
        x = self.add(
            "Conv",
            x,
            self.constant(weight.astype(np.float32)),
            self.constant(kernel.bias.reshape(-1).astype(np.float32)),
            kernel_shape=list(weight.shape[2:]),
            pads=[row.pads[0], column.pads[0], row.pads[1], column.pads[1]],
        )
        for axis, span in ((2, row), (3, column)):
            x = self.cut(x, axis, *span.keep)
        return x

    def _joined(self, parts: Mapping[str, str], x: str, axis: int) -> str:
        """The parts along an axis of a frame as large as x there."""
        length = self.add("Shape", x, start=axis, end=axis + 1)
        first = self.add("Where", self.add("Equal", length, self.integers(1)), parts["only"], parts["first"])
        whole = self.concat([first, parts["middle"], parts["last"]], axis)
        return self.add("Slice", whole, self.integers(0), length, self.integers(axis))
