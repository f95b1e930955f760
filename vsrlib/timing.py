"""One frame timed two ways: with synchronisation, and as the earlier report timed it, without.

The earlier report stopped its forward timer when the Python call returned. Jittor is lazy and CUDA is asynchronous, so
the work then ran inside what was called post-processing. Both protocols do the same work here, in turns, so that the
difference between them is the protocol's.
"""

import tempfile
import time
from pathlib import Path

import numpy as np

from vsrlib import metrics
from vsrlib.frames import to_float, write_frame
from vsrlib.networks.interface import Network

PARTS = ("pre", "forward", "post")
Times = dict[str, list[float]]


def time_both_ways(network: Network, window: np.ndarray, truth: np.ndarray | None, repeats: int) -> dict:
    """Seconds of pre-processing, forward and post-processing of one window, `repeats` times by either protocol.

    window (5, h, w, 3) uint8; truth (4h, 4w, 3) uint8 or None. Returns {"synchronised": {part: [seconds]},
    "as_reported": {part: [seconds]}, "repeats": repeats}. The caller has warmed the network up at this size.
    """
    synchronised: Times = {part: [] for part in PARTS}
    as_reported: Times = {part: [] for part in PARTS}
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "frame.png"
        for _ in range(repeats):
            _time(network, window, truth, image, True, synchronised)
            _time(network, window, truth, image, False, as_reported)
    return {"synchronised": synchronised, "as_reported": as_reported, "repeats": repeats}


def _time(network: Network, window: np.ndarray, truth: np.ndarray | None, target: Path, wait: bool, times: Times) -> None:
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
    image = metrics.to_uint8(network.download(outputs["recons"])[0])
    if truth is not None:
        metrics.psnr(image, truth)
        metrics.ssim(image, truth)
    write_frame(target, image)
    marks.append(time.perf_counter())
    network.synchronise()  # what was started and not read, outside every timer, as it was then
    for part, begin, end in zip(PARTS, marks, marks[1:]):
        times[part].append(end - begin)
