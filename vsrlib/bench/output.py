"""What follows the network: metrics and a PNG file of one HR frame, ours and as the earlier report did it.

`measure` is the suite "post" of `vsrlib bench`; `parts` are timed by `vsrlib costs`. Neither needs a framework.
"""

import functools
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from imageio import v2 as imageio

from vsrlib.bench.inputs import restored_and_truth
from vsrlib.bench.options import Options
from vsrlib.bench.protocol import WARM_UPS, Call, compare, compare_on_arrays
from vsrlib.data.frames import read_frame, to_uint8, write_frame
from vsrlib.restoration import metrics
from vsrlib.restoration.timing import Finish, finish

_REPORT, _OURS = "as the earlier report", "ours"
_TOLERANCE = 1e-9  # of SSIM
_WINDOW, _SIGMA = 11, 1.5  # of SSIM, with its constants (Wang et al., 2004)
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_BORDER = 4
_SMALL = (64, 96)  # HR pixels


def finish_as_reported(image: np.ndarray, truth: np.ndarray | None, target: Path) -> None:
    """What followed the network in the earlier report: PSNR, SSIM three times over, and a PNG file by imageio."""
    if truth is not None:
        metrics.psnr(image, truth)
        ssim_three_times(image, truth)
    imageio.imwrite(target, image)


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


def measure(options: Options, network: None) -> list[dict[str, Any]]:
    """One comparison; both ways round to 8 bits alike, so their files must hold the same pixels."""
    restored, truth = restored_and_truth(options.high)

    def finishes(way: Finish, target: Path, turn: int) -> None:
        way(to_uint8(restored), truth, target)

    with tempfile.TemporaryDirectory() as name:
        theirs, ours = Path(name) / "report.png", Path(name) / "ours.png"
        calls = {
            _REPORT: functools.partial(finishes, finish_as_reported, theirs),
            _OURS: functools.partial(finishes, finish, ours),
        }
        found = compare_on_arrays(calls, options.repeats, options.seconds)
        same_pixels = bool(np.array_equal(read_frame(ours), read_frame(theirs)))
        size_ratio = ours.stat().st_size / theirs.stat().st_size
    image = to_uint8(restored)
    difference = abs(metrics.ssim(image, truth) - ssim_three_times(image, truth))
    checks = {
        "same_pixels": same_pixels,
        "ssim_difference": difference,
        "same_ssim": difference <= _TOLERANCE,
        "file_size_ratio": size_ratio,
    }
    return [{"what": f"{options.high[0]}x{options.high[1]}", **found, "checks": {_OURS: checks}}]


def parts(options: Options, network: None) -> dict[str, float]:
    """Median seconds for one HR frame, the parts in turns after a warm-up on a small one.

    "png", "psnr", "ssim_once" and "ssim_three_times" as the earlier report, "png_ours" and "ssim_ours" as this project.
    """
    small, large = ((to_uint8(restored), truth) for restored, truth in map(restored_and_truth, (_SMALL, options.high)))
    shown = {"pair": small}

    def prepare(turn: int) -> None:
        shown["pair"] = small if turn < WARM_UPS else large

    with tempfile.TemporaryDirectory() as name:
        theirs, ours = Path(name) / "theirs.png", Path(name) / "ours.png"
        calls: dict[str, Call] = {
            "png": lambda turn: imageio.imwrite(theirs, shown["pair"][0]),
            "psnr": lambda turn: metrics.psnr(*shown["pair"]),
            "ssim_once": lambda turn: ssim(*shown["pair"]),
            "ssim_three_times": lambda turn: ssim_three_times(*shown["pair"]),
            "png_ours": lambda turn: write_frame(ours, shown["pair"][0]),
            "ssim_ours": lambda turn: metrics.ssim(*shown["pair"]),
        }
        found = compare(calls, lambda: None, lambda outcome: None, prepare=prepare, **options.budget())
    return {name: one["median"] for name, one in found["variants"].items()}
