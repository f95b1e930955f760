"""Restore clips: frames in, frames and a result file out."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.common import memory, provenance
from vsrlib.common.errors import UserError
from vsrlib.common.files import remove, sha256_joined, stamp, write_json
from vsrlib.common.names import BFLOAT16, SAMPLINGS
from vsrlib.common.progress import bar as progress_bar
from vsrlib.data.clips import ClipSource, FrameReader, read_through, windows
from vsrlib.data.comparison_picture import write_comparison
from vsrlib.data.deep_frames import eight_bits
from vsrlib.data.degrade import SCALE
from vsrlib.data.frames import read_frame
from vsrlib.data.sets.layouts import HR_ROLE, LR_ROLE, clips_in
from vsrlib.data.sets.manifest import origins
from vsrlib.data.video import read_frames as video_frames
from vsrlib.data.video import written_bits
from vsrlib.data.video_picture import Reading
from vsrlib.networks.network import Network
from vsrlib.networks.onnx_network import OnnxNetwork
from vsrlib.networks.weights.weights_file import entry, existing
from vsrlib.restoration.destination import NOTES, Destination
from vsrlib.restoration.loop import (
    FRAMES,
    KERNELS,
    ClipScores,
    Job,
    Output,
    enough_memory,
    in_batches,
    joined,
    restore_clip,
)
from vsrlib.restoration.options import InferOptions
from vsrlib.restoration.restorers import engine_of, load_restorer
from vsrlib.restoration.sampling import WORTH_SAYING, bicubic, gain_of_other
from vsrlib.restoration.temporal import DEFAULT_FLOW
from vsrlib.restoration.timing import time_both_ways, warm_up
from vsrlib.restoration.unfinished import Unfinished, program

_FAR = 100  # restored frames before the one that is looked at


def infer(
    input_path: Path,
    output: Path,
    gt_path: Path | None,
    options: InferOptions,
    progress: bool = True,
    resume: bool = False,
    restart: bool = False,
) -> dict[str, Any]:
    """Restore every clip of `input_path` and write the frames, `comparison.png` and `inference.json` to `output`.

    input_path: a folder of frames, a folder of clips or a video; gt_path: the HR of the same clips, or None, and then
    no quality is measured. An `output` that ends in .mp4 or .mkv is the video itself, with the two other files beside
    it (see `vsrlib.restoration.destination`). Until all clips are done the old results stay; then they are replaced,
    the result file last. Raises UserError for input that cannot be used or that changes meanwhile, for an `output` in
    the input, and for files in the way that were not made here.

    resume: keep what is done of a restoration that is interrupted (frames, and whole segments of videos), and go on
    with what is there, unless `restart`. UserError where that is of other input, weights or options. A video with
    `all_metrics`, which are of frames that a video does not hold, is not kept, and begins anew.
    """
    if options.all_metrics and gt_path is None:
        raise UserError("Metrics need the clips in high resolution; give --gt, or leave --all-metrics out.")
    if options.weights is not None:
        existing(options.weights)  # now, and not only when the clips have been read
    target = Destination.of(output, options)  # now, and not only when hours have been spent
    shard, engine, video, input_path = options.part, options.engine, target.video, Path(input_path)
    reading = Reading(options.colour, options.deinterlace, options.colour_range)
    sources = clips_in(input_path, LR_ROLE, replace(reading, deep=True))
    truths = _paired(sources, None if gt_path is None else clips_in(gt_path, HR_ROLE, reading))
    target.require_fit(input_path, sources)
    if options.fps is not None:
        sources = [_at_rate(source, options.fps) for source in sources]
    if gt_path is not None:
        target.require_fit(gt_path, [truth for truth in truths if truth is not None])
    jobs = [
        Job(clip, index, window)
        for clip, source in enumerate(sources)
        for index, window in windows(source, options.border)
    ]
    if shard is not None:
        jobs = shard.of(jobs)
        if not jobs:
            raise UserError(
                f"shard {shard} holds no frame, because fewer than {shard.count} are restored in all; give fewer parts."
            )
    stamps = {path: stamp(path) for source in [*sources, *truths] if source is not None for path in source.files}
    digests = _read_through(sources, truths)
    origin = origins(input_path, [source.name for source in sources])
    network = load_restorer(
        options.framework, options.weights, options.preset, options.device, options.seed, options.correlation
    )
    loaded_memory = memory.resident_mib()
    baseline = (engine != "streaming" or options.precision == BFLOAT16) and options.convolution == "auto"
    convolution = network.convolution("framework" if baseline else options.convolution)
    restorer = engine_of(network, engine, convolution, options.tile, options.precision, options.batch)
    asked = {
        **{name: value for name, value in options.to_json().items() if name != "weights"},
        # What "auto" stands for now: a result is of one device and of the same kernels throughout.
        "device": network.device,
        "correlation": network.correlation,
        "convolution": convolution,
        "weights": _weights(network, options, target.folder)["sha256"],
        "input": sha256_joined(low for _, low, _ in digests),
        "ground truth": None if gt_path is None else sha256_joined(high for *_, high in digests),
        "the program": program(),
    }
    noted = Unfinished(target, asked, restart) if resume else None
    before = None if video and options.all_metrics else noted
    groups = [(clip, list(ours)) for clip, ours in groupby(jobs, key=lambda job: job.clip)]
    with target.filled(noted.kept if noted else None) as staging:
        names = [(sources[clip].name, [sources[clip].frame_names[job.index] for job in ours]) for clip, ours in groups]
        done = before.go_on(staging, names) if before else {}
        clips, warm_up_seconds, timing, warmed = [], 0.0, None, set()
        with progress_bar(len(jobs), f"infer {options.framework}", "frame", progress) as bar:
            for clip, ours in groups:
                source, truth = sources[clip], truths[clip]
                size, there = digests[clip][0], done.get(source.name, [])
                left = ours[len(there) :]  # a clip's frames are written in order
                bar.update(len(there))
                if size not in warmed and left and _gets_warm(network, options):
                    warmed.add(size)  # another size may be another kernel to compile or to choose
                    batches = in_batches(ours, options.batch)[len(there) // options.batch :]
                    of_other_size = [some for some in batches[2:] if len(some) < options.batch]
                    first_windows = [joined(some) for some in [*batches[:2], *of_other_size]]
                    with enough_memory(options.batch):
                        frames = _frames_at(source, chain(*first_windows))
                        warm_up_seconds += warm_up(network, restorer, first_windows, frames, options.kernels)
                        del frames  # of a large batch they are many
                if options.timing_repeats > 0 and timing is None:
                    index, window = ours[0].index, ours[0].window
                    frames, high = _frames_at(source, window), None
                    first = np.stack([frames[one] for one in window])
                    if truth is not None:
                        high = _frames_at(truth, [index])[index][: SCALE * size[0], : SCALE * size[1]]
                    timing = {"engine": "reference", **time_both_ways(network, first, high, options.timing_repeats)}
                    warm_up_seconds += timing["warm_up_seconds"]
                    bar.unpause()
                had = source.bits
                bits = written_bits(f".{video or 'png'}", had)
                segments = before.segments if before else None
                written = Output(staging, video, options.kernels, options.audio, [], bits, segments)
                scores = ClipScores() if options.all_metrics else None
                if scores is not None and truth is not None:
                    _score_again(scores, staging, source, FrameReader(truth), ours[: len(there)])
                tell = partial(before.add, source.name) if before else _nobody
                restored = restore_clip(
                    network, restorer, source, truth, ours, there, written, bar, scores, options.sampling, tell,
                    options.batch,
                )  # fmt: skip
                of_clip = {"name": source.name, **origin[source.name]._asdict(), "bits": [had, bits]}
                if source.film:
                    of_clip["film"] = {"rate": str(source.film.rate), **source.film.picture.to_json()}
                if source.film and video:
                    of_clip["left_out"] = written.left_out
                clips.append({**of_clip, "frames": restored, **(scores.result() if scores else {})})
        _require_unchanged(stamps, target)
    result = {
        "framework": options.framework,
        "blur": options.blur,
        "set": set_name(input_path),
        "preset": options.preset,
        "engine": engine,
        "border": options.border,
        "tile": options.tile,
        "precision": options.precision,
        "batch": options.batch,
        "shard": None if shard is None else str(shard),
        **network.conditions(),
        "convolution": convolution,
        "kept_memory_mib": restorer.kept_mib,
        "weights": _weights(network, options, target.folder),
        "clips": clips,
        "timing": timing,
        "warm_up_seconds": warm_up_seconds,
        "peak_memory_mib": memory.peak_mib(),
        "import_memory_mib": loaded_memory,
        "peak_device_memory_bytes": network.peak_device_memory(),
        "resumed": sum(map(len, done.values())),
        "images": target.images,
        "fps": options.fps,
        "sampling": options.sampling,
        "comparison": target.comparison.name,
        "video": video,
        "kernels": KERNELS if options.kernels else None,
        "input_digest": sha256_joined(low for _, low, _ in digests),
        "gt_digest": None if gt_path is None else sha256_joined(high for *_, high in digests),
        "provenance": provenance.collect(seed=options.seed, **_runtime(network)),
    }
    if options.all_metrics:
        result["flow"] = DEFAULT_FLOW
    for clip, (source, truth) in enumerate(zip(sources, truths)):
        restored_here = [job.index for job in jobs if job.clip == clip]
        shown = clip == jobs[0].clip
        if restored_here and (truth is not None or shown):
            _look(target, source, truth, restored_here, options.sampling, shown)
    write_json(target.result, result)
    target.cleared()
    return result


def _runtime(network: Network) -> dict[str, str]:
    """What provenance tells of ONNX Runtime, where that computes; a framework's version is told of every result."""
    if not isinstance(network, OnnxNetwork):
        return {}
    return {"onnxruntime": network.version, "model_digest": network.digest}


