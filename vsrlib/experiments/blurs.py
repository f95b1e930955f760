"""Blur kernels that no training draws: out of focus, moved, or from files, such as measured ones."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.data.clips import passed_over

LARGEST = 63
"""Side of a kernel, HR pixels: as large as the smallest frames that are restored, less one."""
_FINE = 8  # drawn so many times as large, and averaged


def kernels_in(folder: Path) -> dict[str, np.ndarray]:
    """The blur kernels in a folder, (n, n) float64 of sum 1 with n odd, by the names of their .npy files, in order.

    UserError where there are none, for one that is no kernel, and for one larger than LARGEST.
    """
    if not folder.is_dir():
        raise UserError(f"The folder of blur kernels {folder} does not exist; give one that holds .npy files.")
    found = {}
    for path in sorted(path for path in folder.glob("*.npy") if not passed_over(path.name)):
        try:
            kernel = np.load(path, allow_pickle=False)
        except Exception:  # a damaged file raises anything; nothing of ours runs in here
            kernel = None
        if not isinstance(kernel, np.ndarray) or not _is_kernel(kernel):
            raise UserError(
                f"{path} is no blur kernel; write a square array of odd side there, of at most {LARGEST}, with values "
                "of 0 or more, by numpy.save."
            )
        found[path.stem] = kernel.astype(np.float64) / float(kernel.sum(dtype=np.float64))
    if not found:
        raise UserError(f"{folder} holds no .npy file; put blur kernels there, written by numpy.save.")
    return found


def _is_kernel(kernel: np.ndarray) -> bool:
    if kernel.dtype.kind not in "fiu" or kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1]:
        return False
    with np.errstate(over="ignore"):
        total = float(kernel.sum(dtype=np.float64))
    return len(kernel) % 2 == 1 and len(kernel) <= LARGEST and kernel.min() >= 0 and 0 < total < np.inf


def disk_kernel(radius: float) -> np.ndarray:
    """A lens out of focus: a disk, (n, n) float64 of sum 1 with n odd; `radius` in HR pixels."""
    side = 2 * int(np.ceil(radius)) + 1
    return _drawn(side, lambda x, y: np.hypot(x, y) <= radius)


def line_kernel(length: float, degrees: float) -> np.ndarray:
    """An even motion: a line one HR pixel wide, (n, n) float64 of sum 1 with n odd; `length` in HR pixels."""
    side = 2 * int(np.ceil(length / 2)) + 1
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return _drawn(side, lambda x, y: (abs(x * cos - y * sin) <= length / 2) & (abs(x * sin + y * cos) <= 0.5))


def _drawn(side: int, inside: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """A shape about the middle as a kernel (side, side): the share of each pixel that is inside."""
    at = (np.arange(side * _FINE) + 0.5) / _FINE - side / 2
    fine = inside(at[None, :], at[:, None]).astype(np.float64)
    kernel = cv2.resize(fine, (side, side), interpolation=cv2.INTER_AREA)
    return kernel / kernel.sum()
