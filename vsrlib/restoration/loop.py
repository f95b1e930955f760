"""The loop of a restoration: compute one frame while a thread measures and writes the one before."""

import contextlib
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from vsrlib.common.errors import UserError
from vsrlib.data import deep_frames
from vsrlib.data.clips import ClipSource, FrameReader
from vsrlib.data.deep_frames import eight_bits, to_uint16
from vsrlib.data.frames import to_uint8
from vsrlib.data.video_integrity import DEFAULT_RATE
from vsrlib.data.video_tracks import join
from vsrlib.networks.network import Network
from vsrlib.restoration import metrics
from vsrlib.restoration.engines import Engine
from vsrlib.restoration.sampling import bicubic, placed
from vsrlib.restoration.segments import parts, segments
from vsrlib.restoration.temporal import TemporalErrors
from vsrlib.restoration.timing import PARTS

RESULT = "inference.json"

FRAMES, VIDEOS, KERNELS = "frames", "videos", "kernels"
"""Folders of what is written: a PNG per frame, or a video per clip; and a kernel (.npy) per frame if asked for."""

SEGMENTS = ".segments"
"""Folder with the segments of videos in the making, a folder for each clip."""

_AHEAD = 3  # restored frames that may wait for the writer


@dataclass(frozen=True)
class Job:
    """One frame to restore: its clip, its index there, and the indices of its five frames."""

    clip: int
    index: int
    window: list[int]


@dataclass(frozen=True)
class Output:
    """What is written of each clip below `folder`: PNG frames, or with `video` (an ending) a video; and kernels.

    audio: whether a video takes the sound of the one that it is made from. left_out: what it cannot hold of that one.
    bits: of a channel of what is written. segments: where those of videos lie, if not below `folder`.
    """

    folder: Path
    video: str | None
    kernels: bool
    audio: bool
    left_out: list[str] = field(default_factory=list)
    bits: int = 8
    segments: Path | None = None

    @contextlib.contextmanager
    def writer(
        self, source: ClipSource, indices: Sequence[int], there: int = 0
    ) -> Iterator[Callable[[str, np.ndarray], None]]:
        """Yield what writes the restored frames of these consecutive indices, but for the first `there`, under their
        names: (H, W, 3) uint8, or uint16 where more than 8 bits are written.
        """
        if self.video is None:
            yield lambda name, image: deep_frames.write(self.folder / FRAMES / source.name / f"{name}.png", image)
            return
        film = None if source.film is None else source.film.part(indices[0], indices[-1])
        path, count = self.folder / VIDEOS / f"{source.name}.{self.video}", len(indices)
        rate, look = source.rate or DEFAULT_RATE, film.picture if film else None
        folder = (self.segments or self.folder / SEGMENTS) / source.name
        with segments(folder, self.video, there, count, rate, look, self.bits) as write:
            yield lambda name, image: write(image)
        self.left_out.extend(join(path, parts(folder, count, self.video), rate, film, self.audio))

    def write_kernel(self, source: ClipSource, name: str, kernel: np.ndarray) -> None:
        """Save the estimated blur kernel (13, 13) of a frame."""
        path = self.folder / KERNELS / source.name / f"{name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, kernel)


class ClipScores:
    """Metrics of a clip as a whole, whose frames come one by one and in order; the last one of both clips is held."""

    def __init__(self) -> None:
        self._psnr: list[float] = []
        self._ssim: list[float] = []
        self._errors = TemporalErrors()

    def add(self, restored: np.ndarray, high: np.ndarray) -> None:
        """The next frame and its truth, (H, W, 3) uint8 RGB."""
        self._psnr.append(metrics.psnr_y(restored, high))
        self._ssim.append(metrics.ssim_y(restored, high))
        self._errors.add(restored, high)

    def result(self) -> dict[str, float | None]:
        """Means `psnr_y` (of the frames that differ from the truth, None without any) and `ssim_y`; and the errors."""
        finite = [value for value in self._psnr if math.isfinite(value)]
        return {
            "psnr_y": float(np.mean(finite)) if finite else None,
            "ssim_y": float(np.mean(self._ssim)),
            **self._errors.result(),
        }


