"""Correlation volume of the flow network: numpy as the judge, and the kernels that `choice` picks from."""

from pathlib import Path

import numpy as np

SEARCH_RANGE = 4  # the correlation's displacements, -4..4 in both axes


CHANNELS = (2 * SEARCH_RANGE + 1) ** 2
"""Channels of the volume, one for each displacement."""


def source(name: str) -> str:
    """The text of a kernel file beside this one, with the search range in front of it."""
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    return f"#define CORRELATION_RADIUS {SEARCH_RANGE}\n{text}"


def require_alike(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    """ValueError unless both shapes are (B, C, h, w), the same, and of at least one value."""
    if tuple(first) != tuple(second) or len(first) != 4 or 0 in first:
        raise ValueError(f"two maps (B, C, h, w) of one shape are needed, not {[*first]} and {[*second]}")


def reference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The judge: (B, C, h, w) twice -> (B, 81, h, w), in the inputs' type, displacement by displacement.

    Mean over channels of first(y, x) * second(y + dy, x + dx); dy, dx in -4..4, channel (dy + 4) * 9 + (dx + 4),
    zeros outside the second map (Sun et al., CVPR 2018, equation 2).
    """
    height, width = first.shape[2:]
    around = [(0, 0), (0, 0), (SEARCH_RANGE, SEARCH_RANGE), (SEARCH_RANGE, SEARCH_RANGE)]
    padded = np.pad(second, around)
    shifts = range(2 * SEARCH_RANGE + 1)
    return np.stack(
        [(first * padded[:, :, dy : dy + height, dx : dx + width]).mean(axis=1) for dy in shifts for dx in shifts],
        axis=1,
    )
