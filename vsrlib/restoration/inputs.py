"""What a restoration is given: its clips, the ground truth of each, and the frames of them that are restored."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from pathlib import Path

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.files import remove, sha256_joined, stamp
from vsrlib.data.clips import ClipSource, FrameReader, read_through, windows
from vsrlib.data.degrade import SCALE
from vsrlib.data.sets.layouts import HR_ROLE, LR_ROLE, clips_in
from vsrlib.data.sets.manifest import Origin, origins
from vsrlib.data.video_picture import Reading
from vsrlib.restoration.destination import NOTES, Destination
from vsrlib.restoration.loop import Job
from vsrlib.restoration.options import InferOptions


@dataclass(frozen=True)
class GivenClip:
    """A clip that was read through, and its ground truth, if there is any.

    origin: its scene and kind. size: (height, width) of its frames. digest, truth_digest: of the pixels of the two.
    jobs: its frames that are restored, in order; where only a part of all frames is, there may be none.
    """

    source: ClipSource
    truth: ClipSource | None
    origin: Origin
    size: tuple[int, int]
    digest: str
    truth_digest: str | None
    jobs: list[Job]

    @property
    def names(self) -> list[str]:
        """Of the frames that are restored."""
        return [self.source.frame_names[job.index] for job in self.jobs]


@dataclass(frozen=True)
class Inputs:
    """The clips at `path`. stamps: of the files that hold their frames and those of their ground truth."""

    path: Path
    clips: list[GivenClip]
    stamps: dict[Path, tuple[int, int]]

    @classmethod
    def read(cls, path: Path, gt_path: Path | None, options: InferOptions, target: Destination) -> "Inputs":
        """Find the clips and read every frame once. UserError for what cannot be restored, or not to `target`.

        path, gt_path: as for `vsrlib.restoration.infer.infer`.
        """
        sources, truths = _found(path, gt_path, options, target)
        jobs = _jobs(sources, options)
        stamps = {file: stamp(file) for source in [*sources, *truths] if source is not None for file in source.files}
        read = [_read_through(source, truth) for source, truth in zip(sources, truths)]
        origin = origins(path, [source.name for source in sources])
        clips = [
            GivenClip(source, truth, origin[source.name], *found, jobs.get(clip, []))
            for clip, (source, truth, found) in enumerate(zip(sources, truths, read))
        ]
        return cls(path, clips, stamps)

    @property
    def restored(self) -> list[GivenClip]:
        """The clips of which a frame is restored, at least one."""
        return [clip for clip in self.clips if clip.jobs]

    @property
    def count(self) -> int:
        """How many frames are restored."""
        return sum(len(clip.jobs) for clip in self.clips)

    @property
    def digest(self) -> str:
        """Of the pixels of all clips."""
        return sha256_joined(clip.digest for clip in self.clips)

    @property
    def truth_digest(self) -> str | None:
        """Of the pixels of the ground truth of all clips, which all of them have, or none."""
        digests = [clip.truth_digest for clip in self.clips if clip.truth_digest is not None]
        return sha256_joined(digests) if digests else None

    def require_unchanged(self, target: Destination) -> None:
        """UserError for a file that is not what it was: what is restored is what the digests of the result are of."""
        for path, before in self.stamps.items():
            if not path.exists() or stamp(path) != before:
                remove(target.work / NOTES)  # what is done is of neither
                raise UserError(
                    f"{path} has changed while its clip was restored, and no result says of frames what is true of "
                    "others: leave the files alone and restore again."
                )


def frames_at(source: ClipSource, indices: Iterable[int]) -> dict[int, np.ndarray]:
    """The frames of these indices; none of those that come before them in a video is held."""
    reader, frames = FrameReader(source), {}
    for index in sorted(set(indices)):
        reader.forget_before(index)
        frames[index] = reader[index]
    return frames


def _found(
    path: Path, gt_path: Path | None, options: InferOptions, target: Destination
) -> tuple[list[ClipSource], list[ClipSource | None]]:
    """The clips, and the ground truth of each."""
    reading = Reading(options.colour, options.deinterlace, options.colour_range)
    sources = clips_in(path, LR_ROLE, replace(reading, deep=True))
    truths = _paired(sources, None if gt_path is None else clips_in(gt_path, HR_ROLE, reading))
    target.require_fit(path, sources)
    if options.fps is not None:
        sources = [_at_rate(source, options.fps) for source in sources]
    if gt_path is not None:
        target.require_fit(gt_path, [truth for truth in truths if truth is not None])
    return sources, truths


def _paired(sources: list[ClipSource], truths: list[ClipSource] | None) -> list[ClipSource | None]:
    """The ground truth of each clip: by name, or by being the only one."""
    if truths is None:
        return [None] * len(sources)
    by_name = {truth.name: truth for truth in truths}
    pairs = truths if len(sources) == len(truths) == 1 else [by_name.get(source.name) for source in sources]
    for source, truth in zip(sources, pairs):
        if truth is None:
            raise UserError(
                f"The clip {source.name} has no ground truth of the same name; "
                "name the folders alike, or give no ground truth."
            )
        if len(truth) != len(source):
            raise UserError(
                f"The clip {source.name} has {len(source)} frames and its ground truth {len(truth)}; "
                "give the same frames of both."
            )
        differing = [pair for pair in zip(source.frame_names, truth.frame_names) if pair[0] != pair[1]]
        if differing and source.video is None and truth.video is None:
            raise UserError(
                f"The clip {source.name} has a frame {differing[0][0]} where its ground truth has "
                f"{differing[0][1]}; name the frames alike."
            )
    return list(pairs)


def _at_rate(source: ClipSource, fps: float) -> ClipSource:
    """The frames with a rate, which a folder has none of by itself."""
    if source.video is not None:
        raise UserError(f"{source.video} has its own rate, which is kept; give --fps for a folder of frames alone.")
    television = Fraction(1000 * round(fps), 1001)  # 29.97 stands for 30000/1001
    away = abs(television - Fraction(fps))
    close = away < Fraction(1, 200) and away < abs(round(fps) - Fraction(fps))  # 5 is 5, and near 5000/1001
    return replace(source, given_rate=television if close else Fraction(fps).limit_denominator(1001))


def _jobs(sources: list[ClipSource], options: InferOptions) -> dict[int, list[Job]]:
    """The frames that are restored, by the index of their clip. UserError for a part that has none."""
    jobs = [
        Job(clip, index, window)
        for clip, source in enumerate(sources)
        for index, window in windows(source, options.border)
    ]
    shard = options.part
    if shard is not None:
        jobs = shard.of(jobs)
        if not jobs:
            raise UserError(
                f"shard {shard} holds no frame, because fewer than {shard.count} are restored in all; give fewer parts."
            )
    return {clip: list(ours) for clip, ours in groupby(jobs, key=lambda job: job.clip)}


def _read_through(source: ClipSource, truth: ClipSource | None) -> tuple[tuple[int, int], str, str | None]:
    """(height, width) of a clip, and the digests of its frames and of its ground truth's."""
    size, digest = read_through(source)
    if truth is None:
        return size, digest, None
    high, truth_digest = read_through(truth)
    _require_fit(source.name, size, high)
    return size, digest, truth_digest


def _require_fit(name: str, low: tuple[int, int], high: tuple[int, int]) -> None:
    """The ground truth may be up to 3 pixels larger than four times the input: it is then cropped."""
    height, width = (SCALE * side for side in low)
    if not (0 <= high[0] - height < SCALE and 0 <= high[1] - width < SCALE):
        raise UserError(
            f"The ground truth of {name} is {high[1]}x{high[0]} pixels, and four times the input is "
            f"{width}x{height}; give the frames that the input was made from."
        )
