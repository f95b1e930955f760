"""One step of the study in a process of its own: execute one notebook with papermill.

    python -m vsrlib.study.step          (started by vsrlib.study.runner, not by hand)

The first line of standard input is a JSON object with `notebook`, `output` (the executed notebook), `error` (a text
file, written only when something goes wrong) and `parameters`. Standard input then stays open as a line to the
study: when it closes, because the study was interrupted or killed, this process ends its kernel and itself.
Exit status: 0 if papermill ran to the end without an error, else 1.
"""

import json
import os
import sys
import threading
import traceback
from pathlib import Path

import papermill
import psutil
from nbclient.exceptions import DeadKernelError
from traitlets.config import Config

from vsrlib.study.launch import error_line

# Other users of the machine could otherwise listen to what passes between this process and the kernel.
_ENCRYPTED = Config({"KernelManager": {"transport_encryption": "auto"}})


def main() -> int:
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
            config=_ENCRYPTED,
        )
    except Exception as error:
        Path(task["error"]).write_text(_story(error), encoding="utf-8")
        return 1
    return 0


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
    if isinstance(error, papermill.PapermillExecutionError):
        return f"{error_line(error.ename, error.evalue)}\n"
    if isinstance(error, DeadKernelError):
        return "the kernel died: it was killed, or memory ran out\n"
    return "".join(traceback.format_exception(error))


if __name__ == "__main__":
    sys.exit(main())
