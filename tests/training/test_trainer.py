"""The trainer by itself: what a step is told and leaves, and what is validated, kept, written and gone on with."""

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from training_fixture import BAD, COUNTED, COUNTER, PSNR, counting_trainers, log

from vsrlib.common.errors import UserError
from vsrlib.common.files import sha256_bytes, sha256_file
from vsrlib.networks.architecture import PARTS
from vsrlib.networks.distributed import ALONE, Batch, Team
from vsrlib.networks.weights import weights_file
from vsrlib.training import checkpoint, trainer
from vsrlib.training.learning import NotFinite, parameter_groups, train_at
from vsrlib.training.trainer import Trainer

Make = Callable[..., Trainer]


class Second(Team):
    """The second process of two, which is told the scores of the first."""

    rank, size = 1, 2

    def told(self, value: Any) -> dict[str, float]:
        assert value is None
        return {"psnr": 20.0, "cycle": 0.5}


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    return counting_trainers(tmp_path, monkeypatch)


def done(one: Trainer, every: int = 0) -> Trainer:
    """Begun, and run to the end."""
    one.begin()
    one.run(every, progress=False)
    return one


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def counted(one: Trainer, kind: str = "") -> float:
    """How many steps the weights in a file have counted."""
    return float(weights_file.read(one.output / f"weights{kind}.safetensors")[COUNTER][0])


def test_every_part_learns_at_its_rate_which_is_halved(make: Make) -> None:
    one = done(make(steps=4, halve_every=2))
    rates = [0.25 if part == "flow_net" else 0.5 for part in PARTS]
    groups = [([f"{part}.weight"], rate) for part, rate in zip(PARTS, rates)]
    assert one.optimiser.made_with == (groups, 3.0, 4.0, ALONE)
    assert one.optimiser.rates == [rates] * 2 + [[rate / 2 for rate in rates]] * 2
    assert [line["learning_rate"] for line in one.log] == [0.5, 0.5, 0.25, 0.25]


def test_a_flow_network_without_a_rate_is_not_trained(make: Make) -> None:
    for rate, fixed in ((0.0, True), (0.25, False)):
        one = done(make(flow_learning_rate=rate, steps=1))
        learning = {name for group, _ in one.optimiser.made_with[0] for name in group}
        assert ("flow_net.weight" in learning) is not fixed and "kernel_net.weight" in learning
        assert [told[3] for told in one.optimiser.taken] == [fixed]


def test_a_group_has_the_parameters_of_its_part_alone() -> None:
    network: Any = SimpleNamespace(state=lambda: dict.fromkeys(["a.x", "ab.x", "b.a.x", "a.y"]))
    assert parameter_groups(network, {"a": 1.0, "b": 2.0}) == [(["a.x", "a.y"], 1.0), (["b.a.x"], 2.0)]


@pytest.mark.parametrize(
    ("precision", "called"), [("float32", []), ("bfloat16", ["parts"]), ("tf32", ["products on cuda"])]
)
def test_a_precision_is_that_of_the_parts_or_of_all_products(
    monkeypatch: pytest.MonkeyPatch, precision: str, called: list[str]
) -> None:
    from vsrlib.networks import torch_precision  # here, because the tests of other frameworks do without torch

    found: list[str] = []
    monkeypatch.setattr(torch_precision, "reconstruct_in_bfloat16", found.append)
    monkeypatch.setattr(torch_precision, "allow_tf32", lambda device: found.append(f"products on {device}"))
    train_at(precision, SimpleNamespace(module="parts", device="cuda"))  # type: ignore[arg-type]
    assert found == called


def test_a_step_is_told_its_share_and_the_loss_of_the_flow(make: Make) -> None:
    class First(Team):
        size = 2

        def share(self, batch: Batch) -> tuple[Batch, float]:
            return Batch(batch.low * 2), 0.25

        def total(self, values: dict[str, float]) -> dict[str, float]:
            return {name: value + 1000 for name, value in values.items()}

    one = done(make(steps=2, team=First(), supervision=SimpleNamespace(loss=lambda step: f"flow {step}")))
    told = [(objective, batch.low[0], *others) for objective, batch, *others in one.optimiser.taken]
    assert told == [("supervised", 16.0, 0.25, False, "flow 1"), ("supervised", 14.0, 0.25, False, "flow 2")]
    assert [line["total"] for line in one.log] == [1016.0, 1014.0]
    assert [flow for *_, flow in done(make(steps=2)).optimiser.taken] == [None, None]


