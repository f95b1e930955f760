"""The ablation: each factor is the change that it says, and effects, power and words follow from the scores."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from vsrlib import cli, load_network
from vsrlib.claims.ablation import ablate
from vsrlib.claims.ablation.cases import RINGS, Case, Scores, embedded_cases, evaluate, own_cases
from vsrlib.claims.ablation.table import CLAIMED, SIDES, reach, table
from vsrlib.claims.ablation.trials import (
    CHANGED_DEFAULT,
    CONTROL,
    FACTORS,
    GAUSSIAN,
    NO_NEIGHBOURS,
    REALISTIC,
    Trial,
    altered,
    contrasts,
)
from vsrlib.common.errors import UserError
from vsrlib.data.degrade import degrade_clips
from vsrlib.data.synthetic.sets import ClipsOptions, write_clips
from vsrlib.networks import architecture
from vsrlib.networks.weights import weights_file
from vsrlib.report.charts import ablation

SIZE = (64, 64)
TWO_CLIPS = {"count": 2, "frames": 5, "height": 64, "width": 64, "speed": [2.0], "seed": 1}


def values(seed: int) -> dict[str, np.ndarray]:
    """Random weights whose flow is not all but zero, so that every factor shows."""
    drawn = architecture.initial_values(architecture.preset("study"), seed)
    heads = [name for name in drawn if ".moduleSix.0." in name and "moduleNetwork" in name]
    assert heads
    return drawn | {name: 4 * drawn[name] for name in heads}


@pytest.fixture(scope="module")
def network():
    return load_network("torch", values(3), "study", "cpu")


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return np.random.default_rng(5).random((5, 3, 40, 56), np.float32)


def restored(network, frames: np.ndarray) -> np.ndarray:
    return network.infer(frames)["recons"]


def test_nothing_altered_is_the_network_itself(network, frames) -> None:
    assert np.array_equal(restored(altered(network, ()), frames), restored(network, frames))


def test_the_changed_default_is_what_align_corners_false_computes(network, frames) -> None:
    other = load_network("torch", values(3), "study", "cpu", align_corners=False)
    assert np.array_equal(restored(altered(network, CHANGED_DEFAULT), frames), restored(other, frames))
    # and the right network is had back from it
    assert np.array_equal(restored(altered(other, ()), frames), restored(network, frames))


@pytest.mark.parametrize("factor", [name for name in FACTORS if name != NO_NEIGHBOURS])
def test_every_factor_changes_something_and_the_original_nothing(network, frames, factor: str) -> None:
    before = restored(network, frames)
    assert not np.array_equal(restored(altered(network, [factor]), frames), before)
    assert np.array_equal(restored(network, frames), before)


def test_without_flow_nothing_is_displaced(network, frames) -> None:
    # All neighbours at their own places: flows of zero, every mask open.
    still = altered(network, ["no flow"])
    first, second = (network.tensor(frame[None]) for frame in frames[:2])
    with network.backend.no_grad():
        flow = still.module.flow_net(first, second)
        features = still.module.features(second)
        warped, mask = still.module.warp(features, flow)
    assert float(flow.abs().max()) == 0
    assert float(mask.min()) == 1 and float((warped - features).abs().max()) < 1e-5 * float(features.abs().max())


def test_factors_are_for_pytorch_and_are_known(network) -> None:
    with pytest.raises(ValueError, match="unknown factors"):
        altered(network, ["precision"])


def test_cases_differ_in_motion_and_in_kernel() -> None:
    cases = embedded_cases([1], SIZE, 1, draws=2)
    assert [case.motion for case in cases] == ["no motion", "2 pixels a frame", "8 pixels a frame", "rotation"]
    still, moving = cases[0], cases[2]
    assert (still.high == still.high[0]).all() and not (moving.high == moving.high[0]).all()
    assert set(still.low) == {"Gaussian", "Realistic", "Realistic, draw 2"}
    assert not np.array_equal(still.low["Realistic"], still.low["Realistic, draw 2"])
    assert not np.array_equal(embedded_cases([2], SIZE, 1, 1)[2].high, moving.high)


def test_contrasts_need_their_weights_and_frames() -> None:
    everything = contrasts({GAUSSIAN, REALISTIC, GAUSSIAN + CONTROL}, {GAUSSIAN, REALISTIC, "Realistic, draw 2"})
    few = contrasts({GAUSSIAN}, {GAUSSIAN})
    assert len(few) == len(FACTORS) + 3 and {one.group for one in few} == {"Gaussian weights and frames"}
    assert len({(one.group, one.name) for one in everything}) == len(everything) > len(few)
    assert sum(one.group == "the control" for one in everything) == 1


def scores_with(effect: float, noise: float = 0.0) -> tuple[Scores, list]:
    """Scores in which zero flow costs 0.5 dB and every other change has `effect`."""
    chosen, rng, scores = contrasts({GAUSSIAN}, {GAUSSIAN}), np.random.default_rng(0), Scores()
    scores.names, scores.motions = [f"clip {i}" for i in range(12)], ["still", "moving"] * 6
    right = Trial(GAUSSIAN, (), GAUSSIAN)
    base = [list(rng.normal(30, 3, 3)) for _ in scores.names]
    scores.psnr[right] = base
    scores.bicubic[GAUSSIAN] = base
    for one in chosen:
        shift = -0.5 if one.one.factors == ("no flow",) else effect
        scores.psnr[one.one] = [[value + shift + noise * rng.normal() for value in clip] for clip in base]
    scores.rings = {trial: np.ones((RINGS, 2)) for trial in (right, Trial(GAUSSIAN, CHANGED_DEFAULT, GAUSSIAN))}
    return scores, chosen


def test_effects_are_paired_and_their_intervals_hold_them() -> None:
    scores, chosen = scores_with(-0.07, noise=0.01)
    result = ablate.summary(scores, chosen, np.random.default_rng(1))
    for one in result["effects"]:
        wanted = -0.5 if one["trial"]["factors"] == ("no flow",) else -0.07
        found = one["effect"]  # clips differ by decibels, and the paired difference is still exact to a hundredth
        assert found["low"] <= found["value"] <= found["high"] and abs(found["value"] - wanted) < 0.01
        assert found["n"] == 12 and one["frames"] == 36 and set(one["by_motion"]) == {"still", "moving"}
        assert len(one["by_clip"]) == 12 and abs(np.mean(one["by_clip"]) - found["value"]) < 1e-12
    assert (
        result["power"][GAUSSIAN]["enough"] is True and abs(result["power"][GAUSSIAN]["zero_flow_costs"] - 0.5) < 0.01
    )
    assert result["power"][REALISTIC] is None


def test_weights_without_power_are_said_to_have_none() -> None:
    scores, chosen = scores_with(0.0)
    for trial, found in scores.psnr.items():
        if trial.factors == ("no flow",):
            scores.psnr[trial] = [[value + 0.4 for value in clip] for clip in found]
    result = ablate.summary(scores, chosen, np.random.default_rng(1))
    assert result["power"][GAUSSIAN]["enough"] is False
    words = table(result | {"ran_on": "toys", "clips": scores.names, "embedded": False})
    assert "one photograph" in table(result | {"ran_on": "toys", "clips": scores.names, "embedded": True})
    assert "one photograph" not in words
    assert "prove nothing" in words and "zero costs 0.100 dB" in words


def test_effects_of_too_few_clips_reach_nothing() -> None:
    """Without intervals the table says so, and the chart counts no case as reaching the claim."""
    scores, chosen = scores_with(0.0)
    result = ablate.summary(scores, chosen, np.random.default_rng(1))
    result |= {"ran_on": "toys", "clips": scores.names, "embedded": False}
    for one in result["effects"]:
        for found in (one["effect"], *one["by_motion"].values()):
            found["low"] = found["high"] = None
    for one, name in zip(result["effects"], ("same weights, same frames", "other weights")):
        one["group"], one["name"] = SIDES, name
    assert "too few clips" in table(result)
    assert "; 0 of 2 cases reach" in ablation.effects(result).title


def test_reaching_the_claim() -> None:
    for low, high, word in (
        (1.0, 1.3, "it may"),
        (0.1, 0.2, "no"),
        (1.3, 1.5, "beyond it"),
        (None, None, "too few clips"),
    ):
        assert reach({"value": 0, "low": low, "high": high}) == word
    assert CLAIMED == 1.195


def test_without_neighbours_a_moving_clip_is_restored_as_a_still_one(network) -> None:
    case = embedded_cases([1], SIZE, 1, 1)[2]
    middle = len(case.high) // 2
    still = Case(
        "still",
        "no motion",
        case.high,
        {name: np.repeat(low[middle : middle + 1], len(low), 0) for name, low in case.low.items()},
    )
    alone, whole = Trial(GAUSSIAN, (NO_NEIGHBOURS,), GAUSSIAN), Trial(GAUSSIAN, (), GAUSSIAN)
    moving = evaluate({GAUSSIAN: network}, [alone, whole], [lambda: case], progress=False).psnr
    assert (
        moving[alone][0][1] == evaluate({GAUSSIAN: network}, [whole], [lambda: still], progress=False).psnr[whole][0][1]
    )
    assert moving[alone] != moving[whole]


def test_errors_are_sorted_by_distance_from_the_centre(network) -> None:
    case = embedded_cases([1], SIZE, 1, 1)[1]
    trial = Trial(GAUSSIAN, (), GAUSSIAN)

    def sums() -> np.ndarray:
        scores = evaluate({GAUSSIAN: network}, [trial], [lambda: case], progress=False)
        assert len(scores.psnr[trial][0]) == 3
        return scores.rings[trial]

    before = sums()
    case.high[:, :4] ^= 128  # a row of pixels at the border: far from the centre
    after = sums()
    assert before[:, 1].sum() == 3 * 3 * 64 * 64  # frames, channels, pixels
    assert np.array_equal(before[:6], after[:6]) and (before[7:9, 0] != after[7:9, 0]).all()


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    for name, seed in (("gaussian", 1), ("realistic", 2), ("gaussian_false", 3)):
        weights_file.write(folder / f"{name}.safetensors", values(seed), {"preset": "study", "align_corners": "true"})
    return folder


def test_the_command_writes_what_it_found(tmp_path: Path, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [
        "--weights-gaussian",
        str(files / "gaussian.safetensors"),
        "--weights-realistic",
        str(files / "realistic.safetensors"),
        "--weights-gaussian-false",
        str(files / "gaussian_false.safetensors"),
        "--device",
        "cpu",
    ]
    for blur in ("Gaussian", "Realistic"):  # a set of one's own, the smaller for being two clips of five frames
        if blur == "Gaussian":
            write_clips(tmp_path / "clips", ClipsOptions(split="validation", leaves=1, **TWO_CLIPS))
        degrade_clips(tmp_path / "clips" / "HR", tmp_path / blur, blur, 0)
        options += [f"--{blur.lower()}-set", str(tmp_path / blur)]
    assert cli.main(["ablate", str(tmp_path / "out"), *options]) == 0
    result = json.loads((tmp_path / "out" / "ablation.json").read_text())
    assert result["embedded"] is False and str(tmp_path / "Gaussian") in capsys.readouterr().out
    assert {one["group"] for one in result["effects"]} >= {"the control", "which frames and which weights"}
    assert result["weights"][GAUSSIAN]["sha256"] and result["provenance"]
    assert {path.name for path in (tmp_path / "out").glob("*.svg")} == {
        "chart_ablation_effects.svg",
        "chart_ablation_rings.svg",
    }
    for chart in (ablation.effects(result), ablation.rings(result)):
        assert chart.alt.startswith(f"{chart.title}. ") and len(chart.alt) > len(chart.title) + 20
    with pytest.raises(UserError, match="does not hold the clips of"):
        write_clips(tmp_path / "other", ClipsOptions(split="train", leaves=0, **TWO_CLIPS))
        degrade_clips(tmp_path / "other" / "HR", tmp_path / "wrong", "Realistic", 0)
        own_cases(tmp_path / "Gaussian", tmp_path / "wrong")
