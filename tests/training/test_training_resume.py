"""Going on from a checkpoint: to the bit, from the right training only, whenever the last one was killed."""

import resource
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from training_fixture import log, make_clips, outcome, run, same_weights

from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json
from vsrlib.data.clips import list_clips
from vsrlib.data.comparison_picture import most_detailed
from vsrlib.data.frames import read_frame, write_frame
from vsrlib.training import checkpoint
from vsrlib.training.samples import TrainingWindows
from vsrlib.training.trainer import Trainer

LONG = {"steps": 10, "validate_every": 3, "checkpoint_every": 2, "halve_every": 4, "ema": 0.5}
CUTS = (2, 3, 5, 8, 9)  # a checkpoint just written, half-way between two, at a validation, at a halving, before the end


class Killed(Exception):
    """Ends a training without a word."""


def cut(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """End the training before the step after `step`."""
    advance = Trainer._advance

    def advance_or_end(trainer: Trainer) -> dict | None:
        if trainer.step == step:
            raise Killed
        return advance(trainer)

    monkeypatch.setattr(Trainer, "_advance", advance_or_end)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def whole(framework: str, clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("whole")
    run(framework, clips, output, **LONG)
    return output


@pytest.mark.parametrize("step", CUTS)
def test_a_resumed_training_is_the_uninterrupted_one_to_the_bit(
    framework: str, whole: Path, clips: Path, tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched, pytest.raises(Killed):
        cut(patched, step)
        run(framework, clips, tmp_path, **LONG)
    assert not (tmp_path / "train.json").exists()
    with open(tmp_path / "log.jsonl", "a") as file:
        file.write('{"step": 9, "tot')  # what a killed process may leave
    for name in (".checkpoint-x.safetensors", ".tmpAbC123", ".weights-y.safetensors"):
        (tmp_path / name).touch()
    result = run(framework, clips, tmp_path, resume=True, **LONG)
    assert result["resumed"] == [step - step % 2]
    assert outcome(tmp_path) == outcome(whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in whole.iterdir())
    same_weights(tmp_path, whole)
    ours, theirs = (safetensors.numpy.load_file(folder / checkpoint.FILE) for folder in (tmp_path, whole))
    assert all(ours[name].tobytes() == theirs[name].tobytes() for name in theirs)


def test_a_picture_of_every_validation_is_kept(whole: Path, clips: Path) -> None:
    steps = [one["step"] for one in read_json(whole / "train.json")["validation"]]
    assert len(steps) > 2
    pictures = [read_frame(path) for path in sorted((whole / "validation").iterdir())]
    assert sorted(path.name for path in (whole / "validation").iterdir()) == [f"{step:08d}.png" for step in steps]
    (clip,) = list_clips(clips / "validation")
    truth = clip.load().frames[2]
    top, left, tall, wide = most_detailed(truth)
    factor = -(-320 // min(tall, wide))
    for picture in pictures:
        shown = picture[28::factor, 3 * (factor * wide + 8) :: factor]
        assert np.array_equal(shown, truth[top : top + tall, left : left + wide])
    restored = [picture[28:, 2 * (factor * wide + 8) :][:, : factor * wide] for picture in pictures]
    assert not np.array_equal(restored[0], restored[-1])  # the network has learned something meanwhile


def test_a_training_differs_if_anything_of_its_state_is_forgotten(clips: Path, tmp_path: Path) -> None:
    """The comparison above can fail: with other moments or from another sample on the weights differ."""
    run("torch", clips, tmp_path / "start", steps=2)
    arrays, facts = checkpoint.read(tmp_path / "start")
    doubled = {name: value * (2 if name.startswith("second.") else 1) for name, value in arrays.items()}
    cases = {
        "same": (arrays, facts),
        "moments": (doubled, facts),
        "updates": (arrays, facts | {"updates": 1}),
        "sample": (arrays, facts | {"stream": {"epoch": 1, "shown": 1}}),
        "epoch": (arrays, facts | {"stream": {"epoch": 2, "shown": 2}}),
    }
    for name, case in cases.items():
        shutil.copytree(tmp_path / "start", tmp_path / name)
        checkpoint.write(tmp_path / name, *case)
        run("torch", clips, tmp_path / name, steps=3, resume=True)
    differing = []
    for name in cases:
        try:
            same_weights(tmp_path / name, tmp_path / "same")
        except AssertionError:
            differing.append(name)
    assert differing == ["moments", "updates", "sample", "epoch"]


def test_a_finished_training_can_be_prolonged(clips: Path, tmp_path: Path) -> None:
    run("torch", clips, tmp_path / "whole", steps=6)
    run("torch", clips, tmp_path / "parts", steps=4)
    result = run("torch", clips, tmp_path / "parts", steps=6, resume=True)
    assert result["resumed"] == [4] and [entry["step"] for entry in log(tmp_path / "parts")] == [1, 2, 3, 4, 5, 6]
    assert outcome(tmp_path / "parts") == outcome(tmp_path / "whole")
    same_weights(tmp_path / "parts", tmp_path / "whole")
    with pytest.raises(UserError, match="is of step 6, and steps is 5"):
        run("torch", clips, tmp_path / "parts", steps=5, resume=True)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"batch_size": 2}, r"batch_size was 1 and is 2\)"),
        (
            {"learning_rate": 5e-4, "seed": 2},
            r"seed was 1 and is 2; learning_rate was 0.001 and is 0.0005; initial_weights",
        ),
        ({"objective": "supervised"}, "objective was 'self-supervised' and is 'supervised'"),
        ({"n_frames_per_video": 5}, "n_frames_per_video was 50 and is 5; training_clips"),
    ],
)
def test_another_training_is_refused(clips: Path, tmp_path: Path, changes: dict, words: str) -> None:
    run("torch", clips, tmp_path, steps=1)
    before = (tmp_path / checkpoint.FILE).read_bytes()
    with pytest.raises(UserError, match=words):
        run("torch", clips, tmp_path, resume=True, steps=2, **changes)
    assert (tmp_path / checkpoint.FILE).read_bytes() == before


