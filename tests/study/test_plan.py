from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from toy_study import CLASSES, planned, write_notebook, write_toys

from vsrlib.common.errors import UserError
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.study.plan import parameters_cell, plan
from vsrlib.study.profiles import PARITY, PROFILES, Step, steps_of
from vsrlib.study.settings import NOTEBOOKS, Settings


@pytest.fixture
def toys(tmp_path: Path) -> Path:
    write_toys(tmp_path)
    return tmp_path


@pytest.mark.parametrize("profile", PROFILES)
def test_a_study_of_pytorch_alone_has_no_step_about_jittor(profile: str) -> None:
    """The others have the parameters that they have with both, but for what names Jittor's results."""
    run, data = PROJECT_ROOT / "runs" / "none", PROJECT_ROOT / "data"
    both = {step.id: step for step in steps_of(profile, run, data)}
    alone = {step.id: step for step in steps_of(profile, run, data, ("torch",))}
    assert both.keys() - alone.keys() == {name for name in both if "_jittor" in name or name == PARITY}
    assert list(alone) == [name for name in both if name in alone]
    for name, step in alone.items():
        assert "jittor" not in repr(step.parameters) and "06_" not in repr(step) and set(step.needs) <= alone.keys()
        changed = {key for key, value in step.parameters.items() if both[name].parameters[key] != value}
        assert changed <= {"frameworks", "inference_files", "training_files", "parity_file"}
    assert steps_of(profile, run, data, ("jittor", "torch")) == list(both.values())
    planned = plan(list(alone.values()), PROJECT_ROOT / "notebooks", NOTEBOOKS, None, ["01"])
    assert [one.step.id for one in planned] == list(alone)


def test_a_step_computes_with_the_frameworks_that_it_names_and_with_the_reference() -> None:
    run, data = PROJECT_ROOT / "runs" / "none", PROJECT_ROOT / "data"
    steps = steps_of("quick", run, data, ("torch", "jittor", "paddle"))
    found = {one.step.id: one.frameworks for one in plan(steps, PROJECT_ROOT / "notebooks", NOTEBOOKS)}
    assert found["01_check_environment"] == {"torch", "jittor", "paddle"}
    assert found["03_train_network_torch"] == found["07_ablate_alignment"] == {"torch"}
    assert found["04_infer_clips_paddle_Gaussian"] == {"torch", "paddle"}
    assert found["06_prove_parity"] == found["08_measure_costs"] == {"torch", "jittor"}
    assert found["06_prove_parity_paddle"] == {"torch", "paddle"}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_third_framework_changes_no_step_that_leads_to_the_claims(profile: str) -> None:
    """It is trained, restores and is judged in steps of its own; one more sets every two beside each other."""
    run, data = PROJECT_ROOT / "runs" / "none", PROJECT_ROOT / "data"
    two = {step.id: step for step in steps_of(profile, run, data)}
    three = {step.id: step for step in steps_of(profile, run, data, ("torch", "jittor", "paddle"))}
    assert {name for name in three.keys() - two.keys() if "paddle" not in name} == {"14_compare_every_pair"}
    changed = {name for name, step in two.items() if step != three[name]}
    assert changed == {"01_check_environment"}
    for name, step in three.items():
        if name.endswith("_paddle") or "_paddle_" in name:
            twin = two[name.replace("_paddle", "" if name.startswith("06") else "_torch")]
            differs = {key for key, value in step.parameters.items() if twin.parameters.get(key) != value}
            assert differs <= {"framework", "second", "output"} and step.needs == twin.needs
    pairs = three["14_compare_every_pair"].parameters
    files = [*pairs["inference_files"], *pairs["training_files"], *pairs["parity_files"]]
    made = {f"runs/none/{name}" for name in three if name.startswith(("03", "04", "06"))}
    assert {str(Path(file).parent) for file in files} == made
    planned = plan(list(three.values()), PROJECT_ROOT / "notebooks", NOTEBOOKS, None, ["01"])
    assert [one.step.id for one in planned] == list(three)


def test_a_third_framework_beside_pytorch_alone_has_one_referee() -> None:
    found = {step.id: step for step in steps_of("quick", PROJECT_ROOT, PROJECT_ROOT, ("paddle", "torch"))}
    assert not any("jittor" in name for name in found) and "06_prove_parity" not in found
    (referee,) = found["14_compare_every_pair"].parameters["parity_files"]
    assert Path(referee).parent.name == "06_prove_parity_paddle"
    assert found["09_judge_claims"].parameters["parity_file"] is None


