"""One step of the study in a process of its own: what starts it and judges what it left, and the process itself.

    python -m vsrlib.study.step          (started by `in_own_process`, not by hand)

executes one notebook with papermill. The first line of standard input is a JSON object with `notebook`, `output` (the
executed notebook), `error` (a text file, written only when something goes wrong) and `parameters`. Standard input then
stays open as a line to the study: when it closes, because the study was interrupted or killed, the process ends its
kernel and itself. Exit status: 0 if papermill ran to the end without an error, else 1.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import nbformat
import psutil

from vsrlib.common import progress
from vsrlib.common.provenance import PROJECT_ROOT

_GRACE = 10.0
"""Seconds that a step gets to end itself and its kernel."""


def in_own_process(task: dict[str, Any], held: Sequence[TextIO]) -> int:
    """Execute the notebook of a task in a process; return its exit status (negative: the signal that killed it).

    `held`: the study's lock files.
    Its standard input is the line by which it knows that this process lives. The session of its own keeps Ctrl-C
    from it: whatever ends this process or interrupts this call ends the step by closing that line.
    """
    with tempfile.TemporaryDirectory(prefix="vsrlib-") as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "vsrlib.study.step"],
            stdin=subprocess.PIPE,
            env=_environment(Path(folder)),
            pass_fds=[file.fileno() for file in held],
            start_new_session=True,
        )
        assert process.stdin is not None
        try:
            # A process that has died already says so by its exit status.
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps(task).encode() + b"\n")
                process.stdin.flush()
            return process.wait()
        finally:
            with suppress(BrokenPipeError):
                process.stdin.close()
            try:
                process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def problem(status: int, notebook: Path, error: Path) -> str | None:
    """Why the step failed that ended with this exit status and left these files, in one line; None if it did not."""
    if status < 0:
        return f"its process was killed by signal {-status}"
    found = unfinished(nbformat.read(notebook, as_version=4)) if notebook.exists() else "no notebook was written"
    if status == 0:
        return found
    lines = error.read_text(encoding="utf-8").strip().splitlines() if error.exists() else []
    said = lines[-1] if lines else f"its process ended with status {status}"
    return said if found in (None, said) else f"{said}; {found}"


def unfinished(notebook: Any) -> str | None:
    """Say what is wrong with an executed notebook; None if every code cell has run to its end without an error.

    papermill's own marks do not say it: after the death of a kernel it calls every cell completed, and after
    sys.exit(0) it leaves out the rest and succeeds. A cell counts only if the kernel numbered it and replied.
    """
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    for number, cell in enumerate(cells, start=1):
        for output in cell.outputs:
            if output.output_type == "error":
                return error_line(output.ename, output.evalue)
        replied = "shell.execute_reply" in cell.metadata.get("execution", {})
        if cell.execution_count is None or not replied:
            did = "was not run" if cell.execution_count is None else "did not end"
            return f"code cell {number} of {len(cells)} {did}"
    return None if cells else "the notebook has no code cells"


def error_line(name: str, text: str) -> str:
    """An exception in one line: its last one; a mistake of the user speaks for itself, without the class's name."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    return lines[-1] if name == "UserError" else f"{name}: {lines[-1]}"


def main() -> int:
    """The process itself: execute the notebook of the task on standard input; returns the exit status."""
    import papermill
    from traitlets.config import Config

    task = json.loads(_first_line())
    threading.Thread(target=_end_with_the_study, daemon=True).start()
    try:
        papermill.execute_notebook(
            task["notebook"],
            task["output"],
            parameters=task["parameters"],
            kernel_name="python3",
            cwd=Path(task["notebook"]).parent,
            progress_bar=False,
            stdout_file=sys.stderr,  # progress reaches the terminal while the cell runs
            stderr_file=sys.stderr,
            coalesce_streams=True,  # and a bar stands in the notebook once, not once for each refresh
            # Other users of the machine could otherwise listen to what passes between this process and the kernel.
            config=Config({"KernelManager": {"transport_encryption": "auto"}}),
        )
    except Exception as error:
        Path(task["error"]).write_text(_story(error), encoding="utf-8")
        return 1
    return 0


def _environment(folder: Path) -> dict[str, str]:
    # Whatever "python3" means to a Jupyter in the user's home, here it is the running interpreter,
    # with this vsrlib and without the user's IPython start-up files.
    spec = folder / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    kernel = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
        "metadata": {"supported_encryption": ["curve"]},
    }
    spec.write_text(json.dumps(kernel), encoding="utf-8")
    return {
        **os.environ,
        "JUPYTER_PATH": _before(folder, "JUPYTER_PATH"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTER_PLATFORM_DIRS": "1",
        "IPYTHONDIR": str(folder / "ipython"),
        "PYTHONPATH": _before(PROJECT_ROOT, "PYTHONPATH"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        progress.STREAM: "1",
        progress.OPEN_NOTEBOOK: "",  # a study that is started in an open notebook has nobody who chooses
        # Left alone, one framework counts physical cores and the other logical ones: on a machine with
        # hyper-threading they would compute with different numbers of threads.
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS") or str(_physical_cores()),
    }


def _physical_cores() -> int:
    """The physical cores that this process may use, as far as can be told; at least 1."""
    usable = len(os.sched_getaffinity(0))
    return max(1, min(usable, psutil.cpu_count(logical=False) or usable))


def _before(folder: Path, variable: str) -> str:
    return os.pathsep.join(filter(None, (str(folder), os.environ.get(variable))))


def _first_line() -> bytes:
    # Byte by byte from the file descriptor: a buffered reader would swallow more, and its lock would
    # be held by the waiting thread when the interpreter ends.
    line = bytearray()
    while not line.endswith(b"\n"):
        line += os.read(0, 1) or b"\n"
    return bytes(line)


def _end_with_the_study() -> None:
    while os.read(0, 1):
        pass
    for process in psutil.Process().children(recursive=True):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    os._exit(1)


def _story(error: Exception) -> str:
    from nbclient.exceptions import DeadKernelError
    from papermill import PapermillExecutionError

    if isinstance(error, PapermillExecutionError):
        return f"{error_line(error.ename, error.evalue)}\n"
    if isinstance(error, DeadKernelError):
        return "the kernel died: memory ran out, a library crashed, or it was killed; see partial.ipynb for its end\n"
    return "".join(traceback.format_exception(error))


if __name__ == "__main__":
    sys.exit(main())
