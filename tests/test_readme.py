"""The README's verdicts are those of the last committed run."""

from pathlib import Path

import pytest

from vsrlib import readme
from vsrlib.errors import UserError
from vsrlib.files import read_json
from vsrlib.provenance import PROJECT_ROOT


def test_the_readme_says_what_the_committed_run_found() -> None:
    filled = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8").split(readme.BEGIN)[1].split(readme.END)[0]
    assert filled.strip() == readme.answer(read_json(PROJECT_ROOT / "figures" / "claims.json"))


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
