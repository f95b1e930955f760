"""The rules that every notebook of the project keeps."""

import ast
import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest

from vsrlib.claims.ablation.ablate import ablate
from vsrlib.claims.ablation.options import AblationOptions
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.parity import referee
from vsrlib.parity.options import ParityOptions
from vsrlib.restoration import infer
from vsrlib.restoration.options import InferOptions
from vsrlib.study.plan import parameters_cell
from vsrlib.study.settings import INTERACTIVE, NOTEBOOKS
from vsrlib.training import train
from vsrlib.training.options import TrainOptions

PATHS = sorted((PROJECT_ROOT / "notebooks").glob("*.ipynb"))
MAGIC = ("%", "!", "?")
EQUATIONLESS = ("01_check_environment",)
LIBRARY = {
    node.name
    for path in (PROJECT_ROOT / "vsrlib").rglob("*.py")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.FunctionDef)
}
"""The names of the library's functions."""
JOBS = {
    "03_train_network": (train.train, TrainOptions),
    "04_infer_clips": (infer.infer, InferOptions),
    "06_prove_parity": (referee.compare, ParityOptions),
    "07_ablate_alignment": (ablate, AblationOptions),
}
"""The library call of a notebook, and the options that it takes."""


def another(entry: dataclasses.Field) -> Any:
    """Another value of a setting than its default, such that all of them together are accepted."""
    value = entry.default if entry.default_factory is dataclasses.MISSING else entry.default_factory()
    choices = entry.metadata.get("choices") or ()
    together = {"engine": "cached", "convolution": "framework"}  # others do not go with another tile
    if entry.name in together:
        return together[entry.name]
    if choices and value is not None and not isinstance(value, list):
        return choices[choices.index(value) - 1]
    if "bool" in str(entry.type):
        return not value
    if isinstance(value, int | float):
        return value + type(value)(4 if isinstance(value, int) else 0.25)
    if "list[str]" in str(entry.type):
        return ["elsewhere"]
    return [4] if isinstance(value, list) else choices[0] if choices else "elsewhere"


PYTORCH_ALONE = "precision"
"""A setting that another framework refuses."""


def cells(path: Path) -> list:
    return nbformat.read(path, as_version=4).cells


def code(path: Path) -> list[str]:
    return [cell.source for cell in cells(path) if cell.cell_type == "code"]


def test_the_notebooks_are_those_with_settings() -> None:
    assert [path.stem for path in PATHS] == sorted(NOTEBOOKS)
    assert [path.stem[:2] for path in PATHS] == [f"{number:02d}" for number in range(len(PATHS))]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
