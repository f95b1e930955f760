import dataclasses
from pathlib import Path
from typing import Any

import pytest

from vsrlib.common import names
from vsrlib.common.errors import UserError
from vsrlib.common.files import resolve, shown
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.networks import architecture
from vsrlib.networks.weights import weights_file
from vsrlib.study.freshness import library_files
from vsrlib.study.settings import (
    NOTEBOOKS,
    AblationSettings,
    CompareSettings,
    CostsSettings,
    DataSettings,
    EnvironmentSettings,
    InferSettings,
    ParitySettings,
    Settings,
    ShowSettings,
    TrainSettings,
)

NOTEBOOK = PROJECT_ROOT / "notebooks/08_measure_costs.ipynb"
WRONG: list[tuple[type[Settings], dict[str, Any], str]] = [
    (EnvironmentSettings, {"frameworks": ["torch", "tensorflow"]}, "'tensorflow'; choose one of: torch, jittor"),
    (EnvironmentSettings, {"frameworks": []}, "at least one: torch, jittor"),
    (EnvironmentSettings, {"frameworks": ["torch", "torch"]}, "at most once"),
    (EnvironmentSettings, {"frameworks": "torch"}, "give a list of texts"),
    (EnvironmentSettings, {"frameworks": [1]}, "give a list of texts"),
    (DataSettings, {"height": 250}, "height is 250; give a multiple of 4"),
    (DataSettings, {"width": 32}, "at least 64"),
    (DataSettings, {"test_frames": 4}, "test_frames is 4; give at least 5, because the network looks at five"),
    (DataSettings, {"filmed_frames": 4}, "filmed_frames is 4; give at least 5, because the network looks"),
    (DataSettings, {"name": "../x", "test_root": "clips"}, "letters, digits"),
    (DataSettings, {"name": "Mine"}, "stands for photographs"),
    (DataSettings, {"test_root": "clips"}, "stands for photographs"),
    (TrainSettings, {"framework": "Torch"}, "framework is 'Torch'; choose one of: torch, jittor"),
    (TrainSettings, {"blur": "gaussian"}, "blur is 'gaussian'; choose one of: Gaussian, Realistic"),
    (TrainSettings, {"preset": "big"}, "preset is 'big'; choose one of: study, medium, published"),
    (TrainSettings, {"steps": 0}, "steps is 0; give at least 1"),
    (TrainSettings, {"steps": "200"}, "steps is '200'; give a whole number"),
    (TrainSettings, {"steps": 2.5}, "steps is 2.5; give a whole number"),
    (TrainSettings, {"steps": True}, "steps is True; give a whole number"),
    (TrainSettings, {"learning_rate": 0.0}, "between 0 and 1"),
    (TrainSettings, {"learning_rate": float("nan")}, "between 0 and 1"),
    (TrainSettings, {"learning_rate": 1.0}, "learning_rate is 1.0; give a number between 0 and 1"),
    (TrainSettings, {"flow_learning_rate": -1e-6}, "flow_learning_rate is -1e-06; give a number between 0 and 1"),
    (TrainSettings, {"flow_learning_rate": float("inf")}, "between 0 and 1"),
    (TrainSettings, {"batch_size": 0}, "batch_size is 0; give at least 1"),
    (TrainSettings, {"patch_size": 15}, "patch_size is 15; give at least 16, because the kernel network"),
    (TrainSettings, {"halve_every": -1}, "halve_every is -1; give at least 0"),
    (TrainSettings, {"validate_every": -1}, "validate_every is -1; give at least 0"),
    (TrainSettings, {"seed": -1}, "seed is -1; give at least 0"),
    (TrainSettings, {"device": "gpu"}, "device is 'gpu'; choose one of: auto, cpu, cuda"),
    (TrainSettings, {"device": "cuda", "framework": "jittor"}, "runs on the CPU only: give cpu, or cuda to"),
    (TrainSettings, {"weights": 3}, "weights is 3; give a text or None"),
    (InferSettings, {"device": "gpu"}, "device is 'gpu'; choose one of: auto, cpu, cuda"),
    (InferSettings, {"device": "cuda", "framework": "jittor"}, "runs on the CPU only"),
    (InferSettings, {"preset": "big"}, "preset is 'big'; choose one of: study, medium, published"),
    (InferSettings, {"preset": "published"}, "weights is None and preset is 'published': give the file of weights"),
    (InferSettings, {"seed": -1}, "seed is -1; give at least 0"),
    (TrainSettings, {"hr_root": None}, "hr_root is None; give a text"),
    (InferSettings, {"output": ""}, "output is an empty text; give a value, or leave it out"),
    (InferSettings, {"engine": "fast"}, "engine is 'fast'"),
    (InferSettings, {"border": 1}, "border is 1; give True or False"),
    (InferSettings, {"timing_repeats": -1}, "timing_repeats is -1; give at least 0"),
    (CompareSettings, {"inference_files": "a.json"}, "a list of texts or None"),
    (CompareSettings, {"inference_files": ["a.json", ""]}, "inference_files holds an empty text; give a value"),
    (CostsSettings, {"frameworks": ["tensorflow"]}, "'tensorflow'; choose one of: torch, jittor"),
    (CostsSettings, {"repeats": 2}, "repeats is 2; give at least 3"),
    (CostsSettings, {"seconds": -1.0}, "seconds is -1.0; give 0 or a positive number"),
    (CostsSettings, {"height": 8}, "size is 8x96; give at least 16 pixels a side"),
    (CostsSettings, {"fresh": 1}, "fresh is 1; give True or False"),
]