def _score_again(
    scores: ClipScores, staging: Path, source: ClipSource, truths: FrameReader, jobs: Sequence[Job]
) -> None:
    """Metrics of the frames of a clip that are there from before the interruption."""
    for job in jobs:
        truths.forget_before(job.index)
        restored = read_frame(staging / FRAMES / source.name / f"{source.frame_names[job.index]}.png")
        scores.add(restored, truths[job.index][: restored.shape[0], : restored.shape[1]])


def _gets_warm(network: Network, options: InferOptions) -> bool:
    """Whether frames are restored for nothing first: on a CPU Jittor alone compiles; for times all do."""
    return options.timing_repeats > 0 or network.framework == "jittor" or network.device != "cpu"


def _nobody(frame: dict[str, Any]) -> None:
    """What is done is not kept."""


def _at_rate(source: ClipSource, fps: float) -> ClipSource:
    """The frames with a rate, which a folder has none of by itself."""
    if source.video is not None:
        raise UserError(f"{source.video} has its own rate, which is kept; give --fps for a folder of frames alone.")
    television = Fraction(1000 * round(fps), 1001)  # 29.97 stands for 30000/1001
    away = abs(television - Fraction(fps))
    close = away < Fraction(1, 200) and away < abs(round(fps) - Fraction(fps))  # 5 is 5, and near 5000/1001
    return replace(source, given_rate=television if close else Fraction(fps).limit_denominator(1001))


