"""The flow training's stages on a network that stands for one, in numpy: what is asked, recorded, kept and taken over.

What the network learns is in test_flow_training.py.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from training_fixture import SMALL, log, noise

from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, sha256_array, sha256_file, sha256_joined, write_json
from vsrlib.data.frames import write_frame
from vsrlib.networks import architecture
from vsrlib.networks.weights import weights_file
from vsrlib.training.flow import train
from vsrlib.training.flow.options import FlowOptions
from vsrlib.training.flow.parameters import initial_flow_values, matcher_names
from vsrlib.training.flow.train import train_flow

TEMPERATURES = "matching_temperatures"


class Plain:
    """Stands for a network, its framework and its module."""

    config, device = SMALL, "cpu"

    def __init__(self, flow_weights: dict[str, np.ndarray] | str) -> None:
        self.backend = self.module = self
        given = flow_weights if isinstance(flow_weights, dict) else weights_file.read(flow_weights)
        self._values = architecture.initial_values(SMALL, 0) | given

    def state(self) -> dict[str, np.ndarray]:
        return {name: value.copy() for name, value in self._values.items()}

    def load(self, values: dict[str, np.ndarray]) -> None:
        assert set(values) == set(self._values)
        for name, value in values.items():
            self._values[name][...] = value

    def learn(self, module: "Plain", name: str, values: np.ndarray) -> None:
        self._values[name] = np.array(values, np.float32)
        setattr(self, name, self._values[name])

    def conditions(self) -> dict[str, Any]:
        return {"threads": 1}

    def synchronise(self, device: str) -> None:
        pass

    array = staticmethod(np.asarray)

    def Optimiser(self, module: "Plain", groups: list[tuple[list[str], float]]) -> "PlainAdam":
        return PlainAdam(self._values, groups)


class PlainAdam:
    """Takes rate times loss from whatever learns, more with each update; a loss of -1 stands for a broken gradient."""

    def __init__(self, values: dict[str, np.ndarray], groups: list[tuple[list[str], float]]) -> None:
        ((names, self.rate),) = groups
        self._learned, self._updates, self._sum = [values[name] for name in names], 0, np.zeros(1, np.float32)

    def set_rates(self, rates: list[float]) -> None:
        (self.rate,) = rates

    def step(self, loss: np.ndarray) -> bool:
        self._updates += 1
        self._sum += loss
        for value in self._learned:
            value -= self.rate * (self._sum + self._updates) / 1000
        return bool(loss != -1)

    def state(self) -> tuple[dict[str, np.ndarray], int]:
        return {"first.sum": self._sum.copy()}, self._updates

    def load(self, moments: dict[str, np.ndarray], updates: int) -> None:
        self._sum[...], self._updates = moments["first.sum"], updates


@dataclass
class Course:
    """Stands for batches, losses and progress bars, and keeps what they were asked for.

    The batch of a step is (stage, step), and its loss is 10 stage + step unless `terms` has others; the step `stop`
    breaks off.
    """

    drawn: list[tuple[int, ...]] = field(default_factory=list)
    steps: list[tuple[int, int]] = field(default_factory=list)
    match_weights: list[float | None] = field(default_factory=list)
    temperatures: list[list[float]] = field(default_factory=list)
    bars: list[tuple[Any, ...]] = field(default_factory=list)
    terms: dict[tuple[int, int], dict[str, float]] = field(default_factory=dict)
    stop: tuple[int, int] | None = None
    log: Path | None = None
    lines: list[int] = field(default_factory=list)

    def batches(
        self, textures: list, options: FlowOptions, stage: int, steps: int, workers: int, done: int = 0
    ) -> Generator[dict[str, np.ndarray], None, None]:
        self.drawn.append((stage, steps, workers, done))
        return ({"first": np.array([stage, step])} for step in range(done + 1, steps + 1))

    def losses(
        self, network: Plain, batch: dict[str, np.ndarray], temperatures: np.ndarray, match_weight: float | None
    ) -> dict[str, np.ndarray]:
        stage, step = batch["first"].tolist()
        if (stage, step) == self.stop:
            raise InterruptedError
        self.steps.append((stage, step))
        self.match_weights.append(match_weight)
        self.temperatures.append(temperatures.tolist())
        if self.log is not None:
            self.lines.append(len(self.log.read_text().splitlines()))
        terms = {"match": 0.5, "total": 10.0 * stage + step} | self.terms.get((stage, step), {})
        return {name: np.float32(value) for name, value in terms.items()}

    @contextmanager
    def bar(self, total: int, description: str, unit: str, shown: bool, done: int) -> Iterator[SimpleNamespace]:
        said: list[tuple[str, bool]] = []

        def postfix(text: str, refresh: bool = True) -> None:
            said.append((text, refresh))

        yield SimpleNamespace(set_postfix_str=postfix, update=lambda: said.append(("step", False)))
        self.bars.append((description, total, done, shown, said))


@pytest.fixture(autouse=True)
def course(monkeypatch: pytest.MonkeyPatch) -> Course:
    course = Course()
    monkeypatch.setitem(architecture.PRESETS, "study", SMALL)
    monkeypatch.setattr(train, "load_network", lambda framework, *, flow_weights, **_: Plain(flow_weights))
    monkeypatch.setattr(train, "embedded_textures", lambda *_: [noise(1, 64, 64)[0]])
    for name, stand_in in (("batches", course.batches), ("step_losses", course.losses), ("progress_bar", course.bar)):
        monkeypatch.setattr(train, name, stand_in)
    monkeypatch.setattr(train, "heldout_pairs", list)
    monkeypatch.setattr(train, "errors_of", lambda network, pairs: {})
    monkeypatch.setattr(train, "flow_error", lambda network: {})
    monkeypatch.setattr(train.provenance, "collect", lambda seed: {"seed": seed})
    return course


def run(output: Path, **changes: Any) -> dict[str, Any]:
    asked = {"match_steps": 2, "flow_steps": 5, "checkpoint_every": 2, "device": "cpu"}
    return train_flow(output, FlowOptions(**{**asked, **changes}), progress=False)


def run_until(output: Path, course: Course, stop: tuple[int, int], **changes: Any) -> None:
    """Break off in a step."""
    course.stop = stop
    with pytest.raises(InterruptedError):
        run(output, **changes)
    course.stop = None


def without_times(found: Any) -> Any:
    if isinstance(found, list):
        return [without_times(one) for one in found]
    return {name: value for name, value in found.items() if "seconds" not in name}


def test_each_stage_has_its_steps_batches_rates_and_losses(tmp_path: Path, course: Course) -> None:
    changes = {"match_learning_rate": 2.0, "learning_rate": 4.0, "match_weight": 0.3, "workers": 3}
    result = run(tmp_path, **changes)
    assert course.steps == [(0, 1), (0, 2), (1, 1), (1, 2), (1, 3), (1, 4), (1, 5)]
    assert course.drawn == [(0, 2, 3, 0), (1, 5, 3, 0)]
    assert course.match_weights == [None] * 2 + [0.3] * 5
    assert [entry["learning_rate"] for entry in log(tmp_path)] == pytest.approx([2, 0.2, 4, 4, 4, 2.2, 0.4])
    assert [entry["total"] for entry in log(tmp_path)] == [1, 2, 11, 12, 13, 14, 15]
    digests = [sha256_array(np.array([1, step])) for step in range(1, 6)]
    assert result["stages"]["flow"]["batches"] == sha256_joined(digests)
    assert result["pictures"] == "embedded" and result["initial_weights"] is None
    assert weights_file.metadata(tmp_path / "flow.safetensors") == {"preset": "study", "align_corners": "true"}


def test_the_matcher_and_its_temperatures_learn_first_and_all_of_the_flow_network_then(tmp_path: Path) -> None:
    start = initial_flow_values(SMALL, 1)
    run(tmp_path)
    matched, trained = (weights_file.read(tmp_path / name) for name in ("matched.safetensors", "flow.safetensors"))
    assert {name for name in start if (matched[name] != start[name]).any()} == set(matcher_names(SMALL))
    assert {name for name in start if (trained[name] != matched[name]).any()} == set(start) == set(trained)


def test_temperatures_begin_at_ten_and_go_over_into_the_second_stage(tmp_path: Path, course: Course) -> None:
    run(tmp_path)
    first, second, third, *_ = course.temperatures
    assert first == [10.0] * 3 and second != first
    matched = weights_file.read(tmp_path / "matched.safetensors")[TEMPERATURES]
    assert matched.tolist() == third != second


def test_of_a_stage_the_first_and_the_last_tenth_are_told_and_at_least_a_step(tmp_path: Path) -> None:
    for steps, first, last in ((30, 2, 29), (20, 1.5, 19.5), (10, 1, 10), (5, 1, 5), (1, 1, 1)):
        stage = run(tmp_path, match_steps=steps, flow_steps=0)["stages"]["match"]
        assert (stage["steps"], stage["first_loss"], stage["last_loss"]) == (steps, first, last)
    of_none = {"first_loss": None, "last_loss": None, "seconds_per_step": None, "seconds": 0, "wait_seconds": 0}
    none = run(tmp_path, match_steps=0, flow_steps=0)["stages"]
    assert none["match"] == none["flow"] == {"steps": 0, "batches": sha256_joined([]), **of_none}


def test_waiting_for_a_batch_is_no_part_of_a_step_s_usual_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spans = [(1, 8), (2, 64), (4, 16)]  # seconds for the batch, and for the rest of the step
    readings = iter(np.cumsum([1000.0, *(part for wait, rest in spans for part in (wait, rest, 32))]).tolist())
    monkeypatch.setattr(train, "time", SimpleNamespace(perf_counter=lambda: next(readings)))
    stage = run(tmp_path, match_steps=3, flow_steps=0)["stages"]["match"]
    assert [(entry["wait_seconds"], entry["seconds"]) for entry in log(tmp_path)] == [(1, 9), (2, 66), (4, 20)]
    assert (stage["seconds_per_step"], stage["seconds"], stage["wait_seconds"]) == (16, 95, 7)


def test_a_step_s_line_is_in_the_file_before_the_next_step(tmp_path: Path, course: Course) -> None:
    course.log = tmp_path / "log.jsonl"
    run(tmp_path)
    assert course.lines == [0, 1, 2, 3, 4, 5, 6]


def test_the_bar_is_shown_unless_told_otherwise_and_refreshed_at_its_own_pace(tmp_path: Path, course: Course) -> None:
    options = FlowOptions(device="cpu", match_steps=1, flow_steps=2)
    for given, shown in (({}, True), ({"progress": True}, True), ({"progress": False}, False)):
        course.bars.clear()
        train_flow(tmp_path, options, **given)
        first, second = ([(f"loss {loss:.3f}", False), ("step", False)] for loss in (11, 12))
        assert course.bars == [
            ("flow network, match", 1, 0, shown, [("loss 1.000", False), ("step", False)]),
            ("flow network, flow", 2, 0, shown, first + second),
        ]


@pytest.mark.parametrize(("every", "steps"), [(2, [2, 4]), (3, [3]), (1, [1, 2, 3, 4, 5]), (0, [])])
def test_the_second_stage_has_checkpoints_and_the_first_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int, steps: list[int]
) -> None:
    written = []

    def write(folder: Path, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
        written.append((facts["step"], facts["updates"], len(facts["digests"])))

    monkeypatch.setattr(train.checkpoint, "write", write)
    run(tmp_path, match_steps=4, checkpoint_every=every)
    assert written == [(step, step, step) for step in steps]


@pytest.mark.parametrize("terms", [{"match": np.nan}, {"match": np.inf}, {"total": np.nan}, {"total": -1}])
def test_a_loss_or_a_gradient_that_is_not_finite_ends_the_training(
    tmp_path: Path, course: Course, terms: dict[str, float]
) -> None:
    course.terms[1, 3] = terms
    with pytest.raises(UserError, match="no longer finite at step 3 of the stage flow; give a smaller learning rate"):
        run(tmp_path)
    assert len(log(tmp_path)) == 2 + 2


def test_where_there_is_no_checkpoint_nothing_has_begun(tmp_path: Path) -> None:
    begun = train._Begun.read(tmp_path, {"asked": 1})
    assert begun == train._Begun(tmp_path, {"asked": 1}, 0, 0, {}, [], [])
    begun.load(Plain({}), PlainAdam({}, [([], 1.0)]))  # changes nothing


@pytest.mark.parametrize(("stop", "goes_on"), [((1, 5), 4), ((1, 4), 2), ((1, 2), 0), ((1, 1), 0)])
def test_a_training_that_goes_on_is_the_uninterrupted_one(
    tmp_path: Path, course: Course, stop: tuple[int, int], goes_on: int
) -> None:
    """Though it is killed a second time at once, and though the last line of the log is half there."""
    whole = run(tmp_path / "whole")
    run_until(tmp_path / "cut", course, stop)
    with (tmp_path / "cut" / "log.jsonl").open("a") as file:
        file.write('{"stage": "flow", "step": 1')
    course.drawn.clear()
    course.steps.clear()
    run_until(tmp_path / "cut", course, (1, goes_on + 1), resume=True)
    assert course.drawn == [(1, 5, 0, goes_on)] and course.steps == []
    resumed = run(tmp_path / "cut", resume=True)
    assert course.drawn == [(1, 5, 0, goes_on)] * 2
    assert course.steps == [(1, step) for step in range(goes_on + 1, 6)]
    assert course.bars[-1][2] == goes_on
    assert resumed["values_sha256"] == whole["values_sha256"]
    assert without_times(log(tmp_path / "cut")) == without_times(log(tmp_path / "whole"))
    for stage in ("match", "flow"):
        assert without_times(resumed["stages"][stage]) == without_times(whole["stages"][stage])
    assert sorted(path.name for path in (tmp_path / "cut").iterdir() if not path.name.startswith(".")) == [
        "flow.safetensors", "log.jsonl", "matched.json", "matched.safetensors", "train_flow.json"
    ]  # fmt: skip
    assert read_json(tmp_path / "cut" / "train_flow.json") == resumed


def test_without_resume_all_begins_anew(tmp_path: Path, course: Course) -> None:
    run_until(tmp_path, course, (1, 4))
    course.steps.clear()
    run(tmp_path)
    assert len(course.steps) == 7 == len(log(tmp_path))


def test_nothing_of_the_training_before_is_left_when_one_breaks_off(tmp_path: Path, course: Course) -> None:
    run(tmp_path)
    run_until(tmp_path, course, (1, 3))
    assert (tmp_path / "checkpoint.safetensors").exists() and not (tmp_path / "train_flow.json").exists()
    run_until(tmp_path, course, (0, 2))
    assert {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")} == {"log.jsonl"}
    assert len(log(tmp_path)) == 1


def test_what_does_not_belong_to_the_training_is_not_gone_on_with(tmp_path: Path, course: Course) -> None:
    """And what is refused changes no file."""
    run(tmp_path)
    path, lines = tmp_path / "log.jsonl", (tmp_path / "log.jsonl").read_text().splitlines(keepends=True)
    for kept, words in (
        (lines[1:], "holds 1 of the 2 steps of the first"),
        ([], "holds 0 of the 2 steps of the first"),
    ):
        path.write_text("".join(kept))
        refused(tmp_path, f"The log {path} {words} stage; bring it back")
        assert (tmp_path / "train_flow.json").exists()
    path.unlink()
    refused(tmp_path, "holds 0 of the 2 steps of the first stage")
    run_until(tmp_path, course, (1, 4))
    refused(tmp_path, "was trained with other settings or pictures", max_shift=5.0)
    refused(tmp_path, r"learning_rate was 0\.0005 and is 0\.1", learning_rate=0.1)
    path.write_text("".join(lines[:3]))
    refused(tmp_path, f"The log {path} holds 1 of the 2 steps before the checkpoint; bring it back")
    path.write_text("".join(lines))
    weights = tmp_path / "matched.safetensors"
    weights_file.write(weights, weights_file.read(weights) | {TEMPERATURES: np.ones(3, np.float32)})
    refused(tmp_path, "was trained with other settings or pictures")


def refused(output: Path, words: str, **changes: Any) -> None:
    with pytest.raises(UserError, match=words):
        run(output, resume=True, **changes)


def test_what_lies_from_before_an_option_was_trained_without_it(
    tmp_path: Path, course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both the first stage's record and the second's checkpoint."""
    to_json = FlowOptions.to_json
    with monkeypatch.context() as patch:
        names = [name for name in to_json(FlowOptions()) if name != "noise"]
        patch.setattr(FlowOptions, "to_json", lambda options: {name: to_json(options)[name] for name in names})
        run_until(tmp_path, course, (1, 4))
    assert "noise" not in read_json(tmp_path / "matched.json")["key"]
    refused(tmp_path, "with other settings or pictures", noise=0.1)
    course.steps.clear()
    run(tmp_path, resume=True)
    assert course.steps[0] == (1, 3)


