"""What README.md, its Chinese translation and docs/choosing.md say of the last committed run, from claims.json."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from vsrlib.claims.verdict import figure
from vsrlib.common.errors import UserError
from vsrlib.common.files import atomic_path
from vsrlib.common.tables import markdown
from vsrlib.report import readme_chinese

BEGIN, END = "<!-- filled by `vsrlib publish` -->", "<!-- end of what is filled -->"

_OF_USE = {
    "quality": "C1",
    "time of a forward pass": "C2",
    "time of a whole frame": "C3",
    "memory of a training": "C5",
    "a machine without a compiler": "C7",
    "the correlation without a compiler": "C8",
}
"""What a reader chooses by -> the claim whose figure says it."""
_FIRST = ("C1", "C2", "C5")
"""Quality, speed and memory: the claims that a README opens with."""


def answer(claims: dict[str, Any], took: str = "") -> list[str]:
    """What the README opens with and its table of verdicts, from claims.json and a sentence on how long it took."""
    rows = [[one["id"], one["claim"], f"**{one['verdict']}**", figure(one)] for one in claims["claims"]]
    uses = [f"- {one['use']}: **{one['choose']}**, because {one['because']}." for one in claims["by_use"]]
    first = claims["claims"][0]
    opening = [
        f"- *{one['claim'].rstrip('.')}*: **{one['verdict']}**; "
        f"measured here: {figure(one)}. {one['reason'][:1].upper()}{one['reason'][1:]}."
        for one in claims["claims"]
        if one["id"] in _FIRST
    ]
    lines = [
        markdown(["", "the earlier report's claim", "verdict", "this run"], rows),
        f"Measured with {first['profile']}, commit {_commit(first)}. {took}".rstrip(),
        *(["Which framework to choose:\n\n" + "\n".join(uses)] if uses else []),
    ]
    return [
        "\n".join(["**The answer.** What the earlier report claims, and what is true of it:\n", *opening]),
        "\n\n".join(lines),
    ]


def chinese(claims: dict[str, Any]) -> list[str]:
    """The same in simplified Chinese. Reasons, which hold figures of their own, are left to figures/claims.md."""
    words = readme_chinese
    shown = [
        {
            "id": one["id"],
            "claim": words.CLAIMS[one["id"]],
            "verdict": words.VERDICTS[one["verdict"]],
            "figure": figure({**one, "unit": one["unit"] and words.UNITS[one["unit"]]}).replace(*words.LESS),
        }
        for one in claims["claims"]
    ]
    first = claims["claims"][0]
    uses = [
        words.USE.format(use=words.USES[one["use"]], choose=words.CHOICES[one["choose"]]) for one in claims["by_use"]
    ]
    opening = [words.ANSWER.format(**one) for one in shown if one["id"] in _FIRST]
    lines = [
        markdown(words.HEADER, [[one["id"], one["claim"], f"**{one['verdict']}**", one["figure"]] for one in shown]),
        words.MEASURED.format(profile=first["profile"], commit=_commit(first)),
        *(["\n\n".join([words.CHOOSE, "\n".join(uses)])] if uses else []),
    ]
    return ["\n".join([words.OPENING, *opening]), "\n\n".join(lines)]


def choosing(claims: dict[str, Any]) -> list[str]:
    """What the run says by use, and the figures that a choice rests on."""
    by_id = {one["id"]: one for one in claims["claims"]}
    uses = [[one["use"], f"**{one['choose']}**", one["because"]] for one in claims["by_use"]]
    rows = [[use, figure(by_id[name]), name, by_id[name]["verdict"]] for use, name in _OF_USE.items() if name in by_id]
    first = claims["claims"][0]
    lines = [
        markdown(["use", "choose", "because"], uses) if uses else "The committed run gives no advice by use.",
        markdown(["measured", "this run", "claim", "verdict"], rows),
        f"Measured with {first['profile']}, commit {_commit(first)}.",
    ]
    return ["\n\n".join(lines)]


FILLED: dict[str, Callable[[dict[str, Any]], list[str]]] = {
    "docs/README.zh-CN.md": chinese,
    "docs/choosing.md": choosing,
}
"""Documents beside a README that are filled with it -> what is put there, between one pair of marks after another."""


def fill(readme: Path, claims: dict[str, Any], took: str = "") -> None:
    """Put the verdicts between the marks of a README, and of the documents of FILLED that lie beside it.

    took: a sentence on how long the study took, where that is known.

    UserError, before anything is written, where one of them lacks the marks.
    """
    beside = {readme.parent / name: made(claims) for name, made in FILLED.items() if (readme.parent / name).exists()}
    pages = {path: _filled(path, words) for path, words in ({readme: answer(claims, took)} | beside).items()}
    for path, text in pages.items():
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _filled(page: Path, words: Sequence[str]) -> str:
    parts = re.split(f"({re.escape(BEGIN)}|{re.escape(END)})", page.read_text(encoding="utf-8"))
    if parts[1::2] != [BEGIN, END] * len(words):
        raise UserError(
            f"{page} must hold the lines {BEGIN} and {END}, between which the verdicts belong, "
            f"{'once' if len(words) == 1 else 'twice'}; put them back."
        )
    for number, text in enumerate(words):
        parts[4 * number + 2] = f"\n{text}\n"
    return "".join(parts)


def _commit(claim: dict[str, Any]) -> str:
    return str(claim["provenance"]["commit"])[:12]
