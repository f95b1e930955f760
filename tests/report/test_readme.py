"""What the README, docs/choosing.md and their translations say of the run is what the last committed run found."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import results_fixture
from evidence_fixture import evidence
from reached_verdicts import REACHED

from vsrlib import cli
from vsrlib.claims import comparison, judge, ten_claims
from vsrlib.claims.rules import conclusion
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.report import readme
from vsrlib.study.publish import sentence

CLAIMS = read_json(PROJECT_ROOT / "figures" / "claims.json")
TOOK = sentence(read_json(PROJECT_ROOT / "figures" / "results" / "times.json"))


def blank(pairs: int, *texts: str) -> str:
    """A page with so many pairs of marks, with `texts` between them or nothing."""
    between = [f"\n{text}\n" for text in texts] or ["\n"] * pairs
    return "before\n" + "".join(f"{readme.BEGIN}{text}{readme.END}\nafter\n" for text in between)


@pytest.mark.parametrize(
    "page, made", [("README.md", lambda claims: readme.answer(claims, TOOK)), *readme.FILLED.items()]
)
def test_the_documents_say_what_the_committed_run_found(page: str, made: Callable[[Any], list[str]]) -> None:
    text = (PROJECT_ROOT / page).read_text(encoding="utf-8")
    assert [part.split(readme.END)[0].strip() for part in text.split(readme.BEGIN)[1:]] == made(CLAIMS)


def test_judging_the_committed_results_again_gives_the_committed_verdicts(tmp_path: Path) -> None:
    figures = PROJECT_ROOT / "figures"
    further = {name: next((figures / "results").glob(f"*/{name}.json")) for name in ("ablation", "parity", "costs")}
    compared = figures / "results" / "05_compare_frameworks" / "comparison.json"
    again = judge.judge(compared, tmp_path, further, figures / "experiments")
    kept = (
        "id",
        "claim",
        "artefacts",
        "verdict",
        "reason",
        "figure",
        "unit",
        "interval",
        "n",
        "over",
        "rule",
        "profile",
    )
    for one, other in zip(again["claims"], CLAIMS["claims"], strict=True):
        assert {key: one[key] for key in kept} == {key: other[key] for key in kept}
    assert again["by_use"] == CLAIMS["by_use"] and CLAIMS["provenance"]["dirty"] is False


def test_the_readme_says_how_long_the_study_took() -> None:
    assert (
        re.search(r"quick study (without [\w, ]+ )?took", readme.answer(CLAIMS, TOOK)[1])
        and "study took" not in readme.answer(CLAIMS)[1]
    )


def test_the_readme_opens_with_quality_speed_and_memory() -> None:
    """Before its first heading, commands and charts; each with verdict and figure of the run."""
    opening = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8").split("\n## ")[0]
    lines = [line for line in opening.splitlines() if line.startswith("- ")]
    by_id = {one["id"]: one for one in CLAIMS["claims"]}
    assert len(lines) == 4 and "##" not in opening
    for line, name in zip(lines, ("C1a", "C1b", "C2", "C5b"), strict=True):
        assert by_id[name]["claim"].rstrip(".") in line and by_id[name]["question"] in line
        assert f"**{by_id[name]['verdict'].capitalize()}**" in line


def test_there_are_chinese_words_for_everything() -> None:
    assert set(readme.CHINESE["claims"]) == {name.rstrip("ab") for name in ten_claims.CLAIMS}
    assert list(readme.CHINESE["questions"]) == list(ten_claims.CLAIMS)
    assert set(readme.CHINESE["verdicts"]) == set(ten_claims.VERDICTS)
    reached = [judge.find(evidence(*changes)) for _, _, changes, _ in REACHED]
    findings = [finding for found in reached for finding in found.values()]
    assert {one.unit for one in findings} - {None} == set(readme.CHINESE["units"])
    assert {one.over for one in findings} - {None} == set(readme.CHINESE["over"])
    assert set(readme.CHINESE["measures"]) == {row[0] for row in rows(readme.choosing(CLAIMS)[0])[-7:]}
    source = (PROJECT_ROOT / "vsrlib" / "claims" / "rules" / "conclusion.py").read_text(encoding="utf-8")
    assert set(readme.CHINESE["uses"]) == set(re.findall(r'"use": "([^"]+)"', source))
    for name, claim in ten_claims.CLAIMS.items():  # the figures of a claim are the same in both
        numbers = re.findall(r"\d+\.\d+|\d+(?= ?[%GM])", claim.claim)
        assert all(number in readme.CHINESE["claims"][name.rstrip("ab")] for number in numbers), name


def rows(text: str) -> list[list[str]]:
    """The cells of every table of a text, without their headers."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not set(line) <= set("|- ")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def digits(text: str) -> list[str]:
    return re.findall(r"-?\d[\d.]*", text)


