"""One frame timed two ways: with synchronisation, and as the earlier report timed it, without.

The earlier report stopped its forward timer when the Python call returned. Jittor is lazy and CUDA is asynchronous, so
the work then ran inside what was called post-processing. Both protocols here compute, measure and write the same
picture, in turns, so that the difference between them is the protocol's. (The earlier report's also read the files in
"pre" and computed SSIM three times in "post"; that is not repeated in restorations: `vsrlib costs` measures what it
takes.) What a lazy framework is never asked for, here the kernel in the unsynchronised protocol, it computes after the
last mark.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.data.frames import to_float, to_uint8, write_frame
from vsrlib.networks.network import Network
from vsrlib.restoration import metrics
from vsrlib.restoration.engines import Engine, Frames

PARTS = ("pre", "forward", "post")
Finish = Callable[[np.ndarray, np.ndarray | None, Path], None]
"""What follows the network: from a picture (H, W, 3) uint8 and its truth to a file."""

_WARM_UP_TURNS = 2  # after the first, in which everything is compiled, the allocators settle


def warm_up(network: Network, engine: Engine, windows: Sequence[Sequence[int]], frames: Frames, kernels: bool) -> float:
    """Restore these windows for nothing, in the order of a restoration, and read the results; returns the seconds.

    kernels: ask for the blur kernels too.

    A lazy framework compiles what it meets for the first time, and what is computed together depends on when it is
    asked to wait: a warm-up in another order would leave some of it for the timers.
    """
    start = time.perf_counter()
    engine.reset()
    for window in windows:
        engine.upload(window, frames)
        network.synchronise()
        restored = engine.run()
        network.synchronise()
        network.download(restored)
        if kernels:
            network.download(engine.kernel())
    engine.reset()
    return time.perf_counter() - start


def time_both_ways(network: Network, window: np.ndarray, truth: np.ndarray | None, repeats: int) -> dict[str, Any]:
    """Seconds of pre-processing, forward and post-processing of one window, `repeats` times by either protocol.

    window (5, h, w, 3) uint8; truth (4h, 4w, 3) uint8 or None. Returns {"synchronised": {part: [seconds]},
    "as_reported": {part: [seconds]}, "repeats": repeats, "warm_up_seconds": seconds}. Untimed turns of both come first;
    each protocol goes first in every other turn.
    """
    with tempfile.TemporaryDirectory() as folder:
        image, turns = Path(folder) / "frame.png", []
        start = time.perf_counter()
        for turn in range(-_WARM_UP_TURNS, repeats):
            if turn == 0:
                warm_up_seconds = time.perf_counter() - start
            order = (True, False) if turn % 2 == 0 else (False, True)  # who comes second finds warmer caches
            turns.append({wait: time_frame(network, window, truth, image, wait) for wait in order})
    synchronised, as_reported = (
        {part: [turn[wait][part] for turn in turns[_WARM_UP_TURNS:]] for part in PARTS} for wait in (True, False)
    )
    return {
        "synchronised": synchronised,
        "as_reported": as_reported,
        "repeats": repeats,
        "warm_up_seconds": warm_up_seconds,
    }


def finish(image: np.ndarray, truth: np.ndarray | None, target: Path) -> None:
    """What follows the network: score a picture (H, W, 3) uint8 where there is a truth, and write it."""
    if truth is not None:
        metrics.psnr(image, truth)
        metrics.ssim(image, truth)
    write_frame(target, image)


def time_frame(
    network: Network,
    window: np.ndarray,
    truth: np.ndarray | None,
    target: Path,
    wait: bool,
    finish: Finish = finish,
) -> dict[str, float]:
    """Seconds of each of PARTS of one frame; wait: for the work of each part, before the next one begins.

    And of "download", the beginning of "post": the call that fetches the picture, and waits for what is not computed.
    """
    network.synchronise()  # nothing of an earlier frame is left to compute
    marks = [time.perf_counter()]
    uploaded = network.upload(to_float(window))
    if wait:
        network.synchronise()
    marks.append(time.perf_counter())
    outputs = network.run(uploaded)
    if wait:
        network.synchronise()
    marks.append(time.perf_counter())
    restored = network.download(outputs["recons"])[0]
    downloaded = time.perf_counter()
    finish(to_uint8(restored), truth, target)
    marks.append(time.perf_counter())
    network.synchronise()  # what was started and not read, outside every timer
    parts = {part: end - begin for part, begin, end in zip(PARTS, marks, marks[1:])}
    return parts | {"download": downloaded - marks[2]}