def restore_clip(
    network: Network,
    engine: Engine,
    source: ClipSource,
    truth: ClipSource | None,
    jobs: Sequence[Job],
    there: Sequence[dict[str, Any]],
    output: Output,
    bar: tqdm,
    clip_scores: ClipScores | None,
    sampling: str,
    finished: Callable[[dict[str, Any]], None],
    batch: int,
) -> list[dict[str, Any]]:
    """Restore the frames of one clip and write them; returns name, scores and seconds of each, in order.

    `there`: what was returned of the first frames before an interruption; these are written, and not restored again.
    `clip_scores` is given every restored frame that has a truth. `sampling`: where the LR pixels lie among those of the
    truth, and of what is written (see `vsrlib.restoration.sampling`). `finished` is given the result of each frame once
    it is written. `batch`: frames at once, for an engine that takes several windows; each is said to take its share. It
    is the same ones after an interruption, and some are restored again: sums depend on how many there are at once.
    Seconds of "pre" (reading, uploading), "forward" (computing, synchronised on both sides) and "post" (downloading;
    scoring and writing, in the writer's thread).
    """
    engine.reset()
    reader = FrameReader(source)
    truths = None if truth is None else FrameReader(truth)
    done = list(there)
    pending: deque[Future[dict[str, Any]]] = deque()
    with output.writer(source, [job.index for job in jobs], len(there)) as write, _one_thread() as pool:
        for number, some in enumerate(in_batches(jobs, batch)):
            new = some[max(len(there) - number * batch, 0) :]
            if not new:
                continue
            reader.forget_before(min(some[0].window))
            if truths is not None:
                truths.forget_before(some[0].index)
            with enough_memory(batch):
                marks = [time.perf_counter()]
                engine.upload(joined(some), reader)
                network.synchronise()
                marks.append(time.perf_counter())
                restored = engine.run()
                network.synchronise()
                marks.append(time.perf_counter())
                images = network.download(restored)
                kernels = network.download(engine.kernel()) if output.kernels else ()
            for job, kernel in zip(some, kernels):
                output.write_kernel(source, source.frame_names[job.index], kernel[0])
            marks.append(time.perf_counter())
            for job, image in list(zip(some, images, strict=True))[-len(new) :]:
                name = source.frame_names[job.index]
                seconds = {part: (end - begin) / len(some) for part, begin, end in zip(PARTS, marks, marks[1:])}
                low, high = reader[job.index], None if truths is None else truths[job.index]
                label = f"{source.name}/{name}"
                deep = output.bits > 8
                told = (label, name, image, low, high, write, seconds, clip_scores, sampling, finished, deep)
                pending.append(pool.submit(_finish, *told))
            while len(pending) > max(_AHEAD, batch):
                done.append(pending.popleft().result())
            bar.update(len(new))
        done += [future.result() for future in pending]
    return done


def in_batches(jobs: Sequence[Job], size: int) -> list[Sequence[Job]]:
    """The jobs of a clip, `size` at a time; the last ones may be fewer."""
    return [jobs[begin : begin + size] for begin in range(0, len(jobs), size)]


def joined(jobs: Sequence[Job]) -> list[int]:
    """Their windows, one after the other, as an `Engine` takes them."""
    return [index for job in jobs for index in job.window]


@contextlib.contextmanager
def _one_thread() -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(1, "writer")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def enough_memory(batch: int) -> Iterator[None]:
    """UserError where a framework says that it has too little memory for so many frames at once."""
    try:
        yield
    except RuntimeError as error:  # PyTorch has a type for this on CUDA only, Jittor has none
        if not any(words in str(error).lower() for words in ("out of memory", "can't allocate", "bad_alloc")):
            raise
        raise UserError(
            "There is not enough memory for frames of this size; give a tile, such as --tile 128."
            if batch == 1
            else f"There is not enough memory for {batch} frames of this size at once; give a smaller --batch."
        ) from error


def _finish(
    label: str,
    name: str,
    restored: np.ndarray,
    low: np.ndarray,
    high: np.ndarray | None,
    write: Callable[[str, np.ndarray], None],
    seconds: dict[str, float],
    clip_scores: ClipScores | None,
    sampling: str,
    finished: Callable[[dict[str, Any]], None],
    deep: bool,
) -> dict[str, Any]:
    start = time.perf_counter()
    if not np.isfinite(restored).all():
        raise UserError(f"The restoration of {label} holds NaN or infinite values; use other weights.")
    written = (to_uint16 if deep else to_uint8)(placed(restored, sampling))
    image = eight_bits(written)  # what is measured, and what the truth has
    if high is not None:
        high = high[: image.shape[0], : image.shape[1]]
    scores = _scores("", image, high)
    if clip_scores is not None and high is not None:
        clip_scores.add(image, high)
    write(name, written)
    seconds["post"] += time.perf_counter() - start
    baseline = _scores("bicubic_", image if high is None else bicubic(eight_bits(low), sampling), high)
    result = {"name": name, **scores, **baseline, **seconds}
    finished(result)
    return result


def _scores(prefix: str, image: np.ndarray, high: np.ndarray | None) -> dict[str, float | bool | None]:
    """PSNR and SSIM; an image that equals the truth has no finite PSNR, and says `identical` instead."""
    if high is None:
        return {f"{prefix}psnr": None, f"{prefix}ssim": None, f"{prefix}identical": False}
    psnr = metrics.psnr(image, high)
    finite = math.isfinite(psnr)
    return {
        f"{prefix}psnr": psnr if finite else None,
        f"{prefix}ssim": metrics.ssim(image, high),
        f"{prefix}identical": not finite,
    }
