"""`vsrlib check` as a user runs it: each framework used once, and the exit status."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vsrlib import cli
from vsrlib.kernels import jittor_env
from vsrlib.study.doctor import frameworks, worked


@pytest.mark.slow
@pytest.mark.jittor
@pytest.mark.skipif(jittor_env.why_unusable() is not None, reason="Jittor is unusable here")
def test_both_frameworks_are_used_for_real(capsys: pytest.CaptureFixture) -> None:
    assert cli.main(["check"]) == 0
    said = capsys.readouterr().out
    assert "torch: works (" in said and "jittor: works (" in said


@pytest.mark.parametrize(("usable", "status"), [((), 1), (("torch",), 0), (("torch", "jittor"), 0)])
def test_one_usable_framework_is_enough(usable: tuple[str, ...], status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frameworks, "check", lambda names, anew: {name: {"usable": name in usable} for name in names})
    assert cli.main(["check"]) == status


@pytest.fixture
def uses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The frameworks that are used, by a stand-in; what has worked is kept in a folder of the test."""
    used: list[str] = []
    monkeypatch.setattr(worked, "_path", lambda framework: tmp_path / f"{framework}.json")

    def use(framework: str) -> dict[str, Any]:
        used.append(framework)
        return {"usable": framework == "torch", "reason": None if framework == "torch" else "it has none"}

    monkeypatch.setattr(frameworks, "_check", use)
    return used


def test_what_has_worked_is_used_again_only_if_something_has_changed(uses: list[str]) -> None:
    for _ in range(2):
        assert cli.main(["check", "--if-changed"]) == 0
    assert uses == ["torch", "jittor", "jittor"]  # what did not work is tried again
    assert cli.main(["check"]) == 0
    assert uses == ["torch", "jittor", "jittor", "torch", "jittor"]


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.setattr(worked, "_CODE", (".py",)),  # as though the code were another
        lambda m: m.setattr(worked.metadata, "distributions", list),
        lambda m: m.setattr(worked.native, "compiler", lambda: None),
        lambda m: m.setattr(worked.native, "cpu", lambda: ["flags: sse2"]),
        lambda m: m.setattr(worked.sys, "prefix", "/elsewhere"),
        lambda m: m.setenv("LD_PRELOAD", ""),
        lambda m: m.setattr(worked, "stamp", lambda path: (1, 1)),
    ],
)
def test_each_thing_that_it_depends_on_counts(
    uses: list[str], change: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    frameworks.check(["torch"], anew=False)
    change(monkeypatch)
    frameworks.check(["torch"], anew=False)
    assert uses == ["torch", "torch"]


def test_a_framework_that_no_longer_works_is_forgotten(uses: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    frameworks.check(["torch"], anew=False)
    monkeypatch.setattr(frameworks, "_check", lambda framework: {"usable": False, "reason": "it is broken"})
    frameworks.check(["torch"])
    assert worked.recall("torch") is None


def test_a_broken_note_counts_for_nothing(uses: list[str], tmp_path: Path) -> None:
    (tmp_path / "torch.json").write_text('{"depends')
    assert worked.recall("torch") is None
