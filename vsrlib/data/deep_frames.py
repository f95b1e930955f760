"""Frames of more than 8 bits a channel: float32 in levels of 255 where they are read, uint16 where they are written.

`vsrlib.data.frames` has those of 8 bits, which all else works with.
"""

from pathlib import Path

import cv2
import numpy as np

from vsrlib.common.files import atomic_path
from vsrlib.data.frames import read_frame, rounded, write_frame
from vsrlib.data.image_integrity import PNG

_MOST = 2**16 - 1
_STEP = _MOST // 255  # of 16 bits, to one level of 8
_DEPTH_AT = 24  # where a PNG file says its bits a channel, in the first part, which has a fixed place


def is_deep(path: Path) -> bool:
    """Whether a file is a PNG of 16 bits a channel."""
    with open(path, "rb") as file:
        head = file.read(_DEPTH_AT + 1)
    return head.startswith(PNG) and head[_DEPTH_AT:] == b"\x10"


def read_deep(path: Path) -> np.ndarray:
    """A PNG or JPEG file as `vsrlib.data.frames.read_frame` has it, but of 16 bits (H, W, 3) float32, levels of 255."""
    frame = read_frame(path)  # also what makes sure that it is whole
    if not is_deep(path):
        return frame
    image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    image = image[..., None].repeat(3, axis=2) if image.ndim == 2 else image[..., 2::-1]
    return image / np.float32(_STEP)


def write(path: Path, rgb: np.ndarray) -> None:
    """Write (H, W, 3) uint8 or uint16 RGB as PNG of as many bits; the file appears whole or not at all."""
    if rgb.dtype != np.uint16:
        write_frame(path, rgb)
        return
    _, data = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.tobytes())


def to_uint16(image: np.ndarray) -> np.ndarray:
    """(3, H, W) float in [0, 1] to (H, W, 3) uint16: times 65535, clamped, rounded half to even.

    >>> to_uint16(np.full((3, 1, 1), 0.5))
    array([[[32768, 32768, 32768]]], dtype=uint16)
    """
    levels = np.rint(np.clip(np.asarray(image, np.float64) * _MOST, 0, _MOST))
    return levels.astype(np.uint16).transpose(1, 2, 0).copy()


def eight_bits(frame: np.ndarray) -> np.ndarray:
    """The nearest uint8 of a frame of uint8, of uint16, or of float32 in levels of 255."""
    if frame.dtype == np.uint8:
        return frame
    return rounded(frame / np.float32(_STEP) if frame.dtype == np.uint16 else frame)
