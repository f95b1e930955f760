"""What scoring and writing one HR frame takes, without a framework: ours, and as the earlier report did it."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from imageio import v2 as imageio

from vsrlib.bench import plain_numpy
from vsrlib.bench.options import MovingTexture, Options
from vsrlib.bench.protocol import compare
from vsrlib.common.intervals import seconds_interval
from vsrlib.data.frames import to_float, to_uint8, write_frame
from vsrlib.restoration import metrics


def finish_as_reported(image: np.ndarray, truth: np.ndarray | None, target: Path) -> None:
    """What followed the network in the earlier report: PSNR, SSIM three times over, and a PNG file by imageio."""
    if truth is not None:
        metrics.psnr(image, truth)
        plain_numpy.ssim_three_times(image, truth)
    imageio.imwrite(target, image)


def pair(high: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A picture (H, W, 3) uint8 that differs from its truth by a little noise, and the truth."""
    truth = MovingTexture(high).frame(0)
    noise = np.random.default_rng(0).normal(0, 0.02, (3, *high)).astype(np.float32)
    return to_uint8(to_float(truth) + noise), truth


def measure(options: Options) -> dict[str, Any]:
    """Seconds for one HR frame, in turns: {"hr_size", name: interval}.

    "png", "psnr", "ssim_once" and "ssim_three_times" as the earlier report, "png_ours" and "ssim_ours" as this project.
    """
    image, truth = pair(options.high)
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
        # arrays are computed when the call returns: there is nothing to wait for
        found = compare(calls, lambda: None, lambda outcome: outcome, **options.budget())
    return {"hr_size": list(options.high)} | {
        name: seconds_interval(one["seconds"]) for name, one in found["variants"].items()
    }
