"""Numbers with bootstrap intervals or with the spread of their repeats, and how texts and Markdown tables show them.

What is drawn anew is a unit: a scene, a trained network, or a process. Every interval says which, and how many.
"""

import math
import re
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike

DRAWS = 2000
LEVEL = 0.95
FEWEST = 6
"""Units that have an interval: one of three that is called 95 % would hold the truth three times in four."""
SPREAD = "repeats"
"""What `spread` in a result says that `low` and `high` are the ends of."""
_EXACT = 16
"""Units of which every pattern of signs is tried; of more, _PATTERNS are drawn."""
_PATTERNS = 20_000


def mean_interval(
    values: ArrayLike, rng: np.random.Generator, unit: str, groups: Sequence[str] | None = None, draws: int = DRAWS
) -> dict:
    """Mean of `values` (n,) with an expanded percentile bootstrap interval over the units (Hesterberg, 2015).

    unit: what one value is of, in the singular, such as "scene". groups: the unit that each value belongs to where
    units have several; the mean is then that of the units' means, and units are drawn, then values within each. Returns
    {"value", "low", "high", "n" (units), "unit"}; with n < FEWEST low and high are None, with n = 0 so is value.
    """
    return _interval(np.mean, values, rng, unit, groups, draws)


def median_interval(
    values: ArrayLike, rng: np.random.Generator, unit: str, groups: Sequence[str] | None = None, draws: int = DRAWS
) -> dict:
    """Median of `values` (n,), with groups of the units' medians; otherwise as mean_interval."""
    return _interval(np.median, values, rng, unit, groups, draws)


def by_group(values: ArrayLike, groups: Sequence[str]) -> dict[str, float]:
    """Mean of the values of each group, in the order in which the groups come."""
    return {name: float(own.mean()) for name, own in _grouped(values, groups).items()}


def sign_flip(values: ArrayLike, rng: np.random.Generator) -> float:
    """Two-sided p of the mean of `values` (n,), one per unit: how often one as far from zero comes of signs by chance.

    Exact up to 16 units; of more, 20,000 patterns of signs are drawn, and the one that was found counts as one of them.
    Without values it is 1.
    """
    values = np.asarray(values, np.float64)
    n, exact = len(values), len(values) <= _EXACT
    flipped = (np.arange(2**n)[:, None] >> np.arange(n)) % 2 if exact else rng.integers(2, size=(_PATTERNS, n))
    # Sums of the same values that only rounding tells apart are the same sum.
    least = abs(values.sum()) - 1e-12 * abs(values).sum()
    as_far = np.count_nonzero(abs((1 - 2 * flipped) @ values) >= least)
    return as_far / 2**n if exact else (1 + as_far) / (1 + _PATTERNS)


def holm(p_values: Sequence[float]) -> list[float]:
    """p values corrected for their number by Holm's method (1979), in the order in which they are given."""
    found = np.asarray(p_values, np.float64)
    order = np.argsort(found, kind="stable")
    stepped = np.minimum(1, np.arange(len(found), 0, -1) * found[order])
    corrected = np.empty(len(found))
    corrected[order] = np.maximum.accumulate(stepped)
    return corrected.tolist()


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


def fixed(value: float, digits: int, signed: bool = False) -> str:
    """A number with fixed digits; one that they would make zero as a power of ten, such as 1e-5, and zero as 0."""
    sign = "+" if signed and value else ""
    if value and float(f"{value:.{digits}f}") == 0:
        return f"{value:{sign}.0e}".replace("e-0", "e-")
    return f"{value:{sign}.{digits}f}" if value else "0"


def percent(share: float, digits: int) -> str:
    """A share as per cent with fixed digits, 0.0012 as "0.12%"; one that they would make zero as by `fixed`."""
    return f"{fixed(100 * share, digits)}%"


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
    value, *ends = (
        significant(found[key]) if digits is None else fixed(found[key], digits, signed)
        for key in ("value", "low", "high")
        if found[key] is not None
    )
    if found.get("spread") and ends:
        return f"{value} ({' to '.join(ends)})"
    return f"{value} [{', '.join(ends)}]" if ends else value


def units(found: dict) -> str:
    """What an interval is over: "8 scenes", "1 process"."""
    return counted(found["n"], found["unit"])


def intervals_of(n: int, unit: str) -> str:
    """What a page says of its intervals, in a sentence: over what they are, or that of so few units there are none."""
    fewest = counted(FEWEST, unit)
    if n < FEWEST:
        return f"There is no interval of fewer than {fewest}."
    return f"Intervals: 95 %, over the {fewest.removeprefix(f'{FEWEST} ')}."


def counted(count: int, unit: str) -> str:
    """So many of it, in English: "1 scene", "6 processes"."""
    return f"{count} {unit}" + ("" if count == 1 else "es" if unit.endswith("s") else "s")


# How intervals are drawn


def _interval(
    statistic: Callable,
    values: ArrayLike,
    rng: np.random.Generator,
    unit: str,
    groups: Sequence[str] | None,
    draws: int,
) -> dict:
    values = np.asarray(values, np.float64)
    own = list(values[:, None]) if groups is None else list(_grouped(values, groups).values())
    value = float(statistic([statistic(one) for one in own])) if own else None
    found = {"value": value, "low": None, "high": None, "n": len(own), "unit": unit}
    return found if len(own) < FEWEST else found | _bounds(_resampled(statistic, own, rng, draws), len(own))


def _grouped(values: ArrayLike, groups: Sequence[str]) -> dict[str, np.ndarray]:
    """The values (n,) of each group."""
    values = np.asarray(values, np.float64)
    if len(values) != len(groups):
        raise ValueError(f"{len(values)} values have {len(groups)} groups")
    of = np.asarray(groups)
    return {name: values[of == name] for name in dict.fromkeys(groups)}


def _spread(value: float | None, low: float | None, high: float | None, n: int | list[int]) -> dict[str, Any]:
    found = {"value": value, "low": low, "high": high}
    return {name: None if one is None else float(one) for name, one in found.items()} | {"n": n, "spread": SPREAD}


def _resampled(statistic: Callable, own: list[np.ndarray], rng: np.random.Generator, draws: int) -> np.ndarray:
    """The statistic of each draw, (draws,): of units, and within each time that one is drawn, of its values."""
    chosen = rng.integers(len(own), size=(draws, len(own)))
    drawn = np.empty(chosen.shape)
    for index, values in enumerate(own):
        times = np.count_nonzero(chosen == index)
        drawn[chosen == index] = statistic(values[rng.integers(len(values), size=(times, len(values)))], axis=1)
    return statistic(drawn, axis=1)


def _bounds(statistics: np.ndarray, n: int) -> dict:
    # Expanded: a bootstrap of n values is narrower by sqrt((n - 1) / n), and has the normal's tails, not Student's t's.
    tail = scipy.special.ndtr(scipy.special.stdtrit(n - 1, (1 - LEVEL) / 2) * math.sqrt(n / (n - 1)))
    low, high = np.quantile(statistics, [tail, 1 - tail])
    return {"low": float(low), "high": float(high)}
