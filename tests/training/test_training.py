"""The training loop: that it learns, that a seed decides it, and that both frameworks do the same."""

import math
import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_fixture import TINY, log, make_clips, run

from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, sha256_array, sha256_bytes, sha256_file
from vsrlib.networks import architecture, load_network
from vsrlib.networks.weights import weights_file
from vsrlib.training import train, trainer
from vsrlib.training.options import TrainOptions
from vsrlib.training.samples import SampleStream, TrainingWindows


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clips(tmp_path_factory.mktemp("clips"))


def test_results(framework: str, clips: Path, tmp_path: Path) -> None:
    result = run(framework, clips, tmp_path)
    assert result == read_json(tmp_path / "train.json")
    assert [entry["step"] for entry in log(tmp_path)] == [1, 2, 3, 4]
    assert [entry["step"] for entry in result["validation"]] == [0, 2, 4]
    assert all(math.isfinite(entry["psnr"]) for entry in result["validation"])
    start = architecture.initial_values(architecture.preset("study"), seed=1)
    trained = weights_file.read(tmp_path / "weights.safetensors")
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
    totals = [entry["total"] for entry in log(tmp_path)]
    tenths = [np.mean(totals[:3]), np.mean(totals[27:])]
    assert [result["first_loss"], result["last_loss"]] == pytest.approx(tenths, rel=1e-9)


def test_both_frameworks_take_the_same_steps(framework: str, clips: Path, tmp_path: Path) -> None:
    """Against a plain Adam in numpy, fed with the framework's own gradients; rates are halved after every step."""
    run(framework, clips, tmp_path, steps=3, seed=3, flow_learning_rate=1e-4, halve_every=1)
    network = load_network(framework, preset="study", seed=3)
    draws = SampleStream(TrainingWindows(clips / "train", 16), "Gaussian", 1, 16, 3)
    start = network.state()
    values = {name: value.astype(np.float64) for name, value in start.items()}
    first = {name: np.zeros_like(value) for name, value in values.items()}
    second = {name: np.zeros_like(value) for name, value in values.items()}
    totals, batches = [], ""
    for step in (1, 2, 3):
        low = next(draws).low
        batches = sha256_bytes(f"{batches}{sha256_array(low)}".encode())
        losses, gradients = network.losses_and_gradients(low)
        totals.append(losses["total"])
        for name, gradient in gradients.items():
            rate = (1e-4 if name.startswith("flow_net") else 1e-3) * 0.5 ** (step - 1)
            first[name] = 0.9 * first[name] + 0.1 * gradient
            second[name] = 0.999 * second[name] + 0.001 * gradient.astype(np.float64) ** 2
            values[name] -= rate * first[name] / (1 - 0.9**step) / (np.sqrt(second[name] / (1 - 0.999**step)) + 1e-8)
        network.load({name: value.astype(np.float32) for name, value in values.items()})
    assert [entry["total"] for entry in log(tmp_path)] == pytest.approx(totals, rel=1e-4)
    assert read_json(tmp_path / "train.json")["batches"] == batches
    # Adam turns the rounding of a gradient near zero into a step of up to the rate: few values may differ, no part may.
    trained = weights_file.read(tmp_path / "weights.safetensors")
    for part in architecture.PARTS:
        names = [name for name in values if name.startswith(part)]
        moved, apart = (
            np.sqrt(sum(np.sum((values[name] - other[name]) ** 2) for name in names)) for other in (start, trained)
        )
        assert apart < 0.1 * moved, part


def test_rates_are_halved(clips: Path, tmp_path: Path) -> None:
    run("torch", clips, tmp_path, halve_every=2)
    assert [entry["learning_rate"] for entry in log(tmp_path)] == [1e-3, 1e-3, 5e-4, 5e-4]


def test_clips_are_cut_to_the_given_frames(clips: Path, tmp_path: Path) -> None:
    """Seven frames hold three windows, five hold one."""
    for frames, epochs in ((7, 2), (5, 4)):
        assert run("torch", clips, tmp_path, n_frames_per_video=frames)["epochs_begun"] == epochs


def test_epochs_set_the_schedule(clips: Path, tmp_path: Path) -> None:
    """Three windows in batches of two, each twice an epoch: three steps."""
    result = run("torch", clips, tmp_path, epochs=2, test_every=2, lr_decay=1, batch_size=2, steps=99)
    assert (result["steps"], result["halve_every"], result["validate_every"]) == (6, 3, 3)
    assert [entry["learning_rate"] for entry in log(tmp_path)] == [1e-3] * 3 + [5e-4] * 3
    assert [entry["step"] for entry in result["validation"]] == [0, 3, 6]


def test_the_best_weights_are_those_of_the_best_validation(clips: Path, tmp_path: Path) -> None:
    result = run("torch", clips, tmp_path, steps=6, validate_every=1, learning_rate=2e-2)
    for name, pick in (("psnr", max), ("cycle", min)):
        scores = {entry["step"]: entry[name] for entry in result["validation"]}
        best = result["best"][name]
        assert best["value"] == pick(scores.values()) == scores[best["step"]]
        file = tmp_path / f"weights_best_{name}.safetensors"
        assert best["weights"] == {"path": file.name, "sha256": sha256_file(file), "bytes": file.stat().st_size}
        network = load_network("torch", file, preset="study", device="cpu")
        validation = train.ValidationSet(clips / "validation", "Gaussian", 1)
        assert validation.scores(network)[name] == pytest.approx(best["value"], rel=1e-9)


def test_the_cycle_score_is_the_training_loss_of_that_name(framework: str, clips: Path) -> None:
    network = load_network(framework, preset="study", seed=2)
    validation = train.ValidationSet(clips / "validation", "Gaussian", 1)
    ((low, _),) = validation.windows()
    losses, _ = network.losses_and_gradients(low[None])
    assert validation.scores(network)["cycle"] == pytest.approx(losses["cycle"], rel=1e-5)


