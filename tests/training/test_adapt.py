"""`vsrlib adapt`: it learns from LR clips alone, keeps the best by the cycle loss, and never ends worse."""

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_fixture import SMALL, noise

from vsrlib import cli
from vsrlib.common.errors import UserError, as_interrupt
from vsrlib.common.files import read_json
from vsrlib.data.clips import Clip, write_clip
from vsrlib.data.degradation import blur_down_exact
from vsrlib.data.frames import to_float
from vsrlib.networks import architecture, load_network
from vsrlib.networks.weights import weights_file
from vsrlib.networks.weights.names import FLOW
from vsrlib.training import adapt as module
from vsrlib.training.adapt import adapt
from vsrlib.training.options import AdaptOptions


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(architecture.PRESETS, "study", SMALL)


@pytest.fixture
def start(tmp_path: Path) -> Path:
    """Weights from a seed, and a clip of LR frames beside them."""
    write_clip(tmp_path / "low" / "a", Clip("a", noise(6, 24, 32)))
    path = tmp_path / "start.safetensors"
    weights_file.write(path, architecture.initial_values(SMALL, 1), {"preset": "study", "align_corners": "true"})
    return path


def adapted(start: Path, output: str = "out", **changes: Any) -> dict[str, Any]:
    asked = {"steps": 4, "batch_size": 1, "patch_size": 16, "measure_every": 2, "learning_rate": 1e-3, "device": "cpu"}
    options = AdaptOptions(**({"weights": str(start)} | asked | changes))
    return adapt(start.parent / "low", start.parent / output, options, progress=False)


def cycle_by_hand(weights: Path, frames: np.ndarray) -> float:
    """Over the two windows of the clip, by the definition of the blur."""
    network, found = load_network("torch", weights, device="cpu"), []
    for first in range(len(frames) - 4):
        low = to_float(frames[first : first + 5])
        restored = network.infer(low)
        again = blur_down_exact(restored["recons"].transpose(1, 2, 0), restored["kernel"]).transpose(2, 0, 1)
        found.append(np.abs(again - low[2]).mean())
    return float(np.mean(found))


def test_what_is_written_is_what_was_measured(framework: str, start: Path) -> None:
    result = adapted(start, framework=framework)
    assert result == read_json(start.parent / "out" / "adapt.json")
    assert [one["step"] for one in result["cycle"]] == [0, 2, 4]
    values = [one["cycle"] for one in result["cycle"]]
    assert result["end"] == min(values) <= values[0] == result["start"]
    assert result["kept_step"] == 2 * int(np.argmin(values))
    written = start.parent / "out" / "weights.safetensors"
    assert values[0] == pytest.approx(cycle_by_hand(start, noise(6, 24, 32)), rel=1e-4)
    assert result["end"] == pytest.approx(cycle_by_hand(written, noise(6, 24, 32)), rel=1e-4)
    before, after = weights_file.read(start), weights_file.read(written)
    moved = {name for name in before if (before[name] != after[name]).any()}
    assert bool(moved) == bool(result["kept_step"]) and not any(name.startswith(FLOW) for name in moved)
    notes = weights_file.metadata(written)
    assert notes == {"preset": "study", "align_corners": "true", "adapted_from": result["started_from"]["sha256"]}


def test_it_learns(start: Path) -> None:
    result = adapted(start, steps=30, measure_every=10)
    assert result["kept_step"] > 0 and result["end"] < 0.9 * result["start"]


