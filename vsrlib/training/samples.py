"""Training samples: crops of HR windows, augmented, blurred and decimated on the fly."""

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.files import sha256_bytes, sha256_file
from vsrlib.data.blur_kernels import gaussian_kernel, realistic_kernel
from vsrlib.data.clips import WINDOW, ClipSource, require_frames
from vsrlib.data.degradation import SCALE, blur_down_exact
from vsrlib.data.frames import read_frame, shown_size, to_float
from vsrlib.data.sets.layouts import clips_of
from vsrlib.networks.architecture import CENTRE
from vsrlib.networks.distributed import Batch

SIGMAS = np.arange(4, 21) / 10  # standard deviations of the training's Gaussian kernels, HR pixels
_SMOOTH = 7.0  # a crop whose mean gradient is below this shows next to nothing, and is drawn again,
_DRAWS = 5  # up to this often


class TrainingWindows:
    """Every five consecutive frames of the clips in a folder; at most `frames_per_clip` frames of each are used."""

    def __init__(self, hr_root: Path, patch_size: int, frames_per_clip: int = 50) -> None:
        self.sources, self._frames_per_clip = clips_of(hr_root), frames_per_clip
        self.places: list[tuple[ClipSource, int]] = []
        for source in self.sources:
            require_frames(source, WINDOW)
            first = _first_frame(source)
            if min(first.shape[:2]) < SCALE * patch_size:
                raise UserError(
                    f"The training clip {source.name} has frames of {shown_size(first)} pixels, and a patch of "
                    f"{patch_size} LR pixels needs {SCALE * patch_size}; give a smaller patch_size or larger frames."
                )
            starts = range(min(len(source), frames_per_clip) - WINDOW + 1)
            self.places += [(source, start) for start in starts]

    def __len__(self) -> int:
        return len(self.places)

    def digest(self) -> str:
        """SHA-256 of the names of the clips and of the names and bytes of the frames that are used.

        Reads each of these files once, and an epoch reads it up to five times: for REDS, with 50 frames of each of 240
        clips, that is some 20 GB and a minute or more. The same pixels in another file are other data here.
        """
        found = []
        for source in self.sources:
            used = source.frame_names[: self._frames_per_clip]
            files = source.paths[: self._frames_per_clip] if source.video is None else (source.video,)
            found.append([source.name, used, [sha256_file(path) for path in files]])
        return sha256_bytes(json.dumps(found).encode())

    def window(self, index: int) -> np.ndarray:
        """The five HR frames of a window, (5, H, W, 3) uint8."""
        source, start = self.places[index]
        if source.video is not None:
            return _whole_clip(source)[start : start + WINDOW]
        frames = [_frame(path) for path in source.paths[start : start + WINDOW]]
        if len({frame.shape for frame in frames}) > 1:
            raise UserError(f"The clip {source.name} has frames of different sizes; put them into clips of their own.")
        return np.stack(frames)


class SampleStream:
    """Batches without end, every epoch in an order of its own; `state` and `restore` go on where it was.

    An epoch shows every window `repeat` times. Batches reach over its end unless `whole_epochs`, with which the last
    one may be short. `high`: the HR frames are given too.
    """

    def __init__(
        self,
        windows: TrainingWindows,
        blur: str,
        batch_size: int,
        patch_size: int,
        rng: np.random.Generator,
        repeat: int = 1,
        whole_epochs: bool = False,
        high: bool = False,
    ) -> None:
        self._windows, self._blur, self._batch_size, self._patch_size = windows, blur, batch_size, patch_size
        self._rng, self._repeat, self._whole_epochs, self._high = rng, repeat, whole_epochs, high
        self._order: list[int] = []  # what is left of the epoch, the next one last
        self.epoch = 0

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        samples: list[tuple[np.ndarray, np.ndarray]] = []
        while len(samples) < self._batch_size:
            if not self._order:
                if samples and self._whole_epochs:
                    break
                count = len(self._windows)
                self._order = [int(i) for i in self._rng.permutation(count * self._repeat) % count]
                self.epoch += 1
            window = self._windows.window(self._order.pop())
            samples.append(draw_pair(window, self._blur, self._patch_size, self._rng))
        low, high = (np.stack(part) for part in zip(*samples))
        return Batch(low, high if self._high else None)

    def state(self) -> dict[str, Any]:
        """Where the stream is, as JSON values: epoch, the order of what is left of it, and the random generator."""
        return {"epoch": self.epoch, "order": list(self._order), "rng": self._rng.bit_generator.state}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""
        self.epoch, self._order = state["epoch"], list(state["order"])
        self._rng.bit_generator.state = state["rng"]


def draw_pair(
    window: np.ndarray, blur: str, patch_size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """One sample from an HR window (5, H, W, 3) uint8: LR (5, 3, patch, patch) and HR centre (3, 4 patch, 4 patch).

    Both float32, HR in [0, 1], LR neither rounded nor clamped; LR pixel i lies at HR pixel 4 i.
    Random crop (drawn again while it is too smooth), flips and a quarter turn with probability 1/2 each, one kernel
    for the five frames, blur and decimation (Bai and Pan, TPAMI 2024, section 4.1).
    """
    side = SCALE * patch_size
    for _ in range(_DRAWS):
        top = rng.integers(window.shape[1] - side + 1)
        left = rng.integers(window.shape[2] - side + 1)
        crop = window[:, top : top + side, left : left + side]
        if gradient_strength(crop[CENTRE]) >= _SMOOTH:
            break
    flip_columns, flip_rows, turn = rng.random(3) < 0.5
    if flip_columns:
        crop = crop[:, :, ::-1]
    if flip_rows:
        crop = crop[:, ::-1]
    if turn:
        crop = np.rot90(crop, axes=(1, 2))
    kernel = draw_kernel(blur, rng)
    low = np.stack([blur_down_exact(frame, kernel) for frame in crop])
    return np.ascontiguousarray(low.transpose(0, 3, 1, 2) / 255, dtype=np.float32), to_float(crop[CENTRE])


def draw_kernel(blur: str, rng: np.random.Generator) -> np.ndarray:
    """A training kernel: Gaussian with sigma from 0.4, 0.5, ... 2.0, or a realistic one."""
    return gaussian_kernel(float(rng.choice(SIGMAS))) if blur == "Gaussian" else realistic_kernel(rng)


def gradient_strength(image: np.ndarray) -> float:
    """Mean of (|Sobel x| + |Sobel y|) / 2 of an (H, W, 3) uint8 image, each saturated at 255."""
    horizontal, vertical = (
        cv2.convertScaleAbs(cv2.Sobel(np.ascontiguousarray(image), cv2.CV_16S, dx, dy)) for dx, dy in ((1, 0), (0, 1))
    )
    return float(cv2.addWeighted(horizontal, 0.5, vertical, 0.5, 0).mean())


def _first_frame(source: ClipSource) -> np.ndarray:
    return _frame(source.paths[0]) if source.video is None else _whole_clip(source)[0]


@lru_cache(maxsize=1024)  # a few hundred MB for small frames; a folder as large as REDS is mostly read anew
def _frame(path: Path) -> np.ndarray:
    return read_frame(path)


@lru_cache(maxsize=8)
def _whole_clip(source: ClipSource) -> np.ndarray:
    return source.load().frames
