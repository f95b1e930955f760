"""What `vsrlib train` says at its end, with the packages of the notebooks and without."""

import sys
from pathlib import Path

import pytest

from vsrlib import cli
from vsrlib.common.files import read_json


def test_without_matplotlib_a_training_ends_well_and_its_curves_can_be_drawn_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    pytest.importorskip("torch")
    from training_fixture import make_clips  # here, for it imports what trains

    clips, output = make_clips(tmp_path / "clips"), tmp_path / "out"
    command = ["train", str(clips / "train"), str(clips / "validation"), str(output), "--steps", "2", "--device", "cpu"]
    command += ["--batch-size", "1", "--patch-size", "16", "--preset", "study"]
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "matplotlib", None)
        for name in [name for name in sys.modules if name.startswith("vsrlib.report.charts")]:
            patch.delitem(sys.modules, name)
        assert cli.main(command) == 0
    said = capsys.readouterr().out
    assert f"written to {output}." in said and "matplotlib is not installed" in said and "--resume" in said
    assert not (output / "curves.svg").exists()
    before = read_json(output / "train.json")
    assert cli.main([*command, "--resume"]) == 0
    assert "not installed" not in capsys.readouterr().out and (output / "curves.svg").exists()
    after = read_json(output / "train.json")
    same = ("steps_done", "last_loss", "validation", "weights")
    assert {name: before[name] for name in same} == {name: after[name] for name in same}
