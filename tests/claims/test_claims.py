"""Judging writes what it found with where it comes from; how figures are read and said."""

import copy
from pathlib import Path
from typing import Any

import pytest
import results_fixture as run
from evidence_fixture import FIGURES, FILES, evidence, interval

from vsrlib.claims import comparison, judge, results, ten_claims, verdict
from vsrlib.claims.evidence import EXPERIMENTS, experiment_files
from vsrlib.claims.verdict import Finding
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, write_json
from vsrlib.common.provenance import PROJECT_ROOT

FURTHER = {name: path for name, path in FILES.items() if name != "comparison"}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("claims")
    return folder, judge.judge(FILES["comparison"], folder, FURTHER, FIGURES / "experiments")


def test_the_file_says_everything(judged: tuple[Path, dict[str, Any]]) -> None:
    folder, found = judged
    assert read_json(folder / "claims.json") == found
    assert [one["id"] for one in found["claims"]] == list(ten_claims.CLAIMS)
    for one in found["claims"]:
        assert one["verdict"] in one["verdicts"] and set(one["verdicts"]) <= set(ten_claims.VERDICTS)
        assert all(one[key] for key in ("claim", "question", "artefacts", "rule", "reason", "profile"))
        assert one["evidence"] and all((folder / path).exists() for path in one["evidence"])
        assert (one["figure"] is None) == (one["unit"] is None)
        assert one["interval"] is None or (one["n"] >= 6 and one["over"] in ("scene", "process", "trained network"))
    assert (folder / "claims.md").read_text() == verdict.table(found)


def test_the_table_has_the_advice_if_there_is_any(judged: tuple[Path, dict[str, Any]]) -> None:
    found = judged[1]
    text = verdict.table(found)
    assert all(f"| {one['use']} | {one['choose']} |" in text for one in found["by_use"]) and found["by_use"]
    assert verdict.table({**found, "by_use": []}) == text.partition("| use | choose |")[0].rstrip("\n") + "\n"


def test_a_claim_names_the_commits_of_its_measurement(judged: tuple[Path, dict[str, Any]]) -> None:
    """Not that of the judging: of a comparison those of the restorations, of an experiment those of its parts."""
    by_id = {one["id"]: one for one in judged[1]["claims"]}
    compared = read_json(FILES["comparison"])
    restored = [read_json(FILES["comparison"].parent / one["path"]) for one in compared["inputs"]]
    commits = {one["provenance"]["commit"] for one in restored if "clips" in one}
    assert set(by_id["C1a"]["provenance"]["comparison"]["commits"]) == commits
    costs = read_json(FILES["costs"])["provenance"]
    assert by_id["C2"]["provenance"]["costs"]["commits"] == [costs["commit"]]
    for name, path in experiment_files(FIGURES / "experiments").items():
        own = {one for part, read in judge.READ.items() if name in read for one in [part]}
        found = read_json(path)["provenance"]
        expected = sorted(found.get("measured_at") or [found["commit"]])
        assert all(by_id[part]["provenance"][name]["commits"] == expected for part in own)


def test_every_part_says_what_it_reads() -> None:
    names = {"comparison", *FURTHER, *EXPERIMENTS}
    assert judge.READ.keys() == ten_claims.CLAIMS.keys() == {*judge.RULES, "C10"}
    assert all(set(files) <= names for files in judge.READ.values())