def test_the_log_has_a_line_for_each_step_that_was_taken(make: Make) -> None:
    """It is in the file, whole, before anybody is told of the step."""
    told = []
    one = make([8.0, BAD, BAD, 5.0], steps=4)
    one.events = lambda lines, scores, _: told.append((len(log(one.output)) if lines else 0, len(lines), len(scores)))
    done(one)
    times = {"learning_rate": 0.5, "seconds": 2.5, "wait_seconds": 2.0}
    ends = (
        {"step": 1, "total": 8.0, **times, "skipped_steps": 0},
        {"step": 4, "total": 5.0, **times, "skipped_steps": 2},
    )
    assert one.log == log(one.output) == list(ends)
    assert told == [(0, 0, 1), (1, 1, 1), (2, 2, 1), (2, 2, 2)]  # of the validations, too
    assert (one.step, one.skipped, one.optimiser.updates) == (4, [2, 3], 2)
    digest = ""
    for number in (1, 2, 3, 4):
        digest = sha256_bytes(f"{digest}batch {number}".encode())
    assert one.batches == digest


@pytest.mark.parametrize("before", [[], [8.0], [BAD, BAD, 8.0], [BAD, 8.0, BAD, 7.0]])
def test_three_steps_in_a_row_that_are_not_finite_end_a_training(make: Make, before: list[float]) -> None:
    one, good = make([*before, BAD, BAD, BAD, 1.0, 1.0], steps=9), len(before)
    with pytest.raises(NotFinite, match=f"of the steps {good + 1} to {good + 3} were not .* which is 3 in a row"):
        done(one)
    assert one.step == good + 3 and not (one.output / "weights.safetensors").exists()


def test_a_training_needs_one_finite_step(make: Make) -> None:
    with pytest.raises(NotFinite, match="None of the 2 steps had finite losses"):
        done(make([BAD, BAD], steps=2))
    assert counted(done(make([BAD, BAD, 1.0], steps=3))) == 1


@pytest.mark.parametrize(
    ("steps", "every", "at"), [(5, 0, [0, 5]), (5, 2, [0, 2, 4, 5]), (6, 2, [0, 2, 4, 6]), (3, 1, [0, 1, 2, 3])]
)
def test_validations_are_before_after_and_as_often_as_asked(make: Make, steps: int, every: int, at: list[int]) -> None:
    watched, told = [], []
    one = make(steps=steps, validate_every=every, watch=lambda *given: watched.append(given[1][-1]["step"]))
    one.events = lambda *given: told.append(given)
    done(one)
    assert one.validation.of == [score["step"] for score in one.validations.scores] == watched == at
    assert [score["psnr"] for score in one.validations.scores] == [PSNR[step] for step in at]
    assert len(told) == steps + len(at) and told[-1] == (one.log, one.validations.scores, 19.0)


@pytest.mark.parametrize(("every", "at"), [(0, [5]), (2, [2, 4, 5]), (5, [5]), (9, [5])])
def test_checkpoints_are_at_the_end_and_as_often_as_asked(
    make: Make, monkeypatch: pytest.MonkeyPatch, every: int, at: list[int]
) -> None:
    written = []
    monkeypatch.setattr(checkpoint, "write", lambda *given: written.append(given[2]["step"]))
    done(make(steps=5), every)
    assert written == at


@pytest.mark.parametrize(("patience", "end"), [(0, 6), (1, 2), (2, 3), (3, 6)])
def test_patience_ends_a_training_after_so_many_validations_that_are_no_better(
    make: Make, patience: int, end: int
) -> None:
    """The same score is no better; a better one lets the count begin anew."""
    one = done(make(validate_every=1, psnr=[20.0, 22.0, 21.0, 22.0, 23.0, 23.0, 23.0], patience=patience))
    assert one.step == end == checkpoint.read(one.output)[1]["step"] == one.result()["steps_done"]
    assert one.result()["stopped_early"] == (end < 6)


def test_an_average_is_what_is_validated_kept_and_written_and_changes_no_step(make: Make) -> None:
    """After s steps it has counted s - 1 + 2^-s."""
    one = done(make(steps=5, validate_every=1, ema=0.5), every=1)
    averages = [step - 1 + 0.5**step for step in range(6)]
    assert one.validation.of == averages and counted(one) == averages[5] == one.average.values[COUNTER][0]
    assert one.network.values[COUNTER][0] == 5
    # The scores are those of the next whole number of steps.
    assert one.validations.best == {"psnr": {"step": 5, "value": 24.0}, "cycle": {"step": 5, "value": 0.125}}
    arrays = checkpoint.read(one.output)[0]
    assert [arrays[f"{kind}.{COUNTER}"][0] for kind in ("weights", "average", "first")] == [5, averages[5], 5]
    assert done(make(steps=5, output="plain")).average is None


