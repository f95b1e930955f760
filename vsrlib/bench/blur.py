"""Suite "blur": only the pixels that are kept, against blurring every pixel and keeping one of sixteen."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from vsrlib.bench.degrade import compared
from vsrlib.bench.options import MovingTexture, Options
from vsrlib.bench.protocol import compare
from vsrlib.data.blur_kernels import gaussian_kernel
from vsrlib.networks.architecture import NetworkConfig
from vsrlib.networks.network import Network

_CONFIG = NetworkConfig()


def measure(options: Options, network: Network | None) -> list[dict[str, Any]]:
    """With a network: `blur_down` of training with the gradients of picture and kernel. Without: data generation."""
    return [_generate(options) if network is None else _train(options, network)]


def _train(options: Options, network: Network) -> dict[str, Any]:
    plain = importlib.import_module(f"vsrlib.bench.plain_{network.framework}")
    rng = np.random.default_rng(0)
    x = plain.leaf(network.tensor(rng.random((1, 3, *options.high))))
    kernel = plain.leaf(network.tensor(gaussian_kernel()[None, None]))
    weight = network.tensor(rng.standard_normal((1, 3, *options.size)))

    def both(blur_down: Callable) -> Callable[[int], list[Any]]:
        def call(turn: int) -> list[Any]:
            output = blur_down(x, kernel, _CONFIG.scale)
            return [output, *plain.gradients(output, weight, [x, kernel])]

        return call

    def read(outcome: list[Any]) -> list[np.ndarray]:
        return [network.download(value) for value in outcome]

    calls = {"plain": both(plain.blur_down), "ours": both(network.module.blur_down)}
    found = compare(calls, network.synchronise, read, **options.budget())
    theirs, ours = (read(calls[name](0)) for name in ("plain", "ours"))
    # relative: the kernel's gradient sums over the whole picture
    largest = max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(ours, theirs))
    what = f"{options.high[0]}x{options.high[1]}, forward and backward"
    return {"what": what, **found, "checks": {"ours": {"largest_relative_difference": largest}}}


def _generate(options: Options) -> dict[str, Any]:
    what = f"{options.high[0]}x{options.high[1]}, data generation"
    return compared(what, MovingTexture(options.high).frame(0), gaussian_kernel(), options)
