"""Numbers with bootstrap intervals or with the spread of their repeats, and how texts and Markdown tables show them."""

import math
import re
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, stdtrit

DRAWS = 2000
LEVEL = 0.95
FEWEST = 6
"""Values that have an interval: one of three that is called 95 % would hold the truth three times in four."""
SPREAD = "repeats"
"""What `spread` in a result says that `low` and `high` are the ends of."""


def mean_interval(values: ArrayLike, rng: np.random.Generator, draws: int = DRAWS) -> dict:
    """Mean of `values` (n,) with an expanded percentile bootstrap interval over the n values (Hesterberg, 2015).

    Returns {"value", "low", "high", "n"}; with n < FEWEST low and high are None, with n = 0 so is value. The interval
    treats the values as independent; neighbouring frames of a clip are alike, so it is narrower than one for new clips
    would be.
    """
    return _interval(np.mean, values, rng, draws)


def median_interval(values: ArrayLike, rng: np.random.Generator, draws: int = DRAWS) -> dict:
    """Median of `values` (n,) with a bootstrap interval; otherwise as mean_interval."""
    return _interval(np.median, values, rng, draws)


def spread(values: ArrayLike) -> dict[str, Any]:
    """The median of times (n,) that one process took, with the smallest and the largest, which are no interval.

    What differs from one process to the next, such as the layout of its memory, all repeats within one share: they say
    nothing about another process. {"value", "low", "high", "n", "spread": SPREAD}; None instead of values without any.
    """
    values = np.asarray(values, np.float64)
    if len(values) == 0:
        return _spread(None, None, None, 0)
    return _spread(np.median(values), values.min(), values.max(), len(values))


def paired_spread(above: Sequence[float], below: Sequence[float]) -> dict[str, Any]:
    """`spread` of above / below, paired: a machine that slows down in a round slows both."""
    return spread(np.divide(above, below))


def ratio_spread(above: ArrayLike, below: ArrayLike) -> dict[str, Any]:
    """Ratio of the medians of times that two processes took, between the smallest and the largest ratio of repeats.

    As `spread`, "n": [len(above), len(below)]; a median of zero below gives None instead of values.
    """
    above, below = np.asarray(above, np.float64), np.asarray(below, np.float64)
    n = [len(above), len(below)]
    if min(n) == 0 or np.median(below) == 0:
        return _spread(None, None, None, n)
    ratio = np.median(above) / np.median(below)
    if below.min() == 0:
        return _spread(ratio, None, None, n)
    return _spread(ratio, above.min() / below.max(), above.max() / below.min(), n)


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

    A `spread` is value (low to high). There are no brackets where there are too few values for an interval.
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
    if found.get("spread") and ends:
        return f"{value} ({' to '.join(ends)})"
    return f"{value} [{', '.join(ends)}]" if ends else value


# How intervals are drawn


def _interval(statistic: Callable, values: ArrayLike, rng: np.random.Generator, draws: int) -> dict:
    values = np.asarray(values, np.float64)
    found = {"value": float(statistic(values)) if len(values) else None, "low": None, "high": None, "n": len(values)}
    return found if len(values) < FEWEST else found | _bounds(_resampled(statistic, values, rng, draws), len(values))


def _spread(value: float | None, low: float | None, high: float | None, n: int | list[int]) -> dict[str, Any]:
    found = {"value": value, "low": low, "high": high}
    return {name: None if one is None else float(one) for name, one in found.items()} | {"n": n, "spread": SPREAD}


def _resampled(statistic: Callable, values: np.ndarray, rng: np.random.Generator, draws: int) -> np.ndarray:
    """The statistic of each draw, (draws,)."""
    return statistic(values[rng.integers(len(values), size=(draws, len(values)))], axis=1)


def _bounds(statistics: np.ndarray, n: int) -> dict:
    # Expanded: a bootstrap of n values is narrower by sqrt((n - 1) / n), and has the normal's tails, not Student's t's.
    tail = ndtr(stdtrit(n - 1, (1 - LEVEL) / 2) * math.sqrt(n / (n - 1)))
    low, high = np.quantile(statistics, [tail, 1 - tail])
    return {"low": float(low), "high": float(high)}
