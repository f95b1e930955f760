"""Bicubic upsampling on the sampling grid of the degradation: the fair baseline."""

import numpy as np


def bicubic_on_grid(lr: np.ndarray, scale: int = 4) -> np.ndarray:
    """(h, w, 3) uint8 to (scale h, scale w, 3) uint8 by Keys' bicubic interpolation (a = -1/2), borders replicated.

    LR pixel i lies at HR pixel `scale` * i, because the degradation keeps every `scale`-th pixel from the first one on
    ([::scale, ::scale]). The usual half-pixel-centred resize would displace the result by (scale - 1) / 2 HR pixels
    (1.5 for x4) and so be an unfairly weak baseline. Clamped to [0, 255], rounded half to even.
    ValueError for another type, shape or scale.
    """
    if lr.dtype != np.uint8 or lr.ndim != 3 or lr.shape[2] != 3 or 0 in lr.shape:
        raise ValueError(f"a frame must be (h, w, 3) uint8, not {lr.shape} {lr.dtype}")
    if scale < 1:
        raise ValueError(f"scale must be at least 1, not {scale}")
    tall = _stretch_rows(lr.astype(np.float64), scale)
    wide = _stretch_rows(tall.swapaxes(0, 1), scale).swapaxes(0, 1)
    return np.rint(np.clip(wide, 0, 255)).astype(np.uint8)


def _stretch_rows(image: np.ndarray, scale: int) -> np.ndarray:
    # Row scale * i + p lies p / scale below LR row i: every phase p has its own four weights, on rows i-1 .. i+2.
    rows = len(image)
    padded = np.pad(image, ((1, 2), (0, 0), (0, 0)), mode="edge")
    result = np.empty((rows * scale, *image.shape[1:]))
    for phase in range(scale):
        weights = keys_weights(phase / scale)
        result[phase::scale] = sum(weight * padded[tap : tap + rows] for tap, weight in enumerate(weights))
    return result


def keys_weights(fraction: float) -> np.ndarray:
    """Weights (4,) of samples -1, 0, 1, 2 for the point `fraction`, in [0, 1), of the way from sample 0 to sample 1.

    R. Keys, "Cubic convolution interpolation for digital image processing", 1981, with a = -1/2.
    """
    t = fraction
    return np.array([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3]) / 2
