"""What the flow network is compared with at each level of its pyramid, in numpy."""

import numpy as np

from vsrlib.architecture import SEARCH_RANGE

_SIDE = 2 * SEARCH_RANGE + 1


def level_flow(flow: np.ndarray, level: int) -> np.ndarray:
    """Flow (B, 2, h, w) -> its means over blocks of 2^level pixels a side, still in pixels of the frame.

    h and w are multiples of 2^level (ValueError otherwise).
    """
    return _blocks(flow, level).mean(axis=(3, 5))


def matching_target(flow: np.ndarray, visible: np.ndarray, level: int) -> tuple[np.ndarray, np.ndarray]:
    """Which of the 81 displacements is right at each pixel of a level, and how much that pixel counts.

    flow (B, 2, h, w), visible (B, h, w) -> target (B, 81, h', w') float32, the correlation's channels, and weight
    (B, h', w') float32 with mean 1 (all 0 where nothing counts). The displacement is split bilinearly over its four
    neighbours. A pixel counts where its whole block is visible and moves as one (to half a pixel of the level), by no
    more than the search range, to a place inside the frame.
    """
    blocks = _blocks(flow, level) / 2**level
    seen = _blocks(visible[:, None], level).all(axis=(3, 5))[:, 0]
    together = (blocks.max(axis=(3, 5)) - blocks.min(axis=(3, 5)) <= 0.5).all(axis=1)
    moved = blocks.mean(axis=(3, 5))
    height, width = moved.shape[2:]
    x, y = np.arange(width) + moved[:, 0], np.arange(height)[:, None] + moved[:, 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    counts = seen & together & inside & (np.abs(moved) <= SEARCH_RANGE).all(axis=1)
    start = np.clip(np.floor(moved), -SEARCH_RANGE, SEARCH_RANGE - 1).astype(int)
    part = np.clip(moved - start, 0, 1)
    target = np.zeros((len(flow), _SIDE**2, height, width), np.float32)
    sample, row, column = np.ogrid[: len(flow), :height, :width]
    for down in (0, 1):
        for right in (0, 1):
            channel = (start[:, 1] + down + SEARCH_RANGE) * _SIDE + start[:, 0] + right + SEARCH_RANGE
            share = (part[:, 1] if down else 1 - part[:, 1]) * (part[:, 0] if right else 1 - part[:, 0])
            target[sample, channel, row, column] += share
    return target, (counts / max(counts.mean(), 1e-9)).astype(np.float32)


def _blocks(values: np.ndarray, level: int) -> np.ndarray:
    batch, channels, height, width = values.shape
    side = 2**level
    return values.reshape(batch, channels, height // side, side, width // side, side)
