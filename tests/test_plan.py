from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from toy_study import CLASSES, planned, write_notebook, write_toys

from vsrlib.errors import UserError
from vsrlib.plan import parameters_cell, plan
from vsrlib.profiles import PROFILES, Step, steps_of
from vsrlib.settings import NOTEBOOKS, PROJECT_ROOT, Settings


@pytest.fixture
def toys(tmp_path: Path) -> Path:
    write_toys(tmp_path)
    return tmp_path


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


def test_a_parameter_can_be_given_to_some_steps_only() -> None:
    found = parameters({"03_train_network_torch.steps": 3, "04.timing_repeats": "0", "01.frameworks": "torch, jittor"})
    assert found["03_train_network_torch"]["steps"] == 3
    assert found["03_train_network_jittor"]["steps"] == parameters({})["03_train_network_jittor"]["steps"] != 3
    assert {found[name]["timing_repeats"] for name in found if name.startswith("04")} == {0}
    assert found["01_check_environment"]["frameworks"] == ["torch", "jittor"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"stpes": "1"}, "There is no parameter 'stpes'; the nearest is 'steps'."),
        ({"03_train_network_torch.border": "1"}, "There is no parameter 'border'"),
        ({"03_train_netwrk.steps": "1"}, "There is no step '03_train_netwrk'; the nearest is '03_train_network_"),
        ({"output": "x"}, "output tells the steps apart"),
        ({"03.output": "x"}, "x would be written by both 03_train_network_torch and 03_train_network_jittor"),
        ({"border": "maybe"}, "border is 'maybe'; give True or False."),
        ({"steps": "1.5"}, "steps is '1.5'; give a whole number."),
        ({"03_train_network_torch.framework": "tensorflow"}, "choose one of: torch, jittor."),
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
    with pytest.raises(UserError, match="source is .*result.txt, which does not exist: run"):
        plan([use, make], toys / "notebooks", CLASSES)
    with pytest.raises(UserError, match="source is .*result.txt, which does not exist: run"):
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
        if step.notebook not in ("02_generate_data", "07_draw_figures"):
            assert settings.folder.name == step.id
    assert len(seen) >= 11


def test_both_frameworks_infer_with_the_same_weights() -> None:
    for profile in PROFILES:
        infer = [step.parameters for step in steps(profile) if step.notebook == "04_infer_clips"]
        for blur in ("Gaussian", "Realistic"):
            pair = [p for p in infer if p["blur"] == blur]
            assert {p["framework"] for p in pair} == {"torch", "jittor"}
            (weights,) = {p["weights"] for p in pair}
            assert "_torch" in weights and weights.endswith("weights.safetensors")


def test_the_published_profile_is_the_papers_configuration() -> None:
    train = [step.parameters for step in steps("published") if step.notebook == "03_train_network"]
    assert len(train) == 4
    for p in train:
        assert (p["preset"], p["patch_size"], p["batch_size"], p["learning_rate"]) == ("published", 160, 8, 1e-4)
        assert p["steps"] == 500 * 240 * 46 / 8 and p["halve_every"] == p["steps"] / 5
        assert p["flow_learning_rate"] == 1e-6


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


