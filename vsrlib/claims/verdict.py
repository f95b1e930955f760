"""A verdict: what it holds, how the rules read intervals, and how it is said."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vsrlib.claims import results
from vsrlib.claims.results import is_skipped
from vsrlib.claims.ten_claims import ENOUGH, GAIN, NEGLIGIBLE, UNDECIDED, VERDICTS
from vsrlib.common.numbers import interval, markdown, units

SPEED = "times PyTorch's speed"
"""The unit of Jittor's speed wherever it is judged: PyTorch's time over Jittor's."""


@dataclass(frozen=True)
class Finding:
    """A verdict with what it rests on.

    `interval` is [low, high] in the unit of `figure`; `n` and `over`: of how many scenes, networks or processes the
    figure is the mean or median, None for what was counted once.
    """

    verdict: str
    reason: str
    figure: float | None = None
    unit: str | None = None
    interval: list[float] | None = None
    n: int | None = None
    over: str | None = None

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"{self.verdict!r} is no verdict")


def finding(verdict: str, reason: str, found: dict[str, Any], unit: str) -> Finding:
    """A finding whose figure is {"value", "low", "high", "n", "unit"}."""
    ends = None if found["low"] is None else [found["low"], found["high"]]
    return Finding(verdict, reason, found["value"], unit, ends, found["n"], found["unit"])


def undecided(reason: str, found: dict[str, Any], unit: str) -> Finding:
    """A finding that the interval leaves open, or that has none because there are too few units for one."""
    few = f" ({units(found)}: too few for an interval)" if found["low"] is None else ""
    return finding(UNDECIDED, f"{reason}{few}", found, unit)


# How the rules read intervals: {"value", "low", "high", "n", "unit"}


def bounds(found: dict[str, Any]) -> tuple[float, float]:
    """The ends of an interval; a figure of fewer than six units has none, and tells nothing apart."""
    return (-float("inf"), float("inf")) if found["low"] is None else (found["low"], found["high"])


def reaches(found: dict[str, Any], claimed: float) -> bool:
    """Whether the interval reaches the claimed figure and excludes anything below half of it."""
    low, high = bounds(found)
    return low > ENOUGH * claimed and high >= claimed


def within(found: dict[str, Any], limit: float) -> bool:
    """Whether the interval lies wholly within the limit, on either side of zero."""
    low, high = bounds(found)
    return -limit < low and high < limit


def negligible(found: dict[str, Any], metric: str = "psnr") -> bool:
    """Whether the interval lies wholly within a tenth of the gain that C1 claims, on either side of zero."""
    return within(found, NEGLIGIBLE * GAIN[metric])


def scaled(found: dict[str, Any], change: Callable[[float], float]) -> dict[str, Any]:
    """The same in another unit; `change` is increasing."""
    ends = {key: None if found[key] is None else change(found[key]) for key in ("value", "low", "high")}
    return {**found, **ends}


# Figures and verdicts as a reader wants them


def numbers(found: dict[str, Any], unit: str = "") -> str:
    """value [low, high]: differences in dB and SSIM to a ten-thousandth, all else to three significant digits."""
    if unit in ("dB", "SSIM"):
        largest = max(abs(found[key]) for key in ("value", "low", "high") if found[key] is not None)
        return "less than 0.0001" if largest < 1e-4 else interval(found, 4, signed=True)
    # an integer is a count
    return str(found["value"]) if isinstance(found["value"], int) else interval(found)


def said(found: dict[str, Any], unit: str) -> str:
    """The figure with its interval, unit and number of units: "+0.0210 [-0.0570, +0.0990] dB, 8 scenes"."""
    return f"{numbers(found, unit)} {unit}, {units(found)}"


def figure(one: dict[str, Any]) -> str:
    """The figure of a claim with its interval, its unit and of how many it is; a dash where there is none."""
    if one["figure"] is None:
        return "-"
    low, high = one["interval"] or (None, None)
    found = {"value": one["figure"], "low": low, "high": high, "n": one["n"], "unit": one["over"]}
    return f"{numbers(found, one['unit'])} {one['unit']}" if one["n"] is None else said(found, one["unit"])


def table(result: dict[str, Any]) -> str:
    """The claims and their verdicts as a Markdown table, and which framework to choose by use."""
    rows = [
        [
            one["id"],
            f"{one['claim']} *{one['question']}*",
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


def profile_of(comparison: dict[str, Any]) -> str:
    """Which network on which clips and devices, and how far above bicubic it is on the filmed scenes."""
    runs = [run for blur in comparison["blurs"].values() for run in blur["runs"].values() if not is_skipped(run)]
    if not runs:
        return "no run at all"
    sets, presets = (", ".join(sorted({run[key] for run in runs})) for key in ("set", "preset"))
    devices = " and ".join(sorted({results.device_words(run) for run in runs}))
    filmed = [blur["quality"]["filmed"] for blur in comparison["blurs"].values()]
    gains = [gain["psnr"] for one in filmed if not is_skipped(one) for gain in one["gain_over_bicubic"].values()]
    known = sorted((one for one in gains if one["value"] is not None), key=lambda one: one["value"])
    against = (
        f"; its PSNR minus bicubic's: {known[0]['value']:+.2f} to {known[-1]['value']:+.2f} dB, {units(known[0])}"
        if known
        else ""
    )
    return f"the {presets} network on {sets} ({devices}){against}"
