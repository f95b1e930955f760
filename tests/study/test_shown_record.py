"""What notebooks show is compared with what is expected: each kind of regression, planted, is found and named."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
import shown_record
from shown_record import NUMBERS, SHAPE, WORDS, faults, record

from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.report.html import Page
from vsrlib.study import profiles

CHART = '<figure><img src="x" alt="gains"><figcaption>From +0.14 to +2.87 dB</figcaption></figure>'
STEP = "04_infer_clips_torch_Gaussian"
Run = dict[str, list[dict[str, Any]]]


def write(root: Path, *shown: tuple[str, Page]) -> Path:
    """A run of one step whose notebook shows these, cell by cell, and says something on the way."""
    cells = []
    for source, page in shown:
        cell = nbformat.v4.new_code_cell(f"# a comment\n{source}")
        data = {"text/html": page.html, "text/plain": page.text}
        cell.outputs = [
            nbformat.v4.new_output("stream", name="stdout", text="100%"),
            nbformat.v4.new_output("execute_result", data, execution_count=1),
        ]
        cells.append(cell)
    (root / STEP).mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), root / STEP / "executed.ipynb")
    return root


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return record(
        write(
            tmp_path,
            ("settings", Page("", "Settings(output='/tmp/x')")),
            ("clips.gains(result)", Page(CHART, "<chart: From +0.14 to +2.87 dB. bikes-1 +2.87 dB, of 10 clips.>")),
            (
                "said.inference(result)",
                Page("<table><tr><td>1e-4</td></tr></table>", f"| 1.2e-4 | 11% | {tmp_path}/a |"),
            ),
        )
    )


def test_words_and_numbers_are_told_apart(run: Run) -> None:
    gains, table = run[STEP]
    assert gains["words"] == "<chart: From # to # dB. bikes-1 # dB, of # clips.>"
    assert gains["numbers"] == ["+0.14", "+2.87", "+2.87", "10"] and (gains["pictures"], gains["tables"]) == (1, 0)
    assert table["words"] == "| # | # | RUN/a |" and table["numbers"] == ["1.2e-4", "11%"]
    assert (table["pictures"], table["tables"]) == (0, 1)


def expected(run: Run, *others: Run) -> Run:
    return shown_record.agreed([copy.deepcopy(run), *(others or [copy.deepcopy(run)])])


def change(key: str, value: Any, place: int = 0) -> Callable[[Run], None]:
    return lambda run: run[STEP][place].update({key: value})


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda run: run[STEP].pop(0), "shows 1 of 2 things, without ['clips.gains(result)'], with []"),
        (lambda run: run[STEP].append(run[STEP][0]), "shows 3 of 2 things, without [], with ['clips.gains(result)']"),
        (lambda run: run.pop(STEP), f"{STEP}: was not run"),
        (lambda run: run.update({"14_new": []}), "14_new: is not known"),
        (change("pictures", 0), "clips.gains(result): 0 pictures in place of 1"),
        (change("tables", 0, 1), "said.inference(result): 0 tables in place of 1"),
        (change("words", "", 1), "said.inference(result): no words"),
        (change("words", "<chart: From # to # dB.>"), "'<chart: From # to # dB.>' in place of '<chart: From"),
        (change("numbers", ["+0.14", "+2.87", "+2.90", "10"]), "+2.90 in place of +2.87 in"),
        (change("numbers", ["-0.14", "+2.87", "+2.87", "10"]), "-0.14 in place of +0.14 in"),
        (change("numbers", ["+0.14", "+2.87", "+2.87", "11"]), "11 in place of 10 in"),
    ],
)
def test_a_regression_is_named(spoil: Callable[[Run], None], words: str, run: Run) -> None:
    wanted = expected(run)
    wanted[STEP][1] |= {
        "compared": WORDS,
        "words": run[STEP][1]["words"],
    }  # which is an exception
    assert faults(wanted, run) == []
    spoil(run)
    said = faults(wanted, run)
    assert any(words in one for one in said), said


def test_what_rounds_otherwise_is_none(run: Run) -> None:
    wanted = expected(run)
    run[STEP][0]["numbers"] = ["+0.16", "+2.86", "+2.87", "10"]
    assert faults(wanted, run) == []


def test_a_number_that_is_not_finite_is_no_number(tmp_path: Path, run: Run) -> None:
    broken = record(write(tmp_path, ("clips.gains(result)", Page(CHART, "<chart: From nan to +2.87 dB.>"))))
    assert "nan" in broken[STEP][0]["words"] and faults(expected(run), broken)


def test_what_two_runs_have_not_in_common_is_not_expected(run: Run) -> None:
    other = copy.deepcopy(run)
    assert expected(run, other)[STEP][0]["compared"] == NUMBERS
    other[STEP][0]["numbers"][0] = "+0.44"
    found = expected(run, other)[STEP][0]
    assert found["compared"] == WORDS and "numbers" not in found
    other[STEP][0]["words"] = "<chart: another branch>"
    found = expected(run, other)[STEP][0]
    assert found["compared"] == SHAPE and "words" not in found
    assert expected(run)[STEP][1]["compared"] == SHAPE  # by the table of exceptions


def test_the_expectation_is_of_the_notebooks_as_they_are() -> None:
    """A cell that was renamed, or a step that came or went, is found without a study; and most is compared closely."""
    wanted = shown_record.read()
    assert set(wanted) == {step.id for step in profiles.steps_of("quick", Path(), Path())}
    for step, outputs in wanted.items():
        (notebook,) = [path for path in (PROJECT_ROOT / "notebooks").glob("*.ipynb") if step.startswith(path.stem)]
        cells = [cell["source"] for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code"]
        ends = ["".join(source).splitlines()[-1].strip() for source in cells]
        assert outputs and {one["cell"] for one in outputs} <= set(ends), step
    levels = [one["compared"] for outputs in wanted.values() for one in outputs]
    pictures = sum(one["pictures"] for outputs in wanted.values() for one in outputs)
    assert levels.count(NUMBERS) > 25 and levels.count(WORDS) > 5 and pictures > 100