@pytest.mark.parametrize("option, other", [("precision", "bfloat16"), ("flow_supervision", 0.1), ("ema", 0.9)])
def test_a_checkpoint_from_before_an_option_is_one_without_it(
    clips: Path, tmp_path: Path, option: str, other: object
) -> None:
    run("torch", clips, tmp_path, steps=1)
    arrays, facts = checkpoint.read(tmp_path)
    del facts["options"][option]
    checkpoint.write(tmp_path, arrays, facts)
    with pytest.raises(UserError, match=rf"another training \({option} was .*? and is '?{other}'?\)"):
        run("torch", clips, tmp_path, resume=True, steps=2, **{option: other})
    assert run("torch", clips, tmp_path, resume=True, steps=2)["resumed"] == [1]


def test_whose_pictures_a_training_learns_from_keeps_it_from_nothing(clips: Path, tmp_path: Path) -> None:
    """What a checkpoint says of them follows from digests that are compared."""
    run("torch", clips, tmp_path, steps=1)
    arrays, facts = checkpoint.read(tmp_path)
    checkpoint.write(tmp_path, arrays, facts | {"options": facts["options"] | {"credits": "A (CC0)"}})
    assert run("torch", clips, tmp_path, resume=True, steps=2)["resumed"] == [1]
    checkpoint.require_same({"seed": 1}, {"seed": 1, "credits": "A (CC0)"}, tmp_path, {})


@pytest.mark.parametrize("split, option", [("train", "training_clips"), ("validation", "validation_clips")])
def test_inverted_frames_of_the_same_names_are_refused(tmp_path: Path, split: str, option: str) -> None:
    clips, output = make_clips(tmp_path / "clips"), tmp_path / "run"
    run("torch", clips, output, steps=1)
    (folder,) = (clips / split).iterdir()
    kept = {path: path.read_bytes() for path in folder.iterdir()}
    for path in kept:
        write_frame(path, 255 - read_frame(path))
    with pytest.raises(UserError, match=rf"another training \({option} was '\w+' and is '\w+'\): give the same"):
        run("torch", clips, output, steps=2, resume=True)
    for path, data in kept.items():
        path.write_bytes(data)
    assert run("torch", clips, output, steps=2, resume=True)["resumed"] == [1]
    assert run("torch", clips, output, steps=2, resume=True)["resumed"] == [1, 2]  # every time is told


