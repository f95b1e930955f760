import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from vsrlib.common import files
from vsrlib.common.errors import UserError
from vsrlib.study import step
from vsrlib.study.step import error_line, problem, unfinished


def cell(source: str = "1", count: int | None = 1, replied: bool = True, error: tuple[str, str] | None = None) -> dict:
    made = nbformat.v4.new_code_cell(source, execution_count=count)
    # papermill writes this for cells that never ran, too.
    made.metadata["papermill"] = {"status": "completed", "exception": False}
    made.metadata["execution"] = {"iopub.execute_input": "t", **({"shell.execute_reply": "t"} if replied else {})}
    if error:
        made.outputs = [nbformat.v4.new_output("error", ename=error[0], evalue=error[1], traceback=[])]
    return made


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([cell(), cell()], None),
        ([cell(), cell("  \n", count=None, replied=False)], None),
        ([cell(), cell(count=None, replied=False)], "code cell 2 of 2 was not run"),
        ([cell(), cell(replied=False), cell(count=None)], "code cell 2 of 3 did not end"),
        ([cell(error=("ValueError", "first\nlast"))], "ValueError: last"),
        ([cell(error=("SystemExit", "0")), cell(count=None)], "SystemExit: 0"),
        ([], "the notebook has no code cells"),
    ],
)
def test_a_notebook_is_finished_only_if_every_cell_ran_to_its_end(cells: list, message: str | None) -> None:
    text = nbformat.v4.new_markdown_cell("text")
    assert unfinished(nbformat.v4.new_notebook(cells=[text, *cells])) == message


def test_an_error_is_one_line() -> None:
    assert error_line("UserError", "The folder x is missing.") == "The folder x is missing."
    assert error_line("KeyError", "'a'") == "KeyError: 'a'"
    assert error_line("MemoryError", "") == "MemoryError: "


@pytest.mark.parametrize(
    ("usable", "physical", "given", "threads"),
    [(4, 2, None, "2"), (2, 8, None, "2"), (3, None, None, "3"), (4, 2, "7", "7"), (4, 2, "", "2"), (1, 0, None, "1")],
)
def test_both_frameworks_get_one_number_of_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, usable: int, physical: int | None, given: str | None, threads: str
) -> None:
    monkeypatch.setattr(step.os, "sched_getaffinity", lambda _: set(range(usable)))
    monkeypatch.setattr(step.psutil, "cpu_count", lambda logical=True: usable if logical else physical)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if given is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", given)
    assert step._environment(tmp_path)["OMP_NUM_THREADS"] == threads


def test_a_process_that_ended_badly_is_a_problem_whatever_the_notebook_says(tmp_path: Path) -> None:
    notebook, error = tmp_path / "n.ipynb", tmp_path / "error.txt"
    assert problem(0, notebook, error) == "no notebook was written"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell()]), notebook)
    assert problem(0, notebook, error) is None
    assert problem(-9, notebook, error) == "its process was killed by signal 9"
    assert problem(3, notebook, error) == "its process ended with status 3"
    error.write_text("Traceback\nOSError: the disk is full\n")
    assert problem(1, notebook, error) == "OSError: the disk is full"


def test_the_lock_is_free_again_when_its_holder_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import sys, pathlib; from vsrlib.common.files import lock\n"
    code += "with lock(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(tmp_path)]
    monkeypatch.setattr(files, "PATIENCE", 0.2)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(UserError, match="Another study is running"), files.lock(tmp_path):
            pass
        holder.kill()
    with files.lock(tmp_path):
        pass
