"""What a process holds that trains, or that restores; each in a process of its own, on equal batches and sizes."""

from typing import Any

import numpy as np

from vsrlib.bench.options import MovingTexture, Options
from vsrlib.common import memory
from vsrlib.data.frames import to_float
from vsrlib.networks import load_network
from vsrlib.networks.distributed import Batch
from vsrlib.training.trainer import take_step

TRAINING, INFERENCE = "training", "inference"
BATCH = {TRAINING: 2, INFERENCE: 1}
_TURNS = 3  # the second one already finds what the first has left behind


def measure(framework: str, options: Options, work: str) -> dict[str, Any]:
    """Take optimiser steps of the published objective, or restore windows with the published algorithm.

    MiB: `loaded_mib`, resident with the network loaded; `peak_mib`, the most that the process held, nothing deducted;
    `own_mib`, what the framework's own counter shows at the end, None where it has none for this device, "device_type".
    `batch` windows at a time, of options.size LR pixels.
    """
    network = load_network(framework, options.weights, options.preset, options.device)
    backend = network.backend
    loaded = memory.resident_mib()
    clip = MovingTexture(options.size)
    windows = np.stack([to_float(clip.stack(turn)) for turn in range(BATCH[work])])
    if work == TRAINING:
        optimiser = backend.Optimiser(network.module, [(list(network.state()), 1e-4)])
    for _ in range(_TURNS):
        if work == TRAINING:
            take_step(network, optimiser, "self-supervised", Batch(windows))
        else:
            network.infer(windows[0])
    own = backend.own_memory(network.device)
    return {
        "batch": BATCH[work],
        "device_type": network.device,
        "loaded_mib": loaded,
        "peak_mib": memory.peak_mib(),
        "own_mib": None if own is None else own / 2**20,
    }