@pytest.mark.parametrize(
    ("frameworks", "message"),
    [(("jittor",), "name torch, too"), (("tf",), "choose one of: torch, jittor"), (("torch", "torch"), "at most once")],
)
def test_a_wrong_choice_of_frameworks_is_one_sentence(frameworks: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        steps_of("quick", PROJECT_ROOT, PROJECT_ROOT, frameworks)


def steps(profile: str = "quick") -> list[Step]:
    return steps_of(profile, PROJECT_ROOT / "runs" / "none", PROJECT_ROOT / "data")


def parameters(overrides: dict, only: Sequence[str] | None = None) -> dict[str, dict]:
    # Unselected steps need no inputs, so that this holds whatever lies in data/ and runs/.
    made = plan(steps(), PROJECT_ROOT / "notebooks", NOTEBOOKS, overrides, only)
    return {one.step.id: one.parameters for one in made}


def test_a_parameter_reaches_every_step_that_has_it_as_its_own_type() -> None:
    found = parameters({"steps": "12", "learning_rate": "1e-3", "border": "true", "04.gt_path": "none"})
    assert found["03_train_network_torch"]["steps"] == found["03_train_network_jittor"]["steps"] == 12
    assert found["03_train_network_torch"]["learning_rate"] == 0.001
    assert found["04_infer_clips_torch_Gaussian"]["border"] is True
    assert found["04_infer_clips_torch_Gaussian"]["gt_path"] is None
    assert found["01_check_environment"] == parameters({})["01_check_environment"]


@dataclass(frozen=True)
class OrNone(Settings):
    text: str | None = None
    count: int | None = None
    share: float | None = None
    yes: bool | None = None
    files: list[str] | None = None
    either: str | int | None = None
    output: str = "none"


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [("count", "3", 3), ("count", "-1", -1), ("share", "1e-3", 0.001),
     ("yes", "False", False), ("yes", "true", True), ("text", "False", "False"),
     ("files", "a, b", ["a", "b"]), ("either", "a", "a"),
     *((name, "None", None) for name in ("text", "count", "share", "yes", "files", "either"))],
)  # fmt: skip
def test_a_parameter_that_may_be_absent_is_converted_as_if_it_could_not(
    tmp_path: Path, name: str, given: str, value: object
) -> None:
    lines = "text = None\ncount = None\nshare = None\nyes = None\nfiles = None\neither = None\noutput = 'none'"
    write_notebook(tmp_path / "absent.ipynb", parameters=lines)
    (one,) = plan([Step("absent", "absent", {})], tmp_path, {"absent": OrNone}, {name: given})
    assert one.parameters[name] == value and type(one.parameters[name]) is type(value)
    for wrong, words in (("count", "count is 'maybe'"), ("yes", "yes is 'maybe'; give True, False or None")):
        with pytest.raises(UserError, match=words):
            plan([Step("absent", "absent", {})], tmp_path, {"absent": OrNone}, {wrong: "maybe"})


def test_the_reading_of_the_grids_can_be_given() -> None:
    for given, value in (("False", False), ("true", True), ("None", None)):
        assert parameters({"03.align_corners": given}, only=["01"])["03_train_network_torch"]["align_corners"] is value


def test_a_parameter_can_be_given_to_some_steps_only() -> None:
    found = parameters({"03_train_network_torch.steps": 3, "04.timing_repeats": "0", "01.frameworks": "torch, jittor"})
    assert found["03_train_network_torch"]["steps"] == 3
    assert found["03_train_network_jittor"]["steps"] == parameters({})["03_train_network_jittor"]["steps"] != 3
    assert {found[name]["timing_repeats"] for name in found if name.startswith("04")} == {0}
    assert found["01_check_environment"]["frameworks"] == ["torch", "jittor"]