def _frames_at(source: ClipSource, indices: Iterable[int]) -> dict[int, np.ndarray]:
    """The frames of these indices; none of those that come before them in a video is held."""
    reader, frames = FrameReader(source), {}
    for index in sorted(set(indices)):
        reader.forget_before(index)
        frames[index] = reader[index]
    return frames


def _look(
    target: Destination, source: ClipSource, truth: ClipSource | None, ours: list[int], sampling: str, picture: bool
) -> None:
    """Look at the middle of a clip once it is done, or earlier in a long one: a video is read up to that place.

    ours: the frames that were restored. Says so where another `sampling` fits the truth better, and makes the picture.
    """
    number = min(len(ours) // 2, _FAR)
    index = ours[number]
    made = target.path_of(source.name, source.frame_names[index])
    restored = next(video_frames(made, number)) if target.video else read_frame(made)
    high = None if truth is None else _frames_at(truth, [index])[index]
    low = eight_bits(_frames_at(source, [index])[index])
    gain = 0.0 if high is None else gain_of_other(restored, high, sampling)
    if gain >= WORTH_SAYING:
        other = next(one for one in SAMPLINGS if one != sampling)
        print(
            f"note: the ground truth of {source.name} fits {gain:.1f} dB better where the LR frames are taken as "
            f"{other}; restore them with --sampling {other}.",
            file=sys.stderr,
        )
    if picture:
        write_comparison(target.comparison, low, bicubic(low, sampling), restored, high)


def set_name(input_path: Path) -> str:
    """The name of the data set that a folder of clips belongs to."""
    # <SET>/LR_blurdown_x4 is the published layout
    path = input_path.resolve()
    return path.parent.name if path.name.startswith("LR") else path.stem if path.is_file() else path.name


def _read_through(sources: list[ClipSource], truths: list[ClipSource | None]) -> list[tuple[tuple[int, int], str, str]]:
    """(height, width) of each clip, and the digests of its frames and of its ground truth's."""
    found = []
    for source, truth in zip(sources, truths):
        size, digest = read_through(source)
        truth_digest = ""
        if truth is not None:
            high, truth_digest = read_through(truth)
            _require_fit(source.name, size, high)
        found.append((size, digest, truth_digest))
    return found


def _require_unchanged(stamps: dict[Path, tuple[int, int]], target: Destination) -> None:
    """UserError for a file that is not what it was: what is restored is what the digests of the result are of."""
    for path, before in stamps.items():
        if not path.exists() or stamp(path) != before:
            remove(target.work / NOTES)  # what is done is of neither
            raise UserError(
                f"{path} has changed while its clip was restored, and no result says of frames what is true of others: "
                "leave the files alone and restore again."
            )


def _require_fit(name: str, low: tuple[int, int], high: tuple[int, int]) -> None:
    """The ground truth may be up to 3 pixels larger than four times the input: it is then cropped."""
    height, width = (SCALE * side for side in low)
    if not (0 <= high[0] - height < SCALE and 0 <= high[1] - width < SCALE):
        raise UserError(
            f"The ground truth of {name} is {high[1]}x{high[0]} pixels, and four times the input is "
            f"{width}x{height}; give the frames that the input was made from."
        )


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


def _weights(network: Network, options: InferOptions, output: Path) -> dict[str, Any]:
    if options.weights is not None:
        return entry(options.weights, output)
    return {
        "path": f"initial values of seed {options.seed}",
        "sha256": None,
        "bytes": sum(value.nbytes for value in network.state().values()),
    }
