"""An interrupted experiment goes on: what is done is not done again, and parts of another question are not taken."""

from pathlib import Path

import pytest

from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json
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
