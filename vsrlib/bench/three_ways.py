"""One run timed three ways: as the earlier report did, synchronised after each part, and from end to end.

And the first timed frame of a process after a warm-up that reads its results, and after one that only builds the graph.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.bench.inputs import MovingTexture
from vsrlib.bench.options import Options
from vsrlib.bench.output import finish_as_reported
from vsrlib.bench.protocol import WARM_UPS, order, turns
from vsrlib.common.numbers import paired_spread, spread
from vsrlib.data.frames import to_float, to_uint8
from vsrlib.networks.network import Network
from vsrlib.restoration.timing import PARTS, time_frame

AS_REPORTED, SYNCHRONISED, END_TO_END = "as_reported", "synchronised", "end_to_end"
CLIP = 3
"""Frames between the two clock readings of a run from end to end."""

Rounds = dict[str, list[dict[str, float]]]


def measure(options: Options, network: Network) -> dict[str, Any]:
    """Time the published algorithm; what follows the network is what the earlier report did there. See `summary`."""
    return summary(rounds(network, options))


def rounds(network: Network, options: Options) -> Rounds:
    """Seconds per frame by part, in turns; every way does the same work for each frame."""
    clip, truth = MovingTexture(options.size), MovingTexture(options.high).frame(0)
    windows = [clip.stack(turn) for turn in range(CLIP)]
    found: Rounds = {AS_REPORTED: [], SYNCHRONISED: [], END_TO_END: []}
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "frame.png"
        for turn in turns(options.repeats, options.seconds):
            for way in order(list(found), turn):
                seconds = (
                    _clip(network, windows, truth, target)
                    if way == END_TO_END
                    else time_frame(network, windows[0], truth, target, way == SYNCHRONISED, finish_as_reported)
                )
                if turn >= WARM_UPS:
                    found[way].append(seconds)
    return found


def summary(found: Rounds) -> dict[str, Any]:
    """Medians per frame with the spread of the rounds, which one process took.

    {way: {"total" and, where it has parts, "pre", "forward", "post", "download" (part of "post"), "share_of_post" (of
    the total)}, "waiting_billed_to_post": share of the downloading call in "post" without synchronisation, "rounds"}.
    """
    result: dict[str, Any] = {}
    for way in (AS_REPORTED, SYNCHRONISED):
        totals = [sum(one[part] for part in PARTS) for one in found[way]]
        result[way] = {part: spread([one[part] for one in found[way]]) for part in (*PARTS, "download")} | {
            "total": spread(totals),
            "share_of_post": paired_spread([one["post"] for one in found[way]], totals),
        }
    unsynchronised = found[AS_REPORTED]
    return result | {
        END_TO_END: {"total": spread([one["total"] for one in found[END_TO_END]]), "frames": CLIP},
        "waiting_billed_to_post": paired_spread(
            [one["download"] for one in unsynchronised], [one["post"] for one in unsynchronised]
        ),
        "rounds": len(unsynchronised),
    }


def first_frame(options: Options, network: Network, read: bool) -> dict[str, float]:
    """Warm up on one window and time the next: {"seconds" until its picture is downloaded, without scores and PNG}.

    read: the warm-up reads its result.
    """
    clip = MovingTexture(options.size)
    windows = [clip.stack(turn) for turn in range(2)]
    recons = network.run(network.upload(to_float(windows[0])))["recons"]
    if read:
        network.download(recons)
    del recons  # a lazy framework drops what cannot be read any more
    with tempfile.TemporaryDirectory() as folder:
        seconds = time_frame(network, windows[1], None, Path(folder) / "frame.png", wait=True)
    return {"seconds": seconds["pre"] + seconds["forward"] + seconds["download"]}


def _clip(network: Network, windows: list[np.ndarray], truth: np.ndarray, target: Path) -> dict[str, float]:
    network.synchronise()
    begin = time.perf_counter()
    for window in windows:
        restored = network.download(network.run(network.upload(to_float(window)))["recons"])[0]
        finish_as_reported(to_uint8(restored), truth, target)
    network.synchronise()
    return {"total": (time.perf_counter() - begin) / len(windows)}
