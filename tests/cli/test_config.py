"""`--config FILE.yaml`: what a file may say, what the command line says against it, and what is refused."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from papermill.iorw import read_yaml_file

from vsrlib import cli
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.restoration.options import InferOptions
from vsrlib.study.plan import parameters_cell
from vsrlib.training.options import TrainOptions


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """With which options the two jobs were called, in place of their work."""
    found: list[Any] = []
    monkeypatch.setattr("vsrlib.training.train.train", lambda hr, validation, output, options: found.append(options))
    monkeypatch.setattr(
        "vsrlib.restoration.infer.infer", lambda low, output, gt, options, **kept: found.append((options, gt, kept))
    )
    monkeypatch.setattr("vsrlib.cli.infer._summary", lambda result, output: "done")
    return found


def train(text: str, folder: Path, *arguments: str) -> int:
    (folder / "options.yaml").write_text(text, encoding="utf-8")
    return cli.main(["train", "HR", "VALIDATION", "OUT", "--config", str(folder / "options.yaml"), *arguments])


def test_a_file_says_what_the_command_line_would(tmp_path: Path, asked: list[Any]) -> None:
    assert train("batch_size: 4\nlearning_rate: 0.0002\npictures: true\nblur: Gaussian\nweights: null\n", tmp_path) == 0
    arguments = ["--batch-size", "4", "--learning-rate", "2e-4", "--pictures", "--blur", "Gaussian"]
    assert cli.main(["train", "HR", "VALIDATION", "OUT", *arguments]) == 0
    assert asked[0] == asked[1] == TrainOptions(batch_size=4, learning_rate=2e-4, pictures=True, blur="Gaussian")


def test_the_command_line_wins_wherever_it_stands(tmp_path: Path, asked: list[Any]) -> None:
    text = "batch_size: 4\nalign_corners: true\ntemplate: study\n"
    assert train(text, tmp_path, "--batch-size", "8", "--no-align-corners") == 0
    path = str(tmp_path / "options.yaml")
    assert cli.main(["train", "--batch-size", "8", "HR", "VALIDATION", "OUT", "--config", path]) == 0
    assert (asked[0].batch_size, asked[0].align_corners, asked[0].preset, asked[0].steps) == (8, False, "study", 1600)
    assert (asked[1].batch_size, asked[1].align_corners) == (8, True)
    assert train("weights: '007'\n", tmp_path) == 0 and asked.pop().weights == "007"
    # a file of one call is not that of the next
    assert cli.main(["train", "HR", "VALIDATION", "OUT"]) == 0 and asked[2] == TrainOptions()


def test_infer_takes_the_options_that_only_its_command_has(tmp_path: Path, asked: list[Any]) -> None:
    path = tmp_path / "options.yaml"
    path.write_text(
        "weights: study-realistic\ngt: TRUTH\ntile: 128\naudio: false\nrestart: true\nfps: 24\npublished_border: yes\n"
    )
    assert cli.main(["infer", "LR", "OUT", "--config", str(path), "--tile", "64"]) == 0
    ((options, truth, kept),) = asked
    assert options.weights == "study-realistic" and options.tile == 64 and options.audio is False and options.fps == 24
    assert truth == Path("TRUTH") and kept["restart"] is True and options.border is False
    assert options.preset == "study"  # as the weights note, because nothing else was given


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("batchsize: 4", "'batchsize', which is no option of vsrlib train; the nearest is batch_size."),
        ("batch-size: 4", "the nearest is batch_size."),
        (
            "output: runs/a",
            "'output', which is given on the command line alone; leave it out of the file, and write vsrlib",
        ),
        ("hr: HR", "vsrlib train HR VALIDATION OUTPUT --config options.yaml."),
        ("help: true", "'help', which is no option"),
        ("config: other.yaml", "'config', which is no option"),
        ("3: 4", "'3', which is no option"),
        ("batch_size: '4'", "batch_size is '4'"),
        ("batch_size: 4.5", "batch_size is 4.5; give a whole number."),
        ("batch_size: true", "batch_size is True; give a whole number."),
        ("batch_size: null", "batch_size is None; give a whole number."),
        ("steps: {a: 1}", "steps is {'a': 1}; give a whole number."),
        ("learning_rate: 1e-4", "learning_rate is '1e-4', which YAML takes for a text; give a number, written as"),
        ("pictures: 1", "pictures is 1; give True or False."),
        ("weights: 7", "weights is 7; give a text or None (in quotes)."),
        ("weights: 2026-11-29", "weights is datetime.date(2026, 11, 29); give a text or None."),
        ("blur: Gausian", "blur is 'Gausian'; choose one of: Gaussian, Realistic."),
        ("template: stdy", "template is 'stdy'; choose one of: "),
        ("steps: 4\nsteps: 5", "has steps more than once"),
        ("- steps", "is no mapping of names to values"),
        ("steps", "is no mapping of names to values"),
        ("steps: 4\n: :\n - a", "is no YAML: "),
        ("steps: !!python/object/apply:os.getcwd []", "is no YAML: "),
        ("a: 1\n---\nb: 2", "is no YAML: "),
        ("seed: 2024-13-45", "is no YAML: month must be in 1..12"),
        ("steps: 0b_", "is no YAML: "),
        ("pictures: !!bool perhaps", "is no YAML: it cannot be read"),
        ("steps: !!int ''", "is no YAML: "),
        ("seed: !!timestamp soon", "is no YAML: it cannot be read"),
    ],
)
def test_a_mistake_is_one_sentence_with_the_file(
    text: str, words: str, tmp_path: Path, asked: list[Any], capsys: pytest.CaptureFixture
) -> None:
    assert train(text, tmp_path) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1 and not asked
    assert words in said and str(tmp_path / "options.yaml") in said


def test_a_bound_is_that_of_the_option(tmp_path: Path, asked: list[Any], capsys: pytest.CaptureFixture) -> None:
    assert train("batch_size: 0", tmp_path) == 2
    assert "batch_size is 0; give at least 1" in capsys.readouterr().err and not asked


@pytest.mark.parametrize("content", [b"\xff\xfe\xff", b"blur: \x00"])
def test_bytes_that_are_no_text_are_refused(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "x.yaml").write_bytes(content)
    assert cli.main(["train", "HR", "VALIDATION", "OUT", "--config", str(tmp_path / "x.yaml")]) == 2
    assert "x.yaml is no YAML" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "what"), [("no.yaml", "does not exist"), ("", "is a folder")])
def test_what_is_no_file_is_named_with_a_remedy(
    name: str, what: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert cli.main(["train", "HR", "VALIDATION", "OUT", "--config", str(tmp_path / name)]) == 2
    said = f"The file of options {tmp_path / name} {what}; give one that has an option a line, as batch_size: 4."
    assert said in capsys.readouterr().err


def test_an_empty_file_changes_nothing(tmp_path: Path, asked: list[Any]) -> None:
    assert train("# steps: 4\n", tmp_path) == 0 and asked == [TrainOptions()]


@pytest.mark.parametrize(
    ("notebook", "job", "command"),
    [("03_train_network", TrainOptions, "train"), ("04_infer_clips", InferOptions, "infer")],
)
def test_the_parameters_of_a_notebook_are_options_in_the_same_shape(
    notebook: str, job: type, command: str, tmp_path: Path, asked: list[Any]
) -> None:
    """What papermill -f reads of a file is what --config reads, for every parameter that is an option of the job."""
    cell = parameters_cell(PROJECT_ROOT / "notebooks" / f"{notebook}.ipynb")
    shared = {entry.name: cell[entry.name] for entry in fields(job) if entry.name in cell}
    others = set(cell) - set(shared)
    assert others == {"output", *(("hr_root", "validation_root") if command == "train" else ("input_path", "gt_path"))}
    shared["weights"] = "study-gaussian"
    (tmp_path / "both.yaml").write_text(yaml.safe_dump(shared))
    assert read_yaml_file(str(tmp_path / "both.yaml")) == shared
    paths = ["HR", "VALIDATION", "OUT"] if command == "train" else ["LR", "OUT", "--published-border"]
    if command == "train":  # with which these follow from the epochs, or not
        shared = {name: value for name, value in shared.items() if name != "epochs"}
    (tmp_path / "both.yaml").write_text(yaml.safe_dump(shared))
    assert cli.main([command, *paths, "--config", str(tmp_path / "both.yaml")]) == 0
    options = asked[0] if command == "train" else asked[0][0]
    assert {name: getattr(options, name) for name in shared} == shared
