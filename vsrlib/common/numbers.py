"""Numbers with percentile bootstrap intervals, and how texts and Markdown tables show them."""

import math
import re
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

DRAWS = 2000
LEVEL = 0.95
_SEED = 0  # of what was timed in rounds


def mean_interval(values: ArrayLike, rng: np.random.Generator, draws: int = DRAWS) -> dict:
    """Mean of `values` (n,) with a percentile bootstrap interval over the n values.

    Returns {"value", "low", "high", "n"}; with n < 2 nothing can be resampled and low and high are None, with n = 0
    so is value. The interval treats the values as independent; neighbouring frames of a clip are alike, so it is
    narrower than one for new clips would be.
    """
    return _interval(np.mean, values, rng, draws)


def median_interval(values: np.ndarray, rng: np.random.Generator, draws: int = DRAWS) -> dict:
    """Median of `values` (n,) with a percentile bootstrap interval; otherwise as mean_interval."""
    return _interval(np.median, values, rng, draws)


def median_ratio_interval(above: np.ndarray, below: np.ndarray, rng: np.random.Generator, draws: int = DRAWS) -> dict:
    """Ratio of the medians of two independent samples, above / below, with a percentile bootstrap interval.

    Each sample is resampled by itself. Returns {"value", "low", "high", "n": [len(above), len(below)]};
    low and high are None when either sample has fewer than two values. A zero median below gives value None.
    """
    above, below = np.asarray(above, np.float64), np.asarray(below, np.float64)
    found: dict[str, Any] = {"value": None, "low": None, "high": None, "n": [len(above), len(below)]}
    if np.median(below) == 0:
        return found
    found["value"] = float(np.median(above) / np.median(below))
    if min(found["n"]) < 2:
        return found
    above_medians, below_medians = (_resampled(np.median, values, rng, draws) for values in (above, below))
    return found if (below_medians == 0).any() else found | _bounds(above_medians / below_medians)


def seconds_interval(seconds: Sequence[float]) -> dict[str, Any]:
    """The median of seconds, one for each round, with its interval."""
    return median_interval(np.asarray(seconds), np.random.default_rng(_SEED))


def paired_ratio(above: Sequence[float], below: Sequence[float]) -> dict[str, Any]:
    """The median over rounds of above / below, with its interval: a machine that slows down in a round slows both."""
    return median_interval(np.divide(above, below), np.random.default_rng(_SEED))


# In texts and tables


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; pipes and line breaks in cells are made harmless. Names from users: see `plain`."""
    lines = [header, ["---"] * len(header), *rows]
    cells = ([cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def plain(name: str) -> str:
    """A name as Markdown that shows it and does nothing else: no HTML, no link, no picture."""
    return escape(re.sub(r"([\\`*\[\]$])", r"\\\1", name), quote=False)


def number(value: float | None, digits: int) -> str:
    """A number with fixed digits, or "-" where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def significant(value: float, digits: int = 3) -> str:
    """A number rounded to so many significant digits, never with an exponent; zero has no sign."""
    if value == 0 or not math.isfinite(value):
        return f"{value:z.0f}"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    return f"{round(value, places):z.{max(0, min(places, 6))}f}"


def interval(found: dict, digits: int | None = None, signed: bool = False) -> str:
    """value [low, high], with fixed digits or else three significant ones; "-" where there is no value.

    There are no brackets where nothing could be resampled.
    """
    if found["value"] is None:
        return "-"
    # z: a difference that rounds to zero has no sign.
    form = f"{'+' if signed else ''}z.{digits}f"
    value, *ends = (
        significant(found[key]) if digits is None else f"{found[key]:{form}}"
        for key in ("value", "low", "high")
        if found[key] is not None
    )
    return f"{value} [{', '.join(ends)}]" if ends else value


# How intervals are drawn


def _interval(statistic: Callable, values: ArrayLike, rng: np.random.Generator, draws: int) -> dict:
    values = np.asarray(values, np.float64)
    found = {"value": float(statistic(values)) if len(values) else None, "low": None, "high": None, "n": len(values)}
    return found if len(values) < 2 else found | _bounds(_resampled(statistic, values, rng, draws))


def _resampled(statistic: Callable, values: np.ndarray, rng: np.random.Generator, draws: int) -> np.ndarray:
    """The statistic of each draw, (draws,)."""
    return statistic(values[rng.integers(len(values), size=(draws, len(values)))], axis=1)


def _bounds(statistics: np.ndarray) -> dict:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(statistics, [tail, 1 - tail])
    return {"low": float(low), "high": float(high)}
