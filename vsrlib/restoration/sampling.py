"""Where LR pixels lie among the HR pixels, which the network cannot see: it was trained on one way, and others resize.

"decimated": LR pixel i lies at HR pixel 4i, as every fourth pixel of a blurred frame does; so have it the published
sets, `vsrlib degrade`, and the network. "centred": at 4i + 1.5, in the middle of the four pixels that it stands for, as
an ordinary resize has it (OpenCV, Pillow, FFmpeg, MATLAB). The network's frames then lie 1.5 HR pixels off in both
directions, which costs several dB against a truth and shows where they are laid over other pictures.
"""

import math

import cv2
import numpy as np

from vsrlib.common.names import SAMPLINGS
from vsrlib.data.degradation import SCALE, bicubic_on_grid

WORTH_SAYING = 0.5
"""dB from which on it is said that the other way fits the truth better."""

_TAPS = 12
# Weights of the pixels round a place half-way between two of them: Lagrange's interpolation, which is exact for
# polynomials up to the degree 11, and within 1 % for waves of 4 pixels.
_HALF = np.array(
    [
        math.prod(((_TAPS - 1) / 2 - other) / (tap - other) for other in range(_TAPS) if other != tap)
        for tap in range(_TAPS)
    ],
    np.float32,
)
_EDGE = 8  # pixels at each edge that the comparison leaves out, where the moved picture repeats its border
_DECIMATED, _CENTRED = SAMPLINGS


def lag(sampling: str) -> float:
    """HR pixels by which LR pixel 0 lies below and to the right of HR pixel 0."""
    return (SCALE - 1) / 2 if sampling == _CENTRED else 0.0


def placed(restored: np.ndarray, sampling: str) -> np.ndarray:
    """The network's frame (3, H, W), float32, on the pixels of the HR frame that LR was made of by `sampling`."""
    if sampling == _DECIMATED:
        return restored
    return _moved(restored.transpose(1, 2, 0), True).transpose(2, 0, 1)


def bicubic(low: np.ndarray, sampling: str) -> np.ndarray:
    """(h, w, 3) uint8 to (4h, 4w, 3) uint8 by Keys' bicubic interpolation, likewise: the baseline."""
    return bicubic_on_grid(low, lag=lag(sampling))


def gain_of_other(image: np.ndarray, high: np.ndarray, sampling: str) -> float:
    """dB that a restored frame would gain against the truth, both (H, W, 3) uint8, by the other way of sampling.

    0 for frames that are too small to tell.
    """
    if min(image.shape[:2]) <= 2 * _EDGE:
        return 0.0
    inner = (slice(_EDGE, -_EDGE), slice(_EDGE, -_EDGE))
    other = _moved(image.astype(np.float32), sampling == _DECIMATED)
    truth = high[: image.shape[0], : image.shape[1]].astype(np.float32)
    errors = [float(np.mean((one[inner] - truth[inner]) ** 2)) for one in (image.astype(np.float32), other)]
    return 0.0 if min(errors) == 0 or not math.isfinite(sum(errors)) else 10 * math.log10(errors[0] / errors[1])


def _moved(image: np.ndarray, forth: bool) -> np.ndarray:
    """(H, W, 3) float32 moved by 1.5 pixels down and to the right, or back; the border is repeated."""
    # pixel j is the sum over k of _HALF[k] times pixel j + k - anchor, and the middle of k is (_TAPS - 1) / 2
    anchor = (_TAPS + 2) // 2 if forth else (_TAPS - 4) // 2
    source = np.ascontiguousarray(image, np.float32)
    return cv2.sepFilter2D(source, -1, _HALF, _HALF, anchor=(anchor, anchor), borderType=cv2.BORDER_REPLICATE)
