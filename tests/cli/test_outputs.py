"""An output that cannot be written is refused before the work that it would hold, which would be lost."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vsrlib import cli
from vsrlib.common import files

FOLDERS = (
    *(["parity"], ["parity-check"], ["costs"], ["bench", "--output"], ["train", "HR", "HR"], ["adapt", "LR"]),
    *(["train-flow"], ["demo"], ["ablate"], ["compare", "inference.json", "--output"], ["study", "--run"]),
)
FILES = (
    *(["weights", "LR", "HR", "--output"], ["flow-error", "--output"], ["convert", "study-gaussian"]),
    ["export", "study-gaussian"],
)
BEGUN = (
    *("vsrlib.parity.referee._set_up", "vsrlib.parity.check.why_not", "vsrlib.bench.costs._of"),
    *("vsrlib.bench.runner._probe", "vsrlib.restoration.worth.worth", "vsrlib.training.flow.evaluation.flow_error"),
    *("vsrlib.training.train.TrainingWindows", "vsrlib.training.adapt.clips_in", "vsrlib.restoration.demo.examine"),
    *("vsrlib.training.flow.train.embedded_textures", "vsrlib.claims.ablation.ablate.load_network"),
    *("vsrlib.claims.results.collect", "vsrlib.study.runner.lock", "vsrlib.networks.onnx_model.export"),
    "vsrlib.networks.weights.weights_file.convert",
)


@pytest.fixture(autouse=True)
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def begun(*_: object, **__: object) -> None:
        pytest.fail("the work has begun")

    for name in BEGUN:
        monkeypatch.setattr(name, begun)


def said(command: list[str], output: Path, capsys: pytest.CaptureFixture) -> str:
    assert cli.main([*command, str(output)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and str(output) in error
    return error


@pytest.mark.parametrize("command", FOLDERS, ids=" ".join)
def test_a_file_in_the_place_of_a_folder(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "out.txt").write_text("mine")
    assert "is a file; give the path of a folder" in said(command, tmp_path / "out.txt", capsys)
    assert "is a file; give another path" in said(command, tmp_path / "out.txt" / "a" / "b", capsys)
    assert (tmp_path / "out.txt").read_text() == "mine" and [*tmp_path.iterdir()] == [tmp_path / "out.txt"]


@pytest.mark.parametrize("command", FILES, ids=" ".join)
def test_a_folder_in_the_place_of_a_file(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "out.txt").write_text("mine")
    assert "is a folder; give the path of a file" in said(command, tmp_path, capsys)
    assert "is a file; give another path" in said(command, tmp_path / "out.txt" / "a.json", capsys)


@pytest.mark.parametrize("command", [*FOLDERS, *FILES], ids=" ".join)
def test_a_folder_that_may_not_be_written(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(files.os, "access", lambda path, mode: False)  # who is root may write anywhere
    assert cli.main([*command, str(tmp_path / "new" / "out")]) == 2
    assert f"{tmp_path}: Permission denied; choose a folder that you may write" in capsys.readouterr().err


def test_what_can_be_written_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.json").write_text("{}")
    for folder in (tmp_path, tmp_path / "new", Path("."), Path("new"), Path("a/../b")):
        files.require_folder(folder)
    for file in (tmp_path / "old.json", tmp_path / "new" / "x.json", Path("old.json"), Path("x.json")):
        files.require_file(file)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_what_nobody_reads_or_no_disk_takes(unbuffered: str) -> None:
    """`vsrlib weights | head -1` ends without a word, `vsrlib weights > FULL` with a sentence; neither in Python's."""
    read, written = os.pipe()
    os.close(read)
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        ended = [
            subprocess.run(
                [sys.executable, "-m", "vsrlib", "completion"],
                stdout=target,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
            )
            for target in (written, full)
        ]
    finally:
        os.close(written)
        os.close(full)
    assert (ended[0].returncode, ended[0].stderr) == (141, "")
    assert ended[1].returncode == 2 and ended[1].stderr.startswith("error: The output: No space left on device; free")
    assert ended[1].stderr.count("\n") == 1
