"""An interrupted experiment goes on: what is done is not done again, and parts of another question are not taken."""

from pathlib import Path

import pytest

from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, write_json
from vsrlib.common.parts import Parts


def test_a_part_is_done_once_and_interrupted_ones_again(tmp_path: Path) -> None:
    done = []

    def work() -> dict[str, int]:
        done.append(1)
        if len(done) == 2:
            raise KeyboardInterrupt
        return {"value": len(done)}

    first = Parts(tmp_path, {"seeds": [1]})
    assert first.get("a, 1", work)["value"] == 1
    with pytest.raises(KeyboardInterrupt):
        first.get("a, 2", work)
    again = Parts(tmp_path, {"seeds": [1]})
    assert [again.get(name, work)["value"] for name in ("a, 1", "a, 2")] == [1, 3]
    assert len(done) == 3


def test_parts_of_another_question_are_refused_by_name(tmp_path: Path) -> None:
    Parts(tmp_path, {"seeds": [1], "frames": 7})
    with pytest.raises(UserError, match=r"frames 7, not 5; give another folder"):
        Parts(tmp_path, {"seeds": [1], "frames": 5})


def test_parts_of_another_experiment_are_called_that(tmp_path: Path) -> None:
    Parts(tmp_path, {"experiment": "precision", "bits": [23]})
    with pytest.raises(UserError, match="holds parts of the experiment precision, not measurement; give another"):
        Parts(tmp_path, {"experiment": "measurement", "ways": 96})


@pytest.mark.parametrize("letter", ["a", "片"])
def test_names_as_long_as_a_file_s_may_be_are_kept_and_told_apart(tmp_path: Path, letter: str) -> None:
    parts, long = Parts(tmp_path, {}), letter * (255 // len(letter.encode()))
    for number, name in enumerate((f"Films/{long}", f"Films/{long[:-1]}", f"{long}b", long)):
        assert parts.get(name, lambda number=number: {"value": number})["value"] == number
    assert parts.done(f"Films/{long}") == parts.get(f"Films/{long}", dict) and parts.done(long)["value"] == 3
    assert parts.done(f"Films/{long}c") is None


def test_two_names_never_share_a_file(tmp_path: Path) -> None:
    parts = Parts(tmp_path, {})
    for number, name in enumerate(("a b", "a+b", "a_b", "a/b")):
        assert parts.get(name, lambda number=number: {"value": number})["value"] == number
        assert parts.done(name)["value"] == number
    assert [parts.done(name)["value"] for name in ("a b", "a+b", "a_b", "a/b")] == [0, 1, 2, 3]
    assert len(list((tmp_path / "parts").glob("a_b*.json"))) == 4


def test_the_result_says_at_which_commits_its_parts_were_measured(tmp_path: Path) -> None:
    parts = Parts(tmp_path, {})
    commit = parts.get("a", dict)["commit"]
    found = parts.finish(tmp_path / "x.json", {"value": 3})
    assert read_json(tmp_path / "x.json") == found
    assert found["value"] == 3
    measured = [one.removesuffix(" changed") for one in found["provenance"]["measured_at"]]
    assert measured == [str(commit)] and len(found["provenance"]["protocol"]) == 64


def test_commits_of_parts_that_are_none_of_the_result_s_are_not_said(tmp_path: Path) -> None:
    Parts(tmp_path, {}).get("of another seed", dict)
    (earlier,) = (tmp_path / "parts").glob("of_another*.json")
    write_json(earlier, read_json(earlier) | {"commit": "earlier", "dirty": False})
    parts = Parts(tmp_path, {})
    parts.get("a", dict)
    assert "earlier" not in parts.finish(tmp_path / "x.json", {})["provenance"]["measured_at"]
    assert parts.done("of another seed") is not None  # read, and so a part of what follows
    assert "earlier" in parts.finish(tmp_path / "x.json", {})["provenance"]["measured_at"]


def test_what_is_forgotten_is_done_again_and_nothing_else_is_removed(tmp_path: Path) -> None:
    Parts(tmp_path, {}).get("left by another", dict)
    parts = Parts(tmp_path, {})
    parts.get("a", dict)
    (tmp_path / "parts" / "mine.txt").touch()
    parts.forget()
    left = {path.name for path in (tmp_path / "parts").iterdir()}
    assert "mine.txt" in left and len(left) == 2 and any(name.startswith("left_by_another") for name in left)
    alone = Parts(tmp_path / "alone", {})
    alone.get("a", dict)
    alone.forget()
    assert list((tmp_path / "alone").iterdir()) == []
    assert Parts(tmp_path / "alone", {"other": 1}).get("a", lambda: {"value": 2})["value"] == 2
