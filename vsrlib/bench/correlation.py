"""Suite "correlation": every kernel that can be had, against one multiplication for each displacement."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from vsrlib.bench.options import Options
from vsrlib.bench.protocol import compare
from vsrlib.common.errors import UserError
from vsrlib.common.names import CORRELATIONS
from vsrlib.kernels.correlation import CHANNELS, choice
from vsrlib.networks.architecture import FLOW_STRIDE, LEVELS
from vsrlib.networks.network import Network

BASELINE = "plain"
Kernel = Callable[[Any, Any], Any]
Level = tuple[Any, Any, Any]  # both maps with a gradient, and what the volume's gradient is


def measure(options: Options, network: Network) -> list[dict[str, Any]]:
    """Forward, and forward with the gradients of both maps, at each level of the flow network and at all together."""
    plain = importlib.import_module(f"vsrlib.bench.plain_{network.framework}")
    kernels, refused = available(network, plain.correlation)
    shapes = level_shapes(network.config.pyramid, options.size)
    levels = {level: _level(network, plain.leaf, shape) for level, shape in shapes.items()}
    cases = [(f"level {level}, {'x'.join(map(str, shape))}", [levels[level]]) for level, shape in shapes.items()]
    cases.append((f"levels {min(shapes)} to {max(shapes)} together", list(levels.values())))
    found = []
    for what, chosen in cases:
        forward = {name: _forward(network, kernel, chosen) for name, kernel in kernels.items()}
        both = {name: _both(plain.gradients, kernel, chosen) for name, kernel in kernels.items()}
        for kind, calls in (("forward", forward), ("forward and backward", both)):

            def read(outcome: list[Any]) -> list[np.ndarray]:
                return [network.download(value) for value in outcome]

            times = compare(calls, network.synchronise, read, **options.budget())
            found.append({"what": f"{what}: {kind}", **times, "checks": _checks(calls, read), "skipped": refused})
    return found


def available(network: Network, plain: Kernel) -> tuple[dict[str, Kernel], dict[str, str]]:
    """The kernels that can be had on the network's device, the plain one first; and why the others cannot."""
    kernels, refused = {BASELINE: plain}, {}
    for name in CORRELATIONS:
        if name == "auto":
            continue
        try:
            kernels[name] = choice.pick(network.framework, name, network.device)[1]
        except UserError as error:
            refused[name] = str(error)
    return kernels, refused


def level_shapes(pyramid: tuple[int, ...], size: tuple[int, int]) -> dict[int, tuple[int, int, int]]:
    """(channels, height, width) of what is correlated at each level, for frames of `size`."""
    height, width = (-(-side // FLOW_STRIDE) * FLOW_STRIDE for side in size)
    return {level: (pyramid[level - 1], height >> level, width >> level) for level in sorted(LEVELS)}


def _level(network: Network, leaf: Callable[[Any], Any], shape: tuple[int, int, int]) -> Level:
    rng = np.random.default_rng(shape[0])
    first, second = (leaf(network.tensor(rng.standard_normal((1, *shape)))) for _ in range(2))
    return first, second, network.tensor(rng.standard_normal((1, CHANNELS, *shape[1:])))


def _forward(network: Network, kernel: Kernel, levels: list[Level]) -> Callable[[int], list[Any]]:
    def call(turn: int) -> list[Any]:
        with network.backend.no_grad():
            return [kernel(first, second) for first, second, _ in levels]

    return call


def _both(gradients: Callable, kernel: Kernel, levels: list[Level]) -> Callable[[int], list[Any]]:
    def call(turn: int) -> list[Any]:
        return [
            value
            for first, second, weight in levels
            for value in gradients(kernel(first, second), weight, [first, second])
        ]

    return call


def _checks(calls: dict[str, Callable], read: Callable) -> dict[str, dict[str, Any]]:
    values = {name: read(call(0)) for name, call in calls.items()}
    return {
        name: {"largest_difference": max(float(np.abs(a - b).max()) for a, b in zip(ours, values[BASELINE]))}
        for name, ours in values.items()
        if name != BASELINE
    }
