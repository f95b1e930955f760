"""What the notebooks of a study show, in words and numbers, and how far another study may be from it.

    python tests/helpers/shown_record.py FOLDER

runs the small study twice, in FOLDER/1 and FOLDER/2, and writes tests/study/notebooks.json anew. What differs between
the two is not expected of others. Interrupted, it goes on where it stopped.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import nbformat
from small_study import study

EXPECTED = Path(__file__).parents[1] / "study" / "notebooks.json"
LEVELS = NUMBERS, WORDS, SHAPE = "numbers", "words", "shape"
"""How closely an output is compared: by its numbers and words, by its words alone, or by what kind of thing it is."""

LOOSER = (
    (r"01_|08_|10_", r".*", SHAPE, "packages, compiler, and times of this machine"),
    (r"09_|13_", r".*", SHAPE, "verdicts follow the times, too"),
    (r"00_", r"said_results", SHAPE, "the verdicts that come with the project, which change with every publication"),
    (r"00_", r"front", WORDS, "how long it took"),
    (r"04_", r"clips\.times|said\.inference", SHAPE, "times, and which part takes most of them"),
    (r"06_", r"parity\.trajectories", SHAPE, "in which order rounding ends"),
    (r"05_|06_", r".*", WORDS, "how two frameworks differ in rounding is the processor's"),
    (r"07_", r"grids\.photograph", WORDS, "rounding alone is measured"),
    (r"12_", r"explore\.details", WORDS, "how two frameworks differ in rounding is the processor's"),
)  # fmt: skip
"""Step, cell, the closest that its outputs are compared, and why; whatever two runs on one machine have in common."""

_NUMBER = re.compile(r"(?<![\w./-])[+-]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?(?![\w-]|\.\d)%?")
_LAST_PLACES = 2
"""By how many units of its last place a number may differ, where it is no count."""


def record(run: Path) -> dict[str, list[dict[str, Any]]]:
    """Of every executed notebook of a run: each thing that is shown, with its cell, pictures, tables, words, numbers.

    Progress, and the settings, which name this machine's folders, are left out. In the words each number is "#".
    """
    found = {}
    for path in sorted(run.glob("*/executed.ipynb")):
        cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        found[path.parent.name] = [
            _shown(cell.source.splitlines()[-1].strip(), output["data"], run)
            for cell in cells
            for output in cell.outputs
            if "data" in output and cell.source.splitlines()[-1] not in ("settings", "machine")
        ]
    return found


def _shown(cell: str, data: dict[str, Any], run: Path) -> dict[str, Any]:
    html = data.get("text/html", "")
    text = data.get("text/markdown") or data.get("text/plain", "")
    text = " ".join(text.replace(str(run), "RUN").split())
    return {
        "cell": cell,
        "pictures": len(re.findall(r"<(?:img|svg)\b", html)),
        "tables": html.count("<table"),
        "words": _NUMBER.sub("#", text),
        "numbers": _NUMBER.findall(text),
    }


def agreed(runs: Sequence[dict[str, list[dict[str, Any]]]]) -> dict[str, list[dict[str, Any]]]:
    """The first run, with how closely each output is to be compared: as closely as the runs agree, or looser."""
    first, *others = runs
    for step, outputs in first.items():
        for place, one in enumerate(outputs):
            again = [other[step][place] for other in others]
            closest = (level for level in LEVELS if not any(list(_differences(one, two, level)) for two in again))
            level = next(closest, SHAPE)
            for steps, cells, loosest, _ in LOOSER:
                if re.match(steps, step) and re.match(cells, one["cell"]):
                    level = max(level, loosest, key=LEVELS.index)
            one["compared"] = level
            if level == SHAPE:
                del one["words"]
            if level != NUMBERS:
                del one["numbers"]
    return first


def faults(expected: dict[str, list[dict[str, Any]]], found: dict[str, list[dict[str, Any]]]) -> list[str]:
    """In which a study differs from what is expected of it: a sentence for each missing or other thing."""
    said = [f"{step}: was not run" for step in expected if step not in found]
    said += [f"{step}: is not known" for step in found if step not in expected]
    for step in expected.keys() & found.keys():
        cells = [[one["cell"] for one in outputs] for outputs in (expected[step], found[step])]
        if cells[0] != cells[1]:
            absent, further = ([*(Counter(a) - Counter(b)).elements()] for a, b in (cells, cells[::-1]))
            said.append(f"{step}: shows {len(cells[1])} of {len(cells[0])} things, without {absent}, with {further}")
            continue
        for one, other in zip(expected[step], found[step]):
            said += [f"{step}, {one['cell']}: {words}" for words in _differences(one, other, one["compared"])]
    return sorted(said)


def _differences(one: dict[str, Any], other: dict[str, Any], level: str) -> Iterable[str]:
    for kind in ("pictures", "tables"):
        if one[kind] != other[kind]:
            yield f"{other[kind]} {kind} in place of {one[kind]}"
    if not other["words"]:
        yield "no words"
    if level in (NUMBERS, WORDS) and one["words"] != other["words"]:
        yield f"{other['words']!r} in place of {one['words']!r}"
    elif level == NUMBERS:
        for expected, found in zip(one["numbers"], other["numbers"]):
            if abs(_value(found) - _value(expected)) > _tolerance(expected):
                yield f"{found} in place of {expected} in {one['words'][:80]!r}"


def _value(number: str) -> float:
    return float(number.replace(",", "").rstrip("%"))


def _tolerance(number: str) -> float:
    """Some units of the last place; none for a whole number, which counts something."""
    digits, _, exponent = number.rstrip("%").partition("e")
    places = len(digits.partition(".")[2])
    if number.isdigit():
        return 0.0
    return 1.001 * _LAST_PLACES * 10.0 ** (int(exponent or 0) - places)


def read() -> dict[str, list[dict[str, Any]]]:
    """What is expected."""
    return json.loads(EXPECTED.read_text(encoding="utf-8"))


if __name__ == "__main__":
    folders = [Path(sys.argv[1]).resolve() / name for name in ("1", "2")]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        done = study(folder)
        if done.returncode:
            sys.exit(f"error: The study in {folder} failed:\n{done.stdout}{done.stderr}")
    expectation = agreed([record(folder / "run") for folder in folders])
    EXPECTED.write_text(json.dumps(expectation, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
