"""Does an LR frame show what its HR frame shows? By the stored kernel, or by the kernel that fits best."""

import math
from typing import NamedTuple

import numpy as np

from vsrlib.decimate import SCALE, blur_down_exact

ROUNDING = 0.51
"""Levels of 255 that rounding explains: a half, and a little for sums taken in another order or precision."""
AGREES = 1.5
"""Levels, root mean square, up to which a fitted kernel explains LR. Rounding alone leaves 0.29."""
UNEXPLAINED = 0.1
"""Share of LR's variance; frames of which a fitted kernel leaves more do not show the same."""

CENTRED = 1.0
"""HR pixels that a fitted kernel's centre may lie off; the published realistic kernels lie 0.3 off."""

_RADIUS = 10  # 21x21: bicubic decimation reaches 8 pixels, and its centre lies 1.5 pixels beside the LR pixel's
_PIXELS = 4000  # that a kernel is fitted to, and as many to judge it
_FEWEST = 600


def quarter_sizes(size: tuple[int, int]) -> list[tuple[int, int]]:
    """The LR sizes that belong to an HR size: of the frame cropped to a multiple of 4, and of the whole frame."""
    return [(size[0] // SCALE, size[1] // SCALE), (-(-size[0] // SCALE), -(-size[1] // SCALE))]


def rounding_error(hr: np.ndarray, lr: np.ndarray, kernel: np.ndarray) -> float:
    """Largest difference, in levels, between LR (h, w, 3) uint8 and HR blurred with `kernel` and decimated."""
    height, width = lr.shape[:2]
    cropped = hr[: SCALE * height, : SCALE * width]
    return float(np.abs(np.clip(blur_down_exact(cropped, kernel), 0, 255) - lr).max())


class Fit(NamedTuple):
    """What the 21x21 kernel that fits best cannot explain of LR: `levels` of 255 (root mean square) and `share` of the
    variance; and how many HR pixels its centre lies beside the middle or, as bicubic decimation has it, 1.5 off it.
    """

    levels: float
    share: float
    off_centre: float


def fit(hr: np.ndarray, lr: np.ndarray) -> Fit | None:
    """Fit a kernel by least squares over random LR pixels, and judge it on others.

    None for frames that are too small to tell. A shift of the whole picture by a few pixels moves the kernel's centre.
    """
    rng = np.random.default_rng(0)
    inside = -(-_RADIUS // SCALE)
    height, width = (side - 2 * inside for side in lr.shape[:2])
    if height * width < 2 * _FEWEST or height < 1:
        return None
    chosen = rng.permutation(height * width)[: 2 * _PIXELS]
    rows, columns = chosen // width + inside, chosen % width + inside
    span = np.arange(-_RADIUS, _RADIUS + 1)
    padded = np.pad(hr, ((0, SCALE), (0, SCALE), (0, 0)), mode="edge")  # HR may end with the last LR pixel
    patches = padded[(SCALE * rows)[:, None, None] + span[:, None], (SCALE * columns)[:, None, None] + span]
    inputs = patches.transpose(0, 3, 1, 2).reshape(len(chosen), 3, -1).astype(np.float64)
    values = lr[rows, columns].astype(np.float64)
    half = len(chosen) // 2
    known, judge = inputs[:half].reshape(3 * half, -1), inputs[half:]
    kernel = np.linalg.lstsq(known.T @ known, known.T @ values[:half].reshape(-1), rcond=1e-10)[0]
    error = float(np.mean((judge @ kernel - values[half:]) ** 2))
    return Fit(math.sqrt(error), error / max(float(values[half:].var()), 1e-9), _off_centre(kernel))


def _off_centre(kernel: np.ndarray) -> float:
    weights = np.maximum(kernel, 0).reshape(2 * _RADIUS + 1, -1)
    weights = np.where(weights > 0.1 * weights.max(), weights, 0)  # the rest is what the fit makes of noise
    span = np.arange(-_RADIUS, _RADIUS + 1)
    total = max(float(weights.sum()), 1e-9)
    centre = np.array([weights.sum(axis=1) @ span, weights.sum(axis=0) @ span]) / total
    return float(min(np.linalg.norm(centre - middle) for middle in (0, (SCALE - 1) / 2)))
