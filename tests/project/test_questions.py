"""The ten questions of docs/README.md: the named part of a notebook is there, and the linked pages hold the answer."""

import json
import re
from pathlib import Path

import pytest
from documents import DOCS

from vsrlib.common.files import read_json
from vsrlib.common.provenance import PROJECT_ROOT

ROWS = [
    [cell.strip() for cell in line.split("|")[1:-1]]
    for line in (DOCS / "README.md").read_text(encoding="utf-8").split("## Ten questions")[1].splitlines()
    if re.match(r"\| \S.*\?", line)
]
NOTEBOOKS = {path.name[:2]: path for path in (PROJECT_ROOT / "notebooks").glob("*.ipynb")}
REASON = {one["id"]: one["reason"] for one in read_json(PROJECT_ROOT / "figures" / "claims.json")["claims"]}
ANSWERS = {
    "What did the earlier report claim": list(REASON.values()),
    "Why is C1 refuted": [REASON["C1a"], "bits of mantissa"],
    "Where could the 1.195 dB come from": [
        REASON["C1b"],
        "the changed default: all three readings of the grids at once",
    ],
    "What does `align_corners` change": ["outer edges", "up to half a pixel at the borders"],
    "Where in the frame": ["The changed default costs most", "From the centre to the corner"],
    "Where does Jittor's time go": [
        REASON["C2"],
        "forward, not waited for",
        "the work then runs when the result is read",
    ],
    "What is image output": [REASON["C4"], "PNG, PSNR and SSIM three times together"],
    "Are the two implementations the same": ["The two frameworks compute the same: no layer departs."],
    "How good are the frames": ["gain over bicubic", "what is added to the bilinear upsampling"],
    "Which to choose": ["speed of restoration, here", "Nobody has checked your network against the authors' weights"],
}
"""How a question begins -> what its answer without a run must say, in one or another of the linked files."""


def headings(notebook: Path) -> list[str]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    source = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return re.findall(r"^#+ (.+)$", source, re.MULTILINE)


def missing_parts(cell: str) -> list[str]:
    """The parts that a cell names in italics and that the notebook named before them has not."""
    missing, notebook = [], None
    for number, part in re.findall(r"(?:\[|\b)(\d\d)(?:_\w+|\b)|\*([^*]+)\*", cell):
        notebook = NOTEBOOKS[number] if number else notebook
        if part and not (notebook and any(one.startswith(part) for one in headings(notebook))):
            missing.append(part)
    return missing


def linked(cell: str) -> str:
    """What every file says that a cell links to, in plain words."""
    targets = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", cell)]
    return "\n".join(plain((DOCS / target).read_text(encoding="utf-8")) for target in targets)


def plain(text: str) -> str:
    """Without emphasis, line ends and capitals."""
    return " ".join(text.replace("*", "").lower().split())


def test_there_are_ten() -> None:
    assert len(ROWS) == len(ANSWERS) == 10 and all(len(row) == 3 for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:30])
def test_the_page_of_the_study_has_the_part_that_is_named(row: list[str]) -> None:
    assert missing_parts(row[1]) == [] and re.search(r"\*|line C", row[1])


def test_a_part_that_is_not_there_is_found() -> None:
    assert missing_parts("[07_ablate_alignment](x.ipynb), *Half a pixel*; 08, *Image output*, *Half a pixel*") == [
        "Half a pixel"
    ]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:30])
def test_the_answer_without_a_run_is_in_the_linked_pages(row: list[str]) -> None:
    (words,) = [words for question, words in ANSWERS.items() if row[0].startswith(question)]
    said = linked(row[2])
    assert [one for one in words if plain(one) not in said] == []
