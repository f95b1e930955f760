"""The obvious formulations that ours are measured against, on arrays."""

import cv2
import numpy as np
from scipy import ndimage

_WINDOW, _SIGMA = 11, 1.5  # of SSIM, with its constants (Wang et al., 2004)
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_BORDER = 4


def blur_down(frame: np.ndarray, kernel: np.ndarray, scale: int = 4) -> np.ndarray:
    """As `vsrlib.data.degrade.blur_down`, by way of every pixel."""
    blurred = ndimage.correlate(frame.astype(np.float64), kernel[:, :, None], mode="nearest")
    return np.rint(np.clip(blurred[::scale, ::scale], 0, 255)).astype(np.uint8)


def ssim_three_times(a: np.ndarray, b: np.ndarray) -> float:
    """SSIM of two (H, W, 3) uint8 images as the earlier report has it: once a channel, each time over all three."""
    return float(np.mean([ssim(a, b) for _ in range(3)]))


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """SSIM of two (H, W, 3) uint8 images, as `metrics.ssim`: the whole picture at once, with a square window."""
    inside = slice(_BORDER, -_BORDER)
    a, b = a[inside, inside].astype(np.float64), b[inside, inside].astype(np.float64)
    column = cv2.getGaussianKernel(_WINDOW, _SIGMA)
    window = np.outer(column, column)

    def local_mean(image: np.ndarray) -> np.ndarray:
        valid = slice(_WINDOW // 2, -(_WINDOW // 2))
        return cv2.filter2D(image, -1, window)[valid, valid]

    mean_a, mean_b = local_mean(a), local_mean(b)
    variance_a, variance_b = local_mean(a * a) - mean_a**2, local_mean(b * b) - mean_b**2
    covariance = local_mean(a * b) - mean_a * mean_b
    similarity = (
        (2 * mean_a * mean_b + _C1)
        * (2 * covariance + _C2)
        / ((mean_a**2 + mean_b**2 + _C1) * (variance_a + variance_b + _C2))
    )
    return float(np.mean(similarity))
