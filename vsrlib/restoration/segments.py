"""A clip's video while it is restored: a file for every so many frames, each whole or not there, which are then joined.

So a restoration that is interrupted goes on behind the last whole one, and an uninterrupted one makes the same files.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np

from vsrlib.data.video import write_video
from vsrlib.data.video_picture import Picture

LENGTH = 48
"""Frames of a segment: some seconds of a film, some minutes of work; FFV1 begins anew every twelve anyway."""


def segment(folder: Path, frame: int, ending: str) -> Path:
    """The file in which frame `frame` of a clip's restored frames lies; folder: that of the clip's segments."""
    return folder / f"{frame // LENGTH:06d}.{ending}"


def parts(folder: Path, count: int, ending: str) -> list[Path]:
    """The files of all segments of a clip of which `count` frames are restored, in order."""
    return [segment(folder, frame, ending) for frame in range(0, count, LENGTH)]


def whole(count: int) -> int:
    """How many of the first `count` frames of a clip lie in segments that have all of theirs."""
    return count - count % LENGTH


@contextmanager
def segments(
    folder: Path, ending: str, first: int, total: int, rate: Fraction, look: Picture | None, bits: int
) -> Iterator[Callable[[np.ndarray], None]]:
    """Yield what writes the frames from `first`, where a segment begins, to the last of `total`, one after the other.

    A segment's file is there once its last frame has been written. The frames, and the other parameters:
    see `vsrlib.data.video.write_video`, whose errors it raises.
    """
    number, add = first, None
    with ExitStack() as running:

        def write(rgb: np.ndarray) -> None:
            nonlocal number, add
            if add is None:
                path = segment(folder, number, ending)
                add = running.enter_context(write_video(path, rate, look=look, bits=bits))
            add(rgb)
            number += 1
            if number % LENGTH == 0 or number == total:
                running.close()
                add = None

        yield write
