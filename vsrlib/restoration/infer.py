"""Restore clips: frames in, frames and a result file out."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from vsrlib.common import memory, provenance
from vsrlib.common.errors import UserError
from vsrlib.common.files import write_json
from vsrlib.common.names import BFLOAT16, SAMPLINGS
from vsrlib.common.progress import bar as progress_bar
from vsrlib.data.clips import ClipSource, FrameReader
from vsrlib.data.comparison_picture import write_comparison
from vsrlib.data.deep_frames import eight_bits
from vsrlib.data.frames import read_frame
from vsrlib.data.video import read_frames as video_frames
from vsrlib.data.video import written_bits
from vsrlib.networks.network import Network
from vsrlib.networks.onnx_network import OnnxNetwork
from vsrlib.networks.weights.weights_file import entry, existing
from vsrlib.restoration.beforehand import Beforehand
from vsrlib.restoration.destination import Destination
from vsrlib.restoration.engines import Engine
from vsrlib.restoration.inputs import GivenClip, Inputs, frames_at
from vsrlib.restoration.loop import FRAMES, KERNELS, ClipScores, Job, Output, restore_clip
from vsrlib.restoration.options import InferOptions
from vsrlib.restoration.restorers import engine_of, load_restorer
from vsrlib.restoration.sampling import WORTH_SAYING, bicubic, gain_of_other
from vsrlib.restoration.temporal import DEFAULT_FLOW
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
    inputs = Inputs.read(Path(input_path), gt_path, options, target)
    work = _Work(options, target, inputs, _restorer(options, target.folder))
    noted = Unfinished(target, _asked(work), restart) if resume else None
    before = None if target.video and options.all_metrics else noted
    beforehand = Beforehand(work.restorer.network, work.restorer.engine, options)
    clips: list[dict[str, Any]] = []
    with target.filled(noted.kept if noted else None) as staging:
        wanted = [(clip.source.name, clip.names) for clip in inputs.restored]
        done = before.go_on(staging, wanted) if before else {}
        with progress_bar(inputs.count, f"infer {options.framework}", "frame", progress) as bar:
            for clip in inputs.restored:
                there = done.get(clip.source.name, [])
                bar.update(len(there))
                beforehand.get_warm(clip, len(there))
                if options.timing_repeats > 0 and beforehand.timing is None:
                    beforehand.time_first(clip)
                    bar.unpause()
                clips.append(_restored(work, clip, there, staging, before, bar))
        inputs.require_unchanged(target)
    result = _result(work, clips, beforehand, resumed=sum(map(len, done.values())))
    for number, clip in enumerate(inputs.restored):
        shown = number == 0
        if clip.truth is not None or shown:
            _look(target, clip, options.sampling, shown)
    write_json(target.result, result)
    target.cleared()
    return result


@dataclass(frozen=True)
class _Restorer:
    """A network, the engine that restores with it, and the convolution that "auto" stands for.

    weights: what the result says of them. memory: of the process, MiB, once the network was loaded.
    """

    network: Network
    engine: Engine
    convolution: str
    weights: dict[str, Any]
    memory: float


@dataclass(frozen=True)
class _Work:
    """A restoration: what is asked for, where it goes, what it is of, and what restores."""

    options: InferOptions
    target: Destination
    inputs: Inputs
    restorer: _Restorer


def _restorer(options: InferOptions, folder: Path) -> _Restorer:
    """folder: that of the result file."""
    network = load_restorer(
        options.framework, options.weights, options.preset, options.device, options.seed, options.correlation
    )
    loaded_memory = memory.resident_mib()
    baseline = (options.engine != "streaming" or options.precision == BFLOAT16) and options.convolution == "auto"
    convolution = network.convolution("framework" if baseline else options.convolution)
    engine = engine_of(network, options.engine, convolution, options.tile, options.precision, options.batch)
    return _Restorer(network, engine, convolution, _weights(network, options, folder), loaded_memory)


def _weights(network: Network, options: InferOptions, output: Path) -> dict[str, Any]:
    if options.weights is not None:
        return entry(options.weights, output)
    return {
        "path": f"initial values of seed {options.seed}",
        "sha256": None,
        "bytes": sum(value.nbytes for value in network.state().values()),
    }


def _asked(work: _Work) -> dict[str, Any]:
    """All that the restored frames depend on."""
    restorer, inputs = work.restorer, work.inputs
    return {
        **{name: value for name, value in work.options.to_json().items() if name != "weights"},
        # What "auto" stands for now: a result is of one device and of the same kernels throughout.
        "device": restorer.network.device,
        "correlation": restorer.network.correlation,
        "convolution": restorer.convolution,
        "weights": restorer.weights["sha256"],
        "input": inputs.digest,
        "ground truth": inputs.truth_digest,
        "the program": program(),
    }


def _restored(
    work: _Work,
    clip: GivenClip,
    there: Sequence[dict[str, Any]],
    staging: Path,
    before: Unfinished | None,
    bar: tqdm,
) -> dict[str, Any]:
    """Restore the frames of a clip behind those that are `there`; what the result says of it."""
    options, restorer, source, video = work.options, work.restorer, clip.source, work.target.video
    had = source.bits
    bits = written_bits(f".{video or 'png'}", had)
    segments = before.segments if before else None
    output = Output(staging, video, options.kernels, options.audio, [], bits, segments)
    scores = ClipScores() if options.all_metrics else None
    if scores is not None and clip.truth is not None:
        _score_again(scores, staging, source, FrameReader(clip.truth), clip.jobs[: len(there)])
    tell = partial(before.add, source.name) if before else _nobody
    frames = restore_clip(
        restorer.network, restorer.engine, source, clip.truth, clip.jobs, there, output, bar, scores, options.sampling,
        tell, options.batch,
    )  # fmt: skip
    said = {"name": source.name, **clip.origin._asdict(), "bits": [had, bits]}
    if source.film:
        said["film"] = {"rate": str(source.film.rate), **source.film.picture.to_json()}
    if source.film and video:
        said["left_out"] = output.left_out
    return {**said, "frames": frames, **(scores.result() if scores else {})}


def _score_again(
    scores: ClipScores, staging: Path, source: ClipSource, truths: FrameReader, jobs: Sequence[Job]
) -> None:
    """Metrics of the frames of a clip that are there from before the interruption."""
    for job in jobs:
        truths.forget_before(job.index)
        restored = read_frame(staging / FRAMES / source.name / f"{source.frame_names[job.index]}.png")
        scores.add(restored, truths[job.index][: restored.shape[0], : restored.shape[1]])


def _nobody(frame: dict[str, Any]) -> None:
    """What is done is not kept."""


def _result(work: _Work, clips: list[dict[str, Any]], beforehand: Beforehand, resumed: int) -> dict[str, Any]:
    """What the result file says. resumed: how many frames were there from before an interruption."""
    options, target, inputs, restorer = work.options, work.target, work.inputs, work.restorer
    result = {
        "framework": options.framework,
        "blur": options.blur,
        "set": set_name(inputs.path),
        "preset": options.preset,
        "engine": options.engine,
        "border": options.border,
        "tile": options.tile,
        "precision": options.precision,
        "batch": options.batch,
        "shard": None if options.part is None else str(options.part),
        **restorer.network.conditions(),
        "convolution": restorer.convolution,
        "kept_memory_mib": restorer.engine.kept_mib,
        "weights": restorer.weights,
        "clips": clips,
        "timing": beforehand.timing,
        "warm_up_seconds": beforehand.seconds,
        "peak_memory_mib": memory.peak_mib(),
        "import_memory_mib": restorer.memory,
        "peak_device_memory_bytes": restorer.network.peak_device_memory(),
        "resumed": resumed,
        "images": target.images,
        "fps": options.fps,
        "sampling": options.sampling,
        "comparison": target.comparison.name,
        "video": target.video,
        "kernels": KERNELS if options.kernels else None,
        "input_digest": inputs.digest,
        "gt_digest": inputs.truth_digest,
        "provenance": provenance.collect(seed=options.seed, **_runtime(restorer.network)),
    }
    if options.all_metrics:
        result["flow"] = DEFAULT_FLOW
    return result


def _runtime(network: Network) -> dict[str, str]:
    """What provenance tells of ONNX Runtime, where that computes; a framework's version is told of every result."""
    if not isinstance(network, OnnxNetwork):
        return {}
    return {"onnxruntime": network.version, "model_digest": network.digest}


def set_name(input_path: Path) -> str:
    """The name of the data set that a folder of clips belongs to."""
    # <SET>/LR_blurdown_x4 is the published layout
    path = input_path.resolve()
    return path.parent.name if path.name.startswith("LR") else path.stem if path.is_file() else path.name


def _look(target: Destination, clip: GivenClip, sampling: str, picture: bool) -> None:
    """Look at the middle of a clip once it is done, or earlier in a long one: a video is read up to that place.

    Says so where another `sampling` fits the truth better, and makes the picture of the result if it is asked for.
    """
    source, number = clip.source, min(len(clip.jobs) // 2, _FAR)
    index = clip.jobs[number].index
    made = target.path_of(source.name, source.frame_names[index])
    restored = next(video_frames(made, number)) if target.video else read_frame(made)
    high = None if clip.truth is None else frames_at(clip.truth, [index])[index]
    low = eight_bits(frames_at(source, [index])[index])
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