def test_steps_that_only_do_harm_leave_the_weights_as_they_were(
    start: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It stops when nothing has been better for as long as it was asked to wait, and says so."""

    def harm(network: Any, *_: Any, **__: Any) -> tuple[bool, dict[str, float]]:
        network.load({name: value + 0.2 for name, value in network.state().items()})
        return True, {}

    monkeypatch.setattr(module, "take_step", harm)
    words = [
        "--weights",
        str(start),
        "--patch-size",
        "16",
        "--measure-every",
        "2",
        "--patience",
        "3",
        "--device",
        "cpu",
    ]
    assert cli.main(["adapt", str(start.parent / "low"), str(start.parent / "out"), *words]) == 0
    assert "no step made the cycle loss smaller" in capsys.readouterr().out
    result = read_json(start.parent / "out" / "adapt.json")
    assert result["steps"] == 6 and result["kept_step"] == 0 and result["stopped_early"]
    before, after = weights_file.read(start), weights_file.read(start.parent / "out" / "weights.safetensors")
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_in_bfloat16_steps_are_rounded_and_measurements_are_not(start: Path) -> None:
    whole, rounded = adapted(start), adapted(start, "rounded", precision="bfloat16")
    assert rounded["settings"]["precision"] == "bfloat16" and whole["start"] == rounded["start"]
    assert whole["cycle"][-1] != rounded["cycle"][-1]
    assert whole["cycle"][-1]["cycle"] == pytest.approx(rounded["cycle"][-1]["cycle"], rel=0.02)
    with pytest.raises(UserError, match="framework is jittor, which computes in float32 alone"):
        AdaptOptions(framework="jittor", precision="bfloat16")


def test_a_seed_decides_and_minutes_end_it(start: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, c = (adapted(start, name, seed=seed)["cycle"] for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert a == b != c
    clock = iter(range(0, 10**6, 45))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    assert 4 <= adapted(start, "d", steps=0, minutes=5.0)["steps"] <= 6  # every look at the clock takes 45 seconds


def broken_at(step: int, how: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """From that step on `how` stands in for a step."""
    take, taken = module.take_step, []

    def stepped(*given: Any, **named: Any) -> tuple[bool, dict[str, float]]:
        taken.append(1)
        return take(*given, **named) if len(taken) < step else how()

    monkeypatch.setattr(module, "take_step", stepped)


def interrupt() -> None:
    raise KeyboardInterrupt


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(("how", "status"), [(interrupt, 130), (terminate, 143)])
def test_what_was_the_best_until_an_interruption_is_kept(
    how: Any, status: int, start: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of ten minutes was lost by it."""
    wanted = adapted(start, "whole", steps=20, measure_every=10)
    assert not wanted["interrupted"] and wanted["kept_step"] == 20
    broken_at(26, how, monkeypatch)
    before = signal.getsignal(signal.SIGTERM)
    words = ["--batch-size=1", "--patch-size=16", "--measure-every=10", "--learning-rate=1e-3", "--device=cpu"]
    out = start.parent / "out"
    assert cli.main(["adapt", str(start.parent / "low"), str(out), "--weights", str(start), *words]) == status
    assert signal.getsignal(signal.SIGTERM) == before
    said = capsys.readouterr().err
    assert "interrupted after 25 steps in" in said and "the cycle loss fell from" in said and "after step 20" in said
    result = read_json(out / "adapt.json")
    assert result["interrupted"] and result["steps"] == 25 and result["cycle"] == wanted["cycle"]
    assert (out / "weights.safetensors").read_bytes() == (start.parent / "whole" / "weights.safetensors").read_bytes()
    monkeypatch.setattr(module, "take_step", lambda *_, **__: interrupt())
    with pytest.raises(KeyboardInterrupt):  # in the library, of which an experiment must not go on
        adapted(start)


def test_a_second_signal_does_not_end_the_keeping(start: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`timeout` sends it to the process, and then to the group that the process is in."""
    write = module.weights_file.write
    monkeypatch.setattr(module, "take_step", lambda *_, **__: terminate())
    monkeypatch.setattr(module.weights_file, "write", lambda *given: (terminate(), write(*given)))
    with pytest.raises(KeyboardInterrupt), as_interrupt():
        adapted(start)
    assert (start.parent / "out" / "weights.safetensors").is_file()
    assert read_json(start.parent / "out" / "adapt.json")["interrupted"]


def test_what_was_the_best_before_losses_that_are_not_finite_is_kept(
    start: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_at(21, lambda: (False, {}), monkeypatch)
    with pytest.raises(
        UserError, match="3 steps in a row were not finite, so the best weights before them were written"
    ):
        adapted(start, steps=40, measure_every=10)
    result = read_json(start.parent / "out" / "adapt.json")
    assert result["interrupted"] and result["kept_step"] == 20 and result["end"] < result["start"]


def test_mistakes_are_named(start: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="patch_size"):
        adapted(start, patch_size=28)
    with pytest.raises(UserError, match="minutes is 0"):
        AdaptOptions(minutes=0.0)
    with pytest.raises(UserError, match="patch_size is 18"):
        AdaptOptions(patch_size=18)
    with pytest.raises(UserError, match="is the input or lies in it"):
        adapted(start, "low/a/out")
    monkeypatch.setattr(module, "take_step", lambda *_, **__: (False, {}))
    with pytest.raises(UserError, match="losses of 3 steps in a row were not finite"):
        adapted(start)


def test_weights_that_it_would_replace_are_no_start(start: Path) -> None:
    """They were removed first, and only after all steps was it said that they were not there."""
    adapted(start)
    made = start.parent / "out" / "weights.safetensors"
    before = made.read_bytes()
    with pytest.raises(UserError, match="a file that this training would replace; copy them elsewhere, or"):
        adapted(start, weights=str(made))
    assert made.read_bytes() == before and (made.parent / "adapt.json").exists()
    assert adapted(start, "again", weights=str(made))["started_from"]["path"] == "../out/weights.safetensors"
