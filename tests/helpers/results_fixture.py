"""Result files of a run that never took place, plausible and the same on every call."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vsrlib.claims.comparison import compare
from vsrlib.common.files import write_json
from vsrlib.data.frames import write_frame

MADE = {"astronaut": (27.5, 0.80), "chelsea": (31.0, 0.86), "coffee": (24.2, 0.71)}
FILMED = {f"street-{i}": (23.0 + i, 0.70 + 0.02 * i) for i in range(1, 7)}
CLIPS = {**MADE, **FILMED}
"""PSNR and SSIM of bicubic upsampling. Filmed ones are as many as an interval takes."""
FRAMES = ("00000002", "00000003", "00000004", "00000005")


def write_run(
    root: Path,
    skipped: tuple[str, ...] = (),
    clips: dict[str, tuple[float, float]] = CLIPS,
    frames: tuple[str, ...] = FRAMES,
    gain: float = 0.0,
    preset: str = "study",
    device_type: str = "cpu",
    pictures: bool = True,
    frameworks: tuple[str, ...] = ("torch", "jittor"),
) -> tuple[list[Path], list[Path]]:
    """Write inference.json (with pictures) and train.json files; return their paths.

    `gain` is what Jittor has more PSNR than PyTorch, in dB; frameworks in `skipped` say that they were skipped.
    """
    inference, training = [], []
    for blur in ("Gaussian", "Realistic"):
        for framework in frameworks:
            folder = root / f"{framework}_{blur}"
            if framework in skipped:
                record = {"framework": framework, "blur": blur, "skipped": "because no C++ compiler was found"}
                write_json(folder / "inference.json", record)
                write_json(folder / "train.json", record)
            else:
                offset = gain if framework == "jittor" else 0.0
                found = _inference(framework, blur, clips, frames, offset, preset, device_type)
                write_json(folder / "inference.json", found)
                write_json(folder / "train.json", _training(framework, blur, folder, preset, device_type))
                if pictures:
                    _write_pictures(folder, framework, clips, frames)
            inference.append(folder / "inference.json")
            training.append(folder / "train.json")
    return inference, training


def write_published(results: Path) -> None:
    """Write what `vsrlib publish` keeps of a run: its result files and comparison, without the pictures."""
    inference, training = write_run(results)
    made = {path.parent for path in inference}
    inference = [_copied(path, results / f"04_infer_clips_{path.parent.name}") for path in inference]
    training = [_copied(path, results / f"03_train_network_{path.parent.name}") for path in training]
    compare(inference, training, results / "05_compare_frameworks")
    for folder in (*made, *results.glob("0*/frames")):
        shutil.rmtree(folder)


def _copied(path: Path, folder: Path) -> Path:
    shutil.copytree(path.parent, folder)
    return folder / path.name


def edit(path: Path, **changes: object) -> None:
    """Replace top-level fields of a result file."""
    write_json(path, {**json.loads(path.read_text()), **changes})


def edit_frames(path: Path, change: Callable[[dict], dict]) -> None:
    """Replace every frame of an inference.json by what `change` makes of it."""
    clips = json.loads(path.read_text())["clips"]
    edit(path, clips=[{**clip, "frames": [change(frame) for frame in clip["frames"]]} for clip in clips])


def _device(device_type: str) -> dict:
    """As the backends write it: the name of a GPU does not say that it is one."""
    device = "NVIDIA H200" if device_type == "cuda" else "cpu, oneDNN"
    return {"device": device, "device_type": device_type, "threads": 2}


def _inference(
    framework: str, blur: str, clips: dict, frames: tuple, offset: float, preset: str, device_type: str
) -> dict:
    rng = np.random.default_rng([len(blur), 3])
    harder = 0.6 if blur == "Realistic" else 0.0
    found = []
    for name, (psnr, ssim) in clips.items():
        entries = []
        for frame in frames:
            base = psnr - harder + rng.normal(0, 0.25)
            quality = ssim - 0.02 * harder + rng.normal(0, 0.006)
            gained = rng.normal(0.35, 0.08)
            entries.append(
                {"name": frame, "psnr": base + gained + offset, "ssim": quality + 0.012 + offset / 30,
                 "identical": False, "bicubic_psnr": base, "bicubic_ssim": quality, "bicubic_identical": False,
                 "pre": 0.004, "forward": 0.4, "post": 0.05}
            )  # fmt: skip
        found.append({"name": name, "scene": name, "kind": "made" if name in MADE else "filmed", "frames": entries})
    mib = 72.1 if preset == "published" else 2.4
    return {
        "framework": framework, "blur": blur, "set": f"Embedded_BlurDown_{blur}", "preset": preset,
        "engine": "reference", "border": False, **_device(device_type), "correlation": "cpp",
        "convolution": "framework", "tile": 0,
        "weights": {"path": "weights.safetensors", "sha256": "ab" * 32, "bytes": int(mib * 2**20)},
        "clips": found, "timing": _timing(framework), "warm_up_seconds": 3.1 if framework == "torch" else 21.4,
        "peak_memory_mib": 812.0 if framework == "torch" else 1104.0, "import_memory_mib": 310.0,
        "images": "frames", "input_digest": f"{len(blur):02d}" * 32,
        "gt_digest": "a7" * 32, "provenance": {},
    }  # fmt: skip


def _timing(framework: str) -> dict:
    """Jittor is lazy: unsynchronised, its forward pass returns at once and its work runs within post."""
    rng = np.random.default_rng(7 if framework == "torch" else 8)
    repeats = 12
    medians = (0.004, 0.40 if framework == "torch" else 0.52, 0.06)
    pre, forward, post = (median * rng.lognormal(0, 0.05, repeats) for median in medians)
    moved = forward - 0.0002 if framework == "jittor" else np.zeros(repeats)
    return {
        "synchronised": {"pre": pre.tolist(), "forward": forward.tolist(), "post": post.tolist()},
        "as_reported": {"pre": pre.tolist(), "forward": (forward - moved).tolist(), "post": (post + moved).tolist()},
        "repeats": repeats,
    }


def _training(framework: str, blur: str, folder: Path, preset: str, device_type: str) -> dict:
    steps = 60
    rng = np.random.default_rng(len(blur))
    total = (0.03 + 0.05 * np.exp(-np.arange(steps) / 15)) * rng.lognormal(0, 0.1, steps)
    if framework == "jittor":
        total = total * (1 + 1e-4 * np.random.default_rng(5).normal(size=steps).cumsum())
    log = folder / "log.jsonl"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("".join(json.dumps({"step": i + 1, "total": float(value)}) + "\n" for i, value in enumerate(total)))
    return {
        "framework": framework, "blur": blur, "preset": preset, "objective": "self-supervised", "seed": 0,
        "steps": steps, "batch_size": 2, "patch_size": 40, "learning_rate": 1e-3,
        "flow_learning_rate": 1e-4, "halve_every": 0, "initial_weights": "seed 0", "batches": "ba" * 32,
        **_device(device_type), "log": "log.jsonl",
        "weights": {"path": "weights.safetensors", "sha256": "ab" * 32, "bytes": 2500000},
        "first_loss": float(total[:6].mean()), "last_loss": float(total[-6:].mean()),
        "validation": [{"step": 0, "psnr": 25.1}, {"step": steps, "psnr": 25.6 if framework == "torch" else 25.61}],
        "seconds_per_step": 0.9, "seconds": 60.0, "peak_memory_mib": 1400.0, "import_memory_mib": 310.0,
    }  # fmt: skip


def _write_pictures(folder: Path, framework: str, clips: dict, frames: tuple) -> None:
    rng = np.random.default_rng(9)
    for clip in clips:
        for frame in frames:
            picture = rng.integers(0, 255, size=(24, 32, 3), dtype=np.uint8)
            if framework != "torch":
                picture[0, 0, ("jittor", "paddle").index(framework)] += 1  # rounding: one value of 2304 differs by one
            write_frame(folder / "frames" / clip / f"{frame}.png", picture)