class TestNotebook:
    def test_is_valid_and_committed_without_outputs(self, path: Path) -> None:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert notebook.metadata.kernelspec.name == "python3"
        for cell in notebook.cells:
            assert not cell.get("outputs") and cell.get("execution_count") is None
            assert set(cell.metadata) <= {"tags"}

    def test_begins_with_question_parameters_and_settings(self, path: Path) -> None:
        first, second, third = cells(path)[:3]
        assert first.cell_type == "markdown" and first.source.startswith("# ")
        for word in ("**Question.**", "**Inputs.**", "**Outputs.**", "**How long.**"):
            assert word in first.source
        assert second.cell_type == "code" and second.metadata.tags == ["parameters"]
        assert third.cell_type == "code" and ".require_inputs()" in third.source
        assert all(not cell.metadata.get("tags") for cell in cells(path)[2:])

    def test_parameters_are_the_settings_fields_with_a_comment_each(self, path: Path) -> None:
        settings = NOTEBOOKS[path.stem]
        assert parameters_cell(path) == dataclasses.asdict(settings())
        assert list(parameters_cell(path)) == [field.name for field in dataclasses.fields(settings)]

    def test_papermill_says_what_every_parameter_is(self, path: Path) -> None:
        # It reads the cell with expressions of its own: a second equals sign or a bar in a type make it give up.
        lines = [re.fullmatch(r"(\w+): .+ = .+?  # (.+)", line) for line in cells(path)[1].source.splitlines()]
        shown = papermill.inspect_notebook(path)
        assert [(name, one["help"]) for name, one in shown.items()] == [line.groups() for line in lines]
        types = {entry.name: entry.type for entry in dataclasses.fields(NOTEBOOKS[path.stem])}
        words = {
            name: getattr(one, "__name__", str(one)) if isinstance(one, type) else str(one)
            for name, one in types.items()
        }
        assert {name: one["inferred_type_name"] for name, one in shown.items()} == {
            name: word.replace(" | ", " or ") for name, word in words.items()
        }

    def test_every_parameter_goes_into_the_settings(self, path: Path) -> None:
        name = NOTEBOOKS[path.stem].__name__
        assert f"settings = {name}.of(globals()).require_inputs()\n" in code(path)[1]

    def test_every_setting_reaches_the_library(self, path: Path) -> None:
        # A parameter that is checked and then left at the library's own default would be a lie.
        if path.stem not in JOBS:
            pytest.skip("its settings go to the library as they are")
        function, options = JOBS[path.stem]
        (call,) = [
            node
            for source in code(path)
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == function.__name__
        ]
        assert "settings.options" in map(ast.unparse, call.args)
        given = {entry.name: another(entry) for entry in dataclasses.fields(NOTEBOOKS[path.stem])}
        settings = NOTEBOOKS[path.stem]
        alone = settings.of({name: value for name, value in given.items() if name != "framework"}).options
        together = settings.of({name: value for name, value in given.items() if name != PYTORCH_ALONE}).options
        shared = {entry.name for entry in dataclasses.fields(options)} & set(given)
        assert len(shared) >= len(given) - 3  # but for the paths
        for name in shared:
            value = given[name]
            reached = alone if name == PYTORCH_ALONE else together
            place = (
                [str(PROJECT_ROOT / one) for one in value] if value == ["elsewhere"] else str(PROJECT_ROOT / str(value))
            )
            assert getattr(reached, name) in (value, place)

    def test_cells_are_short_and_do_no_work_of_the_librarys(self, path: Path) -> None:
        """A loop that shows, or a small function that explains, is welcome; what the library does is not done again."""
        for number, source in enumerate(code(path)):
            # One cell alone is longer: papermill reads one parameter a line, and of one cell only. It puts what it is
            # given below that cell, so that a second one with the rest would overwrite it. A training has 37 of them.
            most = 37 if number == 0 and path.stem == "03_train_network" else 15
            assert len(source.splitlines()) <= most and all(len(line) <= 120 for line in source.splitlines())
            assert source.strip() and not any(line.startswith(MAGIC) for line in source.splitlines())
            nodes = list(ast.walk(ast.parse(source)))
            assert not [node for node in nodes if isinstance(node, ast.AsyncFunctionDef | ast.ClassDef | ast.While)]
            for node in (node for node in nodes if isinstance(node, ast.FunctionDef)):
                assert len(node.body) <= 5 and node.name not in LIBRARY, f"{node.name} belongs into the library"
            # A loop goes through what the library has found; one that computes would be a job of its own.
            loops = [node for node in nodes if isinstance(node, ast.For)]
            assert not [node for node in loops if any(isinstance(inner, ast.For) for inner in node.body)]

    def test_says_what_it_is_about_and_what_came_of_it(self, path: Path) -> None:
        first, last = cells(path)[0].source, cells(path)[-1].source
        for word in ("**The idea.**", "**What to expect.**"):
            assert word in first
        assert path.stem in EQUATIONLESS or "$$" in first
        assert "**What would change it.**" in last
        said = [
            source for source in code(path) if re.search(r"\b(said|said_results|said_pairs|walk|front)\.\w+\(", source)
        ]
        assert said, "a notebook ends with what its numbers mean"

    def test_leads_to_the_one_before_and_the_one_after(self, path: Path) -> None:
        place = PATHS.index(path)
        around = [one.name for one in (*PATHS[max(0, place - 1) : place], *PATHS[place + 1 : place + 2])]
        for cell in (cells(path)[0], cells(path)[-1]):
            assert re.findall(r"\]\((\d\d_\w+\.ipynb)\)", cell.source) == around

    def test_is_stored_as_jupyterlab_writes_it(self, path: Path) -> None:
        """Opening it and saving it there changes no byte, but for the version of Python."""
        text = path.read_text(encoding="utf-8")
        assert text == f"{nbformat.writes(nbformat.reads(text, as_version=4))}\n"
        metadata = json.loads(text)["metadata"]
        assert metadata["kernelspec"] == {
            "display_name": "Python 3 (ipykernel)",
            "language": "python",
            "name": "python3",
        }
        assert set(metadata["language_info"]) == {
            *("codemirror_mode", "file_extension", "mimetype", "name", "nbconvert_exporter", "pygments_lexer"),
            "version",
        }

    def test_run_by_hand_it_writes_into_no_study(self, path: Path) -> None:
        settings = NOTEBOOKS[path.stem]()
        if path.stem == "02_generate_data":
            return  # the data are one folder for all
        assert settings.folder.is_relative_to(PROJECT_ROOT / INTERACTIVE)

    def test_nothing_depends_on_where_it_lies(self, path: Path) -> None:
        for source in code(path):
            assert "sys.path" not in source and "os.chdir" not in source
            strings = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
            texts = [text for text in strings if isinstance(text, str)]
            assert not [text for text in texts if re.match(r"(/|~|[A-Za-z]:[\\/]|\.\.)", text)]

    def test_only_parameters_that_were_checked_are_used(self, path: Path) -> None:
        # After the third cell everything goes through `settings`, so that no unchecked value slips in.
        names = set(parameters_cell(path))
        for source in code(path)[2:]:
            tree = ast.parse(source)
            own = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
            used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
            assert not (used - own) & names

    def test_the_settings_cell_may_be_run_again_after_any_other(self, path: Path) -> None:
        # It reads the parameters by their names, which nothing but their own cell may give another value.
        names = set(parameters_cell(path))
        for source in code(path)[1:]:
            nodes = list(ast.walk(ast.parse(source)))
            given = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
            imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
            given |= {one.asname or one.name for node in imports for one in node.names}
            given |= {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
            assert not given & names
