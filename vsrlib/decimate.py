"""Blur and decimation: the definition, and a fast way to the same bytes."""

import cv2
import numpy as np

SCALE = 4
_LARGEST = 41  # side of a kernel up to which its phases (11x11) are filtered directly, not by a Fourier transform


def blur_down_exact(frame: np.ndarray, kernel: np.ndarray, scale: int = SCALE) -> np.ndarray:
    """As `blur_down`, but neither clamped nor rounded: (H, W, 3) of any type -> float64. What training samples are.

    The definition: for each pixel that is kept the products are added in the kernel's order, row by row, in float64.
    """
    _require_kernel(kernel, scale)
    height, width, _ = frame.shape
    radius = kernel.shape[0] // 2
    padded = np.pad(frame, ((radius, radius), (radius, radius), (0, 0)), mode="edge")
    total = np.zeros((-(-height // scale), -(-width // scale), 3))
    for row, column in np.ndindex(kernel.shape):
        total += kernel[row, column] * padded[row : row + height : scale, column : column + width : scale]
    return total


def blur_down(frame: np.ndarray, kernel: np.ndarray, scale: int = SCALE) -> np.ndarray:
    """Blur (H, W, 3) uint8 with an odd square kernel and decimate to (ceil(H / scale), ceil(W / scale), 3) uint8.

    Borders replicated, cross-correlation (the kernel is not flipped), [::scale, ::scale], clamped to [0, 255],
    rounded half to even. Only the pixels that are kept are computed. ValueError for another type or shape.

    The sums are taken in float32, by phase: the pixels and kernel values that are `scale` apart form small pictures
    and kernels of their own. Where such a sum is so near to a half that its rounding could be another, it is taken
    again as `blur_down_exact` does, so that the bytes are those of the definition on every machine.
    """
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
        raise ValueError(f"a frame must be (H, W, 3) uint8, not {frame.shape} {frame.dtype}")
    _require_kernel(kernel, scale)
    if kernel.shape[0] > _LARGEST:
        return _rounded(blur_down_exact(frame, kernel, scale))
    padded = _padded(frame, kernel.shape[0] // 2, scale)
    total = _phases(padded, kernel, scale)[: -(-frame.shape[0] // scale), : -(-frame.shape[1] // scale)]
    # A float32 has 24 bits. Roundings on the way of a product: kernel value, product, sums in its phase, sum of phases.
    roundings = 2 + (-(-kernel.shape[0] // scale)) ** 2 + scale**2
    error = 255 * float(np.abs(kernel).sum()) * 1.1 * roundings * 2.0**-24
    unsure = np.abs(total - np.floor(total) - 0.5) <= error
    result = _rounded(total)
    result[unsure] = _rounded(_exact_at(padded, kernel, scale, np.nonzero(unsure)))
    return result


def _padded(frame: np.ndarray, radius: int, scale: int) -> np.ndarray:
    """The frame with `radius` pixels around it, and more at the right and below up to multiples of `scale`."""
    below, right = (-(side + 2 * radius) % scale + radius for side in frame.shape[:2])
    return cv2.copyMakeBorder(frame, radius, below, radius, right, cv2.BORDER_REPLICATE)


def _phases(padded: np.ndarray, kernel: np.ndarray, scale: int) -> np.ndarray:
    rows, columns = padded.shape[0] // scale, padded.shape[1] // scale
    channels = np.zeros((3, rows, columns), np.float32)
    weights = kernel.astype(np.float32)
    by_row = padded.reshape(rows, scale, columns, scale * 3)
    for row in range(min(scale, kernel.shape[0])):
        # one picture of one channel for each of the columns' phases: OpenCV splits and filters these fastest
        for index, phase in enumerate(cv2.split(by_row[:, row])):
            column, channel = divmod(index, 3)
            if column < kernel.shape[1]:
                part = np.ascontiguousarray(weights[row::scale, column::scale])
                channels[channel] += cv2.filter2D(phase.astype(np.float32), cv2.CV_32F, part, anchor=(0, 0))
    return channels.transpose(1, 2, 0)


def _exact_at(padded: np.ndarray, kernel: np.ndarray, scale: int, where: tuple[np.ndarray, ...]) -> np.ndarray:
    rows, columns, channels = where
    total = np.zeros(len(rows))
    for row, column in np.ndindex(kernel.shape):
        total += kernel[row, column] * padded[scale * rows + row, scale * columns + column, channels]
    return total


def _rounded(values: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


def _require_kernel(kernel: np.ndarray, scale: int) -> None:
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or kernel.shape[0] % 2 == 0:
        raise ValueError(f"a kernel must be square with an odd side, not {kernel.shape}")
    if scale < 1:
        raise ValueError(f"scale must be at least 1, not {scale}")
