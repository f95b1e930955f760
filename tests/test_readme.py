"""What the README, its translation and docs/choosing.md say of the run is what the last committed run found."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import results_fixture

from vsrlib import claims, cli, comparison, readme, readme_chinese
from vsrlib.errors import UserError
from vsrlib.files import read_json
from vsrlib.provenance import PROJECT_ROOT

CLAIMS = read_json(PROJECT_ROOT / "figures" / "claims.json")


@pytest.mark.parametrize("page, made", [("README.md", readme.answer), *readme.FILLED.items()])
def test_the_documents_say_what_the_committed_run_found(page: str, made: Callable[[Any], str]) -> None:
    filled = (PROJECT_ROOT / page).read_text(encoding="utf-8").split(readme.BEGIN)[1].split(readme.END)[0]
    assert filled.strip() == made(CLAIMS)


def test_there_are_chinese_words_for_everything() -> None:
    source = "".join(path.read_text() for path in (PROJECT_ROOT / "vsrlib" / "claims").glob("*.py"))
    assert list(readme_chinese.CLAIMS) == list(claims.CLAIMS)
    assert set(readme_chinese.VERDICTS) == set(claims.VERDICTS)
    assert set(readme_chinese.USES) == set(re.findall(r'"use": "([^"]+)"', source))
    assert set(re.findall(r'\bunit\b[^=\n]* = "([^"]+)"', source)) <= set(readme_chinese.UNITS)
    assert all(f'"{unit}"' in source for unit in readme_chinese.UNITS)
    assert {one["unit"] for one in CLAIMS["claims"]} - {None} <= set(readme_chinese.UNITS)
    for name, claim in claims.CLAIMS.items():  # the figures of a claim are the same in both
        numbers = re.findall(r"\d+\.\d+|\d+(?= ?[%GM])", claim.claim)
        assert all(number in readme_chinese.CLAIMS[name] for number in numbers), name


def test_the_translation_has_the_same_verdicts_and_figures() -> None:
    def rows(text: str) -> list[list[str]]:
        return [
            [cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| C")
        ]

    english, chinese = rows(readme.answer(CLAIMS)), rows(readme.chinese(CLAIMS))
    assert len(english) == len(chinese) == len(CLAIMS["claims"])
    for one, other in zip(english, chinese):
        assert one[0] == other[0] and readme_chinese.VERDICTS[one[2].strip("*")] == other[2].strip("*")
        assert re.findall(r"-?\d[\d.]*", one[3]) == re.findall(r"-?\d[\d.]*", other[3])


def test_the_command_fills_all_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vsrlib.publish.draw_all", lambda comparison_file, output: [])  # takes seconds
    inference, training = results_fixture.write_run(tmp_path / "run")
    comparison.compare(inference, training, tmp_path / "run" / "05_compare_frameworks")
    pages = [tmp_path / "project" / name for name in ("README.md", *readme.FILLED)]
    for page in pages:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f"before\n{readme.BEGIN}\n{readme.END}\nafter\n")
    arguments = ["publish", str(tmp_path / "run"), str(tmp_path / "out"), "--readme", str(pages[0])]
    assert cli.main(arguments) == 0
    found = read_json(tmp_path / "out" / "claims.json")
    for page, made in zip(pages, (readme.answer, *readme.FILLED.values())):
        assert page.read_text() == f"before\n{readme.BEGIN}\n{made(found)}\n{readme.END}\nafter\n"
    before = pages[0].read_text()
    pages[-1].write_text("no marks")
    assert cli.main(arguments) == 2
    assert pages[0].read_text() == before and pages[-1].read_text() == "no marks"


def test_what_is_filled_can_be_filled_again(tmp_path: Path) -> None:
    claims = {
        "claims": [
            {
                "id": "C1",
                "claim": "better",
                "verdict": "refuted",
                "reason": "they agree",
                "figure": 0.5,
                "unit": "dB",
                "interval": [0.25, 0.75],
                "profile": "toys",
                "provenance": {"commit": "0123456789abcdef"},
            }
        ],
        "by_use": [{"use": "speed", "choose": "either", "because": "they are alike"}],
    }
    page = tmp_path / "README.md"
    page.write_text(f"before\n{readme.BEGIN}\n{readme.END}\nafter\n")
    readme.fill(page, claims)
    once = page.read_text()
    assert once.startswith("before\n") and once.endswith("\nafter\n") and "0.5000 [+0.2500, +0.7500] dB" in once
    assert "- speed: **either**, because they are alike." in once and "commit 0123456789ab." in once
    readme.fill(page, claims)
    assert page.read_text() == once
    page.write_text("nothing to fill")
    with pytest.raises(UserError, match="put them back"):
        readme.fill(page, claims)
    assert page.read_text() == "nothing to fill"
