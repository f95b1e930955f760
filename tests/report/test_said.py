"""What is said of numbers: the same sentence never of opposite numbers, and the numbers in it are those of the file."""

import copy
import re
from typing import Any

import pytest
import results_fixture as run

from vsrlib.claims import comparison
from vsrlib.claims.ten_claims import CONFIRMED, NEVER, ONE, POST_SECONDS, TOTAL_SECONDS
from vsrlib.common.files import read_json
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.report import said, said_pairs
from vsrlib.report.charts import clips, speed

pytest.importorskip("torch")

from vsrlib.claims.ablation.trials import CHANGED_DEFAULT
from vsrlib.report import said_results  # its sentences on rings ask the ablation, which imports PyTorch

RESULTS = PROJECT_ROOT / "figures" / "results"


def result(name: str) -> dict[str, Any]:
    return read_json(next(RESULTS.glob(f"*/{name}")))


def test_the_environment_names_what_is_lost() -> None:
    usable = {"usable": True, "reason": None}
    both = said.environment({"torch": usable, "jittor": usable}).text
    assert "PyTorch and Jittor can be used" in both
    lost = said.environment({"torch": usable, "jittor": {"usable": False, "reason": "no compiler was found"}}).text
    assert "Jittor (no compiler was found) cannot" in lost and "PyTorch alone" in lost
    none = {"usable": False, "reason": "it is not installed"}
    assert "nothing can be restored" in said.environment({"torch": none, "jittor": none}).text


@pytest.mark.parametrize(("loss", "psnr", "words"), [(0.5, 3.0, "above bicubic"), (1.5, -3.0, "below bicubic")])
def test_a_training_says_whether_it_fell_and_whether_it_restores(loss: float, psnr: float, words: str) -> None:
    found = {
        "first_loss": 1.0, "last_loss": loss, "steps": 7, "objective": "supervised", "validation_bicubic": 25.0,
        "validation": [{"psnr": 25.0 - psnr}, {"psnr": 25.0 + psnr}],
    }  # fmt: skip
    text = said.training(found).text
    assert words in text and ("fell by 50%" in text) == (loss < 1) and "in 7 steps" in text
    assert f"{25.0 + psnr:.2f} dB" in text and ("PSNR rose" in text) == (psnr > 0)
    assert "No validation" in said.training({**found, "validation": []}).text
    itself = said.training({**found, "objective": "self-supervised"}).text
    assert ("although no HR frame was shown" in itself) == (loss < 1) and (". No HR frame" in itself) == (loss > 1)


def test_a_training_says_which_steps_taught_nothing_and_that_a_validation_failed() -> None:
    found = {
        "first_loss": 1.0, "last_loss": 0.5, "steps": 7, "objective": "supervised", "validation_bicubic": 25.0,
        "validation": [{"psnr": 24.0}, {"psnr": None}], "skipped_steps": [3, 6],
    }  # fmt: skip
    text = said.training(found).text
    assert "In 2 steps of these the loss or a gradient was not finite" in text
    assert "In the last validation the restored frames were not finite." in text and "24.00" not in text
    assert "not finite" not in said.training({**found, "skipped_steps": [], "validation": [{"psnr": 24.0}] * 2}).text


def inference(gains: dict[str, float], call: float = 0.1) -> dict[str, Any]:
    clips = [
        {
            "name": name, "kind": "filmed",
            "frames": [{"psnr": 30 + gain, "bicubic_psnr": 30.0, "pre": 0.01, "forward": 0.9, "post": 0.09}],
        }
        for name, gain in gains.items()
    ]  # fmt: skip
    timing = {"synchronised": {"forward": [1.0]}, "as_reported": {"forward": [call]}}
    return {"framework": "jittor", "clips": clips, "timing": timing}


