"""The verdicts follow the files: altered results give other verdicts, by the stated rules."""

import copy
import re
from pathlib import Path

import pytest
import results_fixture as run
from test_claims_evidence import on_a_gpu

from vsrlib.claims import comparison, evidence, judge, ten_claims, verdict
from vsrlib.claims import verdict as claims_verdict
from vsrlib.claims.evidence import by_use
from vsrlib.claims.verdict import Finding
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, write_json


@pytest.fixture(scope="module")
def compared(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("claims")
    comparison.compare(*run.write_run(root / "run"), root / "comparison")
    return root / "comparison" / "comparison.json"


def verdicts(found: dict) -> dict[str, str]:
    return {name: finding.verdict for name, finding in judge.judge_comparison(found).items()}


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


# As the backends write it: the name of a GPU does not say that it is one.
GPU = [(("runs", framework, key), value) for framework in ("torch", "jittor")
       for key, value in (("device", "NVIDIA H200"), ("device_type", "cuda"))]  # fmt: skip
PSNR = ("quality", "filmed", "difference", "psnr")
SSIM = ("quality", "filmed", "difference", "ssim")
IN_ONE = ("quality", "filmed", "difference", "left_out_in_one")
FORWARD = ("timing", "ratio", "synchronised", "forward")
FORWARD_THEN = ("timing", "ratio", "as_reported", "forward")
TOTAL = ("timing", "ratio", "synchronised", "total")
POST = ("timing", "jittor", "post_share", "synchronised")
POST_THEN = ("timing", "jittor", "post_share", "as_reported")
SLOW_THEN = (FORWARD_THEN, interval(1.1, 0.9, 1.2))
UNLIKE = {"skipped": "because the two runs differ in device type: torch cuda, jittor cpu"}


def test_an_ordinary_run(compared):
    assert verdicts(read_json(compared)) == {
        "C1": "refuted", "C2": "artefact", "C3": "not testable here", "C4": "artefact", "C5": "unsupported",
        "C6": "not testable here", "C7": "not testable here", "C8": "not testable here", "C9": "refuted",
        "C10": "refuted",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "changes", "verdict"),
    [
        # C1: both PSNR and SSIM, against 1.195 dB and 0.0430
        ("C1", [(PSNR, interval(0.01, 0.0, 0.119))], "refuted"),
        ("C1", [(PSNR, interval(-1.0, -1.1, -0.9))], "refuted"),
        ("C1", [(PSNR, interval(0.08, 0.0, 0.12))], "unsupported"),
        ("C1", [(SSIM, interval(0.004, 0.003, 0.005))], "unsupported"),
        ("C1", [(PSNR, interval(1.2, 1.1, 1.3)), (SSIM, interval(0.043, 0.04, 0.046))], "confirmed"),
        ("C1", [(PSNR, interval(1.4, 1.3, 1.5)), (SSIM, interval(0.06, 0.05, 0.07))], "confirmed"),
        ("C1", [(PSNR, interval(1.2, 1.1, 1.3))], "unsupported"),
        ("C1", [(PSNR, interval(1.2, 1.1, 1.3)), (SSIM, interval(0.03, 0.025, 0.04))], "unsupported"),
        ("C1", [(PSNR, interval(0.9, 0.5, 1.3)), (SSIM, interval(0.043, 0.04, 0.046))], "unsupported"),
        ("C1", [(PSNR, interval(0.0, None, None))], "unsupported"),
        ("C1", [(PSNR, interval(None, None, None) | {"n": 0})], "not testable here"),
        ("C1", [(IN_ONE, 1)], "not testable here"),
        ("C1", [(("outputs", "skipped"), "because the weights differ")], "not testable here"),
        ("C1", [(("runs", "jittor", "engine"), "fast")], "not testable here"),
        (
            "C1",
            [(("quality", "filmed", "difference"), {"skipped": "because there is no ground truth"})],
            "not testable here",
        ),
        # C2: against 6.6; an artefact only if the earlier protocol shows the claimed ratio here
        ("C2", [(FORWARD_THEN, interval(11.0, 6.6, 14.0))], "artefact"),
        ("C2", [*GPU, (FORWARD_THEN, interval(11.0, 6.6, 14.0))], "artefact"),
        ("C2", [(FORWARD_THEN, interval(11.0, 6.5, 14.0))], "not testable here"),
        ("C2", [SLOW_THEN], "not testable here"),
        ("C2", [*GPU, SLOW_THEN], "refuted"),
        ("C2", [*GPU, (FORWARD, interval(6.5, 6.0, 7.0))], "confirmed"),
        ("C2", [*GPU, SLOW_THEN, (FORWARD, interval(8.5, 8.0, 9.0))], "confirmed"),
        ("C2", [*GPU, (FORWARD, interval(5.0, 3.2, 7.0))], "unsupported"),
        ("C2", [*GPU, (FORWARD, interval(6.5, None, None))], "unsupported"),
        ("C2", [*GPU[:2], SLOW_THEN], "not testable here"),
        ("C2", [(("timing", "ratio"), UNLIKE)], "not testable here"),
        # C3: against 4.05 %, so a ratio of 1.042
        ("C3", GPU, "refuted"),
        ("C3", [*GPU, (TOTAL, interval(1.04, 1.03, 1.08))], "confirmed"),
        ("C3", [*GPU, (TOTAL, interval(1.5, 1.4, 1.6))], "confirmed"),
        ("C3", [*GPU, (TOTAL, interval(1.04, 1.01, 1.08))], "unsupported"),
        ("C3", [*GPU, (TOTAL, interval(1.03, 1.02, 1.04))], "refuted"),
        ("C3", [*GPU, (("timing", "ratio"), UNLIKE)], "not testable here"),
        *(
            ("C4", [*device, *changes], verdict)
            for device in ([], GPU)
            for changes, verdict in (
                ([], "artefact"),
                ([(POST_THEN, interval(0.92, 0.89, 0.94))], "refuted"),
                ([(POST_THEN, interval(0.5, 0.4, 0.6))], "refuted"),
                ([(POST, interval(0.96, 0.95, 0.97))], "confirmed"),
                ([(POST, interval(0.9, 0.85, 0.95))], "unsupported"),
                ([(POST, interval(0.2, None, None))], "unsupported"),
            )
        ),
        ("C9", [(SSIM, interval(0.01, 0.005, 0.015))], "unsupported"),
        ("C9", [(IN_ONE, 2)], "unsupported"),
        ("C9", [(PSNR, interval(-0.5, -0.6, -0.4))], "unsupported"),
        ("C9", [(("outputs", "skipped"), "because the weights differ")], "unsupported"),
        ("C10", [(PSNR, interval(1.2, 1.1, 1.3)), (SSIM, interval(0.043, 0.04, 0.046))], "unsupported"),
    ],
)
def test_altered_files_change_the_verdict(compared, name, changes, verdict):
    assert verdicts(altered(compared, *changes))[name] == verdict


