"""Suite "scaling": how the cost of a convolution grows with the frame, the features and the threads, and how far it is
from what the processor can do.

In each case a convolution of all features, by Winograd, beside a product of matrices by the framework: the arithmetic
that most of it is, at the best that a library makes of it. F(4x4, 3x3) multiplies a quarter of what a plain convolution
does, so counted as that it can reach four times the product's speed. PyTorch alone sets its threads while it runs.
"""

import importlib
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vsrlib.bench.options import Options
from vsrlib.bench.protocol import compare
from vsrlib.kernels import winograd
from vsrlib.networks.network import Network
from vsrlib.restoration.engines import KEPT_MIB

BASELINE, OURS = "matrix product", "convolution"
SIDES = ((90, 160), (180, 320), (360, 640), (540, 960))
FEATURES = (32, 128)
_MATRIX = 1024  # rows and columns: larger than the caches, and a large product is the fastest


def measure(options: Options, network: Network) -> list[dict[str, Any]]:
    """A comparison for each number of threads, of features, and size of a frame. UserError without a compiler."""
    network.convolution("winograd")
    network.backend.keep_memory(network.device, KEPT_MIB["streaming"])  # as the engine that these convolutions are of
    torch = importlib.import_module("torch")
    before = torch.get_num_threads()
    try:
        return [
            _compared(options, network, torch, threads, features, size)
            for threads in _threads(options)
            for features in FEATURES
            for size in SIDES
        ]
    finally:
        torch.set_num_threads(before)


def _threads(options: Options) -> Sequence[int]:
    """The numbers of threads: one and two, where there are two cores, or the one that was asked for."""
    return (1, 2)[: len(os.sched_getaffinity(0))] if options.threads is None else (options.threads,)


def _compared(
    options: Options, network: Network, torch: Any, threads: int, features: int, size: tuple[int, int]
) -> dict[str, Any]:
    torch.set_num_threads(threads)
    matrix = torch.ones(_MATRIX, _MATRIX)
    calls: dict[str, Callable[[int], Any]] = {
        BASELINE: lambda turn: matrix @ matrix,
        OURS: _convolution(network, features, size),
    }
    found = compare(calls, network.synchronise, lambda outcome: outcome, **options.budget())
    done = {BASELINE: 2 * _MATRIX**3, OURS: 18 * features**2 * size[0] * size[1]}
    speed = {name: operations / found["variants"][name]["median"] / 1e9 for name, operations in done.items()}
    checks = {name: {"gflops": value, "share_of_limit": value / speed[BASELINE]} for name, value in speed.items()}
    checks[OURS]["share_of_limit"] /= 4
    one = "" if threads == 1 else "s"
    return {"what": f"{size[0]}x{size[1]}, {features} features, {threads} thread{one}", **found, "checks": checks}


def _convolution(network: Network, features: int, size: tuple[int, int]) -> Callable[[int], Any]:
    native = importlib.import_module("vsrlib.kernels.torch_cpp")
    rng = np.random.default_rng(0)
    weight = winograd.transformed(rng.standard_normal((features, features, 3, 3)) / np.sqrt(9 * features))
    x, *of_layer = (
        network.tensor(one) for one in (rng.standard_normal((1, *size, features)), weight, np.zeros(features))
    )
    return lambda turn: native.convolve([x], *of_layer)
