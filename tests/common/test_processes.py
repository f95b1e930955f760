"""A module asked in a process of its own: its answer, a user's mistake, and an end without an answer."""

import os
from pathlib import Path
from typing import Any

import pytest

from vsrlib.common import processes

MODULE = """
import os, sys
from vsrlib.common.errors import StartAgain, UserError
from vsrlib.common.processes import answer

def work(task):
    print("half way", file=sys.stderr)
    if task["ends"] is None:
        print("answer: not this one")
        return {"twice": 2 * task["number"], "home": os.environ["HOME_OF_IT"]}
    if task["ends"] == "again":
        raise StartAgain("It has built itself.")
    if task["ends"] == "mistake":
        raise UserError("There is no such thing; choose another.")
    sys.exit(task["ends"])

answer(work)
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "asked_module.py").write_text(MODULE)
    return os.environ | {"PYTHONPATH": str(tmp_path), "HOME_OF_IT": "here"}


@pytest.mark.parametrize(
    ("ends", "answer"),
    [
        (None, {"twice": 14, "home": "here"}),
        ("mistake", {"failed": "There is no such thing; choose another."}),
        ("again", {"failed": "It has built itself."}),
        (0, {"failed": "its process ended with status 0 and no answer"}),
        (3, {"failed": "half way"}),
    ],
)
def test_what_a_process_answers(ends: Any, answer: dict, environment: dict[str, str]) -> None:
    assert processes.ask("asked_module", {"number": 7, "ends": ends}, environment=environment) == answer


@pytest.mark.parametrize(
    ("asked", "attempts", "status", "calls"),
    [
        ("torch", None, 1, 1),
        ("jittor", None, 1, 2),
        ("jittor", None, 0, 2),
        ("jittor", 3, 0, 3),
        ("jittor", 3, 3, 3),
        ("jittor", None, 2, 1),
    ],
)
def test_jittor_is_asked_twice_but_not_after_a_users_mistake(
    asked: str, attempts: int | None, status: int, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit status alone is no proof: Jittor ends with 0 when it has rebuilt itself and asks to be started again."""
    started: list[list[str]] = []
    monkeypatch.setattr(processes, "run_watched", lambda line, *_: started.append(line) or (status, "", "why"))
    answer = processes.ask("some.module", {"framework": asked}, attempts=attempts)
    assert answer == {"failed": "why" if status else "its process ended with status 0 and no answer"}
    assert len(started) == calls and all(one[:2] == ["-m", "some.module"] for one in started)


def test_a_process_that_was_killed_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(processes, "run_watched", lambda *_: (-9, "", "half a line"))
    reason = "its process was killed, perhaps for want of memory"
    assert processes.ask("some.module", {}) == {"failed": reason}
    assert f"some.module: {reason}" in capsys.readouterr().err
    assert processes.ask("some.module", {}, show=False) == {"failed": reason} and capsys.readouterr().err == ""


def test_what_is_not_to_be_shown_is_not_shown(capfd: pytest.CaptureFixture) -> None:
    program = "import sys; print('out'); print('told', file=sys.stderr)"
    assert processes.run_watched(["-c", program], show=False) == (0, "out\n", "told")
    assert capfd.readouterr().err == ""
    processes.run_watched(["-c", program])
    assert "told" in capfd.readouterr().err