def test_the_best_weights_by_each_score_are_kept(make: Make) -> None:
    one = done(make(steps=4, validate_every=1))
    assert (counted(one), counted(one, "_best_psnr"), counted(one, "_best_cycle")) == (4, 3, 2)
    assert {name: best["step"] for name, best in one.result()["best"].items()} == {"psnr": 3, "cycle": 2}


def test_a_file_of_weights_notes_the_network_and_whose_pictures_are_in_it(make: Make) -> None:
    notes = {"preset": "study", "align_corners": "false"}
    for credits, noted in ((None, {}), ("", {}), ("A (CC0)", {"credits": "A (CC0)"})):
        one = done(make(steps=1, credits=credits))
        for file in ("weights", "weights_best_psnr"):
            assert weights_file.metadata(one.output / f"{file}.safetensors") == notes | noted


@pytest.mark.parametrize(("steps", "ends"), [(4, (4.0, 1.0)), (19, (19.0, 1.0)), (20, (19.5, 1.5)), (30, (29.0, 2.0))])
def test_the_result_has_the_mean_losses_of_the_first_and_the_last_tenth(
    make: Make, steps: int, ends: tuple[float, float]
) -> None:
    one = done(make([float(loss) for loss in range(steps, 0, -1)], steps, psnr=[20.0] * 31, cycle=[0.5] * 31))
    found = one.result()
    assert (found["first_loss"], found["last_loss"]) == ends
    assert (found["seconds"], found["wait_seconds"], found["seconds_per_step"]) == (2.5 * steps, 2.0 * steps, 0.5)
    assert {name: found[name] for name in COUNTED} == COUNTED and found["stopped_early"] is False
    assert (found["validation"], found["validation_bicubic"]) == (one.validations.scores, 19.0)
    assert (found["steps_done"], found["batches"], found["epochs_begun"]) == (steps, one.batches, 3)
    assert found["weights"]["sha256"] == sha256_file(one.output / found["weights"]["path"])
    with pytest.raises(AssertionError, match="process 0 has the result"):
        make(team=Second()).result()