@pytest.mark.parametrize("fault", ["changed", "missing"])
def test_a_stale_comparison_is_refused(tmp_path: Path, fault: str) -> None:
    inference, training = run.write_run(tmp_path / "run", pictures=True)
    comparison.compare(inference, training, tmp_path / "out")
    judge.judge(tmp_path / "out" / "comparison.json", tmp_path / "claims")
    run.edit(training[2], seconds=61.0) if fault == "changed" else training[2].unlink()
    with pytest.raises(UserError, match=r"torch_Realistic/train.json.*run the comparison again"):
        judge.judge(tmp_path / "out" / "comparison.json", tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("skipped", [("jittor",), ("torch", "jittor")])
def test_without_both_frameworks_and_further_files_little_is_judged(tmp_path: Path, skipped: tuple[str, ...]) -> None:
    comparison.compare(*run.write_run(tmp_path / "run", skipped=skipped, pictures=False), tmp_path / "out")
    found = judge.judge(tmp_path / "out" / "comparison.json", tmp_path / "claims")
    words = {one["id"]: one["verdict"] for one in found["claims"]}
    never = {name for name, claim in ten_claims.CLAIMS.items() if claim.verdicts == (ten_claims.NEVER,)}
    assert {name for name, word in words.items() if word == ten_claims.NEVER} == never
    assert {word for name, word in words.items() if name not in never} == {ten_claims.NOT_HERE, ten_claims.UNDECIDED}
    assert "no C++ compiler" in found["claims"][0]["reason"]


def test_what_is_no_comparison_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        judge.judge(tmp_path / "none.json", tmp_path)
    write_json(tmp_path / "other.json", {"skipped": "because there was nothing"})
    with pytest.raises(UserError, match="no comparison"):
        judge.judge(tmp_path / "other.json", tmp_path)
    assert not (tmp_path / "claims.json").exists()


@pytest.mark.parametrize("name", ["ablation", "parity", "costs"])
def test_further_evidence_that_is_something_else_is_refused(tmp_path: Path, name: str) -> None:
    comparison.compare(*run.write_run(tmp_path / "run", pictures=True), tmp_path / "out")
    other = {name: tmp_path / "out" / "comparison.json"}
    with pytest.raises(UserError, match=rf"comparison.json holds no {name} of this version"):
        judge.judge(tmp_path / "out" / "comparison.json", tmp_path / "claims", other)
    write_json(tmp_path / "skipped.json", {"skipped": "because there was no compiler"})
    without, skipped = (
        judge.judge(tmp_path / "out" / "comparison.json", tmp_path / "claims", further)["claims"]
        for further in ({}, {name: tmp_path / "skipped.json"})
    )
    assert [one["verdict"] for one in skipped] == [one["verdict"] for one in without]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_file_that_is_no_result_of_its_experiment_is_refused(tmp_path: Path, name: str) -> None:
    comparison.compare(*run.write_run(tmp_path / "run", pictures=True), tmp_path / "out")
    write_json(tmp_path / "experiments" / EXPERIMENTS[name], {"experiment": "another", "ratio": {}})
    with pytest.raises(UserError, match=f"holds no result of the experiment {name}; run it again"):
        judge.judge(tmp_path / "out" / "comparison.json", tmp_path / "claims", {}, tmp_path / "experiments")
    assert not (tmp_path / "claims").exists()


@pytest.mark.parametrize("agree", [True, False])
def test_the_referee_of_another_framework_is_no_evidence_on_the_two(tmp_path: Path, agree: bool) -> None:
    comparison.compare(*run.write_run(tmp_path / "run", pictures=True), tmp_path / "out")
    write_json(tmp_path / "parity.json", {"sides": ["torch", "paddle"], "agree": agree, "first": None})
    with pytest.raises(UserError, match="is of PyTorch and PaddlePaddle, and the claims are about PyTorch and Jittor"):
        judge.judge(tmp_path / "out" / "comparison.json", tmp_path / "claims", {"parity": tmp_path / "parity.json"})
    assert not (tmp_path / "claims").exists()


def test_what_holds_no_verdicts_is_not_discussed(tmp_path: Path) -> None:
    write_json(tmp_path / "claims.json", {"claims": []})
    assert results.read_claims(tmp_path / "claims.json") == {"claims": []}
    write_json(tmp_path / "claims.json", {"blurs": {}})
    with pytest.raises(UserError, match="claims.json holds no verdicts; give the claims.json that 09_judge_claims"):
        results.read_claims(tmp_path / "claims.json")


# How figures are read, and said


def test_how_intervals_are_read() -> None:
    def found(value: float, low: float | None, high: float | None) -> dict[str, Any]:
        return interval(value, low, high, "scene")

    assert verdict.reaches(found(0.8, 0.6, 1.0), 1.0)
    assert not verdict.reaches(found(0.8, 0.5, 1.0), 1.0) and not verdict.reaches(found(0.8, 0.6, 0.9), 1.0)
    limit = verdict.NEGLIGIBLE * verdict.GAIN["psnr"]
    assert verdict.negligible(found(0, -limit / 2, limit / 2))
    assert not verdict.negligible(found(0, -limit, limit / 2)) and not verdict.negligible(found(0, -limit / 2, limit))
    few = found(0, None, None)
    assert not verdict.negligible(few) and not verdict.reaches(few, 1.0)
    assert verdict.numbers(found(1e-4, 0, 1e-4), "dB") == "+0.0001 [0, +0.0001]"
    assert verdict.numbers(found(9e-5, 0, 9e-5), "dB") == "less than 0.0001"
    assert verdict.scaled(found(0.2, 0.1, None), lambda part: 100 * part) == found(20, 10, None)


def test_figures_say_of_how_many_what_they_are() -> None:
    def shown(**fields: Any) -> str:
        return verdict.figure(vars(Finding("refuted", "", **fields)))

    assert shown(figure=-0.51234567, unit="dB", interval=[-0.61, 0.00001], n=8, over="scene") == (
        "-0.5123 [-0.6100, +1e-5] dB, 8 scenes"
    )
    assert shown(figure=0.923141, unit="times PyTorch's speed", interval=[0.848812, 0.970523], n=6, over="process") == (
        "0.923 [0.849, 0.971] times PyTorch's speed, 6 processes"
    )
    assert shown(figure=72.1, unit="MiB") == "72.1 MiB" and shown() == "-"


def test_no_figure_of_the_judged_claims_has_too_many_digits(judged: tuple[Path, dict[str, Any]]) -> None:
    for one in judged[1]["claims"]:
        number = verdict.figure(one).split(" ")[0].lstrip("+-")
        assert len(number.replace(".", "").lstrip("0")) <= 5, number


def test_the_gain_over_bicubic_is_from_the_least_to_the_most() -> None:
    found = copy.deepcopy(evidence().comparison)
    values, counts = iter([1.0, 3.25, 2.5, 2.0]), iter([7, 8, 8, 8])
    for blur in found["blurs"].values():
        for gain in blur["quality"]["filmed"]["gain_over_bicubic"].values():
            gain["psnr"] = {**gain["psnr"], "value": next(values), "n": next(counts)}
    assert verdict.profile_of(found).endswith("; its PSNR minus bicubic's: +1.00 to +3.25 dB, 7 scenes")
    for blur in found["blurs"].values():
        blur["quality"]["filmed"] = {"skipped": "because there is none"}
    assert "bicubic" not in verdict.profile_of(found)


def test_the_history_keeps_every_published_run() -> None:
    """The last one is what is published now; those before the protocol say so."""
    files = sorted((PROJECT_ROOT / "figures" / "history").glob("20*.json"))
    records = [read_json(path) for path in files]
    assert [one["published"] for one in records] == sorted(one["published"] for one in records) and len(records) > 6
    assert all(one["rules"] == "before the protocol" for one in records[:6])
    now = read_json(FIGURES / "claims.json")
    last = records[-1]
    assert last["commit"] == now["provenance"]["commit"] and now["provenance"]["protocol"] in last["rules"]
    for one, other in zip(last["claims"], now["claims"], strict=True):
        assert one == {key: other[key] for key in one}


def test_ten_fresh_runs_give_the_same_verdicts() -> None:
    """Of every part; and as the published run does of each part that a run itself decides, and no experiment run once.

    Their figures on time differ, for a machine is never the same twice.
    """
    runs = read_json(FIGURES / "history" / "ten_runs.json")["runs"]
    found = [{one["id"]: one["verdict"] for one in run["claims"]} for run in runs]
    assert len(runs) == 10 and len({run["created"] for run in runs}) == 10
    assert all(one == found[0] for one in found)
    claims = read_json(FIGURES / "claims.json")["claims"]
    decided = [one for one in claims if any(file.startswith("results/") for file in one["evidence"])]
    assert {"C2", "C3", "C4", "C5a"} <= {one["id"] for one in decided} and len(found[0]) == len(claims)
    assert all(one["verdict"] == found[0][one["id"]] for one in decided)
    assert len({one["figure"] for run in runs for one in run["claims"] if one["id"] == "C2"}) == 10