def test_a_repeated_second_stage_that_is_killed_leaves_no_former_result(
    tmp_path: Path, course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither beside a log that was cut already, nor beside one that grows; and the log is cut in one go."""
    run(tmp_path)

    def left() -> tuple[bool, bool, int]:
        """Whether result and weights are there, and the lines of the log."""
        return *((tmp_path / name).exists() for name in ("train_flow.json", "flow.safetensors")), len(log(tmp_path))

    for fault, expected in (("pathlib.Path.unlink", (True, True, 7)), ("os.replace", (False, False, 7))):
        with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
            patch.setattr(fault, lambda *_, **__: 1 / 0)
            run(tmp_path, resume=True)
        assert left() == expected
    run_until(tmp_path, course, (1, 1), resume=True)
    assert left() == (False, False, 2)
    run(tmp_path, resume=True)
    assert left() == (True, True, 7)


@pytest.mark.parametrize("name", ["flow.safetensors", "matched.safetensors"])
def test_weights_that_it_would_replace_are_no_start(tmp_path: Path, name: str) -> None:
    """They were removed before their notes were read, so that whose pictures are in them was forgotten."""
    run(tmp_path)
    before = (tmp_path / name).read_bytes()
    with pytest.raises(UserError, match="a file that this training would replace; copy them elsewhere, or"):
        run(tmp_path, weights=str(tmp_path / name))
    assert (tmp_path / name).read_bytes() == before and (tmp_path / "train_flow.json").exists()


@pytest.mark.parametrize("output", [".", "out"])
def test_nothing_is_written_among_the_pictures(tmp_path: Path, output: str) -> None:
    names = ["a10.png", "a9.png", "b1.png"]  # whose order is not clear, and need not be
    for name in names:
        write_frame(tmp_path / name, noise(1, 64, 64)[0])
    with pytest.raises(UserError, match="is the input or lies in it"):
        run(tmp_path / output, images=str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_whose_pictures_are_in_it_is_noted(tmp_path: Path) -> None:
    """In the folder of the pictures, and in the weights that it started from."""
    pictures, start = tmp_path / "pictures", tmp_path / "start.safetensors"
    write_frame(pictures / "a.png", noise(1, 64, 64)[0])
    write_json(tmp_path / "manifest.json", {"pictures": {"pictures/a": {"author": "A", "licence": "CC0"}}})
    weights_file.write(start, initial_flow_values(SMALL, 5), {"credits": "B (CC0)"})
    result = run(tmp_path / "out", images=str(pictures), weights=str(start), match_steps=0, flow_steps=0)
    assert result["pictures"] == str(pictures) and result["initial_weights"] == sha256_file(start)
    notes = weights_file.metadata(tmp_path / "out" / "flow.safetensors")
    assert notes["credits"] == "A (CC0), B (CC0)"
    found = weights_file.read(tmp_path / "out" / "flow.safetensors")
    assert all((found[name] == value).all() for name, value in initial_flow_values(SMALL, 5).items())
