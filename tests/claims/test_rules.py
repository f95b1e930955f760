"""Every rule reaches every word that it knows, at its very lines, from files that the software itself wrote."""

import numpy as np
import pytest
from evidence_fixture import ABSENT, Change, evidence
from reached_verdicts import (
    BETTER,
    PNG,
    PURE,
    REACHED,
    SAME,
    SKIPPED,
    SPREADS,
    UNSEEN,
    differences,
    networks,
    on_a_gpu,
    processes,
    scenes,
    trained,
    works,
)

from vsrlib.claims import judge
from vsrlib.claims.evidence import Evidence
from vsrlib.claims.rules import conclusion
from vsrlib.claims.ten_claims import CLAIMS, TOTAL_SECONDS, VERDICTS
from vsrlib.claims.verdict import Finding
from vsrlib.common.names import BLURS
from vsrlib.common.provenance import PROTOCOL


@pytest.mark.parametrize(("part", "verdict", "changes", "says"), REACHED)
def test_changed_files_change_the_verdict(part: str, verdict: str, changes: list[Change], says: str) -> None:
    found = judge.find(evidence(*changes))[part]
    assert found.verdict == verdict and says in found.reason, found


def test_what_the_experiment_with_shorter_mantissas_says() -> None:
    """Of the blur that loses most with the fewest bits; nothing where it was not run."""
    at = ("experiments", "precision", "blurs")

    def said(*changes: Change) -> str:
        reason = judge.find(evidence(*differences(*BETTER), *changes))["C1a"].reason
        return reason.partition("; convolutions rounded to ")[2]

    bits = [23, 10, 7, 4]

    def losses(*values: float) -> list[dict]:
        return [{"bits": one, "loss": scenes(v, v - 0.1, v + 0.1)} for one, v in zip(bits, values, strict=True)]

    doses = [((*at, blur, "doses"), losses(*values))
             for blur, values in zip(BLURS, ((0.0, 0.9, 0.9, 0.5), (0.0, 0.2, 0.4, 0.6)))]  # fmt: skip
    never = [((*at, blur, "reached_at"), None) for blur in BLURS]
    assert said(*doses, *never) == (
        "TF32's 10 bits of mantissa lose +0.2000 [+0.1000, +0.3000] dB, 8 scenes, to bfloat16's 7 bits +0.4000 "
        "[+0.3000, +0.5000] dB, 8 scenes, and with 4 bits it is still too little to lose 1.195 dB"
    )
    reached = said(*doses, ((*at, BLURS[0], "reached_at"), 9.0), ((*at, BLURS[1], "reached_at"), 3.21))
    assert reached.endswith("8 scenes, and it takes 3.2 bits to lose 1.195 dB")
    assert said((("experiments", "precision"), ABSENT)) == ""


def test_a_spread_within_the_claimed_saving_tells_4_per_cent() -> None:
    """C3's 4 %: PyTorch's total time over Jittor's, which one process over another of the same framework may reach."""
    claimed = TOTAL_SECONDS["torch"] / TOTAL_SECONDS["jittor"]
    at = ("costs", "processes", "same_framework", "jittor", "total")
    for high, tells in ((1.04, True), (np.nextafter(claimed, 0), True), (claimed, False), (1.05, False)):
        found = judge.find(evidence(*SPREADS, (at, processes(1.0, 0.96, high))))["C3"]
        assert found.reason.endswith(", so one run tells no 4 %") != tells
        assert found.reason.endswith("Jittor 0.960 to 1.04") == tells


def test_of_two_blurs_that_agree_the_larger_difference_is_shown() -> None:
    for first, second in ((0.01, -0.02), (-0.02, 0.01)):
        changes = [*differences(scenes(first, -0.03, 0.03), SAME[1], BLURS[:1]),
                   *differences(scenes(second, -0.03, 0.03), SAME[1], BLURS[1:])]  # fmt: skip
        assert judge.find(evidence(*changes))["C1a"].figure == -0.02


