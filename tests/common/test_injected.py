"""Names that papermill gives to a notebook which does not have them."""

import sys
from pathlib import Path
from types import SimpleNamespace

import IPython
import pytest

from vsrlib.common.errors import UserError
from vsrlib.common.names import TRAINERS
from vsrlib.study.settings import CostsSettings, InferSettings, LookSettings, Settings, TrainSettings, base

CELLS = ["", "seed: int = 0  # a seed", '# Parameters\nframework = "jittor"\nseed = 3\n', "stray = 1"]


def give(monkeypatch: pytest.MonkeyPatch, *cells: str) -> None:
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(user_ns={"In": list(cells)}))


def test_only_the_cell_of_papermill_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, *CELLS)
    assert base.names() == ["framework", "seed"]
    give(monkeypatch, *CELLS[:2], CELLS[3])
    assert base.names() == []
    monkeypatch.setattr(IPython, "get_ipython", lambda: None)
    assert base.names() == []


def test_a_name_of_another_notebook_is_said_to_change_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    give(monkeypatch, *CELLS)
    assert LookSettings().require_inputs() == LookSettings()
    assert capsys.readouterr().out == "framework was given and changes nothing: this notebook has no such parameter.\n"


def test_a_name_that_no_notebook_has_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, "", "# Parameters\nrepeat = 2\n")
    with pytest.raises(UserError, match="There is no parameter 'repeat'; the nearest is 'repeats'"):
        CostsSettings().require_inputs()


@pytest.mark.parametrize("settings", [InferSettings, TrainSettings])
def test_a_kernel_is_of_one_framework_whose_memory_its_results_have(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: type[Settings]
) -> None:
    given = {name: str(tmp_path) for name in ("input_path", "hr_root", "validation_root")}
    for name in TRAINERS:
        monkeypatch.delitem(sys.modules, name, raising=False)
    give(monkeypatch, "")
    settings.of(given | {"framework": "jittor"}).require_inputs()
    monkeypatch.setitem(sys.modules, "torch", sys)
    settings.of(given | {"framework": "torch"}).require_inputs()
    LookSettings().require_inputs()  # whose results are of no framework
    with pytest.raises(
        UserError, match="is 'jittor', and this kernel has used PyTorch, .* restart the kernel and run all"
    ):
        settings.of(given | {"framework": "jittor"}).require_inputs()
    monkeypatch.setattr(IPython, "get_ipython", lambda: None)  # in a process that is no notebook's the caller knows
    settings.of(given | {"framework": "jittor"}).require_inputs()