class Enough(Exception):
    """What is to be seen has been."""


@pytest.mark.parametrize("workers, share", [(0, 64), (3, 21)])
def test_the_workers_share_the_cache_of_a_training(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, share: int
) -> None:
    """Every process that makes samples has its own frames, and all of them together what was asked for."""
    given = []

    def stream(*_: Any, workers: int, **others: Any) -> None:
        given.append(workers)
        raise Enough

    windows = train.TrainingWindows
    monkeypatch.setattr(train, "TrainingWindows", lambda *parts: given.append(parts[3]) or windows(*parts))
    monkeypatch.setattr(train, "SampleStream", stream)
    with pytest.raises(Enough):
        run("torch", clips, tmp_path, workers=workers, cache_mib=64)
    assert given == [share, workers]


def test_no_worker_is_left_of_a_training_that_fails(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while somebody keeps the error, and with it the whole training, as a notebook does."""

    def fail(*_: Any) -> None:
        assert len(multiprocessing.active_children()) == 1
        raise Enough

    monkeypatch.setattr(trainer, "take_step", fail)
    with pytest.raises(Enough) as kept:
        run("torch", clips, tmp_path, workers=1)
    assert multiprocessing.active_children() == [] and kept.tb is not None


def test_a_training_of_all_its_steps_has_not_stopped_early(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor has one whose patience ends with its last validation, at its last step."""
    psnr = iter([20.0, 19.0, 18.0])
    monkeypatch.setattr(train.ValidationSet, "scores", lambda *_: {"psnr": next(psnr), "cycle": 0.1})
    result = run("torch", clips, tmp_path, steps=3, patience=2)
    assert not result["stopped_early"] and result["steps_done"] == result["steps"] == 3


def test_patience_ends_the_training(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three validations after the best one, whatever the other score does."""
    psnr = iter([20.0, 21.0, 20.9, 21.0, 20.0, 30.0])
    monkeypatch.setattr(train.ValidationSet, "scores", lambda *_: {"psnr": next(psnr), "cycle": 0.1 * 0.9})
    result = run("torch", clips, tmp_path, steps=20, validate_every=1, patience=3)
    assert result["stopped_early"] and result["steps_done"] == 4 and result["steps"] == 20
    assert result["best"]["psnr"]["step"] == 1 and result["best"]["cycle"]["step"] == 0
    assert (tmp_path / "weights.safetensors").is_file()


def test_the_average_is_what_is_written_and_validated(clips: Path, tmp_path: Path) -> None:
    """Against the average of the weights of trainings that end after 1, 2 and 3 steps."""
    start = architecture.initial_values(architecture.preset("study"), seed=1)
    expected = {name: value.astype(np.float64) for name, value in start.items()}
    for steps in (1, 2, 3):
        run("torch", clips, tmp_path / "raw", steps=steps)
        for name, value in weights_file.read(tmp_path / "raw" / "weights.safetensors").items():
            expected[name] = 0.75 * expected[name] + 0.25 * value
    result = run("torch", clips, tmp_path / "average", steps=3, ema=0.75)
    written = weights_file.read(tmp_path / "average" / "weights.safetensors")
    for name, value in expected.items():
        np.testing.assert_allclose(written[name], value, atol=1e-7)
    network = load_network("torch", written, preset="study", device="cpu")
    validation = train.ValidationSet(clips / "validation", "Gaussian", 1)
    assert validation.scores(network)["psnr"] == result["validation"][-1]["psnr"]


def test_averaging_changes_no_step(clips: Path, tmp_path: Path) -> None:
    for name, ema in (("plain", 0.0), ("average", 0.9)):
        run("torch", clips, tmp_path / name, ema=ema)
    plain, average = ([entry["total"] for entry in log(tmp_path / name)] for name in ("plain", "average"))
    assert plain == average


def test_supervised_training(framework: str, clips: Path, tmp_path: Path) -> None:
    result = run(framework, clips, tmp_path, objective="supervised")
    assert result["objective"] == "supervised"
    assert all(entry["restored"] > 0 and "down" not in entry for entry in log(tmp_path))
    start = architecture.initial_values(architecture.preset("study"), seed=1)
    trained = weights_file.read(tmp_path / "weights.safetensors")
    for part in architecture.PARTS:
        assert any((start[name] != trained[name]).any() for name in start if name.startswith(part)), part


@pytest.mark.slow
def test_supervised_training_learns(clips: Path, tmp_path: Path) -> None:
    result = run("torch", clips, tmp_path, objective="supervised", steps=60, batch_size=2, validate_every=0)
    assert result["validation"][-1]["psnr"] > result["validation"][0]["psnr"] + 0.5


def test_a_missing_folder_is_named(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere"):
        train.train(clips / "nowhere", clips / "validation", tmp_path, TrainOptions(**TINY), progress=False)


@pytest.mark.parametrize("name", ["weights", "weights_best_psnr", "checkpoint", "former/weights"])
def test_weights_that_it_would_replace_are_no_start(clips: Path, tmp_path: Path, name: str) -> None:
    weights = tmp_path / f"{name}.safetensors"
    weights.parent.mkdir(exist_ok=True)
    weights_file.write(weights, architecture.initial_values(architecture.preset("study"), seed=1))
    before = weights.read_bytes()
    for option in ("weights", "flow_weights"):
        with pytest.raises(UserError, match="a file that this training would replace; copy them elsewhere, or give"):
            run("torch", clips, tmp_path, **{option: str(weights)})
    assert weights.read_bytes() == before
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [weights]
