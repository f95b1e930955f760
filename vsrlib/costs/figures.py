"""Medians with bootstrap intervals of what was timed in rounds. The one place of the costs that resamples."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from vsrlib.intervals import median_interval

_SEED = 0


def seconds_interval(seconds: Sequence[float]) -> dict[str, Any]:
    """The median of seconds, one for each round."""
    return median_interval(np.asarray(seconds), np.random.default_rng(_SEED))


def paired_ratio(above: Sequence[float], below: Sequence[float]) -> dict[str, Any]:
    """The median over rounds of above / below: a machine that slows down in a round slows both."""
    return median_interval(np.divide(above, below), np.random.default_rng(_SEED))
