"""Frames out of video files, through PyAV (FFmpeg's libraries)."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vsrlib.errors import UserError

if TYPE_CHECKING:
    import av

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg")
"""File name endings (in lower case) of what is read as a video."""


def frame_name(index: int) -> str:
    """Name of a video's frame: eight digits, counted from 0, so that string order is temporal order."""
    return f"{index:08d}"


def count_frames(path: Path) -> int:
    """Number of frames, found by decoding: the number stored in a video's header is missing or wrong too often."""
    return sum(1 for _ in _decode(path))


def read_frames(path: Path) -> Iterator[np.ndarray]:
    """Yield every frame as (H, W, 3) uint8 RGB, converted from the video's own colour space.

    UserError for a file that cannot be decoded, has no video stream or no frame, more than 8 bits a channel,
    an alpha channel, a rotation flag, or frames that change their size.
    """
    for frame in _decode(path):
        yield frame.to_ndarray(format="rgb24")


def _decode(path: Path) -> Iterator["av.VideoFrame"]:
    import av  # here, so that reading PNG frames does not load FFmpeg

    first = None
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise UserError(f"{path} has no video stream: give a video file.")
            for frame in container.decode(container.streams.video[0]):
                first = first or frame
                _check(path, frame, first)
                yield frame
    except av.FFmpegError as error:
        raise UserError(f"{path} cannot be decoded as a video ({error.strerror}): copy or export it again.") from error
    if first is None:
        raise UserError(f"{path} holds no frames: give a video with at least one.")


def _check(path: Path, frame: "av.VideoFrame", first: "av.VideoFrame") -> None:
    if any(component.bits > 8 for component in frame.format.components):
        raise UserError(f"{path} has more than 8 bits a channel, which is not supported: export it as 8-bit video.")
    if any(component.is_alpha for component in frame.format.components):
        raise UserError(f"{path} has an alpha channel, which has no meaning here: export it without transparency.")
    if frame.rotation:
        raise UserError(f"{path} is to be shown rotated by {frame.rotation} degrees, which is not supported: "
                        "export it upright.")
    if (frame.width, frame.height) != (first.width, first.height):
        raise UserError(f"{path} changes its frame size from {first.width}x{first.height} to "
                        f"{frame.width}x{frame.height}: export it at one size.")
