"""What the network itself sees in a frame: the blur kernel, and the motion to the next frame."""

from dataclasses import dataclass

import numpy as np

from vsrlib.networks import load_network
from vsrlib.show.chosen import Chosen


@dataclass(frozen=True)
class Estimate:
    """`kernel` (13, 13), sum 1; `flow` (h, w, 2) from the frame to the next one, LR pixels, x then y."""

    kernel: np.ndarray
    flow: np.ndarray


def estimate(chosen: Chosen) -> Estimate:
    """Run the network, with the weights of the run, in PyTorch on the CPU."""
    network = load_network("torch", chosen.weights, chosen.preset, "cpu")
    window = chosen.window.transpose(0, 3, 1, 2).astype(np.float32) / 255
    middle = len(window) // 2
    return Estimate(
        kernel=network.infer(window)["kernel"],
        flow=network.flow(window[middle], window[middle + 1]).transpose(1, 2, 0),
    )
