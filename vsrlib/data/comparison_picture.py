"""A restoration at a glance: one detail as it went in, as bicubic upsampling makes it, restored, and as it truly is."""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from vsrlib.data.degradation import SCALE
from vsrlib.data.frames import write_frame

_SIDE = 320  # pixels that a detail is at least high and wide in the picture, by repeating whole pixels
_STRIP, _GAP = 28, 8  # height of the captions, width between the details
_WHITE, _BLACK = 255, (0, 0, 0)


def write_comparison(
    path: Path, low: np.ndarray, upsampled: np.ndarray, restored: np.ndarray, truth: np.ndarray | None
) -> None:
    """Write the picture of one frame as PNG.

    low: the LR frame (h, w, 3), upsampled: by bicubic interpolation, as restored: (4h, 4w, 3), truth: as large or a
    little larger, or None; all uint8 RGB. The detail is the third of the truth, or without one of the restored frame,
    whose values change most.
    """
    write_frame(path, comparison(low, upsampled, restored, truth))


def comparison(low: np.ndarray, upsampled: np.ndarray, restored: np.ndarray, truth: np.ndarray | None) -> np.ndarray:
    """The picture that `write_comparison` writes, (H, W, 3) uint8."""
    height, width = restored.shape[:2]
    images = {
        "LR, pixels repeated": low.repeat(SCALE, axis=0).repeat(SCALE, axis=1),
        "bicubic": upsampled,
        "restored": restored,
    }
    if truth is not None:
        images["truth"] = truth[:height, :width]
    top, left, tall, wide = most_detailed(restored if truth is None else images["truth"])
    factor = max(1, -(-_SIDE // min(tall, wide)))
    return beside(
        {
            caption: image[top : top + tall, left : left + wide].repeat(factor, axis=0).repeat(factor, axis=1)
            for caption, image in images.items()
        }
    )


def beside(images: Mapping[str, np.ndarray]) -> np.ndarray:
    """Pictures of one height, (H, W, 3) uint8, from left to right, each with its caption above it."""
    panels: list[np.ndarray] = []
    for caption, image in images.items():
        strip = np.full((_STRIP, image.shape[1], 3), _WHITE, np.uint8)
        cv2.putText(strip, caption, (4, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.6, _BLACK, 1, cv2.LINE_AA)
        gap = np.full((_STRIP + image.shape[0], _GAP, 3), _WHITE, np.uint8)
        panels += [np.concatenate([strip, image]), gap]
    return np.concatenate(panels[:-1], axis=1)


def most_detailed(image: np.ndarray) -> tuple[int, int, int, int]:
    """(top, left, height, width) of the third of a picture whose grey values change most, on a grid of 4 pixels."""
    height, width = image.shape[:2]
    change = np.hypot(*np.gradient(np.asarray(image, np.float64).mean(axis=2)))
    tall, wide = max(8, height // 3 // 4 * 4), max(8, width // 3 // 4 * 4)
    candidates = [
        (change[top : top + tall, left : left + wide].mean(), top, left)
        for top in range(0, max(height - tall, 0) + 1, 4 * max(1, height // 64))
        for left in range(0, max(width - wide, 0) + 1, 4 * max(1, width // 64))
    ]
    _, top, left = max(candidates)
    return top, left, tall, wide
