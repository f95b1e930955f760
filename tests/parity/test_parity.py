"""The referee's parts, and the referee itself on faults that are planted and on clean networks."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import PADDLE_FAULT

from vsrlib import cli
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, write_json
from vsrlib.data.clips import Clip, write_clip
from vsrlib.kernels import jittor_env
from vsrlib.networks import architecture
from vsrlib.networks.backend import Backend, backend_of
from vsrlib.networks.network import Network
from vsrlib.networks.weights import weights_file
from vsrlib.parity import check, comparison, operations, referee, report, structure, trajectories, worker
from vsrlib.parity import recorder as parity_recorder
from vsrlib.parity.comparison import FAR, K, distance, measure, ruling
from vsrlib.parity.faults import FAULTS
from vsrlib.parity.network import TINY, away_from_kinks, random_values
from vsrlib.parity.options import CheckOptions, ParityOptions
from vsrlib.parity.recorder import FED, REFERENCE, Recorder, Store

RNG = np.random.default_rng(0)
FEW = ["dilation dropped", "x and y of the flow swapped", "zero gradient"]
NO_JITTOR = jittor_env.why_unusable()


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers without processes: importing PyTorch anew for each would take longer than their work."""
    monkeypatch.setattr(check, "work", lambda side, jobs, folder, double=False: worker.run(side, double, jobs))


# The parts


def test_measures_of_known_errors() -> None:
    reference = np.array([3.0, -4.0, 0.0])
    found = measure(np.array([3.0, -4.0, 0.5], np.float32), reference)
    assert found["largest"] == 0.5 and found["relative_l2"] == pytest.approx(0.1)
    assert found["cosine"] == pytest.approx(25 / np.sqrt(25 * 25.25))
    one = np.array([1.0, 1.0], np.float32)
    assert measure(np.nextafter(one, np.float32(2)), one.astype(np.float64))["ulp"] == pytest.approx(1)
    same = {"largest": 0, "relative_l2": 0, "ulp": 0, "cosine": pytest.approx(1)}
    assert measure(one, one.astype(np.float64)) == same


@pytest.mark.parametrize(
    "value, wanted", [(np.zeros(3), 0.0), (np.array([0, 1e-30, 0]), 1.0), (np.full(3, np.nan), FAR), (np.zeros(4), FAR)]
)
def test_distance_to_a_reference_of_zeros_and_of_what_has_none(value: np.ndarray, wanted: float) -> None:
    assert distance(value, np.zeros(3), np.zeros(3)) == wanted


def test_rule_lets_rounding_pass_and_a_fault_on_either_side_not() -> None:
    reference = RNG.standard_normal(10000)
    first, second = (
        reference.astype(np.float32),
        (reference * (1 + 1e-7 * RNG.standard_normal(10000))).astype(np.float32),
    )
    assert ruling(first, second, reference).ratio < K
    wrong = (reference * 1.001).astype(np.float32)
    for pair in ((first, wrong), (wrong, first)):
        assert ruling(*pair, reference).ratio > K
        # with the larger of the two distances, as the rule was first worded, no fault of any size could fail
        found = ruling(*pair, reference)
        assert found.difference <= 2 * max(found.first, found.second)


def _with(value: float) -> np.ndarray:
    return np.array([1.0, value, 3.0], np.float32)


@pytest.mark.parametrize(
    ("first", "second", "reference"),
    [
        (_with(np.nan), _with(np.nan), _with(2.0)),
        (_with(np.inf), _with(np.inf), _with(2.0)),
        (_with(2.0), _with(2.1), _with(np.nan)),
        (_with(2.0), _with(2.0), _with(np.inf)),
        (_with(2.0), _with(np.nan), _with(2.0)),
        (_with(2.0)[:2], _with(2.0)[:2], _with(2.0)),
        (np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32), _with(2.0)),
        (_with(2.0), _with(2.0), np.zeros((0, 0))),
    ],
)
def test_two_that_are_equally_unusable_do_not_agree(
    first: np.ndarray, second: np.ndarray, reference: np.ndarray, tmp_path: Path
) -> None:
    for pair in ((first, second), (second, first)):
        assert ruling(*pair, reference).ratio == FAR
        found = comparison.compare_gradients({"down | a": reference}, *({"down | a": side} for side in pair))
        assert [one["place"] for one in found["departures"]] == ["down | a"]