def test_every_rule_reaches_every_word_that_it_knows() -> None:
    reached = {part: {one[1] for one in REACHED if one[0] == part} for part in CLAIMS}
    assert reached == {part: set(claim.verdicts) for part, claim in CLAIMS.items()}
    assert {word for words in reached.values() for word in words} == set(VERDICTS)


def test_the_fixture_knows_no_key_that_no_file_has() -> None:
    with pytest.raises(KeyError):
        evidence((("costs", "no_such_part"), 1))


def test_a_change_leaves_the_values_of_another_as_they_are() -> None:
    value = {"path": "as it was"}
    evidence((("ablation", "weights"), {"Gaussian": value}), (("ablation", "weights", "Gaussian", "path"), "another"))
    assert value == {"path": "as it was"}


def test_every_part_is_in_the_protocol() -> None:
    text = PROTOCOL.read_text(encoding="utf-8")
    assert all(f"{part}" in text for part in CLAIMS)
    assert all(f"| {word} |" in text for word in VERDICTS)


def test_the_ablation_of_more_scenes_decides_unless_it_is_of_the_published_network() -> None:
    own = evidence().ablation
    assert own is not None
    once = {**own, "filmed_scenes": own["filmed_scenes"] + 1}
    assert Evidence({}, own, experiments={"scenes": once}).contrasts == once
    assert Evidence({}, once, experiments={"scenes": own}).contrasts == once
    published = {**own, "features": 128}
    assert Evidence({}, published, experiments={"scenes": once}).contrasts == published
    assert Evidence({}, None, experiments={"scenes": once}).contrasts == once and Evidence({}).contrasts is None


@pytest.mark.parametrize(
    ("part", "changes", "figure", "unit"),
    [
        ("C2", [(UNSEEN, processes(0.5, 0.25, 0.75))], 50.0, "% of Jittor's forward time unseen"),
        ("C4", [(PNG, processes(0.5, 0.25, 0.75))], 50.0, "% of its post-processing"),
        ("C5a", on_a_gpu(8.0), 8.0, "GiB"),
        ("C7b", [(("costs", "first_use", "jittor", "compiled_files"), 9)], 9, "files compiled by Jittor"),
        ("C7b", [(("costs", "first_use", "jittor"), SKIPPED)], None, None),
        ("C8a", [(PURE, processes(1.5, 1.25, 1.75))], 50.0, "% more time per frame"),
        ("C8b", trained(("zero", "end_point_error", networks(0.5, 0.25, 0.75), 0.03)), 50.0,
         "% of the flow's end-point error"),
        ("C9b", trained(("sign", "psnr", networks(-0.5, -0.75, -0.25), 0.03)), -0.5, "dB"),
    ],
)  # fmt: skip
def test_figures_are_in_their_units(part: str, changes: list[Change], figure: float, unit: str) -> None:
    found = judge.find(evidence(*changes))[part]
    assert (found.figure, found.unit) == (figure, unit)
    if found.interval is not None:
        assert sorted(map(abs, found.interval)) == [abs(figure) / 2, abs(figure) * 3 / 2]


def advice(*changes: Change) -> dict[str, str]:
    held = evidence(*changes)
    return {one["use"]: one["choose"] for one in conclusion.by_use(judge.find(held), held)}


def test_advice_follows_from_the_figures() -> None:
    found = advice(*differences(*SAME), works("torch", True), works("jittor", False))
    assert found["a machine without a compiler"] == "PyTorch" and found["a small installation"] == "Jittor"
    found = advice(works("jittor", True), works("torch", True))
    assert "a machine without a compiler" not in found
    assert "a small installation" in found
    installed = [(("costs", "install", name, "bytes"), mib * 2**20) for name, mib in (("torch", 7), ("jittor", 9))]
    held = evidence(*installed)
    (disk,) = (one for one in conclusion.by_use(judge.find(held), held) if one["use"] == "a small installation")
    assert disk["choose"] == "PyTorch"
    assert (
        disk["because"]
        == "installed with what they need, before Jittor compiles its operations: PyTorch 7 MiB, Jittor 9 MiB"
    )
    nothing = [(("comparison", "blurs", blur, "runs", "jittor"), SKIPPED) for blur in BLURS]
    assert advice(*nothing, (("costs",), None), (("experiments", "memory"), ABSENT)) == {}


