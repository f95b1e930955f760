"""A training that is killed between any two changes of its files, and gone on with: what it leaves then is whole.

A small network, steps that cost nothing and scores that are chosen, so that every moment can be tried.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_fixture import SMALL, log, make_clips, outcome, run

from vsrlib.common import files
from vsrlib.common.files import read_json, sha256_file
from vsrlib.networks import architecture
from vsrlib.networks.network import Network
from vsrlib.networks.weights import weights_file
from vsrlib.training import checkpoint, trainer
from vsrlib.training.validation import ValidationSet

COUNTER = "in_conv.0.bias"
PSNR = [20, 22, 21, 21, 23, 21, 21, 21, 25, 24, 26, 20, 24]  # after so many steps
CYCLE = [0.5, 0.5, 0.4, 0.5, 0.6, 0.5, 0.3, 0.5, 0.2, 0.1, 0.2, 0.2, 0.05]
OPTIONS = {"validate_every": 2, "checkpoint_every": 5, "learning_rate": 1e-3}
STEPS = (6, 9, 12)


@pytest.fixture(autouse=True, scope="module")
def steps_that_count() -> Iterator[None]:
    """A step adds 1 to some weights, by which a score is looked up."""

    def take(network: Network, *_: Any) -> tuple[bool, dict[str, float]]:
        values = network.state()
        values[COUNTER] += 1
        network.load(values)
        return True, {"total": float(values[COUNTER][0])}

    def scores(_: ValidationSet, network: Network) -> dict[str, float]:
        steps = round(float(network.state()[COUNTER][0]))
        return {"psnr": float(PSNR[steps]), "cycle": CYCLE[steps]}

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(architecture.PRESETS, "study", SMALL)
        patch.setattr(trainer, "take_step", take)
        patch.setattr(ValidationSet, "scores", scores)
        yield


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def whole(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Uninterrupted trainings."""
    root = tmp_path_factory.mktemp("whole")
    for steps in STEPS:
        run("torch", clips, root / str(steps), steps=steps, **OPTIONS)
    return {steps: root / str(steps) for steps in STEPS}


def moments(output: Path, aside: Path, work: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Do the work; yield a copy of `output` as it was before each file that appeared or went, and in the end."""
    taken: list[Path] = []

    def keep() -> None:
        if output.exists():
            taken.append(aside / f"{len(taken)}")
            shutil.copytree(output, taken[-1], ignore=shutil.ignore_patterns(".lock"))

    replace, unlink = files.os.replace, Path.unlink

    def replace_kept(source: Path, target: Path) -> None:
        keep()
        replace(source, target)

    def unlink_kept(path: Path, missing_ok: bool = False) -> None:
        if path.exists():
            keep()
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "replace", replace_kept)
        patch.setattr(Path, "unlink", unlink_kept)
        work()
    keep()
    return iter(taken)


def require_equal(output: Path, whole: Path) -> None:
    """The same results; every file that is named is the one that lies there; nothing else lies there."""
    assert outcome(output) == outcome(whole)
    result = read_json(output / "train.json")
    for entry in (result["weights"], *(one["weights"] for one in result["best"].values())):
        assert entry["sha256"] == sha256_file(output / entry["path"]) == sha256_file(whole / entry["path"])
    assert {path.name for path in output.iterdir()} - {checkpoint.PREVIOUS} == {
        path.name for path in whole.iterdir()
    } - {checkpoint.PREVIOUS}


def go_on(kept: Path, clips: Path, whole: dict[int, Path]) -> int:
    """Go on from a copy to fewer (or as many) and to more steps; the step of its checkpoint, 0 where it has none."""
    step = checkpoint.read(kept)[1]["step"] if (kept / checkpoint.FILE).exists() else 0
    ends = [steps for steps in STEPS if steps >= step]
    for steps in {ends[0], ends[-1]} if step else ends[:1]:
        output = kept.with_name(f"{kept.name} to {steps}")
        shutil.copytree(kept, output)
        result = run("torch", clips, output, steps=steps, resume=step > 0, **OPTIONS)
        assert result["resumed"][-1:] == [step] * (step > 0)
        require_equal(output, whole[steps])
        shutil.rmtree(output)
    return step


def test_killed_at_any_moment(
    clips: Path, whole: dict[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "cut"
    cuts = moments(output, tmp_path / "aside", lambda: run("torch", clips, output, steps=9, **OPTIONS), monkeypatch)
    assert {go_on(kept, clips, whole) for kept in cuts} == {0, 5, 9}
    best = {steps: read_json(whole[steps] / "train.json")["best"]["psnr"]["step"] for steps in STEPS}
    assert best == {6: 4, 9: 8, 12: 10}  # so that going on for fewer steps has another best than what lies there
    start = architecture.initial_values(SMALL, seed=1)[COUNTER]
    for steps, step in best.items():
        kept = weights_file.read(whole[steps] / "weights_best_psnr.safetensors")[COUNTER]
        np.testing.assert_allclose(kept - start, step, atol=1e-5)


def test_the_best_of_an_average_is_the_average(clips: Path, tmp_path: Path) -> None:
    """Which lags behind: after s steps it has counted s - 1 + 2^-s, by which its scores are looked up."""
    result = run("torch", clips, tmp_path, steps=6, ema=0.5, **OPTIONS | {"validate_every": 1})
    counted = [step - 1 + 0.5**step for step in range(7)]
    start = architecture.initial_values(SMALL, seed=1)[COUNTER]
    expected = [PSNR[round(count + float(start[0]))] for count in counted]
    assert [entry["psnr"] for entry in result["validation"]] == expected
    assert {name: one["step"] for name, one in result["best"].items()} == {"psnr": 5, "cycle": 3}
    for name, step in (("best_psnr", 5), ("best_cycle", 3)):
        kept = weights_file.read(tmp_path / f"weights_{name}.safetensors")[COUNTER]
        np.testing.assert_allclose(kept - start, counted[step], atol=1e-5)
    last = weights_file.read(tmp_path / "weights.safetensors")[COUNTER]
    np.testing.assert_allclose(last - start, counted[6], atol=1e-5)


def test_prolonged_and_killed_at_any_moment(
    clips: Path, whole: dict[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No result of the former end lies beside a longer log, and going on for the former steps gives it again."""
    output = tmp_path / "cut"
    run("torch", clips, output, steps=9, **OPTIONS)
    for name in ("curves.svg", "curves.png"):
        (output / name).touch()  # by the command
    cuts = moments(
        output,
        tmp_path / "aside",
        lambda: run("torch", clips, output, steps=12, resume=True, **OPTIONS),
        monkeypatch,
    )
    at_nine = {path.name: sha256_file(path) for path in whole[9].glob("w*")}  # its weights
    for kept in cuts:
        ended = [sha256_file(path) for path in kept.glob("**/w*.safetensors")]
        assert set(at_nine.values()) <= set(ended) or (kept / "train.json").exists()  # nothing is lost on the way
        found = {name for name in ("train.json", "weights.safetensors", "curves.svg") if (kept / name).exists()}
        lines = len(log(kept))
        assert not found or lines == 9 or (lines == 12 and "curves.svg" not in found)
        go_on(kept, clips, whole)
