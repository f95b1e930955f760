"""Every rule reaches every word that it knows, at its very lines, from files that the software itself wrote."""

import pytest
from evidence_fixture import Change, evidence
from reached_verdicts import BETTER, REACHED, SAME, SKIPPED, differences, processes, scenes, works

from vsrlib.claims import judge
from vsrlib.claims.evidence import Evidence
from vsrlib.claims.rules import conclusion
from vsrlib.claims.ten_claims import CLAIMS, VERDICTS
from vsrlib.claims.verdict import Finding
from vsrlib.common.names import BLURS
from vsrlib.common.provenance import PROTOCOL


@pytest.mark.parametrize(("part", "verdict", "changes"), REACHED)
def test_changed_files_change_the_verdict(part: str, verdict: str, changes: list[Change]) -> None:
    found = judge.find(evidence(*changes))[part]
    assert (found.verdict, found.reason) == (verdict, found.reason)


def test_every_rule_reaches_every_word_that_it_knows() -> None:
    reached = {part: {one[1] for one in REACHED if one[0] == part} for part in CLAIMS}
    assert reached == {part: set(claim.verdicts) for part, claim in CLAIMS.items()}
    assert {word for words in reached.values() for word in words} == set(VERDICTS)


def test_the_fixture_knows_no_key_that_no_file_has() -> None:
    with pytest.raises(KeyError):
        evidence((("costs", "no_such_part"), 1))


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


def test_advice_follows_from_the_figures() -> None:
    def advice(*changes: Change) -> dict[str, str]:
        held = evidence(*changes)
        return {one["use"]: one["choose"] for one in conclusion.by_use(judge.find(held), held)}

    speed = ("costs", "processes", "streaming", "ratio", "total", "synchronised")
    found = advice(*differences(*SAME), (speed, processes(0.8, 0.7, 0.9)), works("torch", True), works("jittor", False))
    assert found["quality"] == "either" and found["speed of restoration, here"] == "PyTorch"
    assert found["a machine without a compiler"] == "PyTorch" and found["little disk space"] == "Jittor"
    found = advice(
        *differences(*BETTER), (speed, processes(1.1, 0.9, 1.3)), works("jittor", True), works("torch", True)
    )
    assert found["quality"] == "Jittor" and found["speed of restoration, here"] == "either"
    assert "a machine without a compiler" not in found
    assert advice(*differences(scenes(-1.0, -1.1, -0.9), SAME[1]))["quality"] == "PyTorch"
    nothing = [(("comparison", "blurs", blur, "runs", "jittor"), SKIPPED) for blur in BLURS]
    assert advice(*nothing, (("costs",), None)) == {}


def test_a_finding_with_an_unknown_verdict_is_refused() -> None:
    with pytest.raises(ValueError, match="no verdict"):
        Finding("perhaps", "")
