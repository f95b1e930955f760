"""Frames: PNG and JPEG files, 8-bit RGB in memory, floats for the network."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.files import atomic_path
from vsrlib.data.image_integrity import Damaged, Refused, inspect

# Errors only: a damaged file is told in a sentence of ours. OpenCV 5 has the call elsewhere.
_set_log_level = cv2.setLogLevel if hasattr(cv2, "setLogLevel") else cv2.utils.logging.setLogLevel
_set_log_level(2)

FRAME_SUFFIXES = (".png", ".jpg", ".jpeg")
"""File name endings (in lower case) of what is read as a frame."""

Map = Callable[[Callable, Iterable], Iterable]
"""`map`, or a parallel one with the same results."""


def read_frame(path: str | Path) -> np.ndarray:
    """Read one PNG or JPEG file as (H, W, 3) uint8 RGB; see `decode_frame`.

    UserError for a file that is missing, damaged (as far as `vsrlib.data.image_integrity` can tell), or no frame by
    the rules there. A decoder alone would make up what is missing.
    """
    if not os.path.isfile(path):
        raise UserError(f"{path} does not exist: give the path of a PNG or JPEG frame.")
    with open(path, "rb") as file:
        data = file.read()
    try:
        inspect(data)
    except Damaged as error:
        raise UserError(f"{path} cannot be decoded as an image ({error}): copy or export it again.") from error
    except Refused as error:
        raise UserError(f"{path} {error}.") from error
    return decode_frame(path, data)


def decode_frame(path: str | Path, data: bytes) -> np.ndarray:
    """The bytes of a PNG or JPEG file, read from `path`, as (H, W, 3) uint8 RGB.

    Grey is repeated to three channels. 16 bits a channel become the nearest of 8: v / 257, rounded half to even. An
    alpha channel that is opaque everywhere is left out. UserError for a file that is damaged or cut short, or is
    transparent anywhere.
    """
    # From memory and not by cv2.imread, which cannot open a path outside the code page on Windows.
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    except cv2.error:  # a header that says more pixels than OpenCV takes
        image = None
    if image is None or image.dtype not in (np.uint8, np.uint16):
        raise UserError(f"{path} cannot be decoded as an image (damaged or cut short): copy or export it again.")
    if image.ndim == 3 and image.shape[2] == 4:
        if image[..., 3].min() < np.iinfo(image.dtype).max:
            raise UserError(f"{path} is transparent, which has no meaning here: export it without an alpha channel.")
        image = image[..., :3]
    if image.dtype == np.uint16:
        image = np.rint(image / 257).astype(np.uint8)
    return cv2.cvtColor(image, cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB)


def write_frame(path: Path, rgb: np.ndarray) -> None:
    """Write (H, W, 3) uint8 RGB as PNG; the file appears whole or not at all, the same bytes for the same pixels."""
    require_rgb(rgb)
    _, data = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.tobytes())


def to_float(frames: np.ndarray) -> np.ndarray:
    """(..., H, W, 3) uint8 -> (..., 3, H, W) float32 in [0, 1], as the network takes them.

    >>> to_float(np.zeros((5, 180, 320, 3), np.uint8)).shape
    (5, 3, 180, 320)
    """
    return np.ascontiguousarray(np.moveaxis(frames, -1, -3), dtype=np.float32) / np.float32(255)


def to_uint8(image: np.ndarray) -> np.ndarray:
    """(3, H, W) float in [0, 1] to (H, W, 3) uint8: times 255, clamped, rounded half to even. NaN is refused.

    >>> to_uint8(np.full((3, 1, 1), 0.5))
    array([[[128, 128, 128]]], dtype=uint8)
    """
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[0] != 3 or image.dtype.kind != "f":
        raise ValueError(f"an image must be (3, H, W) float, not {image.shape} {image.dtype}")
    if np.isnan(image).any():
        raise ValueError("the image holds NaN")
    scaled = image * 255
    np.rint(np.clip(scaled, 0, 255, out=scaled), out=scaled)
    return scaled.astype(np.uint8).transpose(1, 2, 0).copy()


def rounded(levels: np.ndarray) -> np.ndarray:
    """Values in levels of 255 as uint8: clamped to [0, 255], rounded half to even."""
    return np.rint(np.clip(levels, 0, 255)).astype(np.uint8)


def shown_size(image: np.ndarray) -> str:
    """Width and height of (H, W, ...), as messages tell them: 384x256."""
    return f"{image.shape[1]}x{image.shape[0]}"


def require_rgb(image: np.ndarray, what: str = "a frame", axes: str = "H, W, 3") -> None:
    """ValueError unless an array is 8-bit RGB with these axes and none of them is empty."""
    if image.dtype != np.uint8 or image.ndim != len(axes.split(", ")) or image.shape[-1] != 3 or 0 in image.shape:
        raise ValueError(f"{what} must be ({axes}) uint8, not {image.shape} {image.dtype}")


def batches(items: Iterable[Any], count: int = 16) -> Iterator[list[Any]]:
    """Lists of so many items, the last one of fewer; of what comes later, nothing is asked for yet."""
    rest = iter(items)
    while some := list(islice(rest, count)):
        yield some


@contextmanager
def in_threads(workers: int) -> Iterator[Map]:
    """Yield a map that works on so many frames at a time. UserError for fewer than one."""
    if workers < 1:
        raise UserError(f"workers is {workers}; give 1 or more.")
    with ThreadPoolExecutor(workers) as pool:
        yield pool.map
