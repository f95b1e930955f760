"""Restore clips: frames in, frames and a result file out."""

import math
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from vsrlib import memory, metrics, provenance
from vsrlib.checkpoints import entry
from vsrlib.degrade import SCALE
from vsrlib.errors import UserError
from vsrlib.files import MARKER, require_own, sha256_array, write_json
from vsrlib.frames import Clip, ClipSource, list_clips, to_float, write_frame
from vsrlib.names import ENGINES
from vsrlib.networks import load_network
from vsrlib.networks.interface import Network
from vsrlib.resample import bicubic_on_grid
from vsrlib.timing import time_both_ways, warm_up
from vsrlib.windows import windows

RESULT = "inference.json"


def infer(framework: str, input_path: Path, output: Path, gt_path: Path | None = None, weights: Path | None = None,
          preset: str = "study", blur: str | None = None, engine: str = "reference", border: bool = False,
          timing_repeats: int = 0, seed: int = 0, device: str = "auto", progress: bool = True) -> dict[str, Any]:
    """Restore every clip of `input_path` and write the frames and `inference.json` to `output`.

    input_path: a folder of frames, a folder of clips or a video; gt_path: the HR of the same clips, or None, and then
    no quality is measured. weights: a file, or None for values drawn from `seed`. The engine "reference" is the
    published algorithm: a sliding window that computes everything anew for every frame. timing_repeats: how often the
    first window is timed both ways (see `vsrlib.timing`).
    Until all clips are done the old results stay; then frames and result file are replaced, the latter last.
    Raises UserError for input that cannot be used, and for an `output`/frames that was not made here.
    """
    if engine not in ENGINES:
        raise UserError(f"There is no engine {engine!r}; choose one of {', '.join(ENGINES)}.")
    input_path, output = Path(input_path), Path(output)
    images, staging = output / "frames", output / "frames.unfinished"
    for folder in (images, staging):
        require_own(folder)
        if input_path.resolve().is_relative_to(folder.resolve()):
            raise UserError(f"The input {input_path} lies in {folder}, which is to be replaced; give another output.")
    sources = list_clips(input_path)
    truths = _paired(sources, None if gt_path is None else list_clips(Path(gt_path)))
    plan = [windows(source, border) for source in sources]
    network = load_network(framework, weights, preset, device, seed)
    loaded_memory = memory.resident_mib()
    _remove(staging)
    try:
        staging.mkdir(parents=True)
        (staging / MARKER).touch()
        with tqdm(total=sum(map(len, plan)), desc=f"infer {framework}", unit="frame", disable=not progress,
                  mininterval=2, ncols=90) as bar:
            restored, warmed = [], set()
            for source, truth, places in zip(sources, truths, plan):
                repeats = 0 if restored else timing_repeats
                restored.append(_restore_clip(network, source, truth, places, staging, warmed, repeats, bar))
        (output / RESULT).unlink(missing_ok=True)
        _remove(images)
        staging.rename(images)
    finally:
        _remove(staging)
    backend = network.backend
    result = {
        "framework": framework, "blur": blur, "set": _set_name(input_path), "preset": preset, "engine": engine,
        "border": border, "device": backend.device_name(network.device), "device_type": network.device,
        "threads": backend.threads(), "correlation": backend.CORRELATION,
        "weights": _weights(network, weights, seed, output),
        "clips": [{"name": clip["name"], "frames": clip["frames"]} for clip in restored],
        "timing": restored[0]["timing"], "warm_up_seconds": sum(clip["warm_up_seconds"] for clip in restored),
        "peak_memory_mib": memory.peak_mib(), "import_memory_mib": loaded_memory,
        "peak_device_memory_bytes": backend.peak_device_memory(network.device), "images": images.name,
        "input_digest": _digest(clip["input"] for clip in restored),
        "gt_digest": None if gt_path is None else _digest(clip["truth"] for clip in restored),
        "provenance": provenance.collect(seed=seed),
    }
    write_json(output / RESULT, result)
    return result


