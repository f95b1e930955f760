"""How near an estimated blur kernel is to the true one."""

import math

import numpy as np


def kernel_psnr(estimate: np.ndarray, truth: np.ndarray) -> float:
    """PSNR in dB of two odd square kernels: 20 log10(largest true value / RMS difference); `inf` if they are equal.

    The smaller kernel is padded with zeros about its centre to the size of the larger. Neither is normalised.
    ValueError for another shape and for a true kernel without a positive value.
    """
    for kernel in (estimate, truth):
        _require_kernel(kernel)
    side = max(len(estimate), len(truth))
    difference = _padded(estimate, side) - _padded(truth, side)
    if truth.max() <= 0:
        raise ValueError("the true kernel has no positive value")
    error = float(np.mean(difference**2))
    return math.inf if error == 0 else 20 * math.log10(float(truth.max()) / math.sqrt(error))


def centre(kernel: np.ndarray) -> np.ndarray:
    """Centre of mass, row then column, in pixels from the middle of the kernel. ValueError for values of sum 0."""
    _require_kernel(kernel)
    if kernel.sum() == 0:
        raise ValueError("the kernel's values sum to 0: it has no centre of mass")
    span = np.arange(len(kernel)) - len(kernel) // 2
    return np.array([kernel.sum(axis=1) @ span, kernel.sum(axis=0) @ span], np.float64) / kernel.sum()


def centre_error(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Distance of the two centres of mass, HR pixels. An error moves the restored picture by as much."""
    return float(np.linalg.norm(centre(estimate) - centre(truth)))


def _padded(kernel: np.ndarray, side: int) -> np.ndarray:
    return np.pad(np.asarray(kernel, np.float64), (side - len(kernel)) // 2)


def _require_kernel(kernel: np.ndarray) -> None:
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or kernel.shape[0] % 2 == 0:
        raise ValueError(f"a kernel must be square with an odd side, not {kernel.shape}")