@pytest.mark.parametrize(("settings", "values", "message"), WRONG)
def test_wrong_values_are_refused_in_one_sentence(settings: type[Settings], values: dict, message: str) -> None:
    with pytest.raises(UserError) as caught:
        settings(**values)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("settings", NOTEBOOKS.values())
def test_defaults_are_valid_and_frozen(settings: type[Settings]) -> None:
    built = settings()
    with pytest.raises(dataclasses.FrozenInstanceError):
        built.output = "elsewhere"
    # A default that another run would change is no default.
    assert all(value == getattr(settings(), name) for name, value in dataclasses.asdict(built).items())


@pytest.mark.parametrize("settings", NOTEBOOKS.values())
def test_settings_show_one_parameter_a_line_and_can_be_read_back(settings: type[Settings]) -> None:
    shown_as = repr(settings())
    assert len(shown_as.splitlines()) == len(dataclasses.fields(settings)) + 2
    assert eval(shown_as, {settings.__name__: settings}) == settings()


def test_the_bounds_themselves_are_accepted() -> None:
    TrainSettings(steps=1, batch_size=1, patch_size=16, halve_every=0, validate_every=0, seed=0)
    InferSettings(timing_repeats=0, seed=0)


@pytest.mark.parametrize("settings", [TrainSettings, InferSettings])
def test_frameworks_are_compared_on_one_device_unless_told_otherwise(settings: type) -> None:
    assert settings(framework="torch").device == settings(framework="jittor").device == "cpu"
    assert settings(framework="torch", device="cuda").device == "cuda"
    assert settings(framework="jittor", device="auto").device == "auto"


def test_the_words_to_choose_from_are_those_of_the_library() -> None:
    assert set(names.PRESETS) == set(architecture.PRESETS)
    assert all(isinstance(words, tuple) for words in (names.FRAMEWORKS, names.BLURS, names.ENGINES, names.DEVICES))


def test_weights_to_start_from_are_an_input_only_where_given(tmp_path: Path) -> None:
    assert TrainSettings().starts == {} and "weights" not in TrainSettings().inputs()
    folders = {"hr_root": str(tmp_path), "validation_root": str(tmp_path)}
    settings = TrainSettings(weights=str(tmp_path / "w.pt"), **folders)
    assert settings.starts["weights"] == settings.inputs()["weights"] == tmp_path / "w.pt"
    with pytest.raises(UserError, match="weights is .*w.pt, which does not exist: give the file to start from"):
        settings.require_inputs()
    (tmp_path / "w.pt").touch()
    assert settings.require_inputs() is settings


def test_paths_are_taken_from_the_project_wherever_one_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = TrainSettings().inputs()
    monkeypatch.chdir(tmp_path)
    assert TrainSettings().inputs() == before
    assert resolve("data") == PROJECT_ROOT / "data"
    assert resolve(str(tmp_path)) == tmp_path
    assert shown(PROJECT_ROOT / "data") == "data" and shown(tmp_path) == str(tmp_path)


def test_the_folder_follows_framework_and_blur() -> None:
    assert TrainSettings(framework="jittor").folder.name == "03_train_network_jittor"
    assert InferSettings(blur="Gaussian").folder.name == "04_infer_clips_torch_Gaussian"
    assert TrainSettings(output="elsewhere").folder == PROJECT_ROOT / "elsewhere"


def test_the_referee_of_another_framework_lies_where_the_claims_do_not_look() -> None:
    places = [ParitySettings(second=name).folder for name in ("jittor", "paddle")]
    assert [path.name for path in places] == ["06_prove_parity", "06_prove_parity_paddle"]
    assert ParitySettings(second="paddle", output="mine").folder == PROJECT_ROOT / "mine"


