"""Checkpoints by themselves, without a training: what is written, refused, cut back, set aside and removed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from vsrlib.common.errors import UserError
from vsrlib.training import checkpoint

ARRAYS = {"b": np.arange(6, dtype=np.float32).reshape(2, 3).T, "a": np.ones(4, np.float32)}  # one is not contiguous
FACTS = {"step": 3, "skipped": [1]}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    checkpoint.write(tmp_path, ARRAYS, FACTS)
    arrays, facts = checkpoint.read(tmp_path)
    assert facts == FACTS and names(tmp_path) == {"checkpoint.safetensors"}
    assert set(arrays) == set(ARRAYS) and all((arrays[name] == value).all() for name, value in ARRAYS.items())


def test_the_one_before_is_kept(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        checkpoint.write(tmp_path, ARRAYS, {"step": step})
    assert checkpoint.read(tmp_path)[1] == {"step": 3} and len(names(tmp_path)) == 2
    (tmp_path / checkpoint.PREVIOUS).replace(tmp_path / checkpoint.FILE)
    assert checkpoint.read(tmp_path)[1] == {"step": 2}


def test_facts_are_whole_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        checkpoint.write(tmp_path, ARRAYS, {"loss": float("nan")})
    assert names(tmp_path) == set()


def test_a_checkpoint_that_finds_no_room_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise safetensors.SafetensorError("no room")

    checkpoint.write(tmp_path, ARRAYS, FACTS)
    monkeypatch.setattr(safetensors.numpy, "save_file", full)
    with pytest.raises(
        UserError, match=r"/checkpoint.safetensors could not be written \(no room\), and the one before is still there"
    ):
        checkpoint.write(tmp_path, ARRAYS, FACTS | {"step": 4})
    assert checkpoint.read(tmp_path)[1] == FACTS and names(tmp_path) == {"checkpoint.safetensors"}


def test_a_missing_checkpoint_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no checkpoint in .* to go on from; leave out resume"):
        checkpoint.read(tmp_path)


@pytest.mark.parametrize("fault", ["cut", "values", "name", "facts", "none"])
def test_a_damaged_checkpoint_is_said(tmp_path: Path, fault: str) -> None:
    checkpoint.write(tmp_path, ARRAYS, FACTS)
    path = tmp_path / checkpoint.FILE
    if fault == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata()
        arrays = {name: np.ascontiguousarray(value) for name, value in ARRAYS.items()}
        if fault == "values":
            arrays["a"] = arrays["a"] * 2
        elif fault == "name":
            arrays["c"] = arrays.pop("a")
        elif fault == "facts":
            metadata["vsrlib_training"] = "{"
        safetensors.numpy.save_file(arrays, path, metadata=metadata if fault != "none" else None)
    with pytest.raises(
        UserError, match="checkpoint.safetensors is damaged or of another kind; put checkpoint.previous"
    ):
        checkpoint.read(tmp_path)


def test_only_the_same_training_is_gone_on_with(tmp_path: Path) -> None:
    def same(before: dict[str, Any], now: dict[str, Any]) -> None:
        checkpoint.require_same(before, now, tmp_path, {"noise": 0.0, "seed": 1})

    same({"seed": 2, "steps": 5, "credits": "a"}, {"seed": 2, "steps": 9, "credits": "b", "noise": 0.0})
    with pytest.raises(
        UserError, match=r"another training \(seed was 2 and is 3; noise was 0.0 and is 0.5\): give the"
    ):
        same({"seed": 2}, {"seed": 3, "noise": 0.5})
    with pytest.raises(UserError, match="rate was None and is 1"):
        same({}, {"rate": 1})


def test_what_had_ended_is_set_aside_once(tmp_path: Path) -> None:
    ended = ("curves", "weights", "result")
    (tmp_path / "weights").write_text("1")
    checkpoint.set_aside(tmp_path, ended)  # it had not ended
    assert names(tmp_path) == {"weights"}
    for end in ("1", "2"):
        for name in ended[1:]:
            (tmp_path / name).write_text(end)
        (tmp_path / "log").touch()
        checkpoint.set_aside(tmp_path, ended)
        assert names(tmp_path) == {"log", "former"} and names(tmp_path / "former") == {"weights", "result"}
        assert {path.read_text() for path in (tmp_path / "former").iterdir()} == {end}
    # A kill left the last where it was, and the others are there already.
    (tmp_path / "former" / "result").replace(tmp_path / "result")
    checkpoint.set_aside(tmp_path, ended)
    assert names(tmp_path / "former") == {"weights", "result"}
    checkpoint.remove_former(tmp_path)
    assert names(tmp_path) == {"log"}


def test_what_an_earlier_training_left_is_removed(tmp_path: Path) -> None:
    temporary = (".checkpoint.safetensors", ".weights1", ".log-x", ".train-x", ".tmpABCDEF")
    left = ("checkpoint.safetensors", "checkpoint.previous.safetensors", "log.jsonl", *temporary)
    others = ("notes.txt", ".tmpABCDEFG", ".hidden", "weights.safetensors")
    for name in (*left, *others):
        (tmp_path / name).touch()
    (tmp_path / "former").mkdir()
    checkpoint.remove_temporary(tmp_path)
    assert names(tmp_path) == {*left, *others, "former"} - set(temporary)
    checkpoint.remove(tmp_path)
    assert names(tmp_path) == set(others)
    checkpoint.remove(tmp_path)  # where there is nothing


@pytest.mark.parametrize(("step", "lines", "kept"), [(2, 2, [1, 2]), (3, 3, [1, 2, 3]), (4, 3, [1, 2, 3]), (0, 0, [])])
def test_a_log_is_cut_back_to_a_step(tmp_path: Path, step: int, lines: int, kept: list[int]) -> None:
    log = tmp_path / checkpoint.LOG
    log.write_text("".join(json.dumps({"step": one}) + "\n" for one in (1, 2, 3)) + '{"step": 4')  # half written
    assert [entry["step"] for entry in checkpoint.cut_log(tmp_path, step, lines)] == kept
    assert log.read_text() == "".join(json.dumps({"step": one}) + "\n" for one in kept)


def test_a_log_that_lacks_steps_is_said_and_left_as_it_is(tmp_path: Path) -> None:
    log = tmp_path / checkpoint.LOG
    log.write_text('{"step": 1}\n{"step": 3}\n')
    for step, lines, holds in ((2, 2, 1), (3, 3, 2), (3, 1, 2)):
        with pytest.raises(UserError, match=f"holds {holds} of the {lines} steps before the checkpoint; bring it back"):
            checkpoint.cut_log(tmp_path, step, lines)
    assert log.read_text() == '{"step": 1}\n{"step": 3}\n'
    for damaged in ('{"step": 1}\n{"st\n{"step": 2}\n', '{"step": 1}\n{"step": 3}\n{"step": 2}\n'):
        log.write_text(damaged)  # what lies behind a damaged line or a later step does not count
        with pytest.raises(UserError, match="holds 1 of the 2 steps"):
            checkpoint.cut_log(tmp_path, 2, 2)
    log.unlink()
    with pytest.raises(UserError, match="holds 0 of the 1 steps"):
        checkpoint.cut_log(tmp_path, 1, 1)
    assert checkpoint.cut_log(tmp_path, 0, 0) == [] and log.read_text() == ""


def test_a_part_of_the_arrays_goes_by_the_rest_of_their_names() -> None:
    arrays = {
        name: np.zeros(1) for name in ("best.4.a.b", "best.4.best.4.c", "best.40.a", "best.4", "weights.best.4.a")
    }
    assert checkpoint.part("best.4", arrays) == {"a.b": arrays["best.4.a.b"], "best.4.c": arrays["best.4.best.4.c"]}
    assert checkpoint.part("average", arrays) == {}
