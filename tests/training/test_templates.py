"""The templates: their values, that they are checked, and what overrides what."""

from dataclasses import FrozenInstanceError, asdict, fields

import pytest

from vsrlib import cli
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.study.settings import TrainSettings
from vsrlib.training import train
from vsrlib.training.flow.options import FlowOptions
from vsrlib.training.options import TEMPLATES, AdaptOptions, TrainOptions, begun_with


def test_names() -> None:
    assert list(TEMPLATES) == ["Self_Blind_VSR_Gaussian", "Self_Blind_VSR_Realistic", "small-budget", "study", "medium"]


@pytest.mark.parametrize("name", TEMPLATES)
def test_values_are_accepted_and_none_can_be_changed(name: str) -> None:
    TrainSettings.of(TEMPLATES[name].to_json())
    with pytest.raises(FrozenInstanceError):
        TEMPLATES[name].steps = 1
    with pytest.raises(TypeError):
        TEMPLATES[name] = TrainOptions()


def test_the_papers_values() -> None:
    for blur in ("Gaussian", "Realistic"):
        values = TEMPLATES[f"Self_Blind_VSR_{blur}"]
        assert values.blur == blur and values.preset == "published"
        assert (values.batch_size, values.patch_size, values.n_frames_per_video) == (8, 160, 50)
        assert (values.epochs, values.test_every, values.lr_decay) == (500, 1000, 100)
        assert (values.learning_rate, values.flow_learning_rate, values.workers) == (1e-4, 1e-6, 4)
        assert (values.seed, values.checkpoint_every) == (1, 1000)  # about as often as an epoch begins
    small = TEMPLATES["small-budget"]
    assert small.checkpoint_every == TEMPLATES["study"].checkpoint_every == 100
    assert (small.batch_size, small.patch_size, small.n_frames_per_video) == (4, 80, 20)
    assert (small.epochs, small.test_every) == (50, 100)


def test_the_study_template_learns_from_the_truth_with_a_trained_flow_network() -> None:
    values = TEMPLATES["study"]
    assert (values.preset, values.objective) == ("study", "supervised")
    assert values.flow_learning_rate < values.learning_rate


def test_the_shipped_weights_were_made_by_the_study_template() -> None:
    recorded = read_json(PROJECT_ROOT / "figures" / "weights" / "study-gaussian" / "train.json")
    ours = TEMPLATES["study"].recorded()
    # options that there were not yet
    later = {"flow_supervision": 0.0, "pictures": False, "soft": 0.0, "precision": "float32"}
    assert {name: (later | recorded).get(name) for name in ours} == ours
    schedule = TEMPLATES["study"].schedule(100)
    assert {name: recorded[name] for name in asdict(schedule)} == asdict(schedule)


def test_the_medium_weights_began_with_the_medium_template() -> None:
    """But for what the command said: fewer steps, in bfloat16, and a flow network that had been trained and stays."""
    recorded = read_json(PROJECT_ROOT / "figures" / "weights" / "medium-begun" / "train.json")
    recorded = {"soft": 0.0} | recorded  # an option that there was not yet
    template = TEMPLATES["medium"]
    ours = template.recorded() | asdict(template.schedule(100))
    otherwise = {"steps": (12000, 3250), "flow_learning_rate": (2e-5, 0.0), "flow_supervision": (0.01, 0.0),
                 "precision": ("float32", "bfloat16")}  # fmt: skip
    assert {name: (ours[name], recorded[name]) for name in ours if ours[name] != recorded[name]} == otherwise
    assert template.checkpoint_every == 250  # which no result records


def test_adapting_takes_ten_minutes_unless_it_is_told_otherwise() -> None:
    """As docs/training.md and the command's help say."""
    ours = AdaptOptions()
    assert (ours.weights, ours.minutes, ours.steps, ours.learning_rate) == ("medium-realistic", 10.0, 0, 2e-5)
    assert (ours.batch_size, ours.patch_size, ours.measure_every, ours.patience, ours.seed) == (2, 64, 20, 5, 1)


def test_the_shipped_flow_networks_began_with_the_defaults() -> None:
    recorded = read_json(PROJECT_ROOT / "figures" / "weights" / "flow-small" / "train_flow.json")["settings"]
    ours = FlowOptions(framework="torch", preset="study").recorded()
    assert {name: ours[name] for name in recorded} == recorded and ours["leaves"] == 0
    # which no result records: a training is taken over only where that is asked for, and a kill loses minutes
    assert FlowOptions().resume is False and FlowOptions().checkpoint_every == 500


def test_a_schedule_in_epochs_is_the_papers() -> None:
    schedule = TEMPLATES["Self_Blind_VSR_Gaussian"].schedule(240 * 46)
    assert asdict(schedule) == {
        "steps": 500 * 1380, "halve_every": 100 * 1380, "validate_every": 1380, "repeat": 1, "whole_epochs": True
    }  # fmt: skip


def test_given_values_replace_the_templates() -> None:
    assert begun_with("small-budget", {"batch_size": 3}).batch_size == 3
    assert begun_with("small-budget", {"steps": 10}).epochs == 0
    assert begun_with(None, {"steps": 10}).steps == 10
    with pytest.raises(UserError, match="validate_every is 7, but epochs is 50"):
        begun_with("small-budget", {"validate_every": 7})
    with pytest.raises(UserError, match="steps is 9, but epochs is 2"):
        begun_with(None, {"steps": 9, "epochs": 2})


def test_the_command_line_overrides_the_template(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(train, "train", lambda hr, validation, output, options: calls.append(options) or {})
    assert (
        cli.main(
            [
                "train",
                "hr",
                "validation",
                "out",
                "--template",
                "Self_Blind_VSR_Gaussian",
                "--preset",
                "study",
                "--batch-size",
                "2",
                "--blur",
                "Realistic",
            ]
        )
        == 0
    )
    assert cli.main(["train", "hr", "validation", "out"]) == 0
    paper, plain = calls
    assert (paper.framework, paper.blur) == (plain.framework, plain.blur) == ("torch", "Realistic")
    assert paper.preset == "study" and paper.batch_size == 2
    assert paper.patch_size == 160 and paper.epochs == 500  # the template's, where nothing is given
    assert plain == TrainOptions()  # and the defaults without a template


def test_every_setting_is_an_option() -> None:
    parser = cli.build_parser()
    options = vars(parser.parse_args(["train", "hr", "validation", "out"]))
    assert {entry.name for entry in fields(TrainSettings)} - {"hr_root", "validation_root"} <= set(options)
