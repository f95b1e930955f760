"""The pass rule: when do two frameworks that compute the same thing differ by more than rounding?

Let d(A, B) be the L2 norm of the difference of the two frameworks, and d(A, J), d(B, J) their distances to the judge,
the same computation in float64; all relative to the judge's norm. The two agree where

    d(A, B) <= K * max(min(d(A, J), d(B, J)), FLOOR).

Why the *smaller* of the two distances: with the larger the rule could not fail. By the triangle inequality
d(A, B) <= d(A, J) + d(B, J) <= 2 max(...), so for any K of 2 and more every fault would pass, however large. A fault
in one framework makes that framework's distance large, and leaves the other's as what it is: the rounding of this
very layer on these very values. That is the yardstick.

FLOOR is for what one framework computes without any error (copies, or a sum whose terms happen to be exact): eight
float32 roundings. K bounds the ratio d(A, B) / max(min(...), FLOOR) of one step or operation, K_GRADIENT that of a
parameter's gradient, which went through hundreds of steps: there the rounding of one framework is amplified where the
other's happens not to be (a softmax takes the mean from gradients that are nearly all mean). The largest clean ratios
of one step are those of means: Jittor adds their terms one by one in float32, PyTorch pairwise. `vsrlib parity-check`
measures both ratios over every step and gradient of clean runs with random weights and inputs, and keeps their
distribution beside its verdict: the bounds are several times the largest ratio of clean runs, and a planted fault is
orders of magnitude above them.
"""

from dataclasses import dataclass

import numpy as np

from vsrlib.parity.measures import distance

K = 100.0
K_GRADIENT = 10_000.0
FLOOR = 8 * 2.0**-24


@dataclass(frozen=True)
class Ruling:
    """The rule applied to one array: distances relative to the judge's norm, and the ratio, which is bounded."""

    difference: float
    first: float
    second: float
    ratio: float


def ruling(first: np.ndarray, second: np.ndarray, judge: np.ndarray) -> Ruling:
    """Apply the rule to what two frameworks and the judge computed."""
    difference = distance(first, second, judge)
    own = distance(first, judge, judge), distance(second, judge, judge)
    return Ruling(difference, *own, difference / max(min(own), FLOOR))
