"""A verdict, and how the rules read intervals."""

from dataclasses import dataclass

from vsrlib.claims.texts import ENOUGH, VERDICTS


@dataclass(frozen=True)
class Finding:
    """A verdict with what it rests on; `interval` is [low, high] in the unit of `figure`."""

    verdict: str
    reason: str
    figure: float | None = None
    unit: str | None = None
    interval: list[float] | None = None

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"{self.verdict!r} is no verdict")


def bounds(found: dict) -> tuple[float, float]:
    """The interval's ends; a value that could not be resampled has none, so nothing is told apart by it."""
    return (-float("inf"), float("inf")) if found["low"] is None else (found["low"], found["high"])


def reaches(found: dict, claimed: float) -> bool:
    """Whether the interval reaches the claimed figure and excludes anything below half of it."""
    low, high = bounds(found)
    return low > ENOUGH * claimed and high >= claimed


def finding(verdict: str, reason: str, found: dict, unit: str) -> Finding:
    """A finding whose figure is {"value", "low", "high"}."""
    interval = None if found["low"] is None else [found["low"], found["high"]]
    return Finding(verdict, reason, found["value"], unit, interval)
