"""Notebooks run by papermill alone, as docs/batch.md has it, each by itself in a copy where nothing has been run."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import checkout
import documents
import nbformat
import pytest
import results_fixture
from shown import bars, faults, images

from vsrlib.common.files import read_json
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.kernels import jittor_env, paddle_env
from vsrlib.study.plan import parameters_cell, plan
from vsrlib.study.profiles import Step
from vsrlib.study.runner import execute
from vsrlib.study.settings import NOTEBOOKS
from vsrlib.study.step import unfinished

GIVEN = ("-p", "framework", "torch", "-p", "blur", "Realistic")
IN_JITTOR = ("-p", "framework", "jittor", "-p", "blur", "Realistic")
WITH_JITTOR = [
    pytest.mark.jittor,
    pytest.mark.skipif(jittor_env.why_unusable() is not None, reason="Jittor is unusable here"),
]
IN_PADDLE = ("-p", "framework", "paddle", "-p", "blur", "Realistic")
WITH_PADDLE = [
    pytest.mark.paddle,
    pytest.mark.skipif(paddle_env.why_unusable() is not None, reason="PaddlePaddle is unusable here"),
]
SMALL_SETS = (
    "train_clips 1 train_frames 5 validation_frames 5 test_clips 1 test_frames 6 filmed_frames 0 height 128 width 160"
)
FROM_ELSEWHERE = "Results: figures/results, the results that come with the project: none of them was measured here."


class Clone:
    """A copy of the project with published results."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.environment = folder, checkout.copy(folder)
        shutil.rmtree(folder / "figures")
        results_fixture.write_published(folder / "figures/results")
        shutil.copyfile(PROJECT_ROOT / "figures/claims.json", folder / "figures/claims.json")

    def papermill(self, notebook: str, *options: str) -> subprocess.CompletedProcess:
        """Run a notebook by papermill; NOTEBOOK.ipynb in the project's folder is what comes out."""
        return self.run(f"notebooks/{notebook}.ipynb", f"{notebook}.ipynb", *options)

    def run(self, *words: str) -> subprocess.CompletedProcess:
        """Run papermill as a user types it, in the project's folder."""
        command = [sys.executable, "-m", "papermill", *words]
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


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A copy whose embedded sets are as small as 02 makes them, so that the other notebooks take seconds."""
    clone = Clone(tmp_path_factory.mktemp("small"))
    cells = clone.outputs("02_generate_data", *GIVEN, *given(SMALL_SETS))
    assert sum(len(images(cell)) for cell in cells) == 6  # HR, LR and kernel of both blurs
    assert "framework was given and changes nothing: this notebook has no such parameter." in printed(cells)
    return clone


def given(words: str) -> list[str]:
    """Names and values in turns, as options of papermill."""
    pairs = words.split()
    return [word for name, value in zip(pairs[::2], pairs[1::2]) for word in ("-p", name, value)]


def printed(cells: list[list[dict]]) -> str:
    return "".join(output.get("text", "") for cell in cells for output in cell if output.get("name") == "stdout")


@pytest.mark.slow
def test_results_that_come_with_the_project_are_taken_and_named(clone: Clone) -> None:
    discussed = clone.outputs("13_discuss_answers", *GIVEN)
    assert "the published verdicts: none of them was measured here" in printed(discussed)
    assert [fault for cell in discussed for fault in faults(cell)] == []
    drawn = clone.outputs("10_draw_figures", *GIVEN)
    judged = clone.outputs("09_judge_claims", *GIVEN)
    compared = clone.outputs("05_compare_frameworks", *GIVEN)
    assert (clone.folder / "runs/interactive/13_discuss_answers/discussion.md").is_file()
    paired = clone.outputs("14_compare_every_pair", *GIVEN)
    for cells in (drawn, judged, compared, paired):
        assert FROM_ELSEWHERE in printed(cells)
        assert "blur was given and changes nothing: this notebook has no such parameter." in printed(cells)
        assert [fault for cell in cells for fault in faults(cell)] == []
    run = clone.folder / "runs/interactive"
    files = ("figures/provenance.json", "09_judge_claims/claims.json", "05_compare_frameworks/comparison.json")
    assert all("come with the project" in read_json(run / name)["source"] for name in files)
    assert sum(len(images(cell)) for cell in drawn) == 11


@pytest.mark.slow
def test_data_that_are_missing_are_made_and_a_bar_leaves_one_line(clone: Clone) -> None:
    small = ("-p", "steps", "3", "-p", "batch_size", "1", "-p", "patch_size", "32", "-p", "validate_every", "2")
    cells = clone.outputs("03_train_network", *GIVEN, *small)
    assert "data/Embedded_Train is not there yet: making it as 02_generate_data does" in printed(cells)
    assert not (clone.folder / "data/Embedded_BlurDown_Realistic").exists()
    assert [bar.split("|")[0] for cell in cells for bar in bars(cell)] == ["train torch Realistic: 100%"]
    assert [fault for cell in cells for fault in faults(cell)] == []
    assert sum(len(images(cell)) for cell in cells) == 2


SHORT_TRAINING = "steps 3 batch_size 1 patch_size 32 validate_every 0"
ALONE = [
    ("00_start_here", GIVEN, [], "restored.inference.json", []),
    ("01_check_environment", GIVEN, ["-y", "{frameworks: [torch]}"], "environment.json", []),
    ("03_train_network", IN_JITTOR, given(SHORT_TRAINING), "train.json", WITH_JITTOR),
    ("03_train_network", IN_PADDLE, given(SHORT_TRAINING), "train.json", WITH_PADDLE),
    ("04_infer_clips", IN_JITTOR, given("timing_repeats 2"), "inference.json", WITH_JITTOR),
    ("04_infer_clips", IN_PADDLE, given("timing_repeats 2"), "inference.json", WITH_PADDLE),
    ("06_prove_parity", GIVEN, given("steps 0"), "parity.json", WITH_JITTOR),
    ("07_ablate_alignment", GIVEN,
     [*given("height 64 width 64 count 1 draws 1"), "-y", "{seeds: [1], weights_realistic: null}"],
     "ablation.json", []),
    ("08_measure_costs", GIVEN, [*given("repeats 3 seconds 0 processes 1 height 32 width 32"),
      "-y", "{frameworks: [torch]}"],
     "costs.json", []),
    ("11_look_at_data", GIVEN, given("frames 3"), "look.json", []),
    ("12_show_frames", GIVEN, given("moving 2"), "show.json", []),
]  # fmt: skip
"""Notebook, what the documents give, what makes it short, the file of its result."""
ELSEWHERE = {
    "02_generate_data",
    "05_compare_frameworks",
    "09_judge_claims",
    "10_draw_figures",
    "13_discuss_answers",
    "14_compare_every_pair",
}


def test_how_long_cells_are_is_what_the_page_says() -> None:
    page = (PROJECT_ROOT / "docs" / "batch.md").read_text(encoding="utf-8")
    said = re.search(r"(\d+) lines long for a training\s+where no other cell has more than (\d+)", page)
    files = (PROJECT_ROOT / "notebooks").glob("*.ipynb")
    cells = [cell for file in files for cell in nbformat.read(file, as_version=4).cells if cell.cell_type == "code"]
    assert said and sorted(len(cell.source.splitlines()) for cell in cells)[:-3:-1] == [int(said[1]), int(said[2])]


def test_every_notebook_is_run_alone() -> None:
    assert {entry[0] for entry in ALONE} | ELSEWHERE == set(NOTEBOOKS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("notebook", "options", "short", "file"),
    [pytest.param(*entry, id=f"{entry[0]}_{entry[1][2]}", marks=marks) for *entry, marks in ALONE],
)
def test_one_command_line_does_for_every_notebook(
    small: Clone, notebook: str, options: tuple[str, ...], short: list[str], file: str
) -> None:
    output = small.folder / "alone" / f"{notebook}_{options[2]}"
    cells = small.outputs(notebook, *options, *short, "-p", "output", str(output))
    assert (output / file).is_file()
    has = parameters_cell(PROJECT_ROOT / f"notebooks/{notebook}.ipynb")
    for name in ("framework", "blur"):
        assert (f"{name} was given and changes nothing" in printed(cells)) == (name not in has)
    # papermill by itself keeps a line in the parts that it came in; the study has it join them, as JupyterLab does.
    assert [fault for cell in cells for fault in faults(cell) if not fault.startswith("carriage returns")] == []
    found = read_json(output / file)
    assert all(found[name] == value for name, value in zip(options[1::3], options[2::3]) if name in found)


@pytest.mark.slow
@pytest.mark.jittor
@pytest.mark.skipif(jittor_env.why_unusable() is not None, reason="Jittor is unusable here")
def test_the_command_of_the_readme(small: Clone) -> None:
    command = "papermill notebooks/04_infer_clips.ipynb out.ipynb -p framework jittor -p blur Gaussian"
    assert command in documents.commands(PROJECT_ROOT / "README.md")
    run = small.run(*command.split()[1:])
    assert run.returncode == 0, run.stderr
    found = read_json(small.folder / "runs/interactive/04_infer_clips_jittor_Gaussian/inference.json")
    assert (found["framework"], found["blur"]) == ("jittor", "Gaussian")
    assert unfinished(nbformat.read(small.folder / "out.ipynb", as_version=4)) is None


@pytest.mark.slow
def test_a_parameter_that_no_notebook_has_ends_it(clone: Clone) -> None:
    run = clone.papermill("11_look_at_data", "-p", "frmes", "2")
    assert run.returncode != 0 and "There is no parameter 'frmes'; the nearest is 'frames'." in run.stderr
    assert not (clone.folder / "runs/interactive/11_look_at_data").exists()


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
