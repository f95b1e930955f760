"""Small trainings for tests: clips, options, and what is compared of two of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vsrlib.common.files import read_json
from vsrlib.data.clips import write_clip
from vsrlib.data.synthetic.clips import embedded_clips
from vsrlib.networks.architecture import NetworkConfig
from vsrlib.networks.weights import weights_file
from vsrlib.training import train
from vsrlib.training.options import TrainOptions
from vsrlib.training.trainer import Watch

TINY = {
    "steps": 4,
    "batch_size": 1,
    "patch_size": 16,
    "learning_rate": 1e-3,
    "validate_every": 2,
    "blur": "Gaussian",
    "device": "cpu",
}

SMALL = NetworkConfig(4, 1, 1, (2,) * 6, (2,) * 5, (2,) * 6, kernel_features=16, kernel_hidden=8)
"""A network that costs next to nothing, to be put in the place of a preset."""


def make_clips(root: Path) -> Path:
    """A training clip and a validation clip of 64 x 96 pixels below `root`."""
    for split, frames in (("train", 7), ("validation", 5)):
        for clip in embedded_clips(split, frames, (64, 96), seed=0, count=1):
            write_clip(root / split / clip.name, clip)
    return root


def noise(frames: int = 6, height: int = 96, width: int = 112, seed: int = 0) -> np.ndarray:
    """Frames (N, H, W, 3) uint8 of noise."""
    return np.random.default_rng(seed).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)


def count_calls(monkeypatch: pytest.MonkeyPatch, module: object, name: str, calls: list[int]) -> None:
    """Have every call of a module's function add to `calls`."""
    untouched = getattr(module, name)
    monkeypatch.setattr(module, name, lambda *given: calls.append(1) or untouched(*given))


def run(framework: str, clips: Path, output: Path, watch: Watch | None = None, **changes: Any) -> dict[str, Any]:
    """Train on `make_clips`."""
    options = TrainOptions(**{"framework": framework, **TINY, **changes})
    return train.train(clips / "train", clips / "validation", output, options, progress=False, watch=watch)


def log(output: Path) -> list[dict[str, Any]]:
    """The lines of a training's log."""
    return [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]


def outcome(output: Path) -> dict[str, Any]:
    """All that two equal trainings have in common: times, and whether they were interrupted, are left out."""
    result = read_json(output / "train.json")
    timed = {
        "seconds",
        "seconds_per_step",
        "wait_seconds",
        "resumed",
        "peak_memory_mib",
        "import_memory_mib",
        "provenance",
    }
    lines = [{name: value for name, value in entry.items() if "seconds" not in name} for entry in log(output)]
    return {name: value for name, value in result.items() if name not in timed} | {"lines": lines}


def weights(output: Path) -> dict[str, dict[str, np.ndarray]]:
    """Every weights file of a training."""
    return {path.name: weights_file.read(path) for path in sorted(output.glob("weights*.safetensors"))}


def same_weights(a: Path, b: Path) -> None:
    """Assert that two trainings left the same weights, to the bit."""
    ours, theirs = weights(a), weights(b)
    assert list(ours) == list(theirs) and ours
    for file, values in ours.items():
        for name, value in values.items():
            assert value.tobytes() == theirs[file][name].tobytes(), f"{file}: {name}"
