"""The verdicts follow the further files too: ablation, referee and costs."""

import copy

import pytest

from vsrlib.claims import evidence
from vsrlib.claims.ablation.trials import SIDES
from vsrlib.claims.verdict import Finding


def interval(value: float, low: float | None, high: float | None) -> dict:
    return {"value": value, "low": low, "high": high, "n": 9}


COSTS = {
    "without_compiler": {"torch": {"works": True, "reason": None}, "jittor": {"works": False, "reason": "no compiler"}},
    "first_use": {"jittor": {"compiled_files": 42}},
    "install": {"torch": {"bytes": 2**30}, "jittor": {"bytes": 2**25}},
    "correlation": {
        "torch": {
            "cpp": {"ratio": interval(1, None, None), "zero_gradient": False, "gradient_error": 1e-7},
            "pure": {"ratio": interval(1.2, 1.15, 1.25), "zero_gradient": False, "gradient_error": 1e-7},
        }
    },
    "memory": {
        name: {"training": {"peak_mib": peak}, "inference": {"peak_mib": peak / 2}}
        for name, peak in (("torch", 400.0), ("jittor", 300.0))
    },
    "model_size": {
        name: {"parameters": 18_900_215, "format": end, "bytes": 72.1 * 2**20}
        for name, end in (("torch", ".pt"), ("jittor", ".pkl"))
    },
    "options": {"preset": "study", "size": [64, 96], "device": "cpu"},
    "image_output": {
        "hr_size": [256, 384],
        "png": interval(0.01, 0, 1),
        "ssim_once": interval(0.02, 0, 1),
        "ssim_three_times": interval(0.06, 0, 1),
    },
}
ABLATION = {
    "ran_on": "toys",
    "power": {"Gaussian": {"enough": True}, "Realistic": None},
    "effects": [
        {"group": SIDES, "name": "same weights, same frames", "effect": interval(0.05, 0.01, 0.09)},
        {"group": SIDES, "name": "Jittor given Gaussian frames", "effect": interval(1.1, 1.0, 1.2)},
        {"group": SIDES, "name": "another draw", "effect": interval(0.2, 0.1, 0.3)},
        {"group": "another group", "name": "feature warp", "effect": interval(5, 4, 6)},
    ],
}


def costs(*changes: tuple[tuple, object]) -> dict:
    found = copy.deepcopy(COSTS)
    for path, value in changes:
        target = found
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = value
    return found


def on_a_gpu(torch: float, jittor: float) -> dict:
    """Costs of the published network, trained in so many MiB of a GPU."""
    own = {
        (("memory", name, "training", key), value)
        for name, mebibytes in (("torch", torch), ("jittor", jittor))
        for key, value in (("own_mib", mebibytes), ("device_type", "cuda"))
    }
    return costs((("options", "preset"), "published"), *own)


TORCH, JITTOR = (("without_compiler", name, "works") for name in ("torch", "jittor"))
PURE = ("correlation", "torch", "pure")
CUDA = (("correlation", "torch", "cuda"), COSTS["correlation"]["torch"]["cpp"])


@pytest.mark.parametrize(
    "changes, verdict",
    [
        ([], "refuted"),
        ([(JITTOR, True)], "unsupported"),
        ([(JITTOR, True), (TORCH, False)], "confirmed"),
        ([(TORCH, False)], "refuted"),
        ([(("without_compiler", "jittor"), {"skipped": "because there is none"})], "not testable here"),
    ],
)
def test_installing(changes: list, verdict: str) -> None:
    assert evidence.installing(costs(*changes)).verdict == verdict


@pytest.mark.parametrize(
    "changes, verdict",
    [
        ([CUDA], "confirmed"),
        ([CUDA, ((*PURE, "ratio"), interval(1.02, 1.0, 1.05))], "refuted"),
        ([CUDA, ((*PURE, "ratio"), interval(1.5, 1.4, 1.6))], "refuted"),
        ([CUDA, ((*PURE, "ratio"), interval(1.2, 1.05, 1.35))], "unsupported"),
        ([], "not testable here"),
        ([((*PURE, "ratio"), interval(1.5, 1.4, 1.6))], "not testable here"),
        ([((*PURE, "zero_gradient"), True)], "refuted"),
        ([((*PURE, "gradient_error"), 0.1)], "refuted"),
        ([(("correlation", "torch"), {"skipped": "because there is none"})], "not testable here"),
        ([(("correlation", "torch", "cpp"), {"skipped": "because there is no compiler"})], "not testable here"),
    ],
)
def test_correlation(changes: list, verdict: str) -> None:
    found = evidence.correlation(costs(*changes))
    assert found.verdict == verdict
    if changes in ([], [CUDA]):
        assert abs(found.figure - 20) < 1e-9 and [round(end) for end in found.interval] == [15, 25]


@pytest.mark.parametrize(
    "changes, verdict",
    [
        ([], "confirmed"),
        ([(("model_size", "jittor", "bytes"), 80 * 2**20)], "refuted"),
        ([(("model_size", "torch"), {"skipped": "because there is none"})], "not testable here"),
    ],
)
def test_the_published_networks_file_settles_its_size(changes: list, verdict: str) -> None:
    smaller = Finding("not testable here", "a smaller network than the published one", 5.5, "MiB")
    found = evidence.with_model_size(smaller, costs(*changes))
    assert found.verdict == verdict
    measured = Finding("refuted", "both files are larger", 90.0, "MiB")
    assert evidence.with_model_size(measured, COSTS) == measured and evidence.with_model_size(smaller, None) == smaller


