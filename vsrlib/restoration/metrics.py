"""PSNR and SSIM as the method's authors evaluate inference: 8-bit RGB, a border cropped, float64; and on luma."""

import math

import cv2
import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.data.frames import require_rgb, shown_size, to_uint8

__all__ = ["luma", "psnr", "psnr_y", "ssim", "ssim_y", "to_uint8"]

_WINDOW = 11
_SIGMA = 1.5
_C1 = (0.01 * 255) ** 2
_C2 = (0.03 * 255) ** 2
_STRIP = 32  # rows of the map


def psnr(a: np.ndarray, b: np.ndarray, crop_border: int = 4) -> float:
    """Peak signal-to-noise ratio in dB of two (H, W, 3) uint8 RGB images; `inf` if they are equal.

    20 log10(255 / sqrt(MSE)), with one MSE over all three channels, after `crop_border` pixels are cut from each side.
    ValueError for another type or shape; UserError for images of different size or smaller than the border.

    >>> grey = np.full((32, 32, 3), 100, np.uint8)
    >>> round(psnr(grey, grey + 1), 2)
    48.13
    """
    a, b = _cropped(a, b, crop_border, smallest=1)
    error = cv2.norm(a, b, cv2.NORM_L2SQR) / a.size  # a sum of whole numbers, exact
    return math.inf if error == 0 else float(20 * math.log10(255 / math.sqrt(error)))


def ssim(a: np.ndarray, b: np.ndarray, crop_border: int = 4) -> float:
    """Structural similarity (Wang et al., 2004) of two (H, W, 3) uint8 RGB images; 1.0 if they are equal.

    Gaussian window 11x11 with sigma 1.5, K1 = 0.01, K2 = 0.03, L = 255, population covariances, only where the window
    lies inside the image, mean over that region and the channels, after `crop_border` pixels are cut from each side.
    ValueError for another type or shape; UserError for images of different size or too small for one window.

    >>> grey = np.full((32, 32, 3), 100, np.uint8)
    >>> ssim(grey, grey)
    1.0
    """
    a, b = _cropped(a, b, crop_border, smallest=_WINDOW)
    rows = a.shape[0] - _WINDOW + 1  # of the map: one for each place of the window
    total = 0.0
    for begin in range(0, rows, _STRIP):  # by strips, whose intermediate images stay in the cache
        read = slice(begin, min(begin + _STRIP, rows) + _WINDOW - 1)
        total += _ssim_sum(a[read].astype(np.float64), b[read].astype(np.float64))
    return total / (rows * (a.shape[1] - _WINDOW + 1) * a.shape[2])


def psnr_y(a: np.ndarray, b: np.ndarray, crop_border: int = 4) -> float:
    """As `psnr`, on luma alone (`luma`), as much of the literature reports Vid4."""
    a, b = _cropped(a, b, crop_border, smallest=1)
    error = float(np.mean((luma(a) - luma(b)) ** 2))
    return math.inf if error == 0 else 20 * math.log10(255 / math.sqrt(error))


def ssim_y(a: np.ndarray, b: np.ndarray, crop_border: int = 4) -> float:
    """As `ssim`, on luma alone, unrounded."""
    a, b = _cropped(a, b, crop_border, smallest=_WINDOW)
    rows, columns = (side - _WINDOW + 1 for side in a.shape[:2])
    return _ssim_sum(luma(a), luma(b)) / (rows * columns)


def luma(image: np.ndarray) -> np.ndarray:
    """Y of ITU-R BT.601 in its video range, as MATLAB's rgb2ycbcr: (H, W, 3) uint8 RGB to (H, W) float64, 16 to 235.

    >>> luma(np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8))
    array([[ 16., 235.]])
    """
    return 16 + image @ np.array([65.481, 128.553, 24.966]) / 255


def _ssim_sum(a: np.ndarray, b: np.ndarray) -> float:
    """Sum of the map over all places where the window lies inside, and over the channels."""
    mean_a, mean_b, squares, product = (_window_mean(x) for x in (a, b, a * a + b * b, a * b))
    means, mean_squares = mean_a * mean_b, mean_a * mean_a + mean_b * mean_b
    numerator = (2 * means + _C1) * (2 * (product - means) + _C2)
    return float(np.sum(numerator / ((mean_squares + _C1) * (squares - mean_squares + _C2))))


def _window_mean(image: np.ndarray) -> np.ndarray:
    window = cv2.getGaussianKernel(_WINDOW, _SIGMA, cv2.CV_64F)
    inside = slice(_WINDOW // 2, -(_WINDOW // 2))
    return cv2.sepFilter2D(image, cv2.CV_64F, window, window)[inside, inside]


def _cropped(a: np.ndarray, b: np.ndarray, crop_border: int, smallest: int) -> tuple[np.ndarray, np.ndarray]:
    for image in (a, b):
        require_rgb(image, "an image")
    if crop_border < 0:
        raise ValueError(f"crop_border must not be negative, but is {crop_border}")
    if a.shape != b.shape:
        raise UserError(
            f"images of {shown_size(a)} and {shown_size(b)} pixels cannot be compared: both must have the same size."
        )
    if min(a.shape[:2]) < smallest + 2 * crop_border:
        raise UserError(
            f"an image of {shown_size(a)} pixels is too small to be compared with a border of "
            f"{crop_border} cropped: at least {smallest + 2 * crop_border} pixels a side are needed."
        )
    inside = slice(crop_border, -crop_border or None)
    return np.ascontiguousarray(a[inside, inside]), np.ascontiguousarray(b[inside, inside])