def test_the_bar_shows_the_last_loss_and_score(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told them without being drawn, which it does when it is time."""
    made, shown = [], []
    bar = SimpleNamespace(update=lambda: shown.append("one more"), set_postfix_str=lambda *a, **b: shown.append((a, b)))
    monkeypatch.setattr(trainer, "progress_bar", lambda *given: made.append(given) or nullcontext(bar))
    losses, psnr = [BAD, 7.0, 6.0, 5.0], [20.0, 22.0, math.nan, 23.0]
    done(make(losses, steps=4, validate_every=1, psnr=psnr))
    words = ["no loss, 20.00 dB", "loss 7.0000, 22.00 dB", "loss 6.0000", "loss 5.0000, 23.00 dB"]
    assert shown[::2] == [((text,), {"refresh": False}) for text in words] and shown[1::2] == ["one more"] * 4
    assert made == [(4, "train torch Gaussian", "step", False, 0)]


LEFT = (
    "curves.svg", "curves.png", "weights.safetensors", "train.json", "weights_best_psnr.safetensors", "log.jsonl",
    "weights_best_cycle.safetensors", "checkpoint.safetensors", "checkpoint.previous.safetensors", "former/train.json",
    "validation/00000007.png", "tensorboard/events.out.tfevents.1",
)  # fmt: skip


def test_what_an_earlier_training_left_is_removed_and_nothing_else(make: Make, tmp_path: Path) -> None:
    kept = ("notes.txt", "validation/notes.txt", "tensorboard/notes.txt")
    for name in (*LEFT, *kept):
        (tmp_path / "run" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "run" / name).touch()
    before = files(tmp_path)
    make(team=Second()).begin()
    assert files(tmp_path) == before  # that is the first process's
    make().begin()
    assert set(files(tmp_path / "run")) == {*kept, "weights_best_psnr.safetensors", "weights_best_cycle.safetensors"}


def test_a_folder_that_is_not_there_is_made(make: Make) -> None:
    one = make(output="folder/of/a run")
    one.begin()
    assert counted(one, "_best_psnr") == 0


def test_the_first_process_alone_validates_writes_and_tells(make: Make) -> None:
    told: list[Any] = []
    one = make(steps=3, validate_every=1, team=Second(), ema=0.5, watch=told.append)
    one.events = told.append
    done(one, every=1)
    assert not one.output.exists() and told == [] and (one.step, one.network.values[COUNTER][0]) == (3, 3)
    assert [score["step"] for score in one.validations.scores] == [0, 1, 2, 3]


SKIPPING = [8.0, BAD, 6.0, 5.0, 4.0, 3.0]


@pytest.mark.parametrize("ema", [0.0, 0.5])
def test_a_training_that_is_gone_on_with_is_the_uninterrupted_one(make: Make, ema: float) -> None:
    """From a checkpoint of step 4, where the log and the best weights are already those of step 5."""
    asked = {"steps": 6, "validate_every": 1, "ema": ema, "psnr": [*PSNR[:4], 25.0, 24.0]}
    whole = done(make(SKIPPING, output="whole", **asked), every=4)
    cut = make(SKIPPING[:5], **asked)
    with pytest.raises(IndexError):  # there is no sixth batch
        done(cut, every=4)
    assert len(log(cut.output)) == 4 and counted(cut, "_best_psnr") == cut.validation.of[5]
    one = make(SKIPPING, **asked)
    one.resume()
    assert (one.step, one.resumed, len(one.log), len(log(one.output))) == (4, [4], 3, 3)
    assert counted(one, "_best_psnr") == cut.validation.of[4]
    one.run(4, progress=False)
    same = ("log", "skipped", "batches", "validations", "rates", "step")
    assert all(getattr(one, name) == getattr(whole, name) for name in same) and log(one.output) == one.log
    ended, theirs = files(one.output), files(whole.output)
    assert ended.keys() == theirs.keys()
    assert {name for name, data in ended.items() if data != theirs[name]} <= {checkpoint.FILE, checkpoint.PREVIOUS}
    (ours, facts), (arrays, then) = checkpoint.read(one.output), checkpoint.read(whole.output)
    assert facts == then | {"resumed": [4]} and all((ours[name] == value).all() for name, value in arrays.items())
    assert (one.result()["resumed"], one.optimiser.updates) == ([4], 5) and ours.keys() == arrays.keys()


def test_a_checkpoint_has_all_that_the_next_step_depends_on(make: Make) -> None:
    one = done(make(steps=3, validate_every=1, ema=0.5))
    arrays, facts = checkpoint.read(one.output)
    kinds = ("weights.", "average.", "best.2.", "best.3.")
    assert set(arrays) == {f"{kind}{part}.weight" for kind in kinds for part in PARTS} | {f"first.{COUNTER}"}
    assert facts == {
        "step": 3, "updates": 3, "options": one.options, "stream": {"shown": 3}, "judge": asdict(one.validations),
        "skipped_steps": [], "resumed": [], "batches": one.batches,
    }  # fmt: skip


def test_a_training_that_had_ended_goes_on_for_as_many_steps_or_more(make: Make, tmp_path: Path) -> None:
    ended = done(make(steps=4))
    for name in ("train.json", "curves.svg", "curves.png"):
        (ended.output / name).touch()
    with pytest.raises(UserError, match="is of step 4, and steps is 3; give at least as many"):
        make(steps=3).resume()
    before = files(tmp_path)
    second = make(steps=4, team=Second())
    second.resume()
    assert files(tmp_path) == before and (second.step, second.log, second.best) == (4, [], {})
    for steps in (4, 6):
        one = make(steps=steps)
        one.resume()
        assert not {"train.json", "weights.safetensors", "curves.svg", "curves.png"} & set(files(one.output))
        assert (one.output / "former" / "train.json").exists()
        one.run(0, progress=False)
        assert one.step == len(one.log) == counted(one) == steps


def test_best_weights_are_those_that_the_checkpoint_knows_of(make: Make) -> None:
    one = done(make(cycle=[math.nan] * 8))
    (one.output / "weights_best_cycle.safetensors").touch()
    make().resume()
    assert set(one.output.glob("weights*")) == {one.output / "weights_best_psnr.safetensors"}
    arrays, facts = checkpoint.read(one.output)
    checkpoint.write(one.output, {name: value for name, value in arrays.items() if "best" not in name}, facts)
    with pytest.raises(UserError, match="of an earlier version, which kept no best weights in it; leave out resume"):
        make().resume()