def test_the_translation_has_the_same_verdicts_and_figures() -> None:
    english, chinese = (rows(made(CLAIMS)[1])[1:] for made in (readme.answer, readme.chinese))
    assert len(english) == len(chinese) == len(CLAIMS["claims"])
    for one, other in zip(english, chinese):
        assert one[0] == other[0] and readme.CHINESE["verdicts"][one[2].strip("*")] == other[2].strip("*")
        assert digits(one[3]) == digits(other[3])


def test_the_translated_choice_has_the_same_advice_reasons_and_figures() -> None:
    english, chinese = (rows(made(CLAIMS)[0]) for made in (readme.choosing, readme.chinese_choosing))
    words = {**readme.CHINESE["uses"], **readme.CHINESE["measures"], **readme.CHINESE["verdicts"]}
    choices = {f"**{word}**": f"**{other}**" for word, other in readme.CHINESE["choices"].items()}
    assert len(english) == len(chinese) == len(CLAIMS["by_use"]) + len(readme.CHINESE["measures"]) + 2
    for one, other in zip(english, chinese):
        assert [digits(cell) for cell in one] == [digits(cell) for cell in other]
        if one[0] in words:
            assert other[0] == words[one[0]]
            assert other[1] == choices.get(one[1], other[1]) and other[-1] == words.get(one[-1], other[-1])


def test_no_english_word_is_left_in_a_translated_reason() -> None:
    """Of any finding that a rule can reach, and with figures of either kind."""
    held = [evidence(*changes) for _, _, changes, _ in REACHED]
    reasons = {use["because"] for one in held for use in conclusion.by_use(judge.find(one), one)}
    reasons |= {use["because"] for use in CLAIMS["by_use"]}
    assert len({re.sub(r"[-+\d., \[\]]", "", reason) for reason in reasons}) >= 5
    for reason in reasons:
        chinese = readme._chinese_reason(reason)
        left = set(re.findall(r"[A-Za-z']+", chinese)) - {"PyTorch", "Jittor", "dB", "MiB"}
        assert left == set() and digits(chinese) == digits(reason), chinese


def test_the_command_fills_all_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vsrlib.study.publish.draw_all", lambda comparison_file, output, checkout: [])  # takes seconds
    inference, training = results_fixture.write_run(tmp_path / "run")
    comparison.compare(inference, training, tmp_path / "run" / "05_compare_frameworks")
    pages = [tmp_path / "project" / name for name in ("README.md", *readme.FILLED)]
    for page in pages:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(blank(1 if page.name.startswith("choosing") else 2))
    arguments = ["publish", str(tmp_path / "run"), str(tmp_path / "out"), "--readme", str(pages[0])]
    assert cli.main(arguments) == 0
    found = read_json(tmp_path / "out" / "claims.json")
    for page, made in zip(pages, (readme.answer, *readme.FILLED.values())):
        assert page.read_text() == blank(len(made(found)), *made(found))
    before = pages[0].read_text()
    pages[-1].write_text("no marks")
    assert cli.main(arguments) == 2
    assert pages[0].read_text() == before and pages[-1].read_text() == "no marks"


def test_what_is_filled_can_be_filled_again(tmp_path: Path) -> None:
    claims = {
        "claims": [
            {
                "id": "C1a",
                "claim": "better",
                "question": "Is it?",
                "verdict": "refuted",
                "reason": "they agree",
                "figure": 0.5,
                "unit": "dB",
                "interval": [0.25, 0.75],
                "n": 8,
                "over": "scene",
                "profile": "toys",
                "provenance": {"comparison": {"commits": ["0123456789abcdef"]}},
            }
        ],
        "by_use": [{"use": "speed", "choose": "either", "because": "they are alike"}],
    }
    page = tmp_path / "README.md"
    page.write_text(blank(2))
    readme.fill(page, claims)
    once = page.read_text()
    assert once.startswith("before\n") and once.endswith("\nafter\n") and "0.5000 [+0.2500, +0.7500] dB" in once
    assert "- speed: **either**, because they are alike." in once and "commit 0123456789ab." in once
    readme.fill(page, claims)
    assert page.read_text() == once
    for lacking in ("nothing to fill", blank(1), blank(3), blank(2).replace(readme.END, "", 1)):
        page.write_text(lacking)
        with pytest.raises(UserError, match="twice; put them back"):
            readme.fill(page, claims)
        assert page.read_text() == lacking