@pytest.mark.parametrize(("mib", "verdict"), [(72.1, "confirmed"), (75.6, "refuted")])
def test_model_size_is_judged_for_the_published_network_only(compared, mib, verdict):
    changes = [(("runs", f, key), value) for f in ("torch", "jittor")
               for key, value in (("preset", "published"),
                                  ("weights", {"sha256": "ab" * 32, "bytes": int(mib * 2**20)}))]  # fmt: skip
    finding = judge.judge_comparison(altered(compared, *changes))["C6"]
    assert finding.verdict == verdict and "one and the same file" in finding.reason
    other = (("runs", "jittor", "weights"), {"sha256": "cd" * 32, "bytes": 60 * 2**20})
    finding = judge.judge_comparison(altered(compared, *changes, other))["C6"]
    assert (finding.verdict, finding.figure) == ("refuted", 60)
    assert f"PyTorch's file has {mib:.1f} MiB, Jittor's 60.0 MiB" in finding.reason
    drawn = (("runs", "jittor", "weights"), {"sha256": None, "bytes": 60 * 2**20})
    assert "read no file" in judge.judge_comparison(altered(compared, *changes, drawn))["C6"].reason


def test_training_agreement_is_needed_for_the_memory_figure(compared):
    found = read_json(compared)
    assert judge.judge_comparison(found)["C5"].figure == 1.0
    for training in found["training"].values():
        training["agreement"] = {"skipped": "because Jittor has no result"}
    assert judge.judge_comparison(found)["C5"].figure is None


def test_the_verdict_on_equivalence_says_what_it_follows_from(compared):
    found = read_json(compared)
    reason = judge.judge_comparison(found)["C9"].reason
    apart = max(one["agreement"]["smoothed"]["largest"] for one in found["training"].values())
    assert "this run's two implementations are equivalent" in reason and f"agree to {apart:.2%}" in reason
    assert "The earlier two, which differ by 1.195 dB with what is called the same weights, were not" in reason
    found["training"]["Gaussian"]["agreement"]["smoothed"]["largest"] = 0.02
    finding = judge.judge_comparison(found)["C9"]
    assert finding.verdict == "unsupported" and "own two trainings differ, by up to 2.00%" in finding.reason
    found["training"] = {}
    finding = judge.judge_comparison(found)["C9"]
    assert finding.verdict == "refuted" and "no training was compared" in finding.reason


def test_a_worse_jittor_refutes_the_first_claim_without_agreement(compared):
    worse = altered(compared, (PSNR, interval(-1.0, -1.1, -0.9)))
    finding = judge.judge_comparison(worse)["C1"]
    assert finding.verdict == "refuted" and "not better" in finding.reason and "networks agree" not in finding.reason
    advice = by_use({"C1": finding}, None, None)
    assert advice[0]["choose"] == "PyTorch" and "-1.0000 dB" in advice[0]["because"]


