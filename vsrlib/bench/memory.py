"""What a process holds that restores or trains, in MiB, nothing deducted; and the size of the published model's file.

Each is measured in a process of its own: `of_engine` is the suite "memory" of `vsrlib bench`, the others are asked for
by `vsrlib costs`. `loaded_mib` is resident once the network is loaded, `peak_mib` the most that the process held.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.bench import engines
from vsrlib.bench.inputs import MovingTexture
from vsrlib.bench.options import Options
from vsrlib.common import memory
from vsrlib.data.frames import to_float
from vsrlib.networks import architecture
from vsrlib.networks.distributed import Batch
from vsrlib.networks.network import Network
from vsrlib.networks.weights import weights_file

TRAINING, INFERENCE = "training", "inference"
BATCH = {TRAINING: 2, INFERENCE: 1}
SAVED_AS = {"torch": ".pt", "jittor": ".pkl"}
"""What each framework saves its weights as."""
_TURNS = 3  # the second one already finds what the first has left behind


def of_engine(options: Options, network: Network, engine: str) -> dict[str, Any]:
    """Restore frames with one of `engines.names`; also "peak_device_mib", of the GPU, None without one.

    And "kept_mib", the size of the blocks that the C library keeps for that engine (`Engine.kept_mib`).
    """
    loaded = memory.resident_mib()
    made = engines.make(engine, network)
    for _ in engines.first_frames(made, network, MovingTexture(options.size), _TURNS):
        pass
    on_device = _mib(network.peak_device_memory())
    return _held(loaded) | {"kept_mib": made.kept_mib, "peak_device_mib": on_device}


def of_work(
    options: Options, network: Network, work: str, batch: int | None = None, turns: int = _TURNS
) -> dict[str, Any]:
    """Take optimiser steps of the published objective, or restore windows with the published algorithm.

    `turns` times, `batch` windows at a time (None: BATCH), of options.size LR pixels. Also "device_type" and "own_mib",
    what the framework's own counter shows at the end, None where it has none for this device.
    """
    from vsrlib.training.step import take_step  # no part of what an engine holds

    backend = network.backend
    loaded = memory.resident_mib()
    clip = MovingTexture(options.size)
    batch = BATCH[work] if batch is None else batch
    windows = np.stack([to_float(clip.stack(turn)) for turn in range(batch)])
    if work == TRAINING:
        optimiser = backend.Optimiser(network.module, [(list(network.state()), 1e-4)])
    for _ in range(turns):
        if work == TRAINING:
            take_step(network, optimiser, "self-supervised", Batch(windows))
        else:
            network.infer(windows[0])
    own = _mib(backend.own_memory(network.device))
    return {"batch": batch, "device_type": network.device, **_held(loaded), "own_mib": own}


def model_file(options: Options, network: None, format: str) -> dict[str, Any]:
    """Write the published network's file: {"preset", "parameters", "format", "bytes"}. Initial values are as large."""
    preset = "published"
    values = architecture.initial_values(architecture.preset(preset), seed=0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"weights{format}"
        weights_file.write(path, values)
        size = path.stat().st_size
    parameters = sum(value.size for value in values.values())
    return {"preset": preset, "parameters": parameters, "format": format, "bytes": size}


def _held(loaded: float) -> dict[str, float]:
    return {"loaded_mib": loaded, "peak_mib": memory.peak_mib()}


def _mib(size: int | None) -> float | None:
    return None if size is None else size / 2**20
