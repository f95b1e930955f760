"""docs/porting.md as rows; `python -m porting.page` measures anew and fills in what the probes answer."""

import re
import sys
from dataclasses import dataclass

from porting import worker
from vsrlib.common.files import atomic_path
from vsrlib.common.processes import ask
from vsrlib.common.provenance import PROJECT_ROOT

PAGE = PROJECT_ROOT / "docs" / "porting.md"
FRAMEWORKS = ("torch", "jittor")
_PADDLE = re.compile(r"^\| `paddle:(?P<name>[a-z0-9-]+)` \| (?P<cells>.*) \|$", re.MULTILINE)
_ROW = re.compile(r"^\| `(?P<name>[a-z0-9-]+)` \| (?P<cells>.*) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """What a row says: the probe's words, each framework's answer, whether the training is touched, and what to do.

    A row of what agrees has one answer for both, and neither of the last two.
    """

    name: str
    asked: str
    answers: dict[str, str]
    touches: str = ""
    advice: str = ""


def rows(text: str) -> dict[str, Row]:
    """The rows of the tables of what differs and of what agrees, by name."""
    found = {}
    for match in _ROW.finditer(text):
        name, cells = match["name"], match["cells"].split(" | ")
        answers = dict(zip(FRAMEWORKS, cells[1:3] if len(cells) > 2 else cells[1:2] * 2))
        found[name] = Row(name, cells[0], answers, *cells[3:])
    return found


def paddle_rows(text: str) -> dict[str, Row]:
    """The rows of what PaddlePaddle does otherwise than PyTorch, by name."""
    found = {}
    for match in _PADDLE.finditer(text):
        asked, torch, paddle, touches, advice = match["cells"].split(" | ")
        found[match["name"]] = Row(match["name"], asked, {"torch": torch, "paddle": paddle}, touches, advice)
    return found


def asked(name: str) -> str:
    """What a row is to say that is measured: the first words of its probe."""
    return (worker.probes()[name].__doc__ or "").strip()


def answers(framework: str, environment: dict[str, str]) -> dict[str, str]:
    """What all probes answer in one framework, in a process of its own, and its `version`. RuntimeError if it fails."""
    task = {"framework": framework}
    found = ask("porting.worker", task, show=False, environment=environment)
    if "failed" in found:
        raise RuntimeError(f"{framework} answered nothing: {found['failed']}")
    return found["cells"] | {"version": found["version"]}


def filled(text: str, found: dict[str, dict[str, str]]) -> str:
    """The page with the probes' words and answers. ValueError for a row that stands in the wrong table."""

    def line(match: re.Match[str]) -> str:
        name, cells = match["name"], match["cells"].split(" | ")
        both = [found[framework][name] for framework in FRAMEWORKS]
        if (both[0] == both[1]) != (len(cells) == 2):
            raise ValueError(f"the row {name} stands in the wrong table: {both[0]} and {both[1]}")
        return f"| `{name}` | " + " | ".join([asked(name), *(both if len(cells) > 2 else both[:1]), *cells[3:]]) + " |"

    return _ROW.sub(line, text)


if __name__ == "__main__":
    import os

    measured = {framework: answers(framework, dict(os.environ, OMP_NUM_THREADS="1")) for framework in FRAMEWORKS}
    new = filled(PAGE.read_text(encoding="utf-8"), measured)
    with atomic_path(PAGE) as path:
        path.write_text(new, encoding="utf-8")
    missing = sorted(set(worker.probes()) - set(rows(new)))
    sys.exit(f"without a row: {', '.join(missing)}" if missing else 0)
