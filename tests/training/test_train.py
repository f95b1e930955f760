"""What `train` puts together and records, by stand-ins for the parts: who gets what, who writes, and in which order."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vsrlib.common import files
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, sha256_file
from vsrlib.networks import distributed
from vsrlib.networks.distributed import Team
from vsrlib.networks.weights import weights_file
from vsrlib.training import train
from vsrlib.training.flow.evaluation import STEREO
from vsrlib.training.options import TrainOptions

HR, VALIDATION = Path("hr"), Path("validation")


class Second(Team):
    """The second process of two, which is told the digest that the first has."""

    rank, size = 1, 2

    def told(self, value: Any) -> str:
        assert value is None
        return "validation"


class Clips:
    """Training windows of clips."""

    sources = ("training clip",)

    def __len__(self) -> int:
        return 6

    def digest(self) -> str:
        return "training"


class Pictures(Clips):
    """Training windows made of pictures."""

    pictures = ("picture",)

    def __init__(self, *given: Any) -> None:
        self.given = given


class Recorder:
    """A trainer that writes down what it is made with and asked for; `breaks`: it ends in an error."""

    breaks = False

    def __init__(self, *given: Any) -> None:
        names = ("network", "record", "schedule", "stream", "validation", "output", "team", "watch", "supervision")
        self.made = SimpleNamespace(**dict(zip((*names, "events"), given, strict=True)))
        self.asked: list[Any] = []

    def begin(self) -> None:
        self.asked.append("begin")

    def resume(self) -> None:
        self.asked.append("resume")

    def run(self, checkpoint_every: int, progress: bool) -> None:
        self.asked.append((checkpoint_every, progress))
        if self.made.team.rank == 0:
            with (
                pytest.raises(UserError, match="Another training is running in"),
                files.lock(self.made.output, "training"),
            ):
                pass
        if self.breaks:
            raise ZeroDivisionError

    def result(self) -> dict[str, Any]:
        return {"steps_done": 4}


class Lab:
    """Runs `train` with stand-ins. `calls`: what each was given, by its name; `closed`: what was closed, in order."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.output, self.team, self.credits = folder / "output", Team(), ""
        self.calls: dict[str, tuple[Any, ...]] = {}
        self.outside: list[tuple[Any, ...]] = []
        self.closed: list[str] = []
        validation = SimpleNamespace(sources=("validation clip",), digest="validation")
        network = SimpleNamespace(config=SimpleNamespace(align_corners=True))
        parts = {
            "TrainingWindows": Clips(),
            "load_network": network,
            "train_at": None,
            "ValidationSet": validation,
            "SampleStream": SimpleNamespace(close=lambda: self.closed.append("stream")),
            "Events": SimpleNamespace(close=lambda: self.closed.append("events")),
            "embedded_textures": ["photograph"],
            "FlowSupervision": "supervision",
            "require_tensorboard": None,
        }
        for name, part in parts.items():
            monkeypatch.setattr(train, name, self._kept(name, part))
        monkeypatch.setattr(train, "MadeWindows", Pictures)
        monkeypatch.setattr(train, "Trainer", self._trainer)
        monkeypatch.setattr(train, "credits_of", lambda root: self.credits)
        monkeypatch.setattr(train, "require_outside", lambda *given: self.outside.append(given))
        monkeypatch.setattr(train.provenance, "collect", lambda **given: given)
        monkeypatch.setattr(distributed, "team", lambda *given: nullcontext(self.team))
        monkeypatch.setattr(files, "PATIENCE", 0.0)

    def run(self, changes: dict[str, Any] | None = None, **told: Any) -> dict[str, Any]:
        """Train with default options but for these changes."""
        self.calls.clear()
        return train.train(HR, VALIDATION, self.output, TrainOptions(**(changes or {})), **told)

    def _kept(self, name: str, part: Any) -> Callable[..., Any]:
        def made(*given: Any, **named: Any) -> Any:
            self.calls[name] = (*given, named) if named else given
            return part

        return made

    def _trainer(self, *given: Any) -> Recorder:
        self.trainer = Recorder(*given)
        return self.trainer


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return Lab(tmp_path, monkeypatch)


def test_a_training_is_put_together_run_and_recorded(lab: Lab) -> None:
    (lab.output / "former").mkdir(parents=True)
    options = {"batch_size": 3, "patch_size": 32, "seed": 7, "checkpoint_every": 9, "blur": "Gaussian"}
    result = lab.run(options, progress=False, watch=print)
    made, asked = lab.trainer.made, TrainOptions(**options)
    assert lab.trainer.asked == ["begin", (9, False)] and made.output == lab.output and made.watch is print
    assert made.schedule == asked.schedule(6) and made.team is lab.team
    assert made.record == asked.recorded() | {
        **asdict(made.schedule),
        "processes": 1,
        "initial_weights": "seed 7",
        "flow_weights": None,
        "align_corners": True,
        "training_clips": "training",
        "validation_clips": "validation",
    }
    assert lab.calls["TrainingWindows"] == (HR, 32, 50, 1024)
    assert lab.calls["load_network"] == ("torch", None, "study", "auto", 7, "auto", None, None)
    assert lab.calls["train_at"] == ("float32", made.network)
    assert lab.calls["ValidationSet"] == (VALIDATION, "Gaussian", 7)
    assert lab.calls["SampleStream"][1:] == ("Gaussian", 3, 32, 7, 1, False, {"high": False, "workers": 0})
    assert lab.outside == [(lab.output, HR, ("training clip",)), (lab.output, VALIDATION, ("validation clip",))]
    assert result == read_json(lab.output / "train.json") and result["steps_done"] == 4 and result["workers"] == 0
    assert 0 < result["import_memory_mib"] <= result["peak_memory_mib"] and result["provenance"] == {"seed": 7}
    assert [path.name for path in lab.output.iterdir()] == ["train.json"]  # neither a lock nor a former end
    assert lab.closed == ["stream"] and (made.supervision, made.events) == (None, None)
    assert not {"Events", "FlowSupervision", "require_tensorboard"} & set(lab.calls)


