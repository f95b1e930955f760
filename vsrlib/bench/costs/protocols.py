"""One run timed three ways: as the earlier report did, with waiting after each part, and from end to end."""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.bench.costs.image_output import finish_as_reported
from vsrlib.bench.options import MovingTexture, Options
from vsrlib.bench.protocol import FEWEST, WARM_UPS, order
from vsrlib.common.intervals import paired_ratio, seconds_interval
from vsrlib.data.frames import to_float, to_uint8
from vsrlib.networks import load_network
from vsrlib.networks.network import Network
from vsrlib.restoration.timing import PARTS, time_frame

AS_REPORTED, SYNCHRONISED, END_TO_END = "as_reported", "synchronised", "end_to_end"
CLIP = 3
"""Frames between the two clock readings of a run from end to end."""

Rounds = dict[str, list[dict[str, float]]]


def measure(framework: str, options: Options) -> dict[str, Any]:
    """Time the published algorithm; what follows the network is what the earlier report did there.

    Returns what `summary` does, and "conditions".
    """
    network = load_network(framework, options.weights, options.preset, options.device)
    conditions = {
        "device": network.backend.device_name(network.device),
        "threads": network.backend.threads(),
        "correlation": network.correlation,
        "size": list(options.size),
        "preset": options.preset,
    }
    return summary(rounds(network, options)) | {"conditions": conditions}


def rounds(network: Network, options: Options) -> Rounds:
    """Seconds per frame by part, in turns; every way does the same work for each frame."""
    clip, truth = MovingTexture(options.size), MovingTexture(options.high).frame(0)
    windows = [clip.stack(turn) for turn in range(CLIP)]
    found: Rounds = {AS_REPORTED: [], SYNCHRONISED: [], END_TO_END: []}
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "frame.png"
        begin = time.perf_counter()
        for number in range(-WARM_UPS, options.repeats):
            if number == 0:
                begin = time.perf_counter()
            elif number >= FEWEST and time.perf_counter() - begin > options.seconds:
                break
            for way in order(list(found), max(number, 0)):
                seconds = (
                    _clip(network, windows, truth, target)
                    if way == END_TO_END
                    else time_frame(network, windows[0], truth, target, way == SYNCHRONISED, finish_as_reported)
                )
                if number >= 0:
                    found[way].append(seconds)
    return found


def _clip(network: Network, windows: list[np.ndarray], truth: np.ndarray, target: Path) -> dict[str, float]:
    network.synchronise()
    begin = time.perf_counter()
    for window in windows:
        restored = network.download(network.run(network.upload(to_float(window)))["recons"])[0]
        finish_as_reported(to_uint8(restored), truth, target)
    network.synchronise()
    return {"total": (time.perf_counter() - begin) / len(windows)}


def summary(found: Rounds) -> dict[str, Any]:
    """Medians per frame with intervals.

    {way: {"total" and, where it has parts, "pre", "forward", "post", "download" (part of "post"), "share_of_post" (of
    the total)}, "waiting_billed_to_post": share of "post" in the download call when nobody waits before it, "rounds"}.
    """
    result: dict[str, Any] = {}
    for way in (AS_REPORTED, SYNCHRONISED):
        totals = [sum(one[part] for part in PARTS) for one in found[way]]
        result[way] = {part: seconds_interval([one[part] for one in found[way]]) for part in (*PARTS, "download")} | {
            "total": seconds_interval(totals),
            "share_of_post": paired_ratio([one["post"] for one in found[way]], totals),
        }
    unsynchronised = found[AS_REPORTED]
    return result | {
        END_TO_END: {"total": seconds_interval([one["total"] for one in found[END_TO_END]]), "frames": CLIP},
        "waiting_billed_to_post": paired_ratio(
            [one["download"] for one in unsynchronised], [one["post"] for one in unsynchronised]
        ),
        "rounds": len(unsynchronised),
    }
