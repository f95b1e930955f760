"""Suite "post": what follows the network, metrics and a PNG file, ours and as the earlier report did it."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from imageio import v2 as imageio

from vsrlib.bench import plain_numpy
from vsrlib.bench.options import MovingTexture, Options
from vsrlib.bench.protocol import compare
from vsrlib.data.frames import read_frame, to_float, to_uint8, write_frame
from vsrlib.restoration import metrics

_TOLERANCE = 1e-9  # of SSIM


def measure(options: Options, network: None) -> list[dict[str, Any]]:
    """One comparison; both ways round to 8 bits alike, so their files must hold the same pixels."""
    truth = MovingTexture(options.high).frame(0)
    noise = np.random.default_rng(0).normal(0, 0.02, (3, *options.high))
    restored = to_float(truth) + noise.astype(np.float32)
    with tempfile.TemporaryDirectory() as name:
        files = {"as the earlier report": Path(name) / "report.png", "ours": Path(name) / "ours.png"}

        def report(turn: int) -> tuple[float, float]:
            image = to_uint8(restored)
            scores = metrics.psnr(image, truth), plain_numpy.ssim_three_times(image, truth)
            imageio.imwrite(files["as the earlier report"], image)
            return scores

        def ours(turn: int) -> tuple[float, float]:
            image = to_uint8(restored)
            scores = metrics.psnr(image, truth), metrics.ssim(image, truth)
            write_frame(files["ours"], image)
            return scores

        calls = {"as the earlier report": report, "ours": ours}
        # nothing is pending when these calls return, so there is nothing to wait for
        found = compare(calls, lambda: None, lambda scores: scores, **options.budget() | {"synchronised": True})
        scores = {name: call(0) for name, call in calls.items()}
        one, other = (read_frame(file) for file in files.values())
        sizes = {name: file.stat().st_size for name, file in files.items()}
    difference = abs(scores["ours"][1] - scores["as the earlier report"][1])
    checks = {
        "same_pixels": bool(np.array_equal(one, other)),
        "ssim_difference": difference,
        "same_ssim": difference <= _TOLERANCE,
        "file_size_ratio": sizes["ours"] / sizes["as the earlier report"],
    }
    return [{"what": f"{options.high[0]}x{options.high[1]}", **found, "checks": {"ours": checks}}]
