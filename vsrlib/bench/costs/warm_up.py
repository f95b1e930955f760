"""The first timed frame after a warm-up that reads its results, and after one that only builds the graph."""

import tempfile
from pathlib import Path

from vsrlib.bench.options import MovingTexture, Options
from vsrlib.data.frames import to_float
from vsrlib.networks import load_network
from vsrlib.networks.network import Network
from vsrlib.restoration.timing import time_frame


def measure(framework: str, options: Options, read: bool) -> dict[str, float]:
    """Seconds of the first timed frame of this process; read: the warm-up before it reads its result."""
    network = load_network(framework, options.weights, options.preset, options.device)
    return {"seconds": first_frame(network, options, read)}


def first_frame(network: Network, options: Options, read: bool) -> float:
    """Warm up on one window and time the next: seconds until its picture is downloaded, without scores and PNG."""
    clip = MovingTexture(options.size)
    windows = [clip.stack(turn) for turn in range(2)]
    recons = network.run(network.upload(to_float(windows[0])))["recons"]
    if read:
        network.download(recons)
    del recons  # a lazy framework forgets what nobody can read any more
    with tempfile.TemporaryDirectory() as folder:
        seconds = time_frame(network, windows[1], None, Path(folder) / "frame.png", wait=True)
    return seconds["pre"] + seconds["forward"] + seconds["download"]