def test_what_both_sides_leave_out_departs(tmp_path: Path) -> None:
    store = Store(tmp_path, "one")
    name = store.put(_with(2.0))
    store.close()
    whole = {"step": "down", "occurrence": 0, "within": "", "started": 0, "ended": 1, "constants": [], "inputs": []}
    whole |= {"outputs": [name], "pulls": [name]}
    without = whole | {"outputs": [], "pulls": []}
    departures = comparison.compare_steps([whole], [[without], [without]], Store(tmp_path))["departures"]
    assert [one["kind"] for one in departures] == ["forward", "backward"]
    assert len(comparison.compare_gradients({"down | a": _with(2.0)}, {}, {})["departures"]) == 1


def test_store_keeps_equal_arrays_once_and_gives_them_back(tmp_path: Path) -> None:
    store = Store(tmp_path, "one")
    arrays = [RNG.random((2, 3)), np.zeros((0, 4), np.float32), np.float32(3).reshape(()), RNG.random((2, 3))]
    names = [store.put(array) for array in (*arrays, arrays[0])]
    store.close()
    assert names[0] == names[4] and len(set(names)) == 4
    other = Store(tmp_path, "two")
    assert other.put(arrays[0]) == names[0]
    other.close()
    for array, name in zip(arrays, names):
        found = Store(tmp_path).get(name)
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype


def test_trees() -> None:
    tree = {"a": [1.5, "b", (2.5, None)], "c": 3}
    wanted = [1.5, 2.5]
    assert parity_recorder.leaves(tree, lambda leaf: isinstance(leaf, float)) == wanted
    assert parity_recorder.replace(tree, lambda leaf: -leaf, lambda leaf: isinstance(leaf, float)) == {
        "a": [-1.5, "b", (-2.5, None)],
        "c": 3,
    }
    assert parity_recorder.constants(tree, lambda leaf: isinstance(leaf, float)) == ["a='b'", "a=None", "c=3"]


@pytest.mark.parametrize("align_corners", [True, False])
def test_no_sample_lies_at_a_pixel_and_hardly_any_is_moved(align_corners: bool) -> None:
    x, flow = RNG.random((1, 2, 9, 11), dtype=np.float32), RNG.standard_normal((1, 2, 9, 11)).astype(np.float32)
    flow[:, :, :3] = np.round(flow[:, :, :3])
    moved = away_from_kinks("warp.sample.2", [x, flow], ["'zeros'", str(align_corners)])[1]
    place = np.arange(11) + moved[:, 0].astype(np.float64)
    if not align_corners:
        place = place * 11 / 10 - 0.5
    assert np.abs(place - np.round(place)).min() > 1e-3
    assert np.abs(moved - flow).max() < 5e-3
    assert away_from_kinks("resize", [x, flow], [])[1] is flow


def _toy(recorder: Recorder, backend: Backend, fault: bool) -> object:
    """Two steps with something between them, in any framework."""
    double = recorder.step("double", lambda x: x * 2, pulled=True)
    square = recorder.step("square", lambda x: x * (x if not fault else backend.detached(x)), pulled=True)
    x = backend.leaf(backend.tensor(np.linspace(-1, 1, 20)))
    return x, (square(double(x) + 1)).sum()


