"""Suite "degrade": LR frames of both blurs, ours against blurring every pixel and keeping one of sixteen."""

from typing import Any

import numpy as np

from vsrlib.bench import plain_numpy
from vsrlib.bench.options import MovingTexture, Options
from vsrlib.bench.protocol import compare
from vsrlib.data import degradation
from vsrlib.data.blur_kernels import gaussian_kernel, realistic_kernel


def measure(options: Options, network: None) -> list[dict[str, Any]]:
    """One comparison for each blur; the bytes of both ways must be the same."""
    frame = MovingTexture(options.high).frame(0)
    kernels = {"Gaussian": gaussian_kernel(), "Realistic": realistic_kernel(np.random.default_rng(0))}
    size = f"{options.high[0]}x{options.high[1]}"
    return [
        compared(f"{size}, {blur}, {len(kernel)}x{len(kernel)}", frame, kernel, options)
        for blur, kernel in kernels.items()
    ]


def compared(what: str, frame: np.ndarray, kernel: np.ndarray, options: Options) -> dict[str, Any]:
    """LR of a frame (H, W, 3) uint8, plain and ours in turns; `what` it is."""
    calls = {
        "plain": lambda turn: plain_numpy.blur_down(frame, kernel),
        "ours": lambda turn: degradation.blur_down(frame, kernel),
    }
    # arrays are computed when the call returns: there is nothing to wait for
    found = compare(calls, lambda: None, lambda outcome: outcome, **options.budget() | {"synchronised": True})
    differing = float((calls["plain"](0) != calls["ours"](0)).mean())
    return {"what": what, **found, "checks": {"ours": {"share_of_8_bit_values": differing}}}
