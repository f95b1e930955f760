"""Weights that are called by name, and what their files note."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import vsrlib
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, sha256_file
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.networks import architecture
from vsrlib.networks.weights import weights_file
from vsrlib.study.settings import InferSettings, TrainSettings

STUDY = architecture.initial_values(architecture.preset("study"), 0)
NOTES = {"preset": "study", "align_corners": "false"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the folder of the package, with one of the files."""
    monkeypatch.setattr(weights_file, "FOLDER", tmp_path)
    weights_file.write(tmp_path / "study-gaussian-align-false.safetensors", STUDY, NOTES)
    return tmp_path


def test_there_are_six_names() -> None:
    assert sorted(weights_file.NAMES) == [
        "medium-gaussian",
        "medium-realistic",
        "study-gaussian",
        "study-gaussian-align-false",
        "study-realistic",
        "study-realistic-align-false",
    ]


def test_a_name_stands_for_its_file(folder: Path) -> None:
    path = folder / "study-gaussian-align-false.safetensors"
    for name in ("study-gaussian-align-false", Path("study-gaussian-align-false")):
        assert weights_file.locate(name) == path
        assert weights_file.read(name).keys() == STUDY.keys()
        assert weights_file.entry(name, folder) == weights_file.entry(path, folder)
        assert weights_file.metadata(name) == NOTES
    assert weights_file.locate("study-gaussian.safetensors") == Path(
        "study-gaussian.safetensors"
    )  # a path like any other


@pytest.mark.parametrize(
    "name, blur, control",
    [
        ("study-gaussian", "Gaussian", False),
        ("study-realistic", "Realistic", False),
        ("study-realistic-align-false", "Realistic", True),
        ("medium-realistic", "Realistic", False),
    ],
)
def test_a_name_without_its_file_says_what_makes_it(folder: Path, name: str, blur: str, control: bool) -> None:
    here = str(folder)
    for load in (
        weights_file.read,
        lambda name: vsrlib.load_network("torch", name, device="cpu"),
        lambda name: InferSettings(weights=name, input_path=here).require_inputs(),
        lambda name: TrainSettings(weights=name, hr_root=here, validation_root=here).require_inputs(),
    ):
        with pytest.raises(
            UserError, match=f'"{name}".*vsrlib train --template {name.split("-")[0]} --blur {blur}'
        ) as caught:
            load(name)
        assert ("--no-align-corners" in str(caught.value)) is control


def test_the_notebooks_take_a_name_for_a_path(folder: Path) -> None:
    path = folder / "study-gaussian-align-false.safetensors"
    settings = InferSettings(weights="study-gaussian-align-false", input_path=str(folder))
    assert settings.require_inputs().inputs()["weights"] == path
    assert TrainSettings(weights="study-gaussian-align-false").starts == {"weights": path}
    assert InferSettings(weights="weights/study-gaussian").inputs()["weights"].name == "study-gaussian"


def test_a_network_is_built_as_its_file_notes(folder: Path) -> None:
    def load(*arguments, **options) -> architecture.NetworkConfig:
        return vsrlib.load_network("torch", *arguments, device="cpu", **options).config

    study = architecture.preset("study")
    assert load("study-gaussian-align-false") == replace(study, align_corners=False)
    assert load("study-gaussian-align-false", align_corners=True) == study  # what is given counts
    assert load(STUDY, preset="study") == study
    assert load(preset="study", align_corners=False) == replace(study, align_corners=False)
    weights_file.write(folder / "plain.safetensors", STUDY)
    assert load(folder / "plain.safetensors", preset="study") == study
    with pytest.raises(UserError, match="check the preset"):
        load("study-gaussian-align-false", preset="published")


def test_align_corners_changes_what_is_computed(folder: Path) -> None:
    frames = np.random.default_rng(0).random((5, 3, 24, 32), dtype=np.float32)
    name = "study-gaussian-align-false"
    restored = [
        vsrlib.load_network("torch", name, device="cpu", align_corners=given).infer(frames)["recons"]
        for given in (True, None, False)
    ]
    assert np.abs(restored[0] - restored[1]).max() > 1e-6
    assert np.array_equal(restored[1], restored[2])


@pytest.mark.parametrize("notes, words", [({"align_corners": "maybe"}, "'maybe'"), ({"preset": "huge"}, "'huge'")])
def test_notes_that_make_no_sense_are_named(folder: Path, notes: dict[str, str], words: str) -> None:
    weights_file.write(folder / "w.safetensors", STUDY, NOTES | notes)
    with pytest.raises(UserError, match=words):
        vsrlib.load_network("torch", folder / "w.safetensors", device="cpu")


def test_every_shipped_file_is_whole_and_notes_what_it_needs() -> None:
    """Of the real folder: all names and nothing else, as their trainings left them, and small enough to ship."""
    paths = sorted(weights_file.FOLDER.glob("*.safetensors"))
    assert [path.name for path in paths] == sorted(f"{name}.safetensors" for name in weights_file.NAMES)
    assert sum(path.stat().st_size for path in paths) <= 40e6
    for path in paths:
        trained = read_json(PROJECT_ROOT / "figures" / "weights" / path.stem / "train.json")
        notes, preset = weights_file.metadata(path), path.stem.split("-")[0]
        assert notes.get("rounded_from", sha256_file(path)) == trained["weights"]["sha256"]
        assert notes["preset"] == preset == trained["preset"]
        assert notes.get("credits", "") == trained.get("credits", "")
        assert notes["align_corners"] == ("false" if path.stem.endswith("-align-false") else "true")
        shapes = architecture.parameter_shapes(architecture.preset(preset))
        weights_file.checked(weights_file.read(path), shapes, path.name)