def test_a_restoration_counts_the_clips_that_gained() -> None:
    good = said.inference(inference({"a": 1.0, "b": 2.0})).text
    assert "Every one of 2 clips" in good and "+1.00 dB (a) to +2.00 dB (b)" in good
    assert "1 of 2 clips" in said.inference(inference({"a": -1.0, "b": 2.0})).text
    assert "No clip is restored better" in said.inference(inference({"a": -1.0})).text
    assert "Of the 1000 ms" in good and "the forward pass is the largest part (90%)" in good
    assert "would miss 90%" in good.replace("misses", "would miss")
    assert "sees Jittor's forward pass all the same" in said.inference(inference({"a": 1.0}, call=1.0)).text
    assert said.inference({"skipped": "because of rain"}).text == "Nothing was restored, because of rain."
    blind = inference({"a": 1.0})
    blind["clips"][0]["frames"][0]["psnr"] = None
    assert "no ground truth" in said.inference(blind).text


@pytest.mark.parametrize(("gain", "words"), [(0.001, "times as much"), (0.7, "which is no rounding")])
def test_a_comparison_tells_rounding_from_a_difference(gain: float, words: str, tmp_path) -> None:
    few = {name: run.CLIPS[name] for name in run.FILMED}
    written = run.write_run(tmp_path / "run", clips=few, frames=("00000002",), gain=gain)
    found = comparison.compare(*written, tmp_path / "out")
    text = said.comparison(found).text
    assert text.count(words) == 2 and "two losses" in text
    alone = comparison.compare(
        *run.write_run(tmp_path / "one", skipped=("jittor",), pictures=False), tmp_path / "alone"
    )
    assert "not compared" in said.comparison(alone).text


def differing(value: float, low: float, high: float) -> dict[str, Any]:
    """The published comparison with another difference in PSNR of the filmed scenes."""
    found = result("comparison.json")
    for one in found["blurs"].values():
        one["quality"]["filmed"]["difference"]["psnr"] |= {"value": value, "low": low, "high": high}
    return found


def test_no_end_of_an_interval_lies_beyond_the_bound_that_is_said() -> None:
    for high, bound in ((1.104e-5, "0.00002"), (1e-5, "0.00001"), (0.0999, "0.1"), (0.031, "0.04")):
        text = said.comparison(differing(0.0, -high / 2, high)).text
        assert text.count(f"stays within {bound} dB") == 2, text
    assert said.at_most(3e-7) == "3e-7" and said.at_most(3.1e-7) == "4e-7"


def test_what_is_equal_is_not_so_many_times_as_much() -> None:
    text = said.comparison(differing(0.0, 0.0, 0.0)).text
    assert text.count("Jittor's PSNR is PyTorch's, on 8 scenes") == 2 and "times as much" not in text


@pytest.mark.parametrize(("low", "high", "told"), [(-0.2, 0.3, False), (0.1, 0.3, True), (-0.3, -0.1, True)])
def test_an_interval_that_holds_zero_is_no_difference(low: float, high: float, told: bool) -> None:
    text = said.comparison(differing((low + high) / 2, low, high)).text
    assert text.count("which is no rounding") == 2 * told
    assert text.count("neither to be a difference nor to be negligible") == 2 * (not told)
    assert (
        "which is no rounding" in said_pairs.every_pair(pair_of(differing((low + high) / 2, low, high))).text
    ) == told


def pair_of(found: dict[str, Any]) -> dict[str, Any]:
    """What every_pair.json has of a comparison, as far as it is said."""
    blurs = {
        blur: {"each": {}, "pairs": [{"pair": ["torch", "jittor"], "outputs": one["outputs"],
                                      "difference": one["quality"]["filmed"]["difference"]}]}
        for blur, one in found["blurs"].items()
    }  # fmt: skip
    return {"blurs": blurs, "parity": []}


def test_runs_with_other_weights_are_not_said_to_have_the_same(tmp_path) -> None:
    inference, training = run.write_run(tmp_path / "run", gain=0.7, pictures=False)
    for path in inference:
        framework = read_json(path)["framework"]
        run.edit(path, weights={"path": f"{framework}.safetensors", "sha256": framework[:2] * 32, "bytes": 1})
    text = said.comparison(comparison.compare(inference, training, tmp_path / "out")).text
    assert "same weights" not in text and "rounding:" not in text.split("Trained")[0]
    assert text.count("which says nothing of the frameworks, because weights and input are not the same") == 2
    assert text.count("weights: torch totototototo, jittor jijijijijiji") == 2


