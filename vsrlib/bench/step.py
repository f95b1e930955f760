"""Suite "step": a whole training step, against the same of the published network without anything of ours.

The plain network has one multiplication for each displacement, blurs every pixel, computes features and pyramids anew
for every pair of frames, and upsamples stage by stage in both of its reconstructions.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from vsrlib.bench.inputs import MovingTexture, plain_kernels, with_kernels
from vsrlib.bench.options import Options
from vsrlib.bench.protocol import compare
from vsrlib.data.frames import to_float
from vsrlib.networks.distributed import Batch
from vsrlib.networks.losses import losses
from vsrlib.networks.network import Network
from vsrlib.training.step import terms_of

_BATCH, _PATCH, _RATE = 2, 64, 1e-4  # as `vsrlib train` has them unless told otherwise

Terms = Callable[[], dict[str, Any]]


def measure(options: Options, network: Network) -> list[dict[str, Any]]:
    """One comparison: losses, gradients and update; both sides start from the same weights.

    With initial values the losses hardly depend on the flow, and their check says little: give trained weights.
    """
    ops, batch = network.backend.ops, _batch()
    kernels = plain_kernels(network)
    plain = with_kernels(network, kernels.correlation, kernels.blur_down).module
    calls = {
        "plain": _step(network, plain, lambda: losses(plain.cycle(network.tensor(batch.low)), ops)),
        "ours": _step(network, network.module, lambda: terms_of("self-supervised", network, batch)),
    }

    def read(terms: dict[str, Any]) -> np.ndarray:
        return np.array([network.download(value).item() for value in terms.values()])

    theirs, ours = (read(calls[name](0)) for name in ("plain", "ours"))  # the first step: of the same weights
    found = compare(calls, network.synchronise, read, **options.budget())
    largest = float(np.abs(ours / theirs - 1).max())
    what = f"{_BATCH} windows of {_PATCH}x{_PATCH}, {options.preset}"
    return [{"what": what, **found, "checks": {"ours": {"largest_relative_difference": largest}}}]


def _step(network: Network, module: Any, terms_of_batch: Terms) -> Callable[[int], dict[str, Any]]:
    optimiser = network.backend.Optimiser(module, [(list(network.state()), _RATE)])

    def call(turn: int) -> dict[str, Any]:
        terms = terms_of_batch()
        optimiser.step(terms["total"])  # before the losses are read; see the Jittor optimiser
        return terms

    return call


def _batch() -> Batch:
    windows = [MovingTexture((_PATCH, _PATCH), seed).stack(0) for seed in range(_BATCH)]
    return Batch(np.stack([to_float(window) for window in windows]))
