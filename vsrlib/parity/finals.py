"""What a user gets from the two frameworks, unobserved: the restored frame, the kernel, and the training gradients."""

from typing import Any

import numpy as np

from vsrlib.parity.measures import distance, measure
from vsrlib.parity.rule import K_GRADIENT

WITHIN = 1e-4
"""A gradient further from float64 than that, relative to its own norm, has to be explained."""

TYPICAL_PSNR = 40.0
"""dB; restored frames of this task lie at 24 to 40 dB."""

Values = dict[str, np.ndarray]


def compare(judge: Values, first: Values, second: Values, at_judges_point: dict[str, dict]) -> dict[str, Any]:
    """Outputs of the job "outputs" of the judge and both sides.

    at_judges_point: what `compare_gradients` found. {"recons", "kernel"} with each side's four figures, and the
    "difference" of the sides relative to the judge, for recons "levels" (of 8 bits); "losses", relative differences;
    "gradients": of how many parameters, how many are within WITHIN of float64 on both sides, and which are "beyond".
    """
    found: dict[str, Any] = {}
    for name in ("recons", "kernel"):
        found[name] = {
            "first": measure(first[name], judge[name]),
            "second": measure(second[name], judge[name]),
            "difference": distance(first[name], second[name], judge[name]),
        }
    found["recons"]["levels"] = _levels(first["recons"], second["recons"])
    losses = [name for name in judge if name.startswith("loss ")]
    found["losses"] = {
        name.removeprefix("loss "): distance(*(np.ravel(side[name]) for side in (first, second, judge)))
        for name in losses
    }
    return found | {"gradients": _gradients(judge, first, second, at_judges_point)}


def _levels(first: np.ndarray, second: np.ndarray) -> dict[str, Any]:
    """The restored frames in 8 bits: largest difference, and share of values that differ; PSNR of one to the other.

    "psnr_difference_at_most": by how many dB the two can differ in PSNR, whatever the truth is, as long as the worse
    one has TYPICAL_PSNR or less; None where that is no bound. The norms of two errors differ by no more than the norm
    of the difference.
    """
    pictures = [np.rint(np.clip(value, 0, 1) * 255) for value in (first, second)]
    apart = np.abs(pictures[0] - pictures[1])
    error = float(np.mean((np.clip(first, 0, 1).astype(np.float64) - np.clip(second, 0, 1)) ** 2))
    share = np.sqrt(error) * 10 ** (TYPICAL_PSNR / 20)  # of the worse one's error, which is no smaller than that
    return {
        "largest": int(apart.max()),
        "share": float((apart > 0).mean()),
        "psnr": None if error == 0 else float(-10 * np.log10(error)),
        "psnr_difference_at_most": None if share >= 1 else float(-20 * np.log10(1 - share)),
    }


def _gradients(judge: Values, first: Values, second: Values, at_judges_point: dict[str, dict]) -> dict[str, Any]:
    """A gradient beyond WITHIN is explained when it agrees at the judge's point: then a ReLU, a mask or a sampling cell
    on the edge was rounded to the other side somewhere before it, and no layer computes a wrong gradient."""
    names = [name for name in judge if name.startswith("gradient ")]
    beyond = []
    for name in names:
        own = [distance(side[name], judge[name], judge[name]) for side in (first, second)]
        if max(own) > WITHIN:
            parameter = name.removeprefix("gradient ")
            ratio = max(found["ratio"] for key, found in at_judges_point.items() if key.endswith(f"| {parameter}"))
            beyond.append(
                {
                    "parameter": parameter,
                    "first": own[0],
                    "second": own[1],
                    "ratio_at_judges_point": ratio,
                    "explained": ratio <= K_GRADIENT,
                }
            )
    return {"bound": WITHIN, "count": len(names), "within": len(names) - len(beyond), "beyond": beyond}
