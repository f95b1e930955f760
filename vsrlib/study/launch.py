"""Starts the process that executes one notebook, and judges what it left."""

import json
import os
import subprocess
import sys
import tempfile
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
    """Run `vsrlib.study.step` on a task to its end; return its exit status (negative: the signal that killed it).

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