def test_an_error_stays_in_its_step_and_the_gradient_is_the_references(tmp_path: Path) -> None:
    records = {}
    for who, double, fault in (("reference", True, False), ("sound", False, False), ("faulty", False, True)):
        backend, store = backend_of("torch", double), Store(tmp_path, who)
        script = None if who == "reference" else (records["reference"], store)
        recorder = Recorder(backend, REFERENCE if who == "reference" else FED, script)
        x, loss = _toy(recorder, backend, fault)
        records[who] = recorder.finish(store)
        store.close()
        gradient = backend.array(backend.gradients(loss, [x])[0])
        wanted = 4 * (2 * np.linspace(-1, 1, 20) + 1)
        np.testing.assert_allclose(gradient, wanted / 2 if fault else wanted, rtol=1e-6)
    found = comparison.compare_steps(records["reference"], [records["sound"], records["faulty"]], Store(tmp_path))
    assert [(one["place"], one["kind"]) for one in found["departures"]] == [("square", "backward")]
    assert comparison.compare_steps(records["reference"], [records["sound"]] * 2, Store(tmp_path))["departures"] == []
    without = [entry for entry in records["sound"] if entry["step"] != "double"]
    missing = comparison.compare_steps(records["reference"], [records["sound"], without], Store(tmp_path))["departures"]
    assert missing[0]["kind"] == "structure" and "double" in missing[0]["says"]


def test_gradients_and_structure_by_name() -> None:
    reference = {"down | a": RNG.standard_normal(50), "down | b": np.zeros(3)}
    sound = {name: value.astype(np.float32) for name, value in reference.items()}
    assert comparison.compare_gradients(reference, sound, sound)["departures"] == []
    faulty = sound | {"down | b": np.full(3, 1e-9, np.float32)}
    assert [one["place"] for one in comparison.compare_gradients(reference, sound, faulty)["departures"]] == [
        "down | b"
    ]
    departures = comparison.compare_structure({"a: stride": 1}, {"a: stride": 1}, {"a: stride": 2, "b: slope": 0.1})
    assert [one["place"] for one in departures] == ["a", "b"]


# The network, its optimiser and its operations


def test_structure_is_what_the_network_does() -> None:
    network = Network("torch", backend_of("torch"), TINY, "cpu", "pure")
    network.load(random_values(TINY, 0))
    found = structure.describe(network)
    layer = "flow_net.moduleNetwork.moduleRefiner.moduleMain.8"
    assert found[f"{layer}: dilation"] == [16, 16] and found[f"{layer}: rows of the answer"] == [2, 18, 34]
    assert found["in_conv.0: shape of weight"] == [8, 3, 3, 3]
    assert found["flow_net.moduleNetwork.moduleExtractor.moduleOne.1: answer to -1, -1/4, 1/4, 1"] == [
        -0.1,
        -0.025,
        0.25,
        1.0,
    ]
    assert {name: value for name, value in found.items() if name.startswith("optimiser")} == {
        "optimiser: rate": 1e-4,
        "optimiser: epsilon in the first step": 1e-8,
        "optimiser: epsilon in the second step": 1e-8,
        "optimiser: beta1": 0.9,
        "optimiser: beta2": 0.999,
        "optimiser: rate of the first group, as made": 0.25,
        "optimiser: rate of the second group, as made": 0.5,
        "optimiser: rate of the first group, set anew": 0.12,
        "optimiser: rate of the second group, set anew": 0.062,
        **{
            f"optimiser: way of the {which} group's values without gradient, {when}": 0.0
            for which in ("first", "second")
            for when in ("as made", "set anew")
        },
    }
    assert found["cycle: recons_down of two windows is that of each"] is True
    assert found["blur_down: image of two windows is that of each"] is True
    for name, value in network.state().items():  # the probe of the optimiser leaves no trace
        np.testing.assert_array_equal(value, random_values(TINY, 0)[name])
    assert set(network.state()) == set(architecture.parameter_shapes(TINY))


