"""Restore clips: frames in, frames and a result file out."""

import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from vsrlib import memory, metrics, provenance
from vsrlib.checkpoints import entry
from vsrlib.errors import UserError
from vsrlib.files import sha256_array, write_json
from vsrlib.frames import Clip, ClipSource, list_clips, to_float, write_frame
from vsrlib.networks import load_network
from vsrlib.networks.interface import Network
from vsrlib.resample import bicubic_on_grid
from vsrlib.timing import time_both_ways
from vsrlib.windows import windows

ENGINES = ("reference",)


def infer(framework: str, input_path: Path, output: Path, gt_path: Path | None = None, weights: Path | None = None,
          preset: str = "study", blur: str | None = None, engine: str = "reference", border: bool = False,
          timing_repeats: int = 0, seed: int = 0, device: str = "auto", progress: bool = True) -> dict[str, Any]:
    """Restore every clip of `input_path` and write the frames and `inference.json` to `output`.

    input_path: a folder of frames, a folder of clips or a video; gt_path: the HR of the same clips, or None, and then
    no quality is measured. weights: a file, or None for values drawn from `seed`. The engine "reference" is the
    published algorithm: a sliding window that computes everything anew for every frame. timing_repeats: how often the
    first window is timed both ways (see `vsrlib.timing`). The frames appear when all are done; the result file, which
    is returned, is written last. Raises UserError for input that cannot be used.
    """
    if engine not in ENGINES:
        raise UserError(f"There is no engine {engine!r}; choose one of {', '.join(ENGINES)}.")
    input_path, output = Path(input_path), Path(output)
    sources = list_clips(input_path)
    truths = _paired(sources, None if gt_path is None else list_clips(Path(gt_path)))
    plan = [windows(source, border) for source in sources]
    network = load_network(framework, weights, preset, device, seed)
    import_memory = memory.resident_mib()
    (output / "inference.json").unlink(missing_ok=True)
    staging = output / "frames.unfinished"
    shutil.rmtree(staging, ignore_errors=True)
    start = time.perf_counter()
    _warm_up(network, sources[0])
    warm_up = time.perf_counter() - start
    clips, digests, timing = [], [], None
    with tqdm(total=sum(map(len, plan)), desc=f"infer {framework}", unit="frame", disable=not progress,
              mininterval=2, ncols=90) as bar:
        for source, truth, places in zip(sources, truths, plan):
            clip = source.load()
            high = None if truth is None else _fitted(truth.load(), clip)
            digests.append(sha256_array(clip.frames))
            if timing is None and timing_repeats > 0:
                first = clip.frames[places[0][1]]
                timing = time_both_ways(network, first, None if high is None else high[places[0][0]], timing_repeats)
            frames = []
            for index, window in places:
                name = source.frame_names[index]
                target = staging / source.name / f"{name}.png"
                frames.append({"name": name, **_restore(network, clip.frames[window], high, index, target)})
                bar.update()
            clips.append({"name": source.name, "frames": frames})
    shutil.rmtree(output / "frames", ignore_errors=True)
    os.rename(staging, output / "frames")
    result = {
        "framework": framework, "blur": blur, "set": _set_name(input_path), "preset": preset, "engine": engine,
        "border": border, "device": network.backend.device_name(network.device),
        "correlation": network.backend.CORRELATION, "weights": _weights(network, weights, seed, output),
        "clips": clips, "timing": timing, "warm_up_seconds": warm_up, "peak_memory_mib": memory.peak_mib(),
        "import_memory_mib": import_memory,
        "peak_device_memory_bytes": network.backend.peak_device_memory(network.device),
        "images": "frames", "input_digest": sha256_array(np.array(digests)), "provenance": provenance.collect(seed=seed),
    }
    write_json(output / "inference.json", result)
    return result


def _restore(network: Network, window: np.ndarray, high: np.ndarray | None, index: int, target: Path) -> dict[str, Any]:
    start = time.perf_counter()
    uploaded = network.upload(to_float(window))
    network.synchronise()
    uploaded_at = time.perf_counter()
    outputs = network.run(uploaded)
    network.synchronise()
    computed_at = time.perf_counter()
    restored = network.download(outputs["recons"])[0]
    if not np.isfinite(restored).all():
        raise UserError(f"The restoration of {target.parent.name}/{target.stem} holds NaN or infinite values; "
                        "use other weights.")
    image = metrics.to_uint8(restored)
    scores = _scores(image, high, index)
    write_frame(target, image)
    written_at = time.perf_counter()
    bicubic = _scores(bicubic_on_grid(window[len(window) // 2]), high, index)
    return {"psnr": scores[0], "ssim": scores[1], "bicubic_psnr": bicubic[0], "bicubic_ssim": bicubic[1],
            "pre": uploaded_at - start, "forward": computed_at - uploaded_at, "post": written_at - computed_at}


def _scores(image: np.ndarray, high: np.ndarray | None, index: int) -> tuple[float | None, float | None]:
    if high is None:
        return None, None
    return metrics.psnr(image, high[index]), metrics.ssim(image, high[index])


def _warm_up(network: Network, source: ClipSource) -> None:
    # With the size of the clips, and read: a result that nobody reads is never computed by a lazy framework.
    height, width = source.load().frames.shape[1:3]
    network.infer(np.full((5, 3, height, width), 0.5, np.float32))


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
    return list(pairs)


def _fitted(truth: Clip, clip: Clip) -> np.ndarray:
    """The HR frames, cropped by up to 3 pixels to four times the LR size."""
    height, width = (4 * side for side in clip.frames.shape[1:3])
    have = truth.frames.shape[1:3]
    if not (0 <= have[0] - height < 4 and 0 <= have[1] - width < 4):
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