def test_each_notebook_reads_what_the_one_before_wrote() -> None:
    made = DataSettings().outputs()
    infer = InferSettings().inputs()
    for path in (*TrainSettings().inputs().values(), infer["input_path"], infer["gt_path"]):
        assert any(path.is_relative_to(folder) for folder in made)
    for blur in names.BLURS:
        weights = {InferSettings(framework=name, blur=blur).checkpoint for name in names.FRAMEWORKS}
        assert weights == {weights_file.path_of(f"study-{blur.lower()}")}


def test_missing_inputs_are_named_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    settings = TrainSettings(hr_root=str(tmp_path / "train"), validation_root=str(tmp_path / "none"))
    with pytest.raises(UserError, match="validation_root is .*none, which does not exist: run 02_generate_data first"):
        settings.require_inputs()
    (tmp_path / "none").mkdir()
    assert settings.require_inputs() is settings
    absent, here = str(tmp_path / "absent"), str(tmp_path)
    for one, remedy in (
        (ParitySettings(frames=absent), "frames is .*absent, which does not exist: give another path"),
        (AblationSettings(gaussian_set=absent), "gaussian_set is .*absent, .*: run vsrlib degrade first, or give"),
        (CompareSettings(inference_files=[], run_folder=here), "inference_files is an empty list; name a file"),
        (ShowSettings(inference_files=[], run_folder=here), "inference_files is an empty list; name a file"),
    ):
        with pytest.raises(UserError, match=remedy):
            one.require_inputs()


@pytest.mark.parametrize("settings", NOTEBOOKS.values(), ids=list(NOTEBOOKS))
def test_an_output_that_is_a_file_is_refused_before_the_work(
    settings: type[Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "inputs", lambda self: {})  # which need not be there
    (tmp_path / "notes.txt").write_text("mine")
    name = "data_root" if settings is DataSettings else "output"
    settings(**{name: str(tmp_path)}).require_inputs()
    with pytest.raises(UserError, match="notes.txt is a file; give the path of a folder"):
        settings(**{name: str(tmp_path / "notes.txt")}).require_inputs()


@pytest.mark.parametrize("settings", [InferSettings, TrainSettings, ParitySettings])
def test_weights_of_another_size_than_the_preset_are_refused_with_theirs(
    settings: type[Settings], tmp_path: Path
) -> None:
    paths = {"input_path": str(tmp_path), "hr_root": str(tmp_path), "validation_root": str(tmp_path)}
    given = {**paths, "weights": "medium-gaussian", "preset": "study"}
    with pytest.raises(
        UserError, match=r"^preset is 'study', and the weights .*medium-gaussian.safetensors are 'medium'"
    ):
        settings.of(given).require_inputs()
    assert settings.of(given | {"preset": "medium"}).require_inputs()
    unnoted = tmp_path / "weights.npz"  # says nothing of its network, so that nothing speaks against it
    unnoted.touch()
    assert settings.of(given | {"weights": str(unnoted)}).require_inputs()


def test_ground_truth_is_never_guessed_for_clips_of_ones_own() -> None:
    assert InferSettings(input_path="mine").ground_truth is None
    assert "gt_path" not in InferSettings(input_path="mine").inputs()
    assert InferSettings(input_path="mine", gt_path="hr").ground_truth == PROJECT_ROOT / "hr"
    assert InferSettings(blur="Gaussian").ground_truth == PROJECT_ROOT / "data/Embedded_BlurDown_Gaussian/HR"


def test_the_comparison_takes_what_the_run_holds_or_what_is_named(tmp_path: Path) -> None:
    settings = CompareSettings(run_folder=str(tmp_path))
    with pytest.raises(UserError, match="run 04_infer_clips first"):
        settings.require_inputs()
    for name in ("04_infer_clips_b/inference.json", "04_infer_clips_a/inference.json", "03_train_network_a/train.json"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    found = settings.require_inputs().inference
    assert [path.parent.name for path in found] == ["04_infer_clips_a", "04_infer_clips_b"]
    assert [path.parent.name for path in settings.training] == ["03_train_network_a"]
    named = CompareSettings(inference_files=[str(tmp_path / "x.json")], training_files=[])
    with pytest.raises(UserError, match="inference_files is .*x.json.*run 04_infer_clips first"):
        named.require_inputs()


def test_a_step_does_not_hang_on_the_jobs_of_other_steps_by_their_settings() -> None:
    files = {path.relative_to(PROJECT_ROOT / "vsrlib").as_posix() for path in library_files(NOTEBOOK)}
    assert {"restoration/options.py", "claims/ablation/options.py"} <= files
    jobs = {
        "restoration/loop.py",
        "restoration/shards.py",
        "claims/rules/quality.py",
        "parity/referee.py",
        "training/train.py",
    }
    assert all((PROJECT_ROOT / "vsrlib" / name).is_file() for name in jobs) and not jobs & files
