"""One process's part of the experiment "backends": a frame of the engine that restores, in what runs the network."""

from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.bench.inputs import MovingTexture
from vsrlib.bench.options import Options
from vsrlib.bench.protocol import compare
from vsrlib.networks.network import Network
from vsrlib.restoration.restorers import engine_of

ENGINE = "streaming"
_SHOWN = 3  # frames whose values are kept


def measure(options: Options, network: Network, frames: str | None) -> dict[str, Any]:
    """{"seconds" (the median round), "warm_up_seconds", "repeats", "convolution"} of upload, restoration and download.

    frames: an .npy file for the first restored frames, (n, 3, H, W) float32; None for none.
    """
    clip, convolution = MovingTexture(options.size), network.convolution()
    engine = engine_of(network, ENGINE, convolution)
    engine.reset()

    def restore(turn: int) -> np.ndarray:
        engine.upload(*clip.window(turn))
        return network.download(engine.run())

    if frames is not None:
        np.save(Path(frames), np.concatenate([restore(turn) for turn in range(_SHOWN)]))
        engine.reset()
    found = compare({ENGINE: restore}, network.synchronise, lambda outcome: None, **options.budget())
    taken = found["variants"][ENGINE]
    return {
        "seconds": taken["median"],
        "warm_up_seconds": taken["warm_up_seconds"],
        "repeats": found["repeats"],
        "convolution": convolution,
    }
