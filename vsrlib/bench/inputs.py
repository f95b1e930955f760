"""What the measurements are given: frames that move, of any size and without end, a restored picture, and networks."""

import copy
import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from scipy import ndimage

from vsrlib.data.clips import WINDOW
from vsrlib.data.frames import to_float
from vsrlib.networks.network import Network

_STEP = (1, 2)  # pixels a frame, down and to the right
_SMOOTHNESS = 2.0  # sigma, pixels
_NOISE = 0.02  # sigma, of values in [0, 1]


class MovingTexture:
    """A smooth random texture that moves by whole pixels and comes in again on the other side."""

    def __init__(self, size: tuple[int, int], seed: int = 0) -> None:
        noise = np.random.default_rng(seed).standard_normal((*size, 3))
        smooth = ndimage.gaussian_filter(noise, (_SMOOTHNESS, _SMOOTHNESS, 0), mode="wrap")
        low, high = smooth.min(), smooth.max()
        self._texture = np.rint(255 * (smooth - low) / (high - low)).astype(np.uint8)

    def frame(self, index: int) -> np.ndarray:
        """(h, w, 3) uint8."""
        return np.roll(self._texture, (index * _STEP[0], index * _STEP[1]), axis=(0, 1))

    def window(self, turn: int) -> tuple[list[int], dict[int, np.ndarray]]:
        """The window that restores a clip's frame `turn` + 2: its five indices, and the frames by index."""
        indices = list(range(turn, turn + WINDOW))
        return indices, {index: self.frame(index) for index in indices}

    def stack(self, turn: int) -> np.ndarray:
        """The same window as one array (5, h, w, 3) uint8."""
        return np.stack([self.frame(index) for index in range(turn, turn + WINDOW)])


def restored_and_truth(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A picture (3, H, W) float32, about [0, 1], and its truth (H, W, 3) uint8, from which it differs by some noise."""
    truth = MovingTexture(size).frame(0)
    return to_float(truth) + np.random.default_rng(0).normal(0, _NOISE, (3, *size)).astype(np.float32), truth


def plain_kernels(network: Network) -> ModuleType:
    """The plain formulations in the network's framework."""
    return importlib.import_module(f"vsrlib.bench.plain_{network.framework}")


def with_kernels(network: Network, correlation: Callable[[Any, Any], Any], blur_down: Callable[..., Any]) -> Network:
    """A network of the same weights with other kernels."""
    other = copy.copy(network)
    other.module = network.backend.build(network.config, network.device, correlation, blur_down)
    other.load(network.state())
    return other
