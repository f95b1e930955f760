"""Notebooks run by papermill alone, as docs/batch.md has it, each by itself in a copy where nothing has been run."""

import shutil
import subprocess
import sys
from pathlib import Path

import checkout
import nbformat
import pytest
import results_fixture
from shown import bars, faults, images

from vsrlib.files import read_json
from vsrlib.launch import unfinished
from vsrlib.plan import plan
from vsrlib.profiles import Step
from vsrlib.provenance import PROJECT_ROOT
from vsrlib.settings import NOTEBOOKS
from vsrlib.study import execute

GIVEN = ("-p", "framework", "torch", "-p", "blur", "Realistic")
FROM_ELSEWHERE = "Results: figures/results, the results that come with the project: none of them was measured here."


class Clone:
    """A copy of the project with published results."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.environment = folder, checkout.copy(folder)
        shutil.rmtree(folder / "figures")
        results_fixture.write_published(folder / "figures/results")

    def papermill(self, notebook: str, *options: str) -> subprocess.CompletedProcess:
        """Run papermill as a user types it, in the project's folder."""
        command = [sys.executable, "-m", "papermill", f"notebooks/{notebook}.ipynb", f"{notebook}.ipynb", *options]
        return subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)

    def outputs(self, notebook: str, *options: str) -> list[list[dict]]:
        """The outputs of each code cell of a notebook that ran to its end."""
        run = self.papermill(notebook, *options)
        assert run.returncode == 0, run.stderr
        executed = nbformat.read(self.folder / f"{notebook}.ipynb", as_version=4)
        assert unfinished(executed) is None
        return [cell.outputs for cell in executed.cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return Clone(tmp_path_factory.mktemp("clone"))


def printed(cells: list[list[dict]]) -> str:
    return "".join(output.get("text", "") for cell in cells for output in cell if output.get("name") == "stdout")


@pytest.mark.slow
def test_results_that_come_with_the_project_are_taken_and_named(clone: Clone) -> None:
    drawn = clone.outputs("10_draw_figures", *GIVEN)
    judged = clone.outputs("09_judge_claims", *GIVEN)
    compared = clone.outputs("05_compare_frameworks", *GIVEN)
    for cells in (drawn, judged, compared):
        assert FROM_ELSEWHERE in printed(cells)
        assert "blur was given and changes nothing: this notebook has no such parameter." in printed(cells)
        assert [fault for cell in cells for fault in faults(cell)] == []
    run = clone.folder / "runs/quick"
    files = ("figures/provenance.json", "09_judge_claims/claims.json", "05_compare_frameworks/comparison.json")
    assert all("come with the project" in read_json(run / name)["source"] for name in files)
    assert sum(len(images(cell)) for cell in drawn) == 10


@pytest.mark.slow
def test_data_that_are_missing_are_made_and_a_bar_leaves_one_line(clone: Clone) -> None:
    small = ("-p", "steps", "3", "-p", "batch_size", "1", "-p", "patch_size", "32", "-p", "validate_every", "2")
    cells = clone.outputs("03_train_network", *GIVEN, *small)
    assert "data/Embedded_Train is not there yet: making it as 02_generate_data does" in printed(cells)
    assert not (clone.folder / "data/Embedded_BlurDown_Realistic").exists()
    assert [bar.split("|")[0] for cell in cells for bar in bars(cell)] == ["train torch Realistic: 100%"]
    assert [fault for cell in cells for fault in faults(cell)] == []
    assert sum(len(images(cell)) for cell in cells) == 2


@pytest.mark.slow
def test_a_parameter_that_no_notebook_has_ends_it(clone: Clone) -> None:
    run = clone.papermill("11_look_at_data", "-p", "frmes", "2")
    assert run.returncode != 0 and "There is no parameter 'frmes'; the nearest is 'frames'." in run.stderr
    assert not (clone.folder / "runs/quick/11_look_at_data").exists()


@pytest.mark.slow
def test_papermill_and_the_study_give_the_same_result(clone: Clone, tmp_path: Path) -> None:
    parameters = {"frames": 3, "seed": 5}
    step = Step("look", "11_look_at_data", {**parameters, "output": str(tmp_path / "run/look")})
    assert execute(plan([step], PROJECT_ROOT / "notebooks", NOTEBOOKS), tmp_path / "run", "one step") == 0
    given = [word for name, value in parameters.items() for word in ("-p", name, str(value))]
    clone.outputs("11_look_at_data", *given, "-p", "output", str(tmp_path / "alone"))
    study, alone = (read_json(tmp_path / folder / "look.json") for folder in ("run/look", "alone"))
    assert len(study["bicubic"]) == 2
    assert {**study, "provenance": None} == {**alone, "provenance": None}
