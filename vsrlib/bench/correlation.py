"""Every correlation kernel that can be had, and one multiplication for each displacement.

`measure` is the suite "correlation" of `vsrlib bench`: each level of the flow network by itself. `in_one_frame` is for
`vsrlib costs`: what our kernels cost within the forward pass of a frame, and whether their gradients are right.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from vsrlib.bench.inputs import MovingTexture, plain_kernels, with_kernels
from vsrlib.bench.options import Options
from vsrlib.bench.protocol import compare
from vsrlib.common.errors import UserError
from vsrlib.common.names import CORRELATIONS
from vsrlib.common.numbers import paired_spread
from vsrlib.data.clips import WINDOW
from vsrlib.kernels.correlation import CHANNELS, SEARCH_RANGE, pick
from vsrlib.networks.architecture import FLOW_STRIDE, LEVELS
from vsrlib.networks.network import Network
from vsrlib.restoration.engines import Reference

BASELINE = "plain"
_MAPS = (1, 32, 24, 28)  # (B, C, h, w) of the maps whose gradients are compared with float64
_ALONE = " alone"  # after the name of a kernel: its calls of one frame, and nothing else

Kernel = Callable[[Any, Any], Any]
Level = tuple[Any, Any, Any]  # both maps with a gradient, and what the volume's gradient is


def measure(options: Options, network: Network) -> list[dict[str, Any]]:
    """Forward, and forward with the gradients of both maps, at each level of the flow network and at all together."""
    kernels, refused = available(network)
    kernels = {BASELINE: plain_kernels(network).correlation} | kernels
    shapes = level_shapes(network.config.pyramid, options.size)
    levels = {level: _level(network, shape) for level, shape in shapes.items()}
    cases = [(f"level {level}, {'x'.join(map(str, shape))}", [levels[level]]) for level, shape in shapes.items()]
    cases.append((f"levels {min(shapes)} to {max(shapes)} together", list(levels.values())))
    read = functools.partial(_read, network)
    found = []
    for what, chosen in cases:
        forward = {name: _forward(network, kernel, chosen) for name, kernel in kernels.items()}
        both = {name: _both(network, kernel, chosen) for name, kernel in kernels.items()}
        for kind, calls in (("forward", forward), ("forward and backward", both)):
            times = compare(calls, network.synchronise, read, **options.budget())
            found.append({"what": f"{what}: {kind}", **times, "checks": _checks(calls, read), "skipped": refused})
    return found


def in_one_frame(options: Options, network: Network) -> dict[str, Any]:
    """{kernel: what `summary` and `gradients` say of it, or {"skipped": why it cannot be had}}; not the plain one."""
    kernels, refused = available(network)
    times = summary(seconds(network, kernels, options))
    return {name: times[name] | gradients(network, kernel) for name, kernel in kernels.items()} | {
        name: {"skipped": reason} for name, reason in refused.items()
    }


def available(network: Network) -> tuple[dict[str, Kernel], dict[str, str]]:
    """The kernels that can be had on the network's device, and why the others cannot."""
    kernels: dict[str, Kernel] = {}
    refused = {}
    for name in CORRELATIONS:
        if name == "auto":
            continue
        try:
            kernels[name] = pick(network.framework, name, network.device)[1]
        except UserError as error:
            refused[name] = str(error)
    return kernels, refused


