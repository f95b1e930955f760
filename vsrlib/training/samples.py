"""Training samples: crops of HR windows, augmented, blurred and decimated on the fly."""

import json
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.files import sha256_array, sha256_bytes, sha256_file, stamp
from vsrlib.data.blur_kernels import gaussian_kernel, realistic_kernel
from vsrlib.data.clips import WINDOW, ClipSource, require_frames
from vsrlib.data.degradation import SCALE, blur_down_float
from vsrlib.data.frames import decode_frame, read_frame, shown_size, to_float
from vsrlib.data.sets.layouts import clips_of
from vsrlib.data.sets.manifest import require_trainable
from vsrlib.networks.architecture import CENTRE
from vsrlib.networks.distributed import Batch
from vsrlib.training.options import TrainOptions, fitting_patch
from vsrlib.training.prefetch import ahead

SIGMAS = np.arange(4, 21) / 10  # standard deviations of the training's Gaussian kernels, HR pixels
SMOOTH = 7.0  # a crop whose mean gradient is below this shows next to nothing, and is drawn again,
DRAWS = 5  # up to this often
_ORDER, _SAMPLE = 2, 3  # tell the generators of a seed apart; 1 is that of validation


class TrainingWindows:
    """Every five consecutive frames of the clips in a folder; at most `frames_per_clip` frames of each are used.

    Frames are decoded when they are asked for. Those asked for last are kept, up to `cache_mib` MiB of them; what is
    not among them is decoded again, a video from its beginning up to the window, so that videos which do not fit take
    long. A file that changes after this was made is refused when it is read, so that what is learned from is what
    `digest` signs for.
    """

    def __init__(
        self,
        hr_root: Path,
        patch_size: int,
        frames_per_clip: int = TrainOptions.n_frames_per_video,
        cache_mib: int = TrainOptions.cache_mib,
    ) -> None:
        self.sources, self._frames_per_clip = clips_of(hr_root), frames_per_clip
        require_trainable(hr_root, [source.name for source in self.sources])
        self.places: list[tuple[ClipSource, int]] = []
        self._stamps = {path: stamp(path) for source in self.sources for path in self._files(source)}
        self._whole: set[Path] = set()  # files that have been found undamaged
        self._shapes: dict[str, tuple[int, ...]] = {}  # of each clip's frames
        self._kept = _Kept(cache_mib * 2**20)
        for source in self.sources:
            require_frames(source, WINDOW)
            first = next(source.frames())
            side = min(first.shape[:2])
            if side < SCALE * patch_size:
                raise UserError(
                    f"The training clip {source.name} has frames of {shown_size(first)} pixels, and a patch of "
                    f"{patch_size} LR pixels needs {SCALE * patch_size}; {fitting_patch(side // SCALE)}."
                )
            self._shapes[source.name] = first.shape
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
            digests = []
            for path in self._files(source):
                digests.append(sha256_file(path))
                self._require_unchanged(path)
            found.append([source.name, source.frame_names[: self._frames_per_clip], digests])
        return sha256_bytes(json.dumps(found).encode())

    def window(self, index: int) -> np.ndarray:
        """The five HR frames of a window, (5, H, W, 3) uint8."""
        source, start = self.places[index]
        wanted = range(start, start + WINDOW)
        frames = {i: frame for i in wanted if (frame := self._kept.get((source.name, i))) is not None}
        for i, frame in self._decoded(source, [i for i in wanted if i not in frames]):
            if frame.shape != self._shapes[source.name]:
                raise UserError(
                    f"The clip {source.name} has frames of different sizes; put them into clips of their own."
                )
            self._kept.add((source.name, i), frame)
            if i in wanted:
                frames[i] = frame
        return np.stack([frames[i] for i in wanted])

    def _decoded(self, source: ClipSource, missing: list[int]) -> Iterator[tuple[int, np.ndarray]]:
        """The `missing` frames of a clip, each with its index; of a video also those before them."""
        if source.video is None:
            for i in missing:
                yield i, self._read(source.paths[i])
        elif missing:
            for i, frame in enumerate(islice(source.frames(), missing[-1] + 1)):
                self._require_unchanged(source.video)
                yield i, frame

    def _read(self, path: Path) -> np.ndarray:
        # Whether a file is whole takes as long to find out as to decode it, and is so for as long as it is unchanged.
        frame = decode_frame(path, path.read_bytes()) if path in self._whole else read_frame(path)
        self._require_unchanged(path)
        self._whole.add(path)
        return frame

    def _files(self, source: ClipSource) -> tuple[Path, ...]:
        """Those that hold the used frames of a clip."""
        return source.files if source.video else source.files[: self._frames_per_clip]

    def _require_unchanged(self, path: Path) -> None:
        if stamp(path) != self._stamps[path]:
            raise UserError(
                f"{path} has changed since this training was begun or gone on with, and no training learns from other "
                "frames than it records: put the file back and resume, or begin anew."
            )


class _Kept:
    """The decoded frames that were asked for last, as many as fit into so many bytes."""

    def __init__(self, most: int) -> None:
        self._most, self._bytes = most, 0
        self._frames: OrderedDict[tuple[str, int], np.ndarray] = OrderedDict()  # the one to go first is in front

    def get(self, key: tuple[str, int]) -> np.ndarray | None:
        """The frame of that clip and index, if it is kept."""
        if key in self._frames:
            self._frames.move_to_end(key)
        return self._frames.get(key)

    def add(self, key: tuple[str, int], frame: np.ndarray) -> None:
        """Keep a frame, and let go of others for it; of itself, if it does not fit at all."""
        if key in self._frames:
            self._bytes -= self._frames.pop(key).nbytes
        self._frames[key] = frame
        self._bytes += frame.nbytes
        while self._bytes > self._most:
            self._bytes -= self._frames.popitem(last=False)[1].nbytes


