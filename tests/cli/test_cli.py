"""The command line as a user meets it: help, results, and one sentence for every mistake."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vsrlib import cli
from vsrlib.data.clips import Clip, list_clips, write_clip

COMMANDS = (
    "demo",
    "study",
    "check",
    "doctor",
    "data",
    "degrade",
    "clips",
    "train",
    "adapt",
    "train-flow",
    "flow-error",
    "infer",
    "gather",
    "bench",
    "compare",
    "ablate",
    "costs",
    "parity",
    "parity-check",
    "experiment",
    "weights",
    "convert",
    "export",
    "publish",
    "site",
    "completion",
)


def vsrlib(*arguments: object, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "vsrlib", *map(str, arguments)], capture_output=True, text=True, **options
    )


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name, count in (("a", 5), ("b", 6)):
        write_clip(tmp_path / "HR" / name, Clip(name, rng.integers(0, 256, (count, 64, 80, 3), dtype=np.uint8)))
    return tmp_path / "HR"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main([command, "--help"])
    text = capsys.readouterr().out
    assert stopped.value.code == 0
    assert len(text.splitlines()) > 4 and "usage: vsrlib " + command in text


def test_degrade(clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert cli.main(["degrade", str(clips), str(tmp_path / "Set"), "--blur", "Realistic", "--seed", "3"]) == 0
    assert "11 frames of 2 clips" in capsys.readouterr().out
    assert list_clips(tmp_path / "Set" / "LR_blurdown_x4")[0].load().frames.shape == (5, 16, 20, 3)
    assert (tmp_path / "Set" / "kernel" / "a" / "00000000.mat").is_file()


@pytest.mark.slow
def test_train_convert_and_infer(clips: Path, tmp_path: Path) -> None:
    trained = vsrlib(
        "train",
        clips,
        clips,
        tmp_path / "run",
        "--steps",
        2,
        "--batch-size",
        1,
        "--patch-size",
        16,
        "--blur",
        "Gaussian",
    )
    assert trained.returncode == 0 and "loss" in trained.stdout, trained.stderr
    converted = vsrlib("convert", tmp_path / "run" / "weights.safetensors", tmp_path / "weights.pt")
    assert converted.returncode == 0 and "sha256" in converted.stdout, converted.stderr
    assert vsrlib("degrade", clips, tmp_path / "Set").returncode == 0
    restored = vsrlib(
        "infer",
        tmp_path / "Set" / "LR_blurdown_x4",
        tmp_path / "out",
        "--gt",
        clips,
        "--weights",
        tmp_path / "weights.pt",
        "--border",
    )
    assert restored.returncode == 0 and "11 frames restored" in restored.stdout, restored.stderr
    assert len(list((tmp_path / "out" / "frames").glob("*/*.png"))) == 11


def spoiled(root: Path, fault: str) -> Path:
    """A folder with one fault."""
    frames = np.zeros((5, 64, 64, 3), np.uint8)
    if fault == "missing":
        return root / "missing"
    if fault == "empty":
        (root / "empty" / "clip").mkdir(parents=True)
    elif fault == "short":
        write_clip(root / "short" / "clip", Clip("clip", frames[:4]))
    elif fault == "mixed":
        write_clip(root / "mixed" / "clip", Clip("clip", frames))
        write_clip(root / "mixed" / "clip", Clip("clip", frames[:1, :32]), ("00000003",))
    elif fault == "damaged":
        write_clip(root / "damaged" / "clip", Clip("clip", frames))
        (root / "damaged" / "clip" / "00000002.png").write_bytes(b"not a picture")
    return root / fault


@pytest.mark.parametrize(
    "fault, words",
    [("missing", "does not exist"), ("empty", "clip"), ("short", "5"), ("mixed", "size"), ("damaged", "00000002.png")],
)
@pytest.mark.parametrize("command", ["infer", "train"])
def test_wrong_clips_give_one_sentence(
    command: str, fault: str, words: str, clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folder = spoiled(tmp_path, fault)
    weights = tmp_path / "weights.safetensors"
    if command == "infer":
        from vsrlib.networks import architecture
        from vsrlib.networks.weights import weights_file

        weights_file.write(weights, architecture.initial_values(architecture.preset("study"), 0))
        arguments = ["infer", folder, tmp_path / "out", "--weights", weights]
    else:
        arguments = ["train", folder, clips, tmp_path / "out", "--patch-size", "16", "--steps", "1"]
    assert cli.main([str(argument) for argument in arguments]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("error: ") and words in said and "Traceback" not in said
    finished = {"inference.json", "train.json", "weights.safetensors", "frames"}
    assert not [path for path in (tmp_path / "out").rglob("*") if path.name in finished]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["infer", "in", "out", "--framework", "tensorflow"], "tensorflow"),
        (["infer", "in", "out"], "--weights"),
        (["study", "--set", "stepz=3"], "nearest is 'steps'"),
        (["study", "--set", "framework=caffe"], "framework"),
        (["study", "--set", "steps"], "NAME=VALUE"),
        (["study", "--only", "99"], "99"),
        (["train", "in", "in", "out", "--steps", "0"], "steps is 0"),
        (["train", "in", "in", "out", "--seed", "-1"], "seed is -1"),
        (["train", "in", "in", "out", "--learning-rate=-1e-4"], "learning_rate"),
        (["convert", "none.pt", "out.safetensors"], "none.pt"),
        (["convert", "study-gaussian", "--half"], "no file is named; give one to write"),
        (["weights", "--output", "w.json"], "w.json would stay unwritten; give LR clips"),
        (["flow-error", "--seed", "-1"], "seed is -1; give at least 0"),
        (["degrade", "in", "out", "--seed", "-1"], "seed is -1; give at least 0"),
        (["compare", "none.json", "--output", "out"], "none.json"),
        (["publish", "nowhere", "out"], "nowhere"),
    ],
)
def test_wrong_arguments_give_one_sentence(arguments: list[str], words: str, tmp_path: Path) -> None:
    done = vsrlib(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [["clips", ""], ["degrade", "{clips}", ""], ["convert", ""], ["site", "", ""]])
def test_an_empty_argument_is_not_the_folder_that_one_is_in(
    arguments: list[str], clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    (empty := tmp_path / "empty").mkdir()
    monkeypatch.chdir(empty)
    assert cli.main([one.format(clips=clips) for one in arguments]) == 2
    assert "An argument is empty" in capsys.readouterr().err and not [*empty.iterdir()]


def test_a_folder_that_cannot_be_written_is_named(clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    assert cli.main(["degrade", str(clips), str(tmp_path / "file" / "Set")]) == 2
    assert "file" in capsys.readouterr().err


def test_interruption_is_said_and_has_its_status(
    clips: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def interrupt(*_) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("vsrlib.data.degrade.degrade_clips", interrupt)
    assert cli.main(["degrade", str(clips), os.devnull]) == 130
    assert "interrupted" in capsys.readouterr().err
