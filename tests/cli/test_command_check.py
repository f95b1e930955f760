"""`vsrlib check` as a user runs it: each framework used once, and the exit status."""

import pytest

from vsrlib import cli
from vsrlib.kernels import jittor_env
from vsrlib.study.doctor import frameworks


@pytest.mark.slow
@pytest.mark.jittor
@pytest.mark.skipif(jittor_env.why_unusable() is not None, reason="Jittor is unusable here")
def test_both_frameworks_are_used_for_real(capsys: pytest.CaptureFixture) -> None:
    assert cli.main(["check"]) == 0
    said = capsys.readouterr().out
    assert "torch: works (" in said and "jittor: works (" in said


@pytest.mark.parametrize(("usable", "status"), [((), 1), (("torch",), 0), (("torch", "jittor"), 0)])
def test_one_usable_framework_is_enough(usable: tuple[str, ...], status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frameworks, "check", lambda names: {name: {"usable": name in usable} for name in names})
    assert cli.main(["check"]) == status
