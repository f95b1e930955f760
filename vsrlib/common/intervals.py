"""Percentile bootstrap intervals."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

DRAWS = 2000
LEVEL = 0.95


def mean_interval(values: ArrayLike, rng: np.random.Generator, draws: int = DRAWS) -> dict:
    """Mean of `values` (n,) with a percentile bootstrap interval over the n values.

    Returns {"value", "low", "high", "n"}; with n < 2 nothing can be resampled and low and high are None, with n = 0
    so is value. The interval treats the values as independent; neighbouring frames of a clip are alike, so it is
    narrower than one for new clips would be.
    """
    return _interval(np.mean, np.asarray(values), rng, draws)


def median_interval(values: np.ndarray, rng: np.random.Generator, draws: int = DRAWS) -> dict:
    """Median of `values` (n,) with a percentile bootstrap interval; otherwise as mean_interval."""
    return _interval(np.median, values, rng, draws)


def median_ratio_interval(above: np.ndarray, below: np.ndarray, rng: np.random.Generator, draws: int = DRAWS) -> dict:
    """Ratio of the medians of two independent samples, above / below, with a percentile bootstrap interval.

    Each sample is resampled by itself. Returns {"value", "low", "high", "n": [len(above), len(below)]};
    low and high are None when either sample has fewer than two values. A zero median below gives value None.
    """
    above, below = np.asarray(above, np.float64), np.asarray(below, np.float64)
    n = [len(above), len(below)]
    if np.median(below) == 0:
        return {"value": None, "low": None, "high": None, "n": n}
    value = float(np.median(above) / np.median(below))
    if min(n) < 2:
        return {"value": value, "low": None, "high": None, "n": n}
    above_medians = np.median(above[rng.integers(len(above), size=(draws, len(above)))], axis=1)
    below_medians = np.median(below[rng.integers(len(below), size=(draws, len(below)))], axis=1)
    if (below_medians == 0).any():
        return {"value": value, "low": None, "high": None, "n": n}
    return {"value": value, **_bounds(above_medians / below_medians), "n": n}


def _interval(statistic: Callable, values: np.ndarray, rng: np.random.Generator, draws: int) -> dict:
    values = np.asarray(values, np.float64)
    found = {"value": float(statistic(values)) if len(values) else None, "low": None, "high": None, "n": len(values)}
    if len(values) < 2:
        return found
    return found | _bounds(statistic(values[rng.integers(len(values), size=(draws, len(values)))], axis=1))


def _bounds(statistics: np.ndarray) -> dict:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(statistics, [tail, 1 - tail])
    return {"low": float(low), "high": float(high)}


# Medians with bootstrap intervals of what was timed in rounds. The one place of the costs that resamples.

_SEED = 0


def seconds_interval(seconds: Sequence[float]) -> dict[str, Any]:
    """The median of seconds, one for each round."""
    return median_interval(np.asarray(seconds), np.random.default_rng(_SEED))


def paired_ratio(above: Sequence[float], below: Sequence[float]) -> dict[str, Any]:
    """The median over rounds of above / below: a machine that slows down in a round slows both."""
    return median_interval(np.divide(above, below), np.random.default_rng(_SEED))
