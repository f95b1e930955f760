"""How a restored clip moves, against how the truth does. Flow is by OpenCV, stated with each value.

tOF            Chu et al., "Learning temporal coherence via self-supervision" (TecoGAN), TOG 2020: the mean length of
               the difference of the flow between consecutive restored frames and that between the true ones.
warping error  Lai et al., "Learning blind video temporal consistency", ECCV 2018: the mean squared difference of a
               frame and the one before it, warped by the true frames' flow, where nothing is covered.
"""

import cv2
import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.options import require_choice
from vsrlib.data.frames import require_rgb, shown_size

FLOWS = ("farneback", "dis")
"""Farneback with TecoGAN's parameters, as in its published evaluation; DIS, medium preset, is finer and faster."""

TOF = "tof_norm"
"""Key of tOF in results. What earlier versions wrote as `tof` was the mean over the components, about 0.64 of it."""

DEFAULT_FLOW = {TOF: "farneback", "warping_error": "dis"}

# pyramid scale, levels, window, iterations, neighbourhood, its sigma, flags
_FARNEBACK = (0.5, 3, 15, 3, 5, 1.2, 0)
_LEAST = 16  # pixels a side that flow needs
_BLOCK, _MARGIN = 32, 16  # tOF is of whole blocks; pixels that are left out along an axis at least, by halves
LEAST_SIDE = _BLOCK + _MARGIN
"""Pixels a side that tOF needs."""
_COVERED = (0.01, 0.5)  # Sundaram et al., ECCV 2010, equation 5: share of the squared lengths, and squared pixels


def optical_flow(first: np.ndarray, second: np.ndarray, method: str) -> np.ndarray:
    """Flow from `first` to `second`, (H, W, 3) uint8 RGB, on their grey values: (H, W, 2) float32 pixels, x then y.

    UserError for a method that is not one of FLOWS.
    """
    require_choice("flow", method, FLOWS)
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (first, second)]
    if method == "farneback":
        return cv2.calcOpticalFlowFarneback(*grey, None, *_FARNEBACK)
    return cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(*grey, None)


def tof(restored: np.ndarray, truth: np.ndarray, method: str = DEFAULT_FLOW[TOF]) -> float:
    """tOF in pixels, lower is better: mean Euclidean length of flow of restored - flow of truth, over all pairs.

    Clips (N, H, W, 3) uint8 RGB, N >= 2. As in TecoGAN's evaluation, flow is of whole frames, and the largest middle
    part counts whose sides are multiples of 32 and which leaves out 8 pixels on each side or more. Its table gives 10
    times this. UserError for clips that differ in size or are below 48 pixels a side.
    """
    _require_alike(restored, truth, LEAST_SIDE)
    ours, true = zip(restored, restored[1:]), zip(truth, truth[1:])
    return float(np.mean([_flow_difference(*pairs, method) for pairs in zip(ours, true)]))


def warping_error(restored: np.ndarray, truth: np.ndarray, method: str = DEFAULT_FLOW["warping_error"]) -> float:
    """Mean squared difference of frame t and frame t-1 warped to it, values in [0, 1]; lower is better.

    The flow is that of the true clip, from t to t-1; pixels that it leads outside, and those where the flows there and
    back do not cancel out (covered, Sundaram et al., 2010), do not count. Clips and errors as for `tof`, but from 16
    pixels a side on.
    """
    _require_alike(restored, truth, _LEAST)
    ours, true = zip(restored, restored[1:]), zip(truth, truth[1:])
    total, count = np.sum([_warped_difference(*pairs, method) for pairs in zip(ours, true)], axis=0)
    if count == 0:
        raise UserError("no pixel of the true clip is seen in two consecutive frames: give consecutive frames.")
    return float(total / count)


class TemporalErrors:
    """`tof` and `warping_error` with their defaults, of clips whose frames come one by one.

    Only the last frame of each clip is held, so that memory does not grow with their length.
    """

    def __init__(self) -> None:
        self._last: tuple[np.ndarray, np.ndarray] | None = None
        self._differences: list[float] = []
        self._total, self._count = 0.0, 0

    def add(self, restored: np.ndarray, truth: np.ndarray) -> None:
        """The next frame of both clips, (H, W, 3) uint8 RGB, of the size of those before."""
        last, self._last = self._last, (restored, truth)
        least = min(truth.shape[:2])
        if last is None or least < _LEAST:
            return
        ours, true = (last[0], restored), (last[1], truth)
        if least >= LEAST_SIDE:
            self._differences.append(_flow_difference(ours, true, DEFAULT_FLOW[TOF]))
        error, seen = _warped_difference(ours, true, DEFAULT_FLOW["warping_error"])
        self._total, self._count = self._total + error, self._count + seen

    def result(self) -> dict[str, float | None]:
        """Both values; None of fewer than 2 frames, of frames too small for it, and where no pixel is seen twice."""
        return {
            TOF: float(np.mean(self._differences)) if self._differences else None,
            "warping_error": self._total / self._count if self._count else None,
        }


def visible(flow: np.ndarray, back: np.ndarray) -> np.ndarray:
    """(H, W) bool: where `flow` (H, W, 2) stays inside and `back`, taken where it leads, returns."""
    height, width = flow.shape[:2]
    x, y = _targets(flow)
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    returned = _sampled(back, flow)
    lengths = (flow**2).sum(axis=2) + (returned**2).sum(axis=2)
    return inside & (((flow + returned) ** 2).sum(axis=2) <= _COVERED[0] * lengths + _COVERED[1])


_Pair = tuple[np.ndarray, np.ndarray]  # a frame and the next, (H, W, 3) uint8 RGB


def _flow_difference(restored: _Pair, truth: _Pair, method: str) -> float:
    difference = optical_flow(*restored, method) - optical_flow(*truth, method)
    rows, columns = (_middle(side) for side in difference.shape[:2])
    return float(np.linalg.norm(difference[rows, columns], axis=2).mean(dtype=np.float64))


def _middle(side: int) -> slice:
    """The whole blocks of an axis that leave its margin; the odd pixel is left out at the end."""
    kept = (side - _MARGIN) // _BLOCK * _BLOCK
    begin = (side - kept) // 2
    return slice(begin, begin + kept)


def _warped_difference(restored: _Pair, truth: _Pair, method: str) -> tuple[float, int]:
    """Sum of squared differences over what both frames show, and the number of values that it is of."""
    back = optical_flow(truth[1], truth[0], method)
    seen = visible(back, optical_flow(*truth, method))
    warped = _sampled(restored[0].astype(np.float32), back)
    error = float((((restored[1] - warped) / 255) ** 2)[seen].sum(dtype=np.float64))
    return error, 3 * int(seen.sum())


def _sampled(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    return cv2.remap(image, *_targets(flow), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _targets(flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.indices(flow.shape[:2], dtype=np.float32)
    return columns + flow[..., 0], rows + flow[..., 1]


def _require_alike(restored: np.ndarray, truth: np.ndarray, least: int) -> None:
    for clip in (restored, truth):
        require_rgb(clip, "a clip", "N, H, W, 3")
    if restored.shape != truth.shape:
        ours, true = (f"{len(clip)} frames of {shown_size(clip[0])} pixels" for clip in (restored, truth))
        raise UserError(f"clips of {ours} and {true} cannot be compared: both must have the same size.")
    if len(truth) < 2 or min(truth.shape[1:3]) < least:
        raise UserError(
            f"a clip of {len(truth)} frames of {shown_size(truth[0])} pixels is too small for "
            f"flow: at least 2 frames and {least} pixels a side are needed."
        )
