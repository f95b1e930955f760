"""The training loop: that it learns, that a seed decides it, and that both frameworks do the same."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from vsrlib import architecture, checkpoints, training
from vsrlib.clips import embedded_clips
from vsrlib.errors import UserError
from vsrlib.files import read_json
from vsrlib.frames import write_clip
from vsrlib.networks import load_network

TINY = {"steps": 4, "batch_size": 1, "patch_size": 32, "learning_rate": 1e-3, "validate_every": 2, "progress": False}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clips")
    for split in ("train", "validation"):
        for clip in embedded_clips(split, 6, (128, 160), seed=0, count=1):
            write_clip(root / split / clip.name, clip.clip)
    return root


def run(framework: str, clips: Path, output: Path, **changes) -> dict:
    return training.train(framework, "Gaussian", clips / "train", clips / "validation", output, **{**TINY, **changes})


def log(output: Path) -> list[dict]:
    return [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]


def test_results(framework: str, clips: Path, tmp_path: Path) -> None:
    result = run(framework, clips, tmp_path)
    assert result == read_json(tmp_path / "train.json")
    assert [entry["step"] for entry in log(tmp_path)] == [1, 2, 3, 4]
    assert [entry["step"] for entry in result["validation"]] == [0, 2, 4]
    assert all(math.isfinite(entry["psnr"]) for entry in result["validation"])
    start = architecture.initial_values(architecture.preset("study"), seed=1)
    trained = checkpoints.read(tmp_path / "weights.safetensors")
    moved = [name for name in start if (start[name] != trained[name]).any()]
    assert len(moved) > 0.9 * len(start)
    # Adam's first steps are about as large as the rate
    assert max(np.abs(start[name] - trained[name]).max() for name in moved) < 4.1 * 1e-3


def test_same_seed_same_losses_and_another_seed_others(framework: str, clips: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run(framework, clips, tmp_path / name, steps=2, seed=seed)
    a, b, c = ([entry["total"] for entry in log(tmp_path / name)] for name in "abc")
    assert a == pytest.approx(b, rel=1e-6)
    assert a != pytest.approx(c, rel=1e-3)


@pytest.mark.slow
def test_the_loss_falls(clips: Path, tmp_path: Path) -> None:
    result = run("torch", clips, tmp_path, steps=30, batch_size=2, validate_every=0)
    assert result["last_loss"] < 0.9 * result["first_loss"]


def test_both_frameworks_take_the_same_steps(framework: str, clips: Path, tmp_path: Path) -> None:
    """Against a plain Adam in numpy, fed with the framework's own gradients."""
    run(framework, clips, tmp_path, steps=3, seed=3, flow_learning_rate=1e-4)
    network = load_network(framework, preset="study", seed=3)
    windows = training.TrainingWindows(clips / "train", 32)
    draws = training.batches(windows, "Gaussian", 1, 32, np.random.default_rng(3))
    values = {name: value.astype(np.float64) for name, value in network.state().items()}
    first = {name: np.zeros_like(value) for name, value in values.items()}
    second = {name: np.zeros_like(value) for name, value in values.items()}
    totals = []
    for step in (1, 2, 3):
        losses, gradients = network.losses_and_gradients(next(draws))
        totals.append(losses["total"])
        for name, gradient in gradients.items():
            rate = 1e-4 if name.startswith("flow_net") else 1e-3
            first[name] = 0.9 * first[name] + 0.1 * gradient
            second[name] = 0.999 * second[name] + 0.001 * gradient.astype(np.float64) ** 2
            values[name] -= rate * first[name] / (1 - 0.9**step) / (np.sqrt(second[name] / (1 - 0.999**step)) + 1e-8)
        network.load({name: value.astype(np.float32) for name, value in values.items()})
    assert [entry["total"] for entry in log(tmp_path)] == pytest.approx(totals, rel=1e-4)


def test_rates_are_halved(clips: Path, tmp_path: Path) -> None:
    run("torch", clips, tmp_path, halve_every=2)
    assert [entry["learning_rate"] for entry in log(tmp_path)] == [1e-3, 1e-3, 5e-4, 5e-4]


def test_a_loss_that_explodes_stops_the_run(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("torch", clips, tmp_path, steps=1)
    monkeypatch.setattr(training, "batches", lambda *_: iter([np.full((1, 5, 3, 32, 32), np.nan, np.float32)]))
    with pytest.raises(UserError, match="no longer finite at step 1"):
        run("torch", clips, tmp_path, steps=1)
    assert not (tmp_path / "train.json").exists()


def test_a_missing_folder_is_named(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere"):
        training.train("torch", "Gaussian", clips / "nowhere", clips / "validation", tmp_path, **TINY)