@pytest.mark.parametrize(
    ("low", "high", "choice"),
    [(1.1, 1.3, "Jittor"), (0.2, 0.9, "Jittor"), (0.0, 1.3, "either"), (-0.1, 0.1, "either"),
     (-1.3, 0.0, "either"), (-0.9, -0.2, "PyTorch"), (-1.1, 0.9, "either")],
)  # fmt: skip
def test_advice_on_quality(low: float, high: float, choice: str) -> None:
    assert advice(*differences(scenes((low + high) / 2, low, high)))["quality"] == choice


@pytest.mark.parametrize(
    ("first", "second", "choice"),
    [((0.2, 0.4), (-0.4, -0.2), "either"), ((-0.4, -0.2), (0.2, 0.4), "either"), ((-0.1, 0.1), (0.2, 0.4), "Jittor"),
     ((-0.4, -0.2), (-0.1, 0.1), "PyTorch"), ((-0.1, 0.1), (-0.4, 0.9), "either"), ((0.2, 0.4), (-0.4, 0.9), "either")],
)  # fmt: skip
def test_the_advice_on_quality_is_of_every_blur(first: tuple, second: tuple, choice: str) -> None:
    held = evidence(
        *(change for blur, (low, high) in zip(BLURS, (first, second))
          for change in differences(scenes((low + high) / 2, low, high), SAME[1], (blur,)))
    )  # fmt: skip
    (quality,) = (one for one in conclusion.by_use(judge.find(held), held) if one["use"] == "quality")
    assert quality["choose"] == choice
    assert all(f"({blur} blur)" in quality["because"] for blur in BLURS), "both, for one advice"
    assert f"[{first[0]:+.4f}, {first[1]:+.4f}]" in quality["because"]


def test_the_advice_on_quality_says_which_blur_it_is_of_where_one_is_not_known() -> None:
    unlike = ("comparison", "blurs", BLURS[1], "outputs")
    held = evidence(*differences(*SAME), (unlike, {"skipped": "because the input is not the same", "differs": []}))
    (quality,) = (one for one in conclusion.by_use(judge.find(held), held) if one["use"] == "quality")
    assert f"({BLURS[0]} blur)" in quality["because"] and BLURS[1] not in quality["because"]


def test_no_advice_on_quality_without_an_interval() -> None:
    assert "quality" not in advice(*differences(scenes(1.0, None, None, 5)))


@pytest.mark.parametrize(
    ("low", "high", "choice"),
    [(1.1, 1.3, "Jittor"), (1.0, 1.3, "either"), (0.9, 1.3, "either"), (0.7, 1.0, "either"), (0.7, 0.9, "PyTorch")],
)
def test_advice_on_speed_and_memory(low: float, high: float, choice: str) -> None:
    streaming = ("costs", "processes", "streaming", "ratio")
    found = advice(((*streaming, "total", "synchronised"), processes((low + high) / 2, low, high)))
    assert found["speed of restoration, here"] == choice
    assert "speed of restoration, here" not in advice((streaming, SKIPPED))
    assert "speed of restoration, here" not in advice((("costs", "processes", "jittor"), SKIPPED))
    ratio = ("experiments", "memory", "ratio")
    found = advice(((*ratio, "smallest"), low), ((*ratio, "largest"), high))
    less = {
        "Jittor": "PyTorch",
        "PyTorch": "Jittor",
        "either": "either",
    }  # a ratio of memory is Jittor's over PyTorch's
    assert found["memory of a training, on the CPU"] == less[choice]
    assert "memory of a training, on the CPU" not in advice(((*ratio, "value"), None))


def test_a_finding_with_an_unknown_verdict_is_refused() -> None:
    with pytest.raises(ValueError, match="no verdict"):
        Finding("perhaps", "")