@pytest.mark.parametrize(("gain", "shown"), [(0.0, "0 dB"), (0.7, "+0.7000 dB")])
def test_few_scenes_are_said_to_have_no_interval(gain: float, shown: str, tmp_path) -> None:
    few = {name: run.CLIPS[name] for name in list(run.FILMED)[:4]}
    written = run.write_run(tmp_path / "run", clips=few, frames=("00000002",), gain=gain)
    found = comparison.compare(*written, tmp_path / "out")
    assert found["blurs"]["Gaussian"]["quality"]["filmed"]["difference"]["psnr"]["low"] is None
    text = said.comparison(found).text
    assert text.count(f"differs from PyTorch's by {shown}; 4 scenes are too few for an interval") == 2
    assert "an interval over" not in text and "times as much" not in text and "which is no rounding" not in text


def test_a_training_that_stopped_early_says_the_steps_that_it_took() -> None:
    found = {"first_loss": 1.0, "last_loss": 0.5, "steps": 12000, "steps_done": 900, "objective": "supervised",
             "validation": []}  # fmt: skip
    assert "fell by 50% in 900 steps" in said.training(found).text
    assert "+50% in 1 step)" in said.training({**found, "last_loss": 1.5, "steps_done": 1}).text


@pytest.mark.parametrize(
    ("shares", "title"),
    [
        ({"torch": 0.01, "jittor": 0.93}, "Jittor's call returns with 93% of its work still to be done"),
        ({"torch": 0.01, "jittor": 0.4}, "PyTorch's and Jittor's calls return with 40% of their work still"),
        ({"torch": 0.01}, "PyTorch's call returns with 1% of its work still to be done, at most"),
        ({"torch": -0.01}, "PyTorch's call returns with 0% of its work"),
        ({}, "No call was timed"),
    ],
)
def test_a_line_of_time_says_how_much_the_calls_leave_undone(shares: dict[str, float], title: str) -> None:
    found = result("costs.json")
    skipped = {"skipped": "because it was not asked for"}
    for name in ("torch", "jittor"):
        share = {"unseen_share": {**found["processes"][name]["unseen_share"], "value": shares.get(name, 0.0)}}
        found["processes"][name] = found["processes"][name] | share if name in shares else skipped
    assert speed.time_line(found).title.startswith(title)


@pytest.mark.parametrize(
    ("of", "words", "title"),
    [
        ({"psnr": None, "identical": True}, "Every frame with ground truth equals it", "Equal to the ground truth"),
        ({"bicubic_psnr": None, "bicubic_identical": True}, "with ground truth equals it", "Equal to the ground truth"),
        ({"psnr": None, "bicubic_psnr": None}, "There is no ground truth for these clips", "No ground truth"),
    ],
)
def test_a_frame_without_a_gain_equals_its_truth_or_has_none(of: dict[str, Any], words: str, title: str) -> None:
    found = inference({"bikes": 0.0}) | {"preset": "study"}
    found["clips"][0]["frames"][0] |= of
    assert words in said.inference(found).text
    assert clips.gains(found).title == f"{title}, so no gain over bicubic upsampling"


def test_parity_names_the_first_departure() -> None:
    found = result("parity.json")
    assert "No layer departs" in said.parity(found).text
    first = {"place": "flow_net", "kind": "forward", "says": "flow_net #1 computes something else"}
    wrong = {**found, "agree": False, "first": first, "departures": [first, 2, 3]}
    assert "first step that departs is flow_net (flow_net #1 computes something else): up" in said.parity(wrong).text
    assert "3 departures" in said.parity(wrong).text
    cut = {"place": "cycle | a", "kind": "gradient", "says": "the gradient of cycle | a differs"}
    told = said.parity({**wrong, "first": cut, "departures": [cut]}).text
    assert "the gradient of cycle | a differs (1 departure in all): a gradient is cut" in told
    apart = said.parity({**wrong, "first": None, "departures": []}).text
    assert apart.startswith("No layer departs, but the training leaves the band")
    assert "not compared because" in said.parity({"skipped": "because Jittor is missing"}).text


