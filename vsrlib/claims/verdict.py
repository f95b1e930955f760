"""A verdict: what it holds, how the rules read intervals, and how it is said."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vsrlib.claims import results
from vsrlib.claims.quality import gains_of
from vsrlib.claims.results import is_skipped
from vsrlib.claims.ten_claims import ENOUGH, GAIN, NEGLIGIBLE, VERDICTS
from vsrlib.common.numbers import FEWEST, interval, markdown

SPEED = "times PyTorch's speed"
"""The unit of Jittor's speed wherever it is judged: PyTorch's time over Jittor's."""


@dataclass(frozen=True)
class Finding:
    """A verdict with what it rests on; `interval` is [low, high] in the unit of `figure`.

    `spread`: None for a bootstrap interval; what the interval is the spread of, where it is of times in one process.
    """

    verdict: str
    reason: str
    figure: float | None = None
    unit: str | None = None
    interval: list[float] | None = None
    spread: str | None = None

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"{self.verdict!r} is no verdict")


def finding(verdict: str, reason: str, found: dict, unit: str) -> Finding:
    """A finding whose figure is {"value", "low", "high"}, and of times {"spread"}."""
    ends = None if found["low"] is None else [found["low"], found["high"]]
    return Finding(verdict, reason, found["value"], unit, ends, found.get("spread"))


# How the rules read intervals: {"value", "low", "high"}


def bounds(found: dict) -> tuple[float, float]:
    """The ends that a rule may go by; a value that has none tells nothing apart.

    Nor does a spread of fewer than FEWEST repeats: of one alone both ends are the value itself, and of three the true
    median lies outside one time in four.
    """
    few = found.get("spread") and np.min(found["n"]) < FEWEST
    return (-float("inf"), float("inf")) if found["low"] is None or few else (found["low"], found["high"])


def reaches(found: dict, claimed: float) -> bool:
    """Whether the interval reaches the claimed figure and excludes anything below half of it."""
    low, high = bounds(found)
    return low > ENOUGH * claimed and high >= claimed


def negligible(found: dict, metric: str = "psnr") -> bool:
    """Whether the interval lies wholly within a tenth of the gain that C1 claims, on either side of zero."""
    (low, high), limit = bounds(found), NEGLIGIBLE * GAIN[metric]
    return -limit < low and high < limit


def scaled(found: dict, change: Callable[[float], float]) -> dict:
    """The same in another unit; `change` is increasing."""
    changed = {key: None if found[key] is None else change(found[key]) for key in ("value", "low", "high")}
    return changed | {"spread": found.get("spread"), "n": found.get("n")}


# Figures and verdicts as a reader wants them


def numbers(found: dict, unit: str = "") -> str:
    """value [low, high]: differences in dB and SSIM to a ten-thousandth, all else to three significant digits."""
    if unit in ("dB", "SSIM"):
        largest = max(abs(found[key]) for key in ("value", "low", "high") if found[key] is not None)
        return "less than 0.0001" if largest < 1e-4 else interval(found, 4, signed=True)
    # an integer is a count
    return str(found["value"]) if isinstance(found["value"], int) else interval(found)


def figure(one: dict) -> str:
    """The figure of a claim with its interval or spread and its unit; a dash where there is none."""
    if one["figure"] is None:
        return "-"
    low, high = one["interval"] or (None, None)
    found = {"value": one["figure"], "low": low, "high": high, "spread": one.get("spread")}
    return f"{numbers(found, one['unit'])} {one['unit']}"


def table(result: dict) -> str:
    """The claims and their verdicts as a Markdown table, and which framework to choose by use."""
    rows = [
        [
            one["id"],
            one["claim"],
            one["artefacts"],
            figure(one),
            f"**{one['verdict']}**: {one['reason']}",
            ", ".join(f"[{Path(path).name}]({path})" for path in one["evidence"]),
        ]
        for one in result["claims"]
    ]
    header = ["", "the earlier report's claim", "what its artefacts show", "this run", "verdict", "evidence"]
    profile = result["claims"][0]["profile"]
    uses = [[one["use"], one["choose"], one["because"]] for one in result["by_use"]]
    advice = f"\n\n{markdown(['use', 'choose', 'because'], uses)}" if uses else ""
    source = f" Results: {result['source']}." if "source" in result else ""
    return f"{markdown(header, rows)}\n\nMeasured with {profile}.{source}{advice}\n"


def profile_of(comparison: dict) -> str:
    """Which network on which clips and devices, and how far above bicubic it is."""
    runs = [run for blur in comparison["blurs"].values() for run in blur["runs"].values() if not is_skipped(run)]
    if not runs:
        return "no run at all"
    sets, presets = (", ".join(sorted({run[key] for run in runs})) for key in ("set", "preset"))
    devices = " and ".join(sorted({results.device_words(run) for run in runs}))
    gains = [gain for blur in comparison["blurs"].values() for gain in gains_of(blur["quality"]).values()]
    known = sorted(gain["psnr"]["value"] for gain in gains if gain["psnr"]["value"] is not None)
    against = f"; its PSNR minus bicubic's: {known[0]:+.2f} to {known[-1]:+.2f} dB" if known else ""
    return f"the {presets} network on {sets} ({devices}){against}"