def test_atlas_sees_one_wrong_value_and_excuses_a_kink() -> None:
    shape = {"output": (3,), "gradient 1": (3,), "gradient 2": (3,)}
    reference = {
        f"{name} | {case} | {part}": np.ones(size)
        for name in operations.OPERATIONS
        for case in ("some", "at whole pixels")
        for part, size in shape.items()
    }
    first = {name: value.astype(np.float32) for name, value in reference.items()}
    second = dict(first)
    second["ReLU | some | gradient 1"] = np.float32([1, 1, 1.001])
    second["sample, zeros, align_corners=True | at whole pixels | gradient 2"] = np.float32([1, 1, 2])
    found = operations.compare(reference, first, second)
    assert [name for name, one in found.items() if one["differs"]] == ["ReLU"]
    assert (found["ReLU"]["worst"]["case"], found["ReLU"]["worst"]["of"]) == ("some", "gradient 1")
    assert found["sample, zeros, align_corners=True"]["at a kink"]["difference"] > 0.1


# Training, and what a user gets


def test_trajectories_inside_and_outside_their_band() -> None:
    start = {"a": RNG.random(50).astype(np.float32)}
    near = trajectories.one_ulp_apart(start, 0)
    assert (near["a"] != start["a"]).all() and np.allclose(near["a"], start["a"], rtol=2e-7)
    reference = ([1.0, 0.9], {1: {"a": start["a"] + np.float32(0.1)}, 2: {"a": start["a"] + np.float32(0.2)}})
    control = [([1.0 + 1e-6, 0.9 + 1e-6], {s: {"a": v["a"] * np.float32(1 + 1e-6)} for s, v in reference[1].items()})]
    other = ([1.0 + 2e-6, 0.9], {s: {"a": v["a"] * np.float32(1 - 2e-6)} for s, v in reference[1].items()})
    assert trajectories.compare(start, reference, other, control)["inside"]
    away = ([1.0, 0.9], reference[1] | {2: {"a": start["a"] + np.float32(0.21)}})
    found = trajectories.compare(start, reference, away, control)
    assert not found["inside"] and found["steps"][2]["weights"]["other"] == pytest.approx(0.05, rel=0.01)