def test_the_earlier_table_is_set_against_itself() -> None:
    text = said.forensic().text
    mended = TOTAL_SECONDS["jittor"] - POST_SECONDS["torch"]
    assert f"become {mended:.2f} s" in text and "87%" in text and "96%" in text
    ratios = [float(one) for one in re.findall(r"([\d.]+) times", text)]
    assert ratios == pytest.approx([0.23 / 0.16, 0.23 / 0.06], abs=0.06)


def test_an_ablation_says_what_its_weights_can_show_and_what_reaches_the_gain() -> None:
    found = read_json(PROJECT_ROOT / "figures" / "experiments" / "ablation" / "ablation.json")
    text = said_results.ablation(found).text
    assert "These weights use their neighbours" in text and "None of the" in text and "-0.062" in text
    weak, able = copy.deepcopy(found), copy.deepcopy(found)
    weak["power"]["Gaussian"]["enough"] = False
    assert "for Gaussian too little" in said_results.ablation(weak).text
    able["effects"][0]["effect"] |= {"value": 1.2, "low": 1.0, "high": 1.4}
    assert "these may reach +1.195 dB" in said_results.ablation(able).text
    assert "nothing can be said of alignment" in said_results.ablation({"power": {"Gaussian": None}}).text


@pytest.mark.parametrize(
    ("ratios", "where"), [([1.5] + [1.0] * 9, "in the centre"), ([1.0] * 9 + [1.5], "towards the corner"),
                          ([1.0] * 5 + [1.5] + [1.0] * 4, "half-way to the corner"), ([0.9] * 10, "costs nothing")],
)  # fmt: skip
def test_the_sentence_on_rings_follows_them(ratios: list[float], where: str) -> None:
    rings: list[dict[str, Any]] = [
        {"weights": "Gaussian", "frames": "Gaussian", "factors": list(factors), "rmse": rmse, "by_scene": by_scene}
        for factors, rmse, by_scene in (
            ((), [2.0] * 10, {f"s{i}": [2.0 + i] * 10 for i in range(6)}),
            (
                CHANGED_DEFAULT,
                [2 * ratio for ratio in ratios],
                {f"s{i}": [(2.0 + i) * ratio for ratio in ratios] for i in range(6)},
            ),
        )
    ]
    text = said_results.rings({"rings": rings}).text
    assert where in text and ("is off most" in text) == (where == "towards the corner")
    found = said_results.ring_ratios({"rings": rings})["Gaussian"]
    assert [one["value"] for one in found] == pytest.approx(ratios) and found[0]["low"] is not None
    for one in rings:
        one.pop("by_scene")
    assert [one["value"] for one in said_results.ring_ratios({"rings": rings})["Gaussian"]] == pytest.approx(ratios)


def test_costs_say_who_waits_and_what_output_is() -> None:
    found = result("costs.json")
    text = said_results.costs(found).text
    assert "is not waited for: the call returns a promise" in text and "mostly a metric" in text
    assert "PyTorch still restores a frame, and Jittor does not" in text
    eager = copy.deepcopy(found)
    eager["processes"]["jittor"]["unseen_share"] |= {"value": 0.01, "low": 0.0, "high": 0.02}
    eager["image_output"]["png_share"]["value"] = 0.9
    eager["without_compiler"]["jittor"]["works"] = True
    other = said_results.costs(eager).text
    assert "does not act" in other and "does dominate" in other and "PyTorch and Jittor still restore" in other
    alone = {**found, "without_compiler": {"torch": {"works": False}, "jittor": {"skipped": "because of rain"}}}
    assert "PyTorch restores no frame" in said_results.costs(alone).text
    assert "was not timed" in said_results.costs({**found, "processes": {"jittor": {"skipped": "because"}}}).text