def _restore_clip(network: Network, source: ClipSource, truth: ClipSource | None, places: list[tuple[int, list[int]]],
                  folder: Path, warmed: set[tuple[int, ...]], timing_repeats: int, bar: tqdm) -> dict[str, Any]:
    clip = source.load()
    high = None if truth is None else _fitted(truth.load(), clip)
    warm_up_seconds = 0.0
    if clip.frames.shape[1:] not in warmed:  # another size may be another kernel to compile or to choose
        warmed.add(clip.frames.shape[1:])
        warm_up_seconds = warm_up(network, clip.frames[places[0][1]])
    timing = None
    if timing_repeats > 0:
        centre, window = places[0]
        timing = time_both_ways(network, clip.frames[window], None if high is None else high[centre], timing_repeats)
    frames = []
    for index, window in places:
        name = source.frame_names[index]
        target = folder / source.name / f"{name}.png"
        truth_frame = None if high is None else high[index]
        frames.append({"name": name, **_restore(network, clip.frames[window], truth_frame, target)})
        bar.update()
    return {"name": source.name, "frames": frames, "timing": timing, "warm_up_seconds": warm_up_seconds,
            "input": sha256_array(clip.frames), "truth": None if high is None else sha256_array(high)}


def _restore(network: Network, window: np.ndarray, high: np.ndarray | None, target: Path) -> dict[str, Any]:
    marks = [time.perf_counter()]
    uploaded = network.upload(to_float(window))
    network.synchronise()
    marks.append(time.perf_counter())
    outputs = network.run(uploaded)
    network.synchronise()
    marks.append(time.perf_counter())
    restored = network.download(outputs["recons"])[0]
    if not np.isfinite(restored).all():
        raise UserError(f"The restoration of {target.parent.name}/{target.stem} holds NaN or infinite values; "
                        "use other weights.")
    image = metrics.to_uint8(restored)
    scores = _scores("", image, high)
    write_frame(target, image)
    marks.append(time.perf_counter())
    baseline = _scores("bicubic_", bicubic_on_grid(window[len(window) // 2]), high)
    seconds = {part: end - begin for part, begin, end in zip(("pre", "forward", "post"), marks, marks[1:])}
    return scores | baseline | seconds


def _scores(prefix: str, image: np.ndarray, high: np.ndarray | None) -> dict[str, float | bool | None]:
    """PSNR and SSIM; an image that equals the truth has no finite PSNR, and says `identical` instead."""
    if high is None:
        return {f"{prefix}psnr": None, f"{prefix}ssim": None, f"{prefix}identical": False}
    psnr = metrics.psnr(image, high)
    finite = math.isfinite(psnr)
    return {f"{prefix}psnr": psnr if finite else None, f"{prefix}ssim": metrics.ssim(image, high),
            f"{prefix}identical": not finite}


def _paired(sources: list[ClipSource], truths: list[ClipSource] | None) -> list[ClipSource | None]:
    """The ground truth of each clip: by name, or by being the only one."""
    if truths is None:
        return [None] * len(sources)
    by_name = {truth.name: truth for truth in truths}
    pairs = truths if len(sources) == len(truths) == 1 else [by_name.get(source.name) for source in sources]
    for source, truth in zip(sources, pairs):
        if truth is None:
            raise UserError(f"The clip {source.name} has no ground truth of the same name; "
                            "name the folders alike, or give no ground truth.")
        if len(truth) != len(source):
            raise UserError(f"The clip {source.name} has {len(source)} frames and its ground truth {len(truth)}; "
                            "give the same frames of both.")
        differing = [pair for pair in zip(source.frame_names, truth.frame_names) if pair[0] != pair[1]]
        if differing and source.video is None and truth.video is None:
            raise UserError(f"The clip {source.name} has a frame {differing[0][0]} where its ground truth has "
                            f"{differing[0][1]}; name the frames alike.")
    return list(pairs)


def _fitted(truth: Clip, clip: Clip) -> np.ndarray:
    """The HR frames, cropped by up to 3 pixels to four times the LR size."""
    height, width = (SCALE * side for side in clip.frames.shape[1:3])
    have = truth.frames.shape[1:3]
    if not (0 <= have[0] - height < SCALE and 0 <= have[1] - width < SCALE):
        raise UserError(f"The ground truth of {clip.name} is {have[1]}x{have[0]} pixels, and four times the input is "
                        f"{width}x{height}; give the frames that the input was made from.")
    return truth.frames[:, :height, :width]


def _weights(network: Network, weights: Path | None, seed: int, output: Path) -> dict[str, Any]:
    if weights is not None:
        return entry(Path(weights), output)
    return {"path": f"initial values of seed {seed}", "sha256": None,
            "bytes": sum(value.nbytes for value in network.state().values())}


def _set_name(input_path: Path) -> str:
    # <SET>/LR_blurdown_x4 is the published layout
    path = input_path.resolve()
    return path.parent.name if path.name.startswith("LR") else path.name


def _digest(digests: Any) -> str:
    return sha256_array(np.array(list(digests)))


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