def test_memory_of_equal_work_is_the_figure_of_the_fifth_claim() -> None:
    small = Finding("unsupported", "no GPU", 0.9, "of the small training")
    found = evidence.with_memory(small, COSTS)
    assert found.figure == 0.75 and found.verdict == "unsupported"
    assert "training 400 MiB and 300 MiB; inference 200 MiB and 150 MiB" in found.reason
    assert evidence.with_memory(small, None) == small
    assert evidence.with_memory(small, costs((("memory", "jittor"), {"skipped": "because"}))) == small
    alone = evidence.with_memory(small, costs((("memory", "torch", "inference"), {"skipped": "because"})))
    assert alone.figure == 0.75 and "inference" not in alone.reason


@pytest.mark.parametrize(
    "torch, jittor, verdict",
    [(8192, 6144, "confirmed"), (8587, 6200, "confirmed"), (8192, 8192, "refuted"), (8192, 4096, "refuted")],
)
def test_memory_of_the_published_training_on_a_gpu_settles_the_claim(torch: float, jittor: float, verdict: str) -> None:
    small, gpu = Finding("unsupported", "no GPU", 0.9, "of the small training"), on_a_gpu(torch, jittor)
    found = evidence.with_memory(small, gpu)
    assert (found.verdict, found.figure) == (verdict, jittor / torch) and "trained on a GPU" in found.reason
    gpu["options"]["preset"] = "study"
    assert evidence.with_memory(small, gpu).verdict == "unsupported"
    gpu["options"]["preset"], gpu["memory"]["jittor"]["training"]["device_type"] = "published", "cpu"
    assert evidence.with_memory(small, gpu).verdict == "unsupported"


@pytest.mark.parametrize(
    "effect, verdict",
    [
        (interval(0.05, 0.01, 0.09), "refuted"),
        (interval(-0.09, -0.18, -0.01), "refuted"),
        (interval(0.01, -0.02, 0.04), "confirmed"),
        (interval(0.05, -0.1, 0.2), "unsupported"),
        (interval(0.05, None, None), "unsupported"),
    ],
)
def test_the_earlier_two_rebuilt_settle_whether_they_were_equivalent(effect: dict, verdict: str) -> None:
    own = Finding("refuted", "this run's two agree. The earlier two were not", 0.0, "dB")
    ablation = copy.deepcopy(ABLATION)
    ablation["effects"][0]["effect"] = effect
    found = evidence.with_sides(own, ablation)
    assert (found.verdict, found.figure) == (
        verdict,
        effect["value"],
    ) and "on toys; this run's two agree" in found.reason
    weak = evidence.with_sides(own, ablation | {"power": {"Gaussian": {"enough": False}}})
    assert weak.verdict == "unsupported" and "hardly use" in weak.reason
    apart = Finding("unsupported", "this run's own two implementations differ")
    assert evidence.with_sides(apart, ablation) == apart and evidence.with_sides(own, None) == own


def test_without_costs_nothing_is_said() -> None:
    assert evidence.installing(None).verdict == evidence.correlation(None).verdict == "not testable here"


def test_the_referee_can_overturn_equivalence() -> None:
    found = Finding("refuted", "they agree", 0.0, "dB")
    assert evidence.with_parity(found, None) == found
    assert "no layer" in evidence.with_parity(found, {"agree": True}).reason
    overturned = evidence.with_parity(found, {"agree": False, "first": {"place": "flow_net.refiner"}})
    assert "in the training" in evidence.with_parity(found, {"agree": False, "first": None}).reason
    assert evidence.with_parity(found, {"skipped": "because there is no Jittor"}) == found
    assert overturned.verdict == "unsupported" and "flow_net.refiner" in overturned.reason


def test_the_ablation_says_what_could_reach_the_claim() -> None:
    found = evidence.with_ablation(Finding("refuted", "they agree", 0.0, "dB"), ABLATION)
    assert found.verdict == "refuted" and "+0.050 [+0.010, +0.090] dB on toys" in found.reason
    assert "of 2 mix-ups of frames or weights 1 reach 1.195 dB (Jittor given Gaussian frames)" in found.reason
    weak = ABLATION | {"power": {"Gaussian": {"enough": False}}}
    assert "hardly use the neighbouring frames" in evidence.with_ablation(found, weak).reason


def test_advice_follows_from_the_figures() -> None:
    blur = {"timing": {"ratio": {"synchronised": {"forward": interval(0.9, 0.8, 0.95)}}}}
    quality = {"C1": Finding("refuted", "", 0.0, "dB", [-1e-6, 1e-6])}
    rows = {row["use"]: row["choose"] for row in evidence.by_use(quality, blur, COSTS)}
    assert rows == {
        "quality": "either",
        "speed of restoration, here": "PyTorch",
        "a machine without a compiler": "PyTorch",
        "little disk space": "Jittor",
    }
    blur["timing"]["ratio"]["synchronised"]["forward"] = interval(1.1, 0.9, 1.3)
    assert evidence.by_use(quality, blur, None)[1]["choose"] == "either"
    assert evidence.by_use({"C1": Finding("not testable here", "")}, None, None) == []