def level_shapes(pyramid: tuple[int, ...], size: tuple[int, int]) -> dict[int, tuple[int, int, int]]:
    """(channels, height, width) of what is correlated at each level, for frames of `size`."""
    height, width = (-(-side // FLOW_STRIDE) * FLOW_STRIDE for side in size)
    return {level: (pyramid[level - 1], height >> level, width >> level) for level in sorted(LEVELS)}


def seconds(network: Network, kernels: dict[str, Kernel], options: Options) -> dict[str, list[float]]:
    """Seconds of each round, in turns: one frame's forward pass by kernel, and its correlations by themselves."""
    clip = MovingTexture(options.size)
    shapes = list(level_shapes(network.config.pyramid, options.size).values()) * (WINDOW - 1)  # for each neighbour
    maps = [_level(network, shape) for shape in shapes]
    engines = {
        name: Reference(with_kernels(network, kernel, network.module.blur_down)) for name, kernel in kernels.items()
    }

    def prepare(turn: int) -> None:
        for engine in engines.values():
            engine.upload(*clip.window(turn))

    def frame(engine: Reference, turn: int) -> list[Any]:
        return [engine.run()]

    calls: dict[str, Callable[[int], list[Any]]] = {
        name: functools.partial(frame, engine) for name, engine in engines.items()
    }
    calls |= {name + _ALONE: _forward(network, kernel, maps) for name, kernel in kernels.items()}
    read = functools.partial(_read, network)
    found = compare(calls, network.synchronise, read, prepare=prepare, **options.budget())
    return {name: one["seconds"] for name, one in found["variants"].items()}


def summary(taken: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """{kernel: {"frame_seconds" (median), "share_of_frame" (of its calls, median over the rounds)}}."""
    return {
        name: {
            "frame_seconds": float(np.median(taken[name])),
            "share_of_frame": paired_spread(taken[name + _ALONE], taken[name])["value"],
        }
        for name in taken
        if not name.endswith(_ALONE)
    }


def gradients(network: Network, kernel: Kernel) -> dict[str, Any]:
    """{"gradient_error": the larger of both maps' relative L2 to float64, "zero_gradient": whether one is zero}."""
    rng = np.random.default_rng(0)
    shapes = _MAPS, _MAPS, (1, CHANNELS, *_MAPS[2:])
    first, second, weight = (rng.standard_normal(shape).astype(np.float32).astype(np.float64) for shape in shapes)
    one, two = (network.backend.leaf(network.tensor(values)) for values in (first, second))
    # A kernel that hands no gradient on would be an error; with this, which adds nothing, its gradient is zero.
    volume = kernel(one, two) + 0 * (one.sum() + two.sum())
    found = _read(network, network.backend.vjp([volume], [network.tensor(weight)], [one, two]))
    truth = reference_gradients(first, second, weight)
    errors = [float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)) for ours, theirs in zip(found, truth)]
    return {"gradient_error": max(errors), "zero_gradient": any(not ours.any() for ours in found)}


def reference_gradients(first: np.ndarray, second: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradients of sum(volume * weight) for both maps (B, C, h, w), in the inputs' type (see `kernels.correlation`)."""
    channels, height, width = first.shape[1:]
    around = [(0, 0), (0, 0), (SEARCH_RANGE, SEARCH_RANGE), (SEARCH_RANGE, SEARCH_RANGE)]
    padded, side = np.pad(second, around), 2 * SEARCH_RANGE + 1
    of_first, of_padded = np.zeros_like(first), np.zeros_like(padded)
    for dy, dx in np.ndindex(side, side):
        there = (..., slice(dy, dy + height), slice(dx, dx + width))
        share = weight[:, None, dy * side + dx] / channels
        of_first += share * padded[there]
        of_padded[there] += share * first
    inside = slice(SEARCH_RANGE, -SEARCH_RANGE)
    return of_first, of_padded[..., inside, inside]


def _level(network: Network, shape: tuple[int, int, int]) -> Level:
    rng = np.random.default_rng(shape[0])
    first, second = (network.backend.leaf(network.tensor(rng.standard_normal((1, *shape)))) for _ in range(2))
    return first, second, network.tensor(rng.standard_normal((1, CHANNELS, *shape[1:])))


def _forward(network: Network, kernel: Kernel, levels: list[Level]) -> Callable[[int], list[Any]]:
    def call(turn: int) -> list[Any]:
        with network.backend.no_grad():
            return [kernel(first, second) for first, second, _ in levels]

    return call


def _both(network: Network, kernel: Kernel, levels: list[Level]) -> Callable[[int], list[Any]]:
    def call(turn: int) -> list[Any]:
        return [
            value
            for first, second, weight in levels
            for value in network.backend.vjp([kernel(first, second)], [weight], [first, second])
        ]

    return call


def _read(network: Network, outcome: list[Any]) -> list[np.ndarray]:
    return [network.download(value) for value in outcome]


def _checks(calls: dict[str, Callable], read: Callable) -> dict[str, dict[str, Any]]:
    values = {name: read(call(0)) for name, call in calls.items()}
    return {
        name: {"largest_difference": max(float(np.abs(a - b).max()) for a, b in zip(ours, values[BASELINE]))}
        for name, ours in values.items()
        if name != BASELINE
    }