def test_weights_to_start_from_and_a_gpu_can_be_given_to_steps() -> None:
    found = parameters({"03.weights": "x.pt", "03_train_network_torch.device": "cuda"}, only=["01"])
    assert {found[f"03_train_network_{name}"]["weights"] for name in ("torch", "jittor")} == {"x.pt"}
    assert found["04_infer_clips_torch_Gaussian"]["weights"] == "study-gaussian"
    assert found["03_train_network_torch"]["device"] == "cuda"
    assert {found[name]["device"] for name in found if "jittor" in name or name.startswith("04")} == {"cpu"}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"stpes": "1"}, "There is no parameter 'stpes'; the nearest is 'steps'."),
        ({"03_train_network_torch.border": "1"}, "There is no parameter 'border'"),
        ({"03_train_netwrk.steps": "1"}, "There is no step '03_train_netwrk'; the nearest is '03_train_network_"),
        ({"output": "x"}, "output tells the steps apart"),
        # Weights to start a training from are not the weights to infer with.
        ({"weights": "x.pt"}, "weights tells the steps apart; name the step as well"),
        ({"device": "cuda"}, "framework is 'jittor', which runs on the CPU only"),
        ({"03.output": "x"}, "x would be written by both 03_train_network_torch and 03_train_network_jittor"),
        ({"border": "maybe"}, "border is 'maybe'; give True or False."),
        ({"steps": "1.5"}, "steps is '1.5'; give a whole number."),
        ({"03_train_network_torch.framework": "tensorflow"}, "choose one of: torch, jittor, paddle."),
    ],
)
def test_wrong_overrides_are_refused(overrides: dict, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parameters(overrides)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_parameter_that_the_notebook_does_not_have_is_refused(toys: Path) -> None:
    # papermill would pass over it and exit with 0.
    write_notebook(toys / "notebooks/make.ipynb", "1", parameters="source = ''\noutput = ''\ntxet = 'a'")
    with pytest.raises(UserError, match="make.ipynb has no parameter 'text'; the nearest is 'txet'"):
        planned(toys)


@pytest.mark.parametrize("cell", ["text = 'a'\nprint(text)", "text, other = 'a', 'b'", "from os import path"])
def test_a_parameters_cell_holds_assignments_only(toys: Path, cell: str) -> None:
    write_notebook(toys / "notebooks/make.ipynb", parameters=cell)
    with pytest.raises(UserError, match="may only hold lines such as"):
        parameters_cell(toys / "notebooks/make.ipynb")


def test_a_notebook_that_is_missing_or_untagged_is_refused(toys: Path) -> None:
    with pytest.raises(UserError, match="none.ipynb is missing"):
        parameters_cell(toys / "notebooks/none.ipynb")
    path = toys / "notebooks/make.ipynb"
    path.write_text(path.read_text().replace('"parameters"', '"else"'))
    with pytest.raises(UserError, match="has 0 cells tagged"):
        parameters_cell(path)


def test_an_input_must_exist_or_be_made_by_an_earlier_step(toys: Path) -> None:
    made = f"{toys}/run/make/result.txt"
    make = Step("make", "make", {"output": f"{toys}/run/make"})
    use = Step("use", "use", {"output": f"{toys}/run/use", "source": made})
    plan([make, use], toys / "notebooks", CLASSES)
    with pytest.raises(UserError, match="source is .*result.txt, which does not exist: give another path"):
        plan([use, make], toys / "notebooks", CLASSES)
    with pytest.raises(UserError, match="source is .*result.txt, which does not exist: give another path"):
        plan([make, use], toys / "notebooks", CLASSES, only=["use"])
    with pytest.raises(UserError, match="source of step use is .*result.txt.* no step makes it"):
        plan([use], toys / "notebooks", CLASSES)
    Path(made).parent.mkdir(parents=True)
    Path(made).touch()
    plan([make, use], toys / "notebooks", CLASSES, only=["use"])


def test_only_takes_names_and_beginnings_of_names(toys: Path) -> None:
    run = plan(planned_steps(toys), toys / "notebooks", CLASSES, only=["ma", "other"])
    assert [one.step.id for one in run if one.selected] == ["make", "other"]
    with pytest.raises(UserError, match="There is no step 'othr'; the nearest is 'other'"):
        plan(planned_steps(toys), toys / "notebooks", CLASSES, only=["othr"])


def test_what_a_step_reads_is_known_from_its_paths(toys: Path) -> None:
    assert {one.step.id: one.reads for one in planned(toys)} == {"make": (), "use": ("make",), "other": ()}
    # Weights of one's own are read in place of those of the training.
    only = ["01"]
    quick = {one.step.id: one.reads for one in plan(steps(), PROJECT_ROOT / "notebooks", NOTEBOOKS, None, only)}
    assert quick["04_infer_clips_jittor_Gaussian"] == ("02_generate_data",)
    assert quick["05_compare_frameworks"][-2:] == ("03_train_network_torch", "03_train_network_jittor")
    trained = {"04.weights": "runs/none/03_train_network_torch/weights.safetensors"}
    own = plan(steps(), PROJECT_ROOT / "notebooks", NOTEBOOKS, trained, only)
    assert {one.reads for one in own if one.step.notebook == "04_infer_clips"} == {
        ("02_generate_data", "03_train_network_torch")
    }


def planned_steps(toys: Path) -> list[Step]:
    return [one.step for one in planned(toys)]


@pytest.mark.parametrize("profile", PROFILES)
def test_profiles_hold_valid_parameters_and_known_needs(profile: str) -> None:
    seen: set[str] = set()
    folders: set[Path] = set()
    for step in steps(profile):
        settings = NOTEBOOKS[step.notebook](**step.parameters)
        assert set(step.needs) <= seen and step.id not in seen
        assert not set(settings.outputs()) & folders
        seen.add(step.id)
        folders |= set(settings.outputs())
        if step.notebook not in ("02_generate_data", "10_draw_figures"):
            assert settings.folder.name == step.id
    assert len(seen) >= 8


@pytest.mark.parametrize("profile", PROFILES)
def test_everything_runs_on_the_cpu_where_both_frameworks_run(profile: str) -> None:
    built = [NOTEBOOKS[step.notebook](**step.parameters) for step in steps(profile)]
    assert {settings.device for settings in built if hasattr(settings, "device")} == {"cpu"}


@pytest.mark.parametrize("profile", PROFILES)
def test_both_frameworks_infer_with_the_same_weights(profile: str) -> None:
    made = {path for step in steps(profile) for path in NOTEBOOKS[step.notebook](**step.parameters).outputs()}
    infer = [step for step in steps(profile) if step.notebook == "04_infer_clips"]
    for blur in ("Gaussian", "Realistic"):
        pair = [step.parameters for step in infer if step.parameters["blur"] == blur]
        assert [p["framework"] for p in pair] == ["torch", "jittor"]
        (weights,) = {p["weights"] for p in pair}
        if profile == "published":
            assert weights == f"data/pretrain_models/self_blind_vsr_{blur.lower()}.pt"
        elif profile == "quick":
            assert weights == f"study-{blur.lower()}"
        else:
            assert (PROJECT_ROOT / weights).parent in made and "_torch" in weights


@pytest.mark.parametrize("profile", PROFILES)
def test_the_comparison_names_exactly_what_the_profile_makes(profile: str) -> None:
    found = {step.id: NOTEBOOKS[step.notebook](**step.parameters) for step in steps(profile)}
    for blur in ("Gaussian", "Realistic"):
        given = found[f"12_show_frames_{blur}"]
        read = [found[f"04_infer_clips_{framework}_{blur}"] for framework in ("torch", "jittor")]
        assert [path.parent for path in given.inference] == [one.folder for one in read]
        assert {(one.clips, one.ground_truth) for one in read} == {(given.clips, given.ground_truth)}
    for files, name in (("inference_files", "04_infer"), ("training_files", "03_train")):
        given = {(PROJECT_ROOT / path).parent for path in getattr(found["05_compare_frameworks"], files)}
        assert given == {settings.folder for step, settings in found.items() if step.startswith(name)}


def test_the_published_profile_runs_released_weights_on_reds4_without_training() -> None:
    kinds = [step.notebook for step in steps("published")]
    assert kinds == ["00_start_here", "01_check_environment", *["04_infer_clips"] * 4,
                     "05_compare_frameworks", "06_prove_parity", "07_ablate_alignment", "08_measure_costs",
                     "09_judge_claims", "10_draw_figures", *["12_show_frames"] * 2, "13_discuss_answers"]  # fmt: skip
    for step in steps("published"):
        if step.notebook == "04_infer_clips":
            folder = f"data/REDS4_BlurDown_{step.parameters['blur']}"
            assert step.parameters["preset"] == "published" and step.needs == ()
            assert step.parameters["input_path"] == f"{folder}/LR_blurdown_x4"
            assert step.parameters["gt_path"] == f"{folder}/HR"


def test_what_the_published_profile_lacks_is_named_with_what_to_put_there(tmp_path: Path) -> None:
    def missing() -> str:
        with pytest.raises(UserError) as caught:
            plan(steps_of("published", tmp_path / "run", tmp_path), PROJECT_ROOT / "notebooks", NOTEBOOKS)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    for blur in ("Gaussian", "Realistic"):
        for part, words in (("LR_blurdown_x4", "put the published LR frames"), ("HR", "put the HR frames of REDS4")):
            folder = tmp_path / f"REDS4_BlurDown_{blur}" / part
            assert f"{folder}, which does not exist" in missing() and words in missing()
            folder.mkdir(parents=True)
        weights = tmp_path / "pretrain_models" / f"self_blind_vsr_{blur.lower()}.pt"
        assert f"{weights}, which does not exist" in missing()
        assert f"put the weights that the paper's authors released for {blur} blur there" in missing()
        weights.parent.mkdir(exist_ok=True)
        weights.touch()
    plan(steps_of("published", tmp_path / "run", tmp_path), PROJECT_ROOT / "notebooks", NOTEBOOKS)


def test_the_paper_profile_is_the_papers_configuration() -> None:
    train = [step.parameters for step in steps("paper") if step.notebook == "03_train_network"]
    assert len(train) == 4
    assert {step.parameters["preset"] for step in steps("paper") if step.notebook == "04_infer_clips"} == {"published"}
    for p in train:
        assert (p["preset"], p["patch_size"], p["batch_size"], p["learning_rate"]) == ("published", 160, 8, 1e-4)
        assert p["steps"] == 500 * 240 * 46 / 8 and p["halve_every"] == p["steps"] / 5
        assert p["flow_learning_rate"] == 1e-6


WEIGHTS = {
    "published": "data/pretrain_models/self_blind_vsr_{lower}.pt",
    "paper": "runs/none/03_train_network_torch_{blur}/weights.safetensors",
}


@pytest.mark.parametrize("profile", WEIGHTS)
def test_referee_ablation_and_costs_are_of_the_network_that_is_judged(profile: str) -> None:
    found = {step.id: step for step in steps(profile)}
    weights = {blur: WEIGHTS[profile].format(blur=blur, lower=blur.lower()) for blur in ("Gaussian", "Realistic")}
    trained = {f"03_train_network_torch_{blur}" for blur in weights} if profile == "paper" else set()
    parity, ablation, costs = (found[name] for name in ("06_prove_parity", "07_ablate_alignment", "08_measure_costs"))
    assert {one.parameters["preset"] for one in (parity, ablation, costs)} == {"published"}
    assert parity.parameters["weights"] == weights["Realistic"]
    assert parity.parameters["frames"] == "data/REDS4_BlurDown_Realistic/LR_blurdown_x4"
    assert (parity.parameters["height"], parity.parameters["width"]) == (64, 64)
    for blur, file in weights.items():
        assert ablation.parameters[f"weights_{blur.lower()}"] == file
        assert ablation.parameters[f"{blur.lower()}_set"] == f"data/REDS4_BlurDown_{blur}"
        assert ablation.parameters[f"weights_{blur.lower()}_false"] is None
    assert set(parity.needs) == set(ablation.needs) == trained and costs.needs == ()


@pytest.mark.parametrize("profile", ["quick", "standard"])
def test_elsewhere_they_are_of_what_comes_with_the_project(profile: str) -> None:
    kinds = ("06_prove_parity", "07_ablate_alignment", "08_measure_costs")
    found = [step.parameters for step in steps(profile) if step.id in kinds]
    frameworks = {"08_measure_costs": {"frameworks": ["torch", "jittor"]}}
    assert found == [{**frameworks.get(name, {}), "output": f"runs/none/{name}"} for name in kinds]


def test_the_referee_alone_says_whose_weights_and_frames_it_lacks(tmp_path: Path) -> None:
    def missing() -> str:
        with pytest.raises(UserError) as caught:
            only = ["06"]
            plan(steps_of("published", tmp_path / "run", tmp_path), PROJECT_ROOT / "notebooks", NOTEBOOKS, None, only)
        return str(caught.value)

    assert "put the weights that the paper's authors released for Realistic blur there" in missing()
    (tmp_path / "pretrain_models").mkdir()
    (tmp_path / "pretrain_models" / "self_blind_vsr_realistic.pt").touch()
    assert "frames of step 06_prove_parity" in missing()
    assert "put the published LR frames of REDS4 with Realistic blur" in missing()


@dataclass(frozen=True)
class Refusing(Settings):
    text: str = "a"

    def __post_init__(self) -> None:
        if self.text != "a":
            raise UserError("text is wrong")


def test_values_of_later_steps_are_checked_before_any_runs(toys: Path) -> None:
    write_notebook(toys / "notebooks/late.ipynb", parameters="text = 'a'")
    late = Step("late", "late", {"text": "b"})
    with pytest.raises(UserError, match="text is wrong"):
        plan([*planned_steps(toys), late], toys / "notebooks", {**CLASSES, "late": Refusing})
