"""The verdicts follow the files: altered results give other verdicts, by the stated rules."""

import copy
from pathlib import Path

import pytest
import results_fixture as run

from vsrlib import claims, comparison
from vsrlib.errors import UserError
from vsrlib.files import read_json, write_json


@pytest.fixture(scope="module")
def compared(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("claims")
    comparison.compare(*run.write_run(root / "run"), root / "comparison")
    return root / "comparison" / "comparison.json"


def verdicts(found: dict) -> dict[str, str]:
    return {name: finding.verdict for name, finding in claims.judge_comparison(found).items()}


def altered(compared: Path, *changes: tuple[tuple, object]) -> dict:
    """The comparison with values replaced, given as (path of keys below the Realistic blur, value)."""
    found = copy.deepcopy(read_json(compared))
    for path, value in changes:
        target = found["blurs"]["Realistic"]
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = value
    return found


def interval(value: float, low: float, high: float) -> dict:
    return {"value": value, "low": low, "high": high, "n": 12}


GPU = [(("runs", framework, "device"), "cuda:0") for framework in ("torch", "jittor")]
PSNR = ("quality", "difference", "psnr")
FORWARD = ("timing", "ratio", "synchronised", "forward")
TOTAL = ("timing", "ratio", "synchronised", "total")
UNSEEN = ("timing", "jittor", "forward_unseen_share")
BILLED = ("timing", "jittor", "forward_billed_to_post_share")
POST = ("timing", "jittor", "synchronised", "post")


def test_an_ordinary_run(compared):
    assert verdicts(read_json(compared)) == {
        "C1": "refuted", "C2": "artefact", "C3": "not testable here", "C4": "artefact", "C5": "unsupported",
        "C6": "not testable here", "C7": "not testable here", "C8": "not testable here", "C9": "refuted",
        "C10": "refuted",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "changes", "verdict"),
    [
        ("C1", [(PSNR, interval(0.01, 0.0, 0.119))], "refuted"),
        ("C1", [(PSNR, interval(-1.0, -1.1, -0.9))], "refuted"),
        ("C1", [(PSNR, interval(0.08, 0.0, 0.12))], "unsupported"),
        ("C1", [(PSNR, interval(1.2, 1.1, 1.3))], "confirmed"),
        ("C1", [(PSNR, interval(0.6, 0.5, 0.7))], "unsupported"),
        ("C1", [(PSNR, interval(0.0, None, None))], "unsupported"),
        ("C1", [(("outputs", "skipped"), "because the weights differ")], "not testable here"),
        ("C1", [(("runs", "jittor", "engine"), "fast")], "not testable here"),
        ("C1", [(("quality", "difference"), {"skipped": "because there is no ground truth"})], "not testable here"),
        ("C2", [(UNSEEN, 0.4)], "not testable here"),
        ("C2", [*GPU, (UNSEEN, 0.4)], "refuted"),
        ("C2", [*GPU, (UNSEEN, 0.4), (FORWARD, interval(6.5, 6.0, 7.0))], "confirmed"),
        ("C2", [*GPU, (FORWARD, interval(6.5, 6.0, 7.0))], "confirmed"),
        ("C2", [*GPU, (FORWARD, interval(3.0, 0.5, 7.0))], "unsupported"),
        ("C2", [*GPU, (FORWARD, interval(6.5, None, None))], "unsupported"),
        ("C2", [(("timing", "ratio"), {"skipped": "because Jittor was not timed"})], "not testable here"),
        ("C3", GPU, "refuted"),
        ("C3", [*GPU, (TOTAL, interval(1.04, 1.01, 1.08))], "confirmed"),
        ("C3", [*GPU, (TOTAL, interval(1.04, 0.97, 1.08))], "unsupported"),
        ("C4", [(BILLED, 0.2)], "not testable here"),
        ("C4", [*GPU, (BILLED, 0.2)], "refuted"),
        ("C4", [(POST, 100.0), (("timing", "jittor", "synchronised", "total"), 101.0)], "confirmed"),
        ("C9", [(PSNR, interval(-0.5, -0.6, -0.4))], "unsupported"),
        ("C9", [(("outputs", "skipped"), "because the weights differ")], "unsupported"),
        ("C10", [(PSNR, interval(1.2, 1.1, 1.3))], "unsupported"),
    ],
)
def test_altered_files_change_the_verdict(compared, name, changes, verdict):
    assert verdicts(altered(compared, *changes))[name] == verdict


@pytest.mark.parametrize(("mib", "verdict"), [(72.1, "confirmed"), (75.6, "refuted")])
def test_model_size_is_judged_for_the_published_network_only(compared, mib, verdict):
    changes = [(("runs", f, key), value) for f in ("torch", "jittor")
               for key, value in (("preset", "published"), ("weights", {"bytes": int(mib * 2**20)}))]  # fmt: skip
    assert verdicts(altered(compared, *changes))["C6"] == verdict


def test_training_agreement_is_needed_for_the_memory_figure(compared):
    found = read_json(compared)
    assert claims.judge_comparison(found)["C5"].figure == 1.0
    for training in found["training"].values():
        training["agreement"] = {"skipped": "because Jittor has no result"}
    assert claims.judge_comparison(found)["C5"].figure is None


@pytest.mark.parametrize("skipped", [("jittor",), ("torch", "jittor")])
def test_nothing_is_judged_without_both_frameworks(tmp_path, skipped):
    comparison.compare(*run.write_run(tmp_path / "run", skipped=skipped, pictures=False), tmp_path / "out")
    found = claims.judge(tmp_path / "out" / "comparison.json", tmp_path / "claims")
    assert {one["verdict"] for one in found["claims"]} == {"not testable here", "unsupported"}
    assert "no C++ compiler" in found["claims"][0]["reason"]


def test_the_file_says_everything(compared, tmp_path):
    found = claims.judge(compared, tmp_path / "claims")
    assert read_json(tmp_path / "claims" / "claims.json") == found
    assert [one["id"] for one in found["claims"]] == [f"C{i}" for i in range(1, 11)]
    for one in found["claims"]:
        assert one["verdict"] in claims.VERDICTS
        for key in ("claim", "artefacts", "rule", "reason", "profile"):
            assert one[key]
        assert one["evidence"] and all((tmp_path / "claims" / path).exists() for path in one["evidence"])
        assert (one["figure"] is None) == (one["unit"] is None)
        assert one["provenance"]["comparison"]["sha256"]
    assert (tmp_path / "claims" / "claims.md").read_text() == claims.table(found)
    assert "study" in found["claims"][0]["profile"] and "cpu" in found["claims"][0]["profile"]


def test_what_is_no_comparison_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        claims.judge(tmp_path / "none.json", tmp_path)
    write_json(tmp_path / "other.json", {"skipped": "because there was nothing"})
    with pytest.raises(UserError, match="no comparison"):
        claims.judge(tmp_path / "other.json", tmp_path)
    assert not (tmp_path / "claims.json").exists()


def test_a_finding_with_an_unknown_verdict_is_refused():
    with pytest.raises(ValueError, match="no verdict"):
        claims.Finding("perhaps", "")
