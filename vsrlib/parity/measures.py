"""How far an array is from the judge's: four figures, each of which sees what the others overlook."""

import math

import numpy as np

FAR = 1e30
"""Stands for a distance that cannot be said: a value that is not finite, or an array of another shape."""


def distance(value: np.ndarray, other: np.ndarray, judge: np.ndarray) -> float:
    """L2 norm of value - other over that of the judge.

    Where the judge is all zeros: 0 if both are equal, else 1. FAR for unlike shapes and values that are not finite.
    """
    if value.shape != other.shape or value.shape != judge.shape:
        return FAR
    difference = value.astype(np.float64) - other.astype(np.float64)
    size = float(np.linalg.norm(difference))
    if not math.isfinite(size):
        return FAR
    norm = float(np.linalg.norm(judge.astype(np.float64)))
    if norm == 0:
        return float(size > 0)
    return min(size / norm, FAR)


def measure(value: np.ndarray, judge: np.ndarray) -> dict[str, float]:
    """An array of float32 values against the judge's, float64 and of the same shape.

    "largest": largest absolute error; "relative_l2": see `distance`; "ulp": the 99.9th percentile of the errors in
    units of the last float32 place of the judge's value; "cosine": of the angle between the two (1 for two zeros).
    """
    relative = distance(value, judge, judge)
    if relative == FAR:
        return {"largest": FAR, "relative_l2": FAR, "ulp": FAR, "cosine": 0.0}
    value, judge = value.astype(np.float64).ravel(), judge.astype(np.float64).ravel()
    if not value.size:
        return {"largest": 0.0, "relative_l2": 0.0, "ulp": 0.0, "cosine": 1.0}
    error = np.abs(value - judge)
    place = np.spacing(np.abs(judge).astype(np.float32)).astype(np.float64)
    norms = float(np.linalg.norm(value) * np.linalg.norm(judge))
    cosine = float(value @ judge) / norms if norms else float(not error.any())
    return {
        "largest": float(error.max()),
        "relative_l2": relative,
        "ulp": min(float(np.quantile(error / place, 0.999)), FAR),
        "cosine": cosine,
    }
