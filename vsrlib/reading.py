"""The frames of a clip by index, read in order and forgotten when they are no longer needed."""

from collections.abc import Iterable, Sequence

import numpy as np

from vsrlib.files import sha256_array
from vsrlib.frames import ClipSource, read_frame


class FrameReader:
    """Reads a clip forwards; only the frames since `forget_before` are in memory."""

    def __init__(self, source: ClipSource) -> None:
        self._source = source
        self._video = source.frames() if source.video is not None else None
        self._held: dict[int, np.ndarray] = {}
        self._first = self._next = 0

    def __getitem__(self, index: int) -> np.ndarray:
        """Frame `index`, (H, W, 3) uint8. KeyError for one that was forgotten."""
        while self._video is not None and self._next <= index:
            frame = next(self._video)
            if self._next >= self._first:
                self._held[self._next] = frame
            self._next += 1
        if self._video is None and index not in self._held and index >= self._first:
            self._held[index] = read_frame(self._source.paths[index])
        return self._held[index]

    def stack(self, indices: Sequence[int]) -> np.ndarray:
        """Some frames as one array (N, H, W, 3)."""
        return np.stack([self[index] for index in indices])

    def forget_before(self, index: int) -> None:
        """Frames before `index` will not be asked for again."""
        self._first = index
        for old in [old for old in self._held if old < index]:
            del self._held[old]


def read_through(source: ClipSource) -> tuple[tuple[int, int], str]:
    """Decode every frame once: (height, width) and a digest of the pixels. UserError for a frame that cannot be read.

    A restoration can take hours, so what is wrong with a clip's last frame is found before its first is restored.
    """
    digests = []
    for frame in source.frames():
        digests.append(sha256_array(frame))
    return (frame.shape[0], frame.shape[1]), digest_of(digests)


def digest_of(digests: Iterable[str]) -> str:
    """One digest of several."""
    return sha256_array(np.array(list(digests)))
