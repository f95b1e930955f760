"""The two families of blur kernels, Gaussian and "realistic", and how near an estimated one is to the true one.

A kernel is meant to have the same bytes on every machine, and CPUs differ in the last bit of an exponential or of a
matrix product. So exponentials and angles are taken in long double, nothing is left to BLAS, and the finished kernel is
put on a grid (`_on_grid`). What remains is a value that lies within such a difference, about 1e-17, of a rounding edge
of the grid: that is seldom, but nothing excludes it.
"""

import math

import cv2
import numpy as np
import scipy

_SCALE = 4
_DRAWN_SIZE = 31  # a realistic kernel is drawn on this grid,
_FINAL_SIZE = 13  # and used on this one
_GRID = 2.0**40  # values are whole multiples of its inverse; a finer grid has its edges nearer to more values


def gaussian_kernel(sigma: float = 1.2) -> np.ndarray:
    """Isotropic Gaussian blur kernel, (n, n) float64 with n = 2 ceil(3 sigma) + 1, non-negative; sum: see `_on_grid`.

    `sigma` is in HR pixels, > 0 (ValueError otherwise). 1.2, hence 9x9, is what the published Gaussian test sets use.

    >>> gaussian_kernel().shape, gaussian_kernel(0.4).shape
    ((9, 9), (5, 5))
    """
    if not (math.isfinite(sigma) and sigma > 0):
        raise ValueError(f"sigma must be a positive number of pixels, not {sigma}")
    radius = math.ceil(3 * sigma)
    squares = np.arange(-radius, radius + 1, dtype=np.float64) ** 2
    kernel = _exp(-(squares[:, None] + squares[None, :]) / (2 * sigma**2))
    kernel[kernel < np.finfo(np.float64).eps * kernel.max()] = 0
    return _on_grid(kernel / kernel.sum())


def realistic_kernel(rng: np.random.Generator) -> np.ndarray:
    """Draw a "realistic" kernel, (13, 13) float64, non-negative: see `realistic_kernel_from_draws`.

    Takes 3 + 31 * 31 numbers from `rng`: lambda1, lambda2, theta, then the noise row by row.

    >>> realistic_kernel(np.random.default_rng(0)).shape
    (13, 13)
    """
    return realistic_kernel_from_draws(*draw_realistic(rng))


def draw_realistic(rng: np.random.Generator) -> tuple[float, float, float, np.ndarray]:
    """The raw draws behind a realistic kernel: lambda1, lambda2, theta, noise (31, 31), all uniform on [0, 1)."""
    return float(rng.random()), float(rng.random()), float(rng.random()), rng.random((_DRAWN_SIZE, _DRAWN_SIZE))


def scale_realistic(lambda1: float, lambda2: float, theta: float) -> tuple[float, float, float]:
    """Raw draws to two variances (squared HR pixels, on [2.4, 20)) and an angle (radians, on [0, pi))."""
    low, high = 0.6 * _SCALE, 5 * _SCALE
    return low + (high - low) * lambda1, low + (high - low) * lambda2, math.pi * theta