def test_the_recommendation_is_confirmed_by_its_three_claims(compared):
    better = [(PSNR, interval(1.2, 1.1, 1.3)), (SSIM, interval(0.043, 0.04, 0.046))]
    found = altered(compared, *GPU, *better, (FORWARD, interval(6.5, 6.0, 7.0)))
    assert verdicts(found)["C10"] == "unsupported"
    costs = on_a_gpu(8192.0, 6144.0)
    with_memory = judge.judge_comparison(found, evidence.Evidence(costs=costs))
    assert [with_memory[name].verdict for name in ("C1", "C2", "C5", "C10")] == ["confirmed"] * 4


def test_a_run_on_two_kinds_of_device_gives_no_verdict_on_speed(tmp_path):
    inference, training = run.write_run(tmp_path / "run", pictures=True)
    for path in inference[::2]:
        run.edit(path, device="NVIDIA H200", device_type="cuda")
    comparison.compare(inference, training, tmp_path / "out")
    found = judge.judge_comparison(read_json(tmp_path / "out" / "comparison.json"))
    for name in ("C2", "C3"):
        assert found[name].verdict == "not testable here" and found[name].figure is None
        assert "device type: torch cuda, jittor cpu" in found[name].reason


def test_runs_on_a_gpu_are_judged_as_such(tmp_path):
    comparison.compare(*run.write_run(tmp_path / "run", device_type="cuda"), tmp_path / "out")
    found = judge.judge(tmp_path / "out" / "comparison.json", tmp_path / "claims")["claims"]
    assert found[2]["verdict"] == "refuted" and "(NVIDIA H200)" in found[2]["profile"]


def test_figures_have_sensible_digits(compared):
    found = altered(compared, (PSNR, interval(-4.985e-07, -3.73e-06, 1.986e-06)),
                    (FORWARD, interval(0.923141, 0.848812, 0.970523)))  # fmt: skip
    verdicts = judge.judge_comparison(found)
    shown = {name: claims_verdict.figure(vars(finding)) for name, finding in verdicts.items()}
    assert shown["C1"] == "less than 0.0001 dB"
    assert shown["C2"] == "0.923 [0.849, 0.971] times PyTorch's speed"
    assert all(len(number.replace(".", "").lstrip("-0")) <= 4 for text in shown.values()
               for number in re.findall(r"-?\d+\.?\d*", text.replace("0.0001", "")))  # fmt: skip
    found = altered(compared, (PSNR, interval(-0.51234567, -0.61, 0.00001)))
    assert claims_verdict.figure(vars(judge.judge_comparison(found)["C1"])) == "-0.5123 [-0.6100, +0.0000] dB"


@pytest.mark.parametrize("fault", ["changed", "missing"])
def test_a_stale_comparison_is_refused(tmp_path, fault):
    inference, training = run.write_run(tmp_path / "run", pictures=True)
    comparison.compare(inference, training, tmp_path / "out")
    judge.judge(tmp_path / "out" / "comparison.json", tmp_path / "claims")
    run.edit(training[2], seconds=61.0) if fault == "changed" else training[2].unlink()
    with pytest.raises(UserError, match="torch_Realistic/train.json.*run the comparison again"):
        judge.judge(tmp_path / "out" / "comparison.json", tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("skipped", [("jittor",), ("torch", "jittor")])
def test_nothing_is_judged_without_both_frameworks(tmp_path, skipped):
    comparison.compare(*run.write_run(tmp_path / "run", skipped=skipped, pictures=False), tmp_path / "out")
    found = judge.judge(tmp_path / "out" / "comparison.json", tmp_path / "claims")
    assert {one["verdict"] for one in found["claims"]} == {"not testable here", "unsupported"}
    assert "no C++ compiler" in found["claims"][0]["reason"]


def test_the_file_says_everything(compared, tmp_path):
    found = judge.judge(compared, tmp_path / "claims")
    assert read_json(tmp_path / "claims" / "claims.json") == found
    assert [one["id"] for one in found["claims"]] == [f"C{i}" for i in range(1, 11)]
    for one in found["claims"]:
        assert one["verdict"] in ten_claims.VERDICTS
        for key in ("claim", "artefacts", "rule", "reason", "profile"):
            assert one[key]
        assert one["evidence"] and all((tmp_path / "claims" / path).exists() for path in one["evidence"])
        assert (one["figure"] is None) == (one["unit"] is None)
        assert one["provenance"]["comparison"]["sha256"]
    assert (tmp_path / "claims" / "claims.md").read_text() == verdict.table(found)
    assert "study" in found["claims"][0]["profile"] and "cpu" in found["claims"][0]["profile"]


def test_what_is_no_comparison_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        judge.judge(tmp_path / "none.json", tmp_path)
    write_json(tmp_path / "other.json", {"skipped": "because there was nothing"})
    with pytest.raises(UserError, match="no comparison"):
        judge.judge(tmp_path / "other.json", tmp_path)
    assert not (tmp_path / "claims.json").exists()


def test_a_finding_with_an_unknown_verdict_is_refused():
    with pytest.raises(ValueError, match="no verdict"):
        Finding("perhaps", "")