def test_a_supervised_training_is_given_the_frames_that_are_to_be_restored(lab: Lab) -> None:
    for objective, high in (("supervised", True), ("self-supervised", False)):
        lab.run({"objective": objective})
        assert lab.calls["SampleStream"][-1]["high"] is high


def test_weights_to_start_from_are_recorded_by_their_digests(lab: Lab, tmp_path: Path) -> None:
    weights, flow = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    for path, credits in ((weights, "A (CC0)"), (flow, "B (CC0)")):
        weights_file.write(path, {"x": np.array([len(path.name)], np.float32)}, {"credits": credits})
    lab.run({"weights": str(weights), "flow_weights": str(flow)})
    record = lab.trainer.made.record
    assert (record["initial_weights"], record["flow_weights"]) == (sha256_file(weights), sha256_file(flow))
    assert record["credits"] == "A (CC0), B (CC0)"
    assert lab.calls["load_network"][1] == str(weights) and lab.calls["load_network"][-1] == str(flow)


@pytest.mark.parametrize("credits", ["", "C (CC0)"])
def test_whose_pictures_they_are_is_recorded_of_pictures_alone(lab: Lab, credits: str) -> None:
    lab.credits = credits
    lab.run()
    assert "credits" not in lab.trainer.made.record
    lab.run({"pictures": True, "objective": "supervised"})
    assert lab.trainer.made.record["credits"] == credits


def test_the_flow_is_supervised_by_the_pictures_or_by_photographs(lab: Lab) -> None:
    """Of these the two of the held-out stereo pair are left out; nine pictures of dead leaves join them."""
    lab.run({"pictures": True, "flow_supervision": 0.5, "patch_size": 32, "soft": 0.3})
    network, windows = lab.trainer.made.network, lab.calls["SampleStream"][0]
    assert windows.given == (HR, 32, 1, 0.3)
    assert lab.calls["FlowSupervision"] == (network, ("picture",), 0.5, 1) and "TrainingWindows" not in lab.calls
    lab.run({"flow_supervision": 0.25, "seed": 2})
    assert lab.calls["FlowSupervision"] == (network, ["photograph"], 0.25, 2)
    assert lab.calls["embedded_textures"] == ("train", STEREO, 9) and lab.trainer.made.supervision == "supervision"


@pytest.mark.parametrize(("workers", "share"), [(0, 64), (1, 64), (2, 32), (3, 21)])
def test_the_cache_is_shared_by_the_processes_that_make_samples(lab: Lab, workers: int, share: int) -> None:
    lab.run({"workers": workers, "cache_mib": 64})
    assert lab.calls["TrainingWindows"][-1] == share and lab.calls["SampleStream"][-1]["workers"] == workers


@pytest.mark.parametrize("breaks", [False, True])
def test_an_event_file_is_made_where_it_is_asked_for_and_closed_in_any_case(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, breaks: bool
) -> None:
    monkeypatch.setattr(Recorder, "breaks", breaks)
    with pytest.raises(ZeroDivisionError) if breaks else nullcontext():
        lab.run({"tensorboard": True})
    assert lab.calls["require_tensorboard"] == () and lab.calls["Events"][0] == lab.output
    assert lab.trainer.made.events is not None and lab.closed == ["events", "stream"]
    assert (lab.output / "train.json").exists() is not breaks and not (lab.output / ".lock").exists()


def test_a_training_goes_on_or_begins_and_is_altered_before(lab: Lab) -> None:
    for resume, first in ((True, "resume"), (False, "begin")):
        lab.run({"resume": resume}, altered=lambda trainer: trainer.asked.append("altered"))
        assert lab.trainer.asked == ["altered", first, (50, True)]  # the bar is shown unless it is told otherwise


def test_the_second_process_of_a_team_takes_steps_and_no_more(lab: Lab) -> None:
    lab.team = Second()
    assert lab.run({"tensorboard": True}) == {}
    made = lab.trainer.made
    assert lab.trainer.asked == ["begin", (50, False)] and (made.validation, made.events) == (None, None)
    assert (made.record["processes"], made.record["validation_clips"]) == (2, "validation")
    assert not {"ValidationSet", "Events"} & set(lab.calls) and not lab.output.exists() and lab.closed == ["stream"]