def realistic_kernel_from_draws(lambda1: float, lambda2: float, theta: float, noise: np.ndarray) -> np.ndarray:
    """The "realistic" kernel of given raw draws, (13, 13) float64, non-negative; sum: see `_on_grid`.

    `lambda1`, `lambda2`, `theta` and `noise` (31, 31) are uniform draws from [0, 1), before any scaling; ValueError
    for another shape or a value outside. An anisotropic Gaussian with variances lambda1 and lambda2, turned by theta,
    with +-25 % multiplicative noise, is drawn on 31x31, moved so that its centre of mass lies at 15.5, and resized
    to 13x13. The recipe is KernelGAN's (Bell-Kligler et al., NeurIPS 2019), as Self-Blind-VSR uses it for x4.
    Its centre of mass ends near 6.2 rather than at the middle, 6: that is part of the published degradation.
    """
    noise = np.asarray(noise, dtype=np.float64)
    if noise.shape != (_DRAWN_SIZE, _DRAWN_SIZE):
        raise ValueError(f"noise must be {_DRAWN_SIZE}x{_DRAWN_SIZE}, not {noise.shape}")
    if not all(np.all((draw >= 0) & (draw < 1)) for draw in (lambda1, lambda2, theta, noise)):
        raise ValueError("the draws must lie in [0, 1)")
    variance1, variance2, angle = scale_realistic(lambda1, lambda2, theta)
    cos, sin = float(np.cos(np.longdouble(angle))), float(np.sin(np.longdouble(angle)))
    # The inverse covariance, written out: a product of matrices is summed in an order that depends on the CPU.
    xx, yy = cos * cos / variance1 + sin * sin / variance2, sin * sin / variance1 + cos * cos / variance2
    xy = cos * sin * (1 / variance1 - 1 / variance2)
    offset = np.arange(_DRAWN_SIZE) - (_DRAWN_SIZE // 2 + 0.5 * (_SCALE - _DRAWN_SIZE % 2))
    x, y = np.meshgrid(offset, offset)
    exponent = xx * x * x + 2 * xy * x * y + yy * y * y
    kernel = _exp(-0.5 * exponent) * (1 + (-0.25 + 0.5 * noise))
    shift = _DRAWN_SIZE / 2 - np.array(scipy.ndimage.center_of_mass(kernel))
    kernel = np.maximum(scipy.ndimage.shift(kernel, shift, order=3, mode="constant"), 0)
    kernel = cv2.resize(kernel / kernel.sum(), (_FINAL_SIZE, _FINAL_SIZE), interpolation=cv2.INTER_CUBIC)
    kernel = np.maximum(kernel, 0)
    return _on_grid(kernel / kernel.sum())


def kernel_picture(kernel: np.ndarray, zoom: int = 1) -> np.ndarray:
    """A kernel (n, n) as (zoom n, zoom n, 3) uint8: dark is a large weight, as in print; the largest is black."""
    grey = (255 * (1 - kernel / kernel.max())).round().astype(np.uint8)
    return np.repeat(np.repeat(np.repeat(grey[..., None], 3, axis=2), zoom, axis=0), zoom, axis=1)


def kernel_psnr(estimate: np.ndarray, truth: np.ndarray) -> float:
    """PSNR in dB of two odd square kernels: 20 log10(largest true value / RMS difference); `inf` if they are equal.

    The smaller kernel is padded with zeros about its centre to the size of the larger. Neither is normalised.
    ValueError for another shape and for a true kernel without a positive value.
    """
    for kernel in (estimate, truth):
        require_kernel(kernel)
    side = max(len(estimate), len(truth))
    difference = _padded(estimate, side) - _padded(truth, side)
    if truth.max() <= 0:
        raise ValueError("the true kernel has no positive value")
    error = float(np.mean(difference**2))
    return math.inf if error == 0 else 20 * math.log10(float(truth.max()) / math.sqrt(error))


def centre(kernel: np.ndarray) -> np.ndarray:
    """Centre of mass, row then column, in pixels from the middle of the kernel. ValueError for values of sum 0.

    >>> centre(realistic_kernel_from_draws(0.5, 0.5, 0.0, np.full((31, 31), 0.5))).round(1)
    array([0.2, 0.2])
    """
    require_kernel(kernel)
    if kernel.sum() == 0:
        raise ValueError("the kernel's values sum to 0: it has no centre of mass")
    span = np.arange(len(kernel)) - len(kernel) // 2
    return np.array([kernel.sum(axis=1) @ span, kernel.sum(axis=0) @ span], np.float64) / kernel.sum()


def centre_error(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Distance of the two centres of mass, HR pixels. An error moves the restored picture by as much."""
    return float(np.linalg.norm(centre(estimate) - centre(truth)))


def require_kernel(kernel: np.ndarray) -> None:
    """ValueError unless an array is square with an odd side."""
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or kernel.shape[0] % 2 == 0:
        raise ValueError(f"a kernel must be square with an odd side, not {kernel.shape}")


def sums_exactly(kernel: np.ndarray) -> bool:
    """Whether float64 holds every sum of the kernel's values times 8-bit levels exactly, in whatever order it is taken.

    So it is for the kernels made here: multiples of 2**-40 (see `_on_grid`), 48 bits with eight of a level.
    """
    steps = kernel * _GRID
    return bool((steps == np.rint(steps)).all() and np.abs(kernel).sum() <= 2)


def _exp(values: np.ndarray) -> np.ndarray:
    """The exponential, float64. In long double, which has no fast versions for some CPUs alone, and then rounded."""
    return np.exp(values.astype(np.longdouble)).astype(np.float64)


def _on_grid(kernel: np.ndarray) -> np.ndarray:
    """A kernel (n, n) of sum 1, its values rounded to multiples of 2**-40, so that CPUs agree on every bit.

    It then sums to 1 within n * n * 2**-41 (8e-11 for n = 13), and to the same number in any order, because no sum of
    such multiples is rounded. The sum is not made 1 again: that would undo the grid, or move one value by all of it.
    """
    return np.rint(kernel * _GRID) / _GRID


def _padded(kernel: np.ndarray, side: int) -> np.ndarray:
    return np.pad(np.asarray(kernel, np.float64), (side - len(kernel)) // 2)
