"""What follows the network: metrics and a PNG file of one HR frame, ours and as the earlier report did it.

`measure` is the suite "post" of `vsrlib bench`; `parts` are timed by `vsrlib costs`. Neither needs a framework.
"""

import functools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from imageio import v2 as imageio

from vsrlib.bench import plain_numpy
from vsrlib.bench.inputs import restored_and_truth
from vsrlib.bench.options import Options
from vsrlib.bench.protocol import compare_on_arrays
from vsrlib.common.intervals import seconds_interval
from vsrlib.data.frames import read_frame, to_uint8, write_frame
from vsrlib.restoration import metrics
from vsrlib.restoration.timing import Finish, finish

_REPORT, _OURS = "as the earlier report", "ours"
_TOLERANCE = 1e-9  # of SSIM


def finish_as_reported(image: np.ndarray, truth: np.ndarray | None, target: Path) -> None:
    """What followed the network in the earlier report: PSNR, SSIM three times over, and a PNG file by imageio."""
    if truth is not None:
        metrics.psnr(image, truth)
        plain_numpy.ssim_three_times(image, truth)
    imageio.imwrite(target, image)


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
    difference = abs(metrics.ssim(image, truth) - plain_numpy.ssim_three_times(image, truth))
    checks = {
        "same_pixels": same_pixels,
        "ssim_difference": difference,
        "same_ssim": difference <= _TOLERANCE,
        "file_size_ratio": size_ratio,
    }
    return [{"what": f"{options.high[0]}x{options.high[1]}", **found, "checks": {_OURS: checks}}]


def parts(options: Options) -> dict[str, Any]:
    """Seconds for one HR frame, in turns: {"hr_size", name: interval}.

    "png", "psnr", "ssim_once" and "ssim_three_times" as the earlier report, "png_ours" and "ssim_ours" as this project.
    """
    restored, truth = restored_and_truth(options.high)
    image = to_uint8(restored)
    with tempfile.TemporaryDirectory() as name:
        theirs, ours = Path(name) / "theirs.png", Path(name) / "ours.png"
        calls = {
            "png": lambda turn: imageio.imwrite(theirs, image),
            "psnr": lambda turn: metrics.psnr(image, truth),
            "ssim_once": lambda turn: plain_numpy.ssim(image, truth),
            "ssim_three_times": lambda turn: plain_numpy.ssim_three_times(image, truth),
            "png_ours": lambda turn: write_frame(ours, image),
            "ssim_ours": lambda turn: metrics.ssim(image, truth),
        }
        found = compare_on_arrays(calls, options.repeats, options.seconds)
    times = {name: seconds_interval(one["seconds"]) for name, one in found["variants"].items()}
    return {"hr_size": list(options.high)} | times