@pytest.mark.parametrize("who", ["reference", "other", "control", "other and control"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_training_that_is_not_finite_is_outside_its_band(who: str, value: float, tmp_path: Path) -> None:
    """Also where the control's is not, either; and what was found can be written."""
    start = {"a": RNG.random(50).astype(np.float32)}
    sides = {name: ([1.0, 0.9], {2: {"a": start["a"] + np.float32(0.1)}}) for name in ("reference", "other", "control")}
    assert trajectories.compare(start, sides["reference"], sides["other"], [sides["control"]])["inside"]
    for name in who.split(" and "):
        sides[name] = ([1.0, value], {2: {"a": sides[name][1][2]["a"] * np.float32(value)}})
    found = trajectories.compare(start, sides["reference"], sides["other"], [sides["control"]])
    assert not found["inside"] and found["steps"][2]["loss"]["ratio"] == comparison.FAR
    write_json(tmp_path / "trajectories.json", found)
    assert read_json(tmp_path / "trajectories.json")["losses"]["reference"][0] == 1.0


def test_a_gradient_beyond_the_bound_is_explained_only_by_agreement_at_the_references_point() -> None:
    reference = {
        "recons": RNG.random((1, 3, 8, 8)),
        "kernel": np.ones((1, 1, 2, 2)) / 4,
        "loss total": np.array(1.0),
        "gradient a": np.ones(4),
        "gradient b": np.ones(4),
    }
    first = {name: value.astype(np.float32) for name, value in reference.items()}
    second = first | {"gradient a": np.float32([1, 1, 1, 1.01]), "gradient b": np.float32([1, 1, 1, 1.01])}
    at_point = {"down | a": {"ratio": 1.0}, "down | b": {"ratio": 1e5}}
    found = comparison.compare_outputs(reference, first, second, at_point)["gradients"]
    assert (found["count"], found["within"]) == (2, 0)
    assert [one["explained"] for one in found["beyond"]] == [True, False]


@pytest.mark.parametrize(
    "options, words", [({"preset": "huge"}, "huge"), ({"height": 30}, "multiples of 4"), ({"steps": -1}, "steps")]
)
def test_wrong_options_are_named(options: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        ParityOptions(**options)


def test_without_jittor_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(referee, "why_not", lambda framework: "there is none here")
    result = referee.compare(tmp_path, ParityOptions(steps=0))
    assert report.text(result) == "The frameworks were not compared because there is none here.\n"
    assert (tmp_path / "parity.json").is_file()


# The check of the checker


def test_a_few_faults_are_found_and_three_clean_runs_are_silent(tmp_path: Path, in_this_process: None) -> None:
    result = check.check(tmp_path, CheckOptions(runs=3, second="torch"), FEW)
    assert [one["found"] for one in result["faults"]] == [True] * 3, check.text(result)
    assert result["false_alarms"] == 0, check.text(result)
    assert "3 of 3 planted faults" in (tmp_path / "parity_check.txt").read_text()


def test_the_bound_of_the_psnr_difference_holds_for_any_truth() -> None:
    rng = np.random.default_rng(0)
    first = rng.random((3, 32, 32))
    second = np.clip(first + 1e-4 * rng.standard_normal(first.shape), 0, 1)
    bound = comparison._levels(first, second)["psnr_difference_at_most"]
    for truth in (first + 0.01 * rng.choice([-1, 1], first.shape), rng.random(first.shape), 2 * second - first + 0.01):
        errors = [np.sqrt(np.mean((side - truth) ** 2)) for side in (first, second)]
        assert max(errors) >= 10 ** (-comparison.TYPICAL_PSNR / 20)
        assert abs(20 * np.log10(errors[0] / errors[1])) <= bound
    assert comparison._levels(first, 1 - first)["psnr_difference_at_most"] is None  # too far apart for any bound
    assert comparison._levels(first, first)["psnr_difference_at_most"] == 0
    for broken in (np.full_like(first, np.nan), first[:2]):  # both sides the same, which is no agreement
        found = comparison._levels(broken, broken if broken.shape == first.shape else first)
        assert (found["largest"], found["share"], found["psnr_difference_at_most"]) == (255, 1, None)


@pytest.mark.slow
def test_every_fault_is_found_in_its_place(tmp_path: Path, in_this_process: None) -> None:
    assert cli.main(["parity-check", str(tmp_path), "--second", "torch", "--runs", "1", "--seed", "1000"]) == 0
    result = read_json(tmp_path / "parity_check.json")
    assert result["found"] == len(FAULTS) >= 10 and len(result["clean"]) == 1, check.text(result)
    assert (tmp_path / "parity_check.txt").read_text() == check.text(result)


@pytest.mark.slow
@pytest.mark.jittor
@pytest.mark.skipif(NO_JITTOR is not None, reason=f"Jittor is unusable here because {NO_JITTOR}")
def test_every_fault_is_found_in_jittor_and_clean_runs_are_silent(tmp_path: Path) -> None:
    assert cli.main(["parity-check", str(tmp_path), "--runs", "2"]) == 0
    result = read_json(tmp_path / "parity_check.json")
    assert result["found"] == len(FAULTS) and result["sides"] == ["torch", "jittor"], check.text(result)
    assert result["false_alarms"] == 0 and len(result["clean"]) == 2, check.text(result)


@pytest.mark.slow
@pytest.mark.jittor
@pytest.mark.skipif(NO_JITTOR is not None, reason=f"Jittor is unusable here because {NO_JITTOR}")
def test_the_two_networks_agree(tmp_path: Path) -> None:
    # Random weights and frames of its own are what notebook 06 compares by default; tests/study/test_batch.py runs it.
    weights_file.write(tmp_path / "tiny.safetensors", random_values(TINY, 7))
    write_clip(tmp_path / "clips" / "a", Clip("a", RNG.integers(0, 256, (6, 36, 40, 3), dtype=np.uint8)))
    given = ["--weights", str(tmp_path / "tiny.safetensors"), "--frames", str(tmp_path / "clips"), "--size", "32x36"]
    assert cli.main(["parity", str(tmp_path / "out"), "--steps", "3", "--starts", "2", *given]) == 0
    result = read_json(tmp_path / "out" / "parity.json")
    assert result["weights"]["path"] == "../tiny.safetensors" and result["options"]["frames"] == "../clips"
    assert (tmp_path / "out" / "parity.txt").read_text() == report.text(result)
    assert result["agree"] and result["first"] is None, report.text(result)
    assert not [name for name, one in result["operations"].items() if one["used"] and one["differs"]]
    assert result["finals"]["recons"]["difference"] < 1e-5 and result["finals"]["recons"]["levels"]["largest"] <= 1
    assert all(one["explained"] for one in result["finals"]["gradients"]["beyond"])


@pytest.mark.slow
@pytest.mark.paddle
@pytest.mark.skipif(PADDLE_FAULT is not None, reason=f"PaddlePaddle is unusable here because {PADDLE_FAULT}")
def test_paddlepaddle_is_judged_and_its_faults_are_found(tmp_path: Path) -> None:
    """All of its faults and clean runs take minutes: figures/parity/paddle has what they gave."""
    assert cli.main(["parity", str(tmp_path), "--second", "paddle", "--steps", "2", "--starts", "1"]) == 0
    result = read_json(tmp_path / "parity.json")
    assert result["sides"] == ["torch", "paddle"] and result["agree"], report.text(result)
    assert "PaddlePaddle" in report.text(result) and "Jittor" not in report.text(result)
    assert not [name for name, one in result["operations"].items() if one["used"] and one["differs"]]
    assert all(one["explained"] for one in result["finals"]["gradients"]["beyond"])
    result = check.check(
        tmp_path, CheckOptions(runs=0, second="paddle"), ["zero gradient", "other slope", "Adam with another epsilon"]
    )
    assert all(one["found"] for one in result["faults"]), check.text(result)


def test_the_commands_exit_status_says_that_something_departs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"agree": False, "found": 1, "faults": [1, 2], "false_alarms": 0}
    for module in (referee, check):
        monkeypatch.setattr(module, "compare" if module is referee else "check", lambda *_: found)
    monkeypatch.setattr(report, "text", lambda result: "")
    monkeypatch.setattr(check, "text", lambda result: "")
    assert cli.main(["parity", str(tmp_path)]) == cli.main(["parity-check", str(tmp_path)]) == 1
    found |= {"agree": True, "found": 2}
    assert cli.main(["parity", str(tmp_path)]) == cli.main(["parity-check", str(tmp_path)]) == 0
    found["false_alarms"] = 1
    assert cli.main(["parity-check", str(tmp_path)]) == 1


@pytest.mark.parametrize(("command", "module"), [("parity", referee), ("parity-check", check)])
def test_a_command_that_compared_nothing_does_not_end_well(
    command: str, module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script took its status for agreement. The library, which a study goes on with, returns as before."""
    monkeypatch.setattr(module, "why_not", lambda framework: "no g++ was found." if framework == "jittor" else None)
    assert cli.main([command, str(tmp_path)]) == 2
    said, file = capsys.readouterr(), tmp_path / module.JSON
    assert said.out == ""
    assert f"PyTorch and Jittor were not compared because no g++ was found, which {file} says as well; " in said.err
    assert "`vsrlib doctor` gives the command that mends it." in said.err
    assert read_json(file)["skipped"] == "because no g++ was found."


def test_a_gradient_that_is_cut_between_two_steps_is_said_to_be() -> None:
    first = {"place": "down | a", "kind": "gradient", "says": "the gradient of down | a differs"}
    told = report._verdict({"agree": False, "first": first})
    assert told == (
        "Every layer alone is as it should be, and the gradient of down | a differs: a gradient is cut, or let "
        "through, between two of them."
    )


def test_frames_that_hold_no_window_are_named_as_the_size_is_given(tmp_path: Path) -> None:
    write_clip(tmp_path / "a", Clip("a", np.zeros((5, 32, 24, 3), np.uint8)))
    with pytest.raises(UserError, match="are 32x24, height by width, and windows of 16x28 were asked for; give a size"):
        referee.compare(tmp_path / "out", ParityOptions(frames=str(tmp_path), height=16, width=28))
