"""The part of the README that is filled from the last committed run's verdicts."""

from pathlib import Path
from typing import Any

from vsrlib.claims.words import figure
from vsrlib.comparison_table import markdown
from vsrlib.errors import UserError
from vsrlib.files import atomic_path

BEGIN, END = "<!-- filled by `vsrlib publish` -->", "<!-- end of what is filled -->"


def answer(claims: dict[str, Any]) -> str:
    """The verdicts as the README opens with them, from the content of claims.json."""
    rows = [[one["id"], one["claim"], f"**{one['verdict']}**", figure(one)] for one in claims["claims"]]
    uses = [f"- {one['use']}: **{one['choose']}**, because {one['because']}." for one in claims["by_use"]]
    first = claims["claims"][0]
    lines = [
        f"**The answer.** {first['id']} is *{first['verdict']}*: {first['reason']}.",
        markdown(["", "the earlier report's claim", "verdict", "this run"], rows),
        f"Measured with {first['profile']}, commit {str(first['provenance']['commit'])[:12]}.",
        *(["Which framework to choose:\n\n" + "\n".join(uses)] if uses else []),
    ]
    return "\n\n".join(lines)


def fill(readme: Path, claims: dict[str, Any]) -> None:
    """Put the verdicts between the two marks of a README. UserError where it has none."""
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise UserError(
            f"{readme} lacks the lines {BEGIN} and {END}, between which the verdicts belong; put them back."
        )
    with atomic_path(readme) as temporary:
        temporary.write_text(f"{before}{BEGIN}\n{answer(claims)}\n{END}{after}", encoding="utf-8")