@pytest.mark.parametrize(
    ("ends", "words"),
    [((0.4, 0.9), "by an interval from 40 to 90 %"), ((None, None), "3 processes are too few for an interval")],
)
def test_a_clock_that_may_or_may_not_wait_is_left_open(ends: tuple[float | None, ...], words: str) -> None:
    found = copy.deepcopy(result("costs.json"))
    share = found["processes"]["jittor"]["unseen_share"]
    share |= {"value": 0.7, "low": ends[0], "high": ends[1]} | ({"n": 3} if ends[0] is None else {})
    text = said_results.costs(found).text
    assert f"Of Jittor's forward pass 70 % is not waited for{',' if ends[0] else ';'} {words}" in text
    assert "claim C2 acts" in text and "left open" in text
    assert "does not act" not in text and "returns a promise" not in text


def test_what_one_framework_cannot_answer_was_not_measured() -> None:
    claims = copy.deepcopy(read_json(PROJECT_ROOT / "figures" / "claims.json"))
    for one, verdict in zip(claims["claims"], [ONE] * 5 + [NEVER] * 3 + [CONFIRMED] * 7, strict=True):
        one["verdict"] = verdict
    text = said_results.verdicts(claims).text
    assert "7 could be measured, and each is decided; 3 ask for what is not here" in text
    assert "a GPU above all, and 5 for both frameworks." in text


def test_verdicts_are_counted_and_unfold() -> None:
    claims = read_json(PROJECT_ROOT / "figures" / "claims.json")
    text = said_results.verdicts(claims).text
    counts = [int(number) for number in re.findall(r"(\d+) (?:confirmed|refuted|undecided|mechanism|cause|not)", text)]
    assert sum(counts) == 15 and "has lost its grounds" in text
    undecided = sum(one["verdict"] == "undecided" for one in claims["claims"])
    missing = sum(one["verdict"].startswith("not testable") for one in claims["claims"])
    assert f"{15 - missing} could be measured" in text and f"{missing} ask for" in text
    assert ("each is decided" in text) == (undecided == 0)
    open_end = copy.deepcopy(claims)
    open_end["claims"][-1]["verdict"] = "undecided"
    left = said_results.verdicts(open_end).text
    assert "is left open" in left and ("of which 1 stays undecided" in left or undecided)
    page = said_results.unfolded(claims)
    assert page.html.count("<details>") == 15
    for one in claims["claims"]:
        assert one["rule"].split(".")[0].split("'")[0] in page.html.replace("&#x27;", "'") and one["id"] in page.text


def test_the_discussion_draws_on_every_kind_of_claim_and_is_written(tmp_path) -> None:
    claims = read_json(PROJECT_ROOT / "figures" / "claims.json")
    page = said_results.write_discussion(claims, tmp_path)
    assert (tmp_path / "discussion.md").read_text(encoding="utf-8") == f"{page.text}\n"
    for question in ("Better pictures?", "Faster?", "Smaller?", "The same program?", "by use"):
        assert question in page.text
    assert said_results.short_table(claims).html.count("<tr>") == 16


def test_what_would_change_a_verdict_is_said_of_those_alone_that_a_line_of_a_rule_decided() -> None:
    found = {one["id"]: one for one in read_json(PROJECT_ROOT / "figures" / "claims.json")["claims"]}
    assert "a line of the rule" in said_results.margin(found["C1a"]) and found["C3"]["interval"] is not None
    assert said_results.margin(found["C3"]) == said_results.margin(found["C8a"]) == ""
    assert said_results.margin({**found["C2"], "verdict": "undecided"}) == ""
    assert "a line of the rule inside it" in said_results.margin(found["C2"])
    assert "would turn it" in said_results.margin({**found["C1a"], "verdict": CONFIRMED})
