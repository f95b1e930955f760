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

from vsrlib.networks.backend import Backend
from vsrlib.networks.network import Network
from vsrlib.parity.network import Watched

FLOW = "flow_net.moduleNetwork"
Plant = Callable[[Network, ExitStack], None]


@dataclass(frozen=True)
class Fault:
    """`place`: the step that the referee must name first; `kind`: the kinds of departure among which it must be."""

    name: str
    place: str
    plant: Plant
    kinds: tuple[str, ...] = ("forward",)


@contextmanager
def planted(name: str | None, network: Network) -> Iterator[None]:
    """Within it, the network has the fault of that name (None: none)."""
    with ExitStack() as stack:
        if name is not None:
            FAULTS[name].plant(network, stack)
        yield


def _file(network: Network) -> Any:
    """The network's file, whose names a fault replaces."""
    return sys.modules[type(network.module).__module__]


def _module(network: Network, name: str) -> Any:
    return dict(network.module.named_modules())[name]


def _of_framework(name: str, replacement: Callable[[Network, Any], Callable]) -> Plant:
    """Replace one of the framework's functions, or of `ops`, where the network's file looks it up.

    replacement: the network and the framework's functions -> what takes that one's place.
    """

    def plant(network: Network, stack: ExitStack) -> None:
        file, functions = _file(network), network.backend.functions
        holder = "ops" if hasattr(file.ops, name) else functions
        changed = Watched(getattr(file, holder), {name: replacement(network, getattr(file, functions))})
        stack.enter_context(mock.patch.object(file, holder, changed))

    return plant


def _dilation(network: Network, stack: ExitStack) -> None:
    layer = _module(network, f"{FLOW}.moduleRefiner.moduleMain.4")
    layer.dilation, layer.padding = (1, 1), (1, 1)


def _slope(network: Network, stack: ExitStack) -> None:
    layer = _module(network, f"{FLOW}.moduleRefiner.moduleMain.1")
    if network.framework == "jittor":
        layer.args = (0.01,)
    else:
        setattr(layer, {"torch": "negative_slope", "paddle": "_negative_slope"}[network.framework], 0.01)


def _align_corners(network: Network, stack: ExitStack) -> None:
    decoder = _module(network, f"{FLOW}.moduleThr")
    decoder.align_corners = not decoder.align_corners


def _mask(network: Network, stack: ExitStack) -> None:
    decoder, file = _module(network, f"{FLOW}.moduleFou"), _file(network)
    decoder.warp = lambda x, flow: file.ops.sample(x, flow, "zeros", decoder.align_corners)


def _axes(network: Network, stack: ExitStack) -> None:
    original, ops = network.module.warp, network.backend.ops
    network.module.warp = lambda x, flow: original(x, ops.concat([flow[:, 1:2], flow[:, 0:1]], 1))


def _correlation(change: Callable[[Any, Backend, Any, Any], Any]) -> Plant:
    def plant(network: Network, stack: ExitStack) -> None:
        decoder = _module(network, f"{FLOW}.moduleFiv")
        original = decoder.correlation
        decoder.correlation = lambda first, second: change(original, network.backend, first, second)

    return plant


def _epsilon(network: Network, stack: ExitStack) -> None:
    original = network.backend.Optimiser

    def with_other_epsilon(*args: Any, **kwargs: Any) -> Any:
        made = original(*args, **kwargs)
        for group in made._optimiser.param_groups:
            group["eps"] = 1e-7
        return made

    changed: Any = with_other_epsilon
    if network.framework == "paddle":
        changed = type("OtherEpsilon", (original,), {"EPSILON": 1e-7})
    stack.enter_context(mock.patch.object(network.backend, "Optimiser", changed))


def _blur(change: Callable[[Callable, Backend], Callable]) -> Plant:
    def plant(network: Network, stack: ExitStack) -> None:
        network.module.blur_down = change(network.module.blur_down, network.backend)

    return plant


def _zero_padded(own: Callable, backend: Backend) -> Callable:
    def blur_down(x: Any, kernel: Any, scale: int) -> Any:
        # Zeros all round, wider than the kernel reaches: what is then repeated at the border is zero.
        above = x[:, :, : 2 * scale] * 0
        x = backend.ops.concat([above, x, above], 2)
        beside = x[:, :, :, : 2 * scale] * 0
        return own(backend.ops.concat([beside, x, beside], 3), kernel, scale)[:, :, 2:-2, 2:-2]

    return blur_down


def _pooling(network: Network, functions: Any) -> Callable:
    if network.framework == "jittor":
        return lambda x, size: functions.AdaptiveAvgPool2d(size)(x)

    def fixed_windows(x: Any, size: int) -> Any:  # what Jittor's does, for a test without Jittor
        stride = [length // size for length in x.shape[2:]]
        window = [length - (size - 1) * step for length, step in zip(x.shape[2:], stride)]
        return functions.avg_pool2d(x, window, stride)

    return fixed_windows


def _kernel_gradient(own: Callable, backend: Backend) -> Callable:
    return lambda x, kernel, scale: own(x, backend.detached(kernel), scale)


def _resize(network: Network, functions: Any) -> Callable:
    return lambda x, size: functions.interpolate(x, size=size, mode="bilinear", align_corners=True)


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
            _correlation(lambda own, backend, a, b: own(backend.detached(a), backend.detached(b))),
            ("backward",),
        ),
        Fault(
            "1/C missing",
            f"{FLOW}.moduleFiv.correlation",
            _correlation(lambda own, backend, a, b: own(a, b) * int(a.shape[1])),
        ),
        Fault(
            "sign of the second gradient",
            f"{FLOW}.moduleFiv.correlation",
            _correlation(lambda own, backend, a, b: own(a, backend.detached(b) * 2 - b)),
            ("backward",),
        ),
        Fault(
            "softmax over the wrong axis",
            "kernel_net.softmax",
            _of_framework("softmax", lambda network, functions: lambda x, dim: functions.softmax(x, dim=0)),
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