Place = tuple[int, int, int]
"""Where a sample stands: its epoch, from 1, its number in that, from 0, and the index of its window."""


class Windows(Protocol):
    """Windows by number: `TrainingWindows`, or those of `vsrlib.training.made`."""

    def __len__(self) -> int: ...

    def window(self, index: int) -> np.ndarray:
        """The five HR frames of a window, (5, H, W, 3) uint8."""


@dataclass(frozen=True)
class SampleMaker:
    """Makes the samples of given places; each is drawn from (seed, epoch, number) alone."""

    windows: Windows
    blur: str
    patch_size: int
    seed: int
    high: bool

    def __call__(self, places: list[Place]) -> Batch:
        pairs = []
        for epoch, number, index in places:
            rng = np.random.default_rng([self.seed, _SAMPLE, epoch, number])
            pairs.append(draw_pair(self.windows.window(index), self.blur, self.patch_size, rng))
        low, high = (np.stack(part) for part in zip(*pairs))
        return Batch(low, high if self.high else None, sha256_array(low))


class SampleStream:
    """Batches without end, every epoch in an order of its own; `state` and `restore` go on where it was.

    An epoch shows every window `repeat` times. Batches reach over its end unless `whole_epochs`, with which the last
    one may be short. `high`: the HR frames are given too. `workers` processes make them ahead, see `prefetch.ahead`:
    the same ones, whatever their number. `close` ends these processes.
    """

    def __init__(
        self,
        windows: Windows,
        blur: str,
        batch_size: int,
        patch_size: int,
        seed: int,
        repeat: int = 1,
        whole_epochs: bool = False,
        high: bool = False,
        workers: int = TrainOptions.workers,
    ) -> None:
        self._make = SampleMaker(windows, blur, patch_size, seed, high)
        self._count, self._batch_size, self._repeat = len(windows), batch_size, repeat
        self._whole_epochs, self._workers = whole_epochs, workers
        self.epoch = self._shown = 0  # how many samples of this epoch have been given out
        self._begin()

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        batch, places = next(self._made), next(self._given)
        self.epoch, last, _ = places[-1]
        self._shown = last + 1
        return batch

    def state(self) -> dict[str, Any]:
        """Where the stream is, as JSON values: the epoch, and how many of its samples have been shown."""
        return {"epoch": self.epoch, "shown": self._shown}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`. UserError for one of an earlier version, which drew other samples."""
        if state.keys() != self.state().keys():
            raise UserError(
                "The checkpoint is of an earlier version, which drew other samples, so that it cannot be gone on with: "
                "give its weights as those to start from, and leave out resume."
            )
        self.close()
        self.epoch, self._shown = state["epoch"], state["shown"]
        self._begin()

    def close(self) -> None:
        """End the processes that make batches."""
        self._made.close()

    def _begin(self) -> None:
        self._made = ahead(self._make, self._places(self.epoch, self._shown), self._workers)
        self._given = self._places(self.epoch, self._shown)

    def _places(self, epoch: int, shown: int) -> Iterator[list[Place]]:
        """The places of each batch from here on."""
        order = self._order(epoch)
        while True:
            places: list[Place] = []
            while len(places) < self._batch_size:
                if shown == len(order):
                    if places and self._whole_epochs:
                        break
                    epoch, shown = epoch + 1, 0
                    order = self._order(epoch)
                places.append((epoch, shown, order[shown]))
                shown += 1
            yield places

    def _order(self, epoch: int) -> list[int]:
        """The windows of an epoch; there are none before the first."""
        rng, count = np.random.default_rng([self._make.seed, _ORDER, epoch]), self._count
        return (rng.permutation(count * self._repeat) % count).tolist() if epoch else []


def draw_pair(
    window: np.ndarray, blur: str, patch_size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """One sample from an HR window (5, H, W, 3) uint8: LR (5, 3, patch, patch) and HR centre (3, 4 patch, 4 patch).

    Both float32, HR in [0, 1], LR neither rounded nor clamped; LR pixel i lies at HR pixel 4 i.
    Random crop (drawn again while it is too smooth), flips and a quarter turn with probability 1/2 each, one kernel
    for the five frames, blur and decimation (Bai and Pan, TPAMI 2024, section 4.1).
    """
    side = SCALE * patch_size
    for _ in range(DRAWS):
        top = rng.integers(window.shape[1] - side + 1)
        left = rng.integers(window.shape[2] - side + 1)
        crop = window[:, top : top + side, left : left + side]
        if gradient_strength(crop[CENTRE]) >= SMOOTH:
            break
    flip_columns, flip_rows, turn = rng.random(3) < 0.5
    if flip_columns:
        crop = crop[:, :, ::-1]
    if flip_rows:
        crop = crop[:, ::-1]
    if turn:
        crop = np.rot90(crop, axes=(1, 2))
    kernel, crop = draw_kernel(blur, rng), np.ascontiguousarray(crop)
    low = np.stack([blur_down_float(frame, kernel) for frame in crop])
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
