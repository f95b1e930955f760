"""Suites "blur" and "degrade": only the pixels that are kept, against blurring every one and keeping one of sixteen."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from vsrlib.bench.inputs import MovingTexture, plain_kernels
from vsrlib.bench.options import Options
from vsrlib.bench.protocol import compare, compare_on_arrays
from vsrlib.data import degradation
from vsrlib.data.blur_kernels import gaussian_kernel, realistic_kernel
from vsrlib.networks.network import Network


def measure(options: Options, network: Network | None) -> list[dict[str, Any]]:
    """With a network: `blur_down` of training with the gradients of picture and kernel. Without: data generation."""
    if network is None:
        return [_on_arrays(options, "data generation", gaussian_kernel())]
    return [_in_training(options, network)]


def degrade(options: Options, network: None) -> list[dict[str, Any]]:
    """LR frames of both blurs: one comparison for each; the bytes of both ways must be the same."""
    kernels = {"Gaussian": gaussian_kernel(), "Realistic": realistic_kernel(np.random.default_rng(0))}
    return [_on_arrays(options, f"{blur}, {len(kernel)}x{len(kernel)}", kernel) for blur, kernel in kernels.items()]


def blur_all(frame: np.ndarray, kernel: np.ndarray, scale: int = 4) -> np.ndarray:
    """As `vsrlib.data.degrade.blur_down`: blur every pixel of a frame (H, W, 3) uint8, then keep [::scale, ::scale].

    In float64 and by OpenCV, on all threads: what whoever has these packages would write first.
    """
    blurred = cv2.filter2D(frame.astype(np.float64), -1, kernel, borderType=cv2.BORDER_REPLICATE)
    return np.rint(np.clip(blurred[::scale, ::scale], 0, 255)).astype(np.uint8)


def _in_training(options: Options, network: Network) -> dict[str, Any]:
    plain = plain_kernels(network)
    rng = np.random.default_rng(0)
    x = network.backend.leaf(network.tensor(rng.random((1, 3, *options.high))))
    kernel = network.backend.leaf(network.tensor(gaussian_kernel()[None, None]))
    weight = network.tensor(rng.standard_normal((1, 3, *options.size)))

    def both(blur_down: Callable) -> Callable[[int], list[Any]]:
        def call(turn: int) -> list[Any]:
            output = blur_down(x, kernel, network.config.scale)
            return [output, *network.backend.vjp([output], [weight], [x, kernel])]

        return call

    def read(outcome: list[Any]) -> list[np.ndarray]:
        return [network.download(value) for value in outcome]

    calls = {"plain": both(plain.blur_down), "ours": both(network.module.blur_down)}
    found = compare(calls, network.synchronise, read, **options.budget())
    theirs, ours = (read(calls[name](0)) for name in ("plain", "ours"))
    # relative: the kernel's gradient sums over the whole picture
    largest = max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(ours, theirs))
    what = f"{options.high[0]}x{options.high[1]}, forward and backward"
    return {"what": what, **found, "checks": {"ours": {"largest_relative_difference": largest}}}


def _on_arrays(options: Options, what: str, kernel: np.ndarray) -> dict[str, Any]:
    """LR of a frame (H, W, 3) uint8, plain and ours in turns."""
    frame = MovingTexture(options.high).frame(0)
    calls = {
        "plain": lambda turn: blur_all(frame, kernel),
        "ours": lambda turn: degradation.blur_down(frame, kernel),
    }
    found = compare_on_arrays(calls, options.repeats, options.seconds)
    differing = float((calls["plain"](0) != calls["ours"](0)).mean())
    what = f"{options.high[0]}x{options.high[1]}, {what}"
    return {"what": what, **found, "checks": {"ours": {"share_of_8_bit_values": differing}}}
