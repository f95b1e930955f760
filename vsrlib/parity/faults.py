"""Faults that ports are known to have, each to be planted on one side so that the referee can be tested on it.

None shows in the names and shapes of the weights. The two sides of the earlier report had five of them: a default of
align_corners, dilations and a mask that were dropped, a correlation without gradient, and one with a wrong sign in it.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from vsrlib.networks.network import Network
from vsrlib.parity.network import Watched
from vsrlib.parity.sides import Side

FLOW = "flow_net.moduleNetwork"
Plant = Callable[[Network, Side, ExitStack], None]


@dataclass(frozen=True)
class Fault:
    """`place`: the step that the referee must name first; `kind`: the kinds of departure among which it must be."""

    name: str
    place: str
    plant: Plant
    kinds: tuple[str, ...] = ("forward",)


@contextmanager
def planted(name: str | None, network: Network, side: Side) -> Iterator[None]:
    """Within it, the network has the fault of that name (None: none)."""
    with ExitStack() as stack:
        if name is not None:
            FAULTS[name].plant(network, side, stack)
        yield


def _module(network: Network, name: str) -> Any:
    return dict(network.module.named_modules())[name]


def _of_framework(name: str, replacement: Callable[[Any, Side], Callable]) -> Plant:
    """Replace one of the framework's functions, or of `ops`, where the network's file looks it up."""

    def plant(network: Network, side: Side, stack: ExitStack) -> None:
        file = sys.modules[type(network.module).__module__]
        holder = "ops" if hasattr(file.ops, name) else side.namespace
        original = getattr(file, holder)
        changed = Watched(original, {name: replacement(original, side)})
        stack.enter_context(mock.patch.object(file, holder, changed))

    return plant


def _dilation(network: Network, side: Side, stack: ExitStack) -> None:
    layer = _module(network, f"{FLOW}.moduleRefiner.moduleMain.4")
    layer.dilation, layer.padding = (1, 1), (1, 1)


def _slope(network: Network, side: Side, stack: ExitStack) -> None:
    layer = _module(network, f"{FLOW}.moduleRefiner.moduleMain.1")
    if hasattr(layer, "negative_slope"):
        layer.negative_slope = 0.01
    else:
        layer.args = (0.01,)  # Jittor's


def _align_corners(network: Network, side: Side, stack: ExitStack) -> None:
    decoder = _module(network, f"{FLOW}.moduleThr")
    decoder.align_corners = not decoder.align_corners


def _mask(network: Network, side: Side, stack: ExitStack) -> None:
    decoder, file = _module(network, f"{FLOW}.moduleFou"), sys.modules[type(network.module).__module__]
    decoder.warp = lambda x, flow: file.ops.sample(x, flow, "zeros", decoder.align_corners)


def _axes(network: Network, side: Side, stack: ExitStack) -> None:
    original, ops = network.module.warp, network.backend.ops
    network.module.warp = lambda x, flow: original(x, ops.concat([flow[:, 1:2], flow[:, 0:1]], 1))


def _correlation(change: Callable[[Any, Side, Any, Any], Any]) -> Plant:
    def plant(network: Network, side: Side, stack: ExitStack) -> None:
        decoder = _module(network, f"{FLOW}.moduleFiv")
        original = decoder.correlation
        decoder.correlation = lambda first, second: change(original, side, first, second)

    return plant


def _epsilon(network: Network, side: Side, stack: ExitStack) -> None:
    original = network.backend.Optimiser

    def with_other_epsilon(*args: Any, **kwargs: Any) -> Any:
        made = original(*args, **kwargs)
        for group in made._optimiser.param_groups:
            group["eps"] = 1e-7
        return made

    stack.enter_context(mock.patch.object(network.backend, "Optimiser", with_other_epsilon))


def _blur(change: Callable[[Callable, Any, Side], Callable]) -> Plant:
    def plant(network: Network, side: Side, stack: ExitStack) -> None:
        network.module.blur_down = change(network.module.blur_down, network.backend.ops, side)

    return plant


def _zero_padded(own: Callable, ops: Any, side: Side) -> Callable:
    def blur_down(x: Any, kernel: Any, scale: int) -> Any:
        # Zeros all round, wider than the kernel reaches: what is then repeated at the border is zero.
        above = x[:, :, : 2 * scale] * 0
        x = ops.concat([above, x, above], 2)
        beside = x[:, :, :, : 2 * scale] * 0
        return own(ops.concat([beside, x, beside], 3), kernel, scale)[:, :, 2:-2, 2:-2]

    return blur_down


def _pooling(ops: Any, side: Side) -> Callable:
    if side.namespace == "nn":
        from jittor import nn

        return lambda x, size: nn.AdaptiveAvgPool2d(size)(x)
    import torch.nn.functional as functional

    def fixed_windows(x: Any, size: int) -> Any:  # what Jittor's does, for a test without Jittor
        stride = [length // size for length in x.shape[2:]]
        window = [length - (size - 1) * step for length, step in zip(x.shape[2:], stride)]
        return functional.avg_pool2d(x, window, stride)

    return fixed_windows


def _kernel_gradient(own: Callable, ops: Any, side: Side) -> Callable:
    return lambda x, kernel, scale: own(x, side.fixed(kernel), scale)


def _resize(ops: Any, side: Side) -> Callable:
    if side.namespace == "nn":
        from jittor import nn

        return lambda x, size: nn.interpolate(x, size=size, mode="bilinear", align_corners=True)
    import torch.nn.functional as functional

    return lambda x, size: functional.interpolate(x, size=size, mode="bilinear", align_corners=True)


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("dilation dropped", f"{FLOW}.moduleRefiner.moduleMain.4", _dilation, ("structure", "forward")),
        Fault("align_corners flipped", f"{FLOW}.moduleThr.warp.sample", _align_corners, ("structure", "forward")),
        Fault("mask dropped", f"{FLOW}.moduleFou.warp", _mask, ("structure", "forward")),
        Fault("x and y of the flow swapped", "warp", _axes),
        Fault(
            "zero gradient",
            f"{FLOW}.moduleFiv.correlation",
            _correlation(lambda own, side, a, b: own(side.fixed(a), side.fixed(b))),
            ("backward",),
        ),
        Fault(
            "1/C missing",
            f"{FLOW}.moduleFiv.correlation",
            _correlation(lambda own, side, a, b: own(a, b) * int(a.shape[1])),
        ),
        Fault(
            "sign of the second gradient",
            f"{FLOW}.moduleFiv.correlation",
            _correlation(lambda own, side, a, b: own(a, side.fixed(b) * 2 - b)),
            ("backward",),
        ),
        Fault(
            "softmax over the wrong axis",
            "kernel_net.softmax",
            _of_framework("softmax", lambda own, side: lambda x, dim: own.softmax(x, dim=0)),
        ),
        Fault("Adam with another epsilon", "optimiser", _epsilon, ("structure",)),
        Fault("replicate padding became zero", "blur_down", _blur(_zero_padded)),
        Fault("Jittor's own adaptive pooling", "kernel_net.adaptive_mean", _of_framework("adaptive_mean", _pooling)),
        Fault("other slope", f"{FLOW}.moduleRefiner.moduleMain.1", _slope),
        Fault("no gradient for the kernel", "blur_down", _blur(_kernel_gradient), ("backward",)),
        Fault("resize with align_corners", "flow_net.pyramid.resize", _of_framework("resize", _resize)),
    )
}
"""By name; those of the issue that asked for them, and a few more."""
