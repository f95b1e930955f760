"""What each correlation kernel costs within one frame, and whether its gradients are right."""

import copy
import functools
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from vsrlib.bench.correlation import Kernel, available
from vsrlib.bench.options import MovingTexture, Options
from vsrlib.bench.protocol import compare
from vsrlib.common.intervals import paired_ratio, seconds_interval
from vsrlib.kernels.correlation import CHANNELS, SEARCH_RANGE
from vsrlib.networks import load_network
from vsrlib.networks.network import Network
from vsrlib.restoration.engines import Reference

_MAPS = (1, 32, 24, 28)  # (B, C, h, w) of what the gradients are judged on
_ALONE = " alone"  # after the name of a kernel: its calls of one frame, and nothing else


def measure(framework: str, options: Options) -> dict[str, Any]:
    """{kernel: what `summary` and `gradients` say of it, or {"skipped": why it cannot be had}}.

    "plain", one multiplication for each displacement, is what a pure-tensor formulation is at its simplest.
    """
    network = load_network(framework, options.weights, options.preset, options.device)
    plain = importlib.import_module(f"vsrlib.bench.plain_{framework}")
    kernels, refused = available(network, plain.correlation)
    times = summary(seconds(network, kernels, options))
    return {name: times[name] | gradients(network, kernel, plain) for name, kernel in kernels.items()} | {
        name: {"skipped": reason} for name, reason in refused.items()
    }


def seconds(network: Network, kernels: dict[str, Kernel], options: Options) -> dict[str, list[float]]:
    """Seconds of each round, in turns: one frame's forward pass by kernel, and its correlations by themselves."""
    clip = MovingTexture(options.size)
    shapes = calls_of_one_frame(network, next(iter(kernels.values())), clip)
    rng = np.random.default_rng(0)
    maps = [tuple(network.tensor(rng.standard_normal(shape)) for _ in range(2)) for shape in shapes]

    def alone(kernel: Kernel) -> Callable[[int], list[Any]]:
        def call(turn: int) -> list[Any]:
            with network.backend.no_grad():
                return [kernel(first, second) for first, second in maps]

        return call

    engines = {name: Reference(with_kernel(network, kernel)) for name, kernel in kernels.items()}

    def prepare(turn: int) -> None:
        for engine in engines.values():
            engine.upload(*clip.window(turn))

    def read(outcome: Any) -> None:
        for value in outcome if isinstance(outcome, list) else [outcome]:
            network.download(value)

    calls: dict[str, Callable[[int], Any]] = {name: functools.partial(_run, engine) for name, engine in engines.items()}
    calls |= {name + _ALONE: alone(kernel) for name, kernel in kernels.items()}
    found = compare(calls, network.synchronise, read, prepare=prepare, **options.budget())
    return {name: one["seconds"] for name, one in found["variants"].items()}


def summary(taken: dict[str, list[float]]) -> dict[str, dict[str, Any]]:
    """{kernel: {"frame_seconds", "ratio" (to the other kernel with the smallest median), "share_of_frame"}}.

    To another one, because a kernel's ratio to itself is 1 however far the rounds lie apart.
    """
    names = [name for name in taken if not name.endswith(_ALONE)]
    found = {}
    for name in names:
        others = [other for other in names if other != name] or [name]
        fastest = min(others, key=lambda other: np.median(taken[other]))
        found[name] = {
            "frame_seconds": seconds_interval(taken[name]),
            "ratio": paired_ratio(taken[name], taken[fastest]),
            "share_of_frame": paired_ratio(taken[name + _ALONE], taken[name])["value"],
        }
    return found


def with_kernel(network: Network, kernel: Kernel) -> Network:
    """The same network with another correlation kernel."""
    other = copy.copy(network)
    other.module = network.backend.build(network.config, network.device, kernel, network.module.blur_down)
    other.load(network.state())
    return other


def calls_of_one_frame(network: Network, kernel: Kernel, clip: MovingTexture) -> list[tuple[int, ...]]:
    """The shape (B, C, h, w) of the maps in each call of the kernel while one frame is restored."""
    shapes: list[tuple[int, ...]] = []

    def recording(first: Any, second: Any) -> Any:
        shapes.append(tuple(first.shape))
        return kernel(first, second)

    engine = Reference(with_kernel(network, recording))
    engine.upload(*clip.window(0))
    network.download(engine.run())
    return shapes


def _run(engine: Reference, turn: int) -> Any:
    return engine.run()


def gradients(network: Network, kernel: Kernel, plain: Any) -> dict[str, Any]:
    """{"gradient_error": the larger of both maps' relative L2 to float64, "zero_gradient": whether one is zero}."""
    rng = np.random.default_rng(0)
    shapes = _MAPS, _MAPS, (1, CHANNELS, *_MAPS[2:])
    first, second, weight = (rng.standard_normal(shape).astype(np.float32).astype(np.float64) for shape in shapes)
    one, two = (plain.leaf(network.tensor(values)) for values in (first, second))
    # A kernel that hands no gradient on would be an error; with this, which adds nothing, its gradient is zero.
    volume = kernel(one, two) + 0 * (one.sum() + two.sum())
    found = [
        network.download(value).astype(np.float64)
        for value in plain.gradients(volume, network.tensor(weight), [one, two])
    ]
    return judge(found, reference_gradients(first, second, weight))


def judge(found: list[np.ndarray], truth: tuple[np.ndarray, np.ndarray]) -> dict[str, Any]:
    """What `gradients` says of two gradients."""
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