def test_the_digest_is_of_the_frames_that_are_used(tmp_path: Path) -> None:
    """One changed pixel of any used frame counts, one of a frame behind them does not; nor does where the clips lie."""
    (folder,) = (make_clips(tmp_path / "a") / "train").iterdir()

    def digest(root: Path = folder.parent) -> str:
        return TrainingWindows(root, 16, frames_per_clip=6).digest()

    before = digest()
    shutil.copytree(folder.parent, tmp_path / "elsewhere")
    assert digest(tmp_path / "elsewhere") == before
    changes = []
    for path in sorted(folder.iterdir()):
        data, frame = path.read_bytes(), read_frame(path)
        frame[-1, -1, 0] ^= 1
        write_frame(path, frame)
        changes.append(digest() != before)
        path.write_bytes(data)
    assert changes == [True] * 6 + [False] and digest() == before


def test_without_resume_a_training_begins_anew(clips: Path, tmp_path: Path) -> None:
    run("torch", clips, tmp_path, steps=4)
    assert (tmp_path / checkpoint.FILE).exists()
    run("torch", clips, tmp_path, steps=2, seed=2)
    assert [entry["step"] for entry in log(tmp_path)] == [1, 2]
    assert not (tmp_path / checkpoint.PREVIOUS).exists()


def test_no_checkpoint_and_a_damaged_one_are_said(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no checkpoint in"):
        run("torch", clips, tmp_path, resume=True)
    run("torch", clips, tmp_path, checkpoint_every=2)
    path = tmp_path / checkpoint.FILE
    data = path.read_bytes()
    for damaged in (data[:-1], data[:-7] + bytes([data[-7] ^ 1]) + data[-6:], b"", data[: len(data) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match="damaged or of another kind; put checkpoint.previous"):
            run("torch", clips, tmp_path, resume=True)
    assert checkpoint.read(rename(tmp_path))[1]["step"] == 2


def rename(folder: Path) -> Path:
    """Put the previous checkpoint in the place of the latest."""
    (folder / checkpoint.PREVIOUS).rename(folder / checkpoint.FILE)
    return folder


def test_a_log_that_was_lost_is_said(clips: Path, tmp_path: Path) -> None:
    run("torch", clips, tmp_path, steps=2)
    (tmp_path / "log.jsonl").write_text("")
    with pytest.raises(UserError, match="holds 0 of the 2 steps"):
        run("torch", clips, tmp_path, steps=4, resume=True)


def test_a_full_disk_leaves_the_last_checkpoint(clips: Path, tmp_path: Path) -> None:
    """A limit of the size of files stands for the full disk."""
    run("torch", clips, tmp_path, steps=2)
    before = checkpoint.read(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, hard))
    try:
        with pytest.raises((UserError, OSError)):
            checkpoint.write(tmp_path, before[0], before[1] | {"step": 3})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    arrays, facts = checkpoint.read(tmp_path)
    assert facts == before[1] and all((arrays[name] == value).all() for name, value in before[0].items())
    assert not list(tmp_path.glob(".checkpoint*"))


def test_training_draws_nothing_from_the_frameworks_generator(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is why no checkpoint holds its state."""
    import random

    import torch

    states = []
    advance = Trainer._advance

    def watched(trainer: Trainer) -> dict | None:
        states.append((torch.get_rng_state().numpy().tobytes(), np.random.get_state()[1].tobytes(), random.getstate()))
        return advance(trainer)

    monkeypatch.setattr(Trainer, "_advance", watched)
    run("torch", clips, tmp_path, steps=3, validate_every=1, ema=0.5)
    assert len(states) == 3 and states[0] == states[1] == states[2]
