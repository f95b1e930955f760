"""Child processes: Python programs whose progress can be watched, and modules that answer a task.

A process uses one framework, so whatever needs another one asks a module that runs in a process of its own:
`ask` here, `answer` there.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vsrlib.common.errors import StartAgain, UserError

_ANSWER = "answer: "
_MISTAKE, _AGAIN = 2, 3  # exit status of a user's mistake, and of what works when it is started again
_ATTEMPTS = {"jittor": 2}  # its parallel compiler has been seen to crash once and to work the next time


def ask(
    module: str,
    task: dict[str, Any],
    *,
    attempts: int | None = None,
    show: bool = True,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What `python -m MODULE` answers to a task, in a process of its own, or {"failed": reason}.

    `task` and the answer are JSON objects, and the module ends with `answer`. attempts (None: two where the task's
    "framework" is Jittor, else one): how often it is started until it answers. show, environment: see `run_watched`.
    """
    reason = ""
    for _ in range(attempts or _ATTEMPTS.get(task.get("framework", ""), 1)):
        status, output, last = run_watched(["-m", module, json.dumps(task)], show, environment)
        answers = [line for line in output.splitlines() if line.startswith(_ANSWER)]
        # The exit status alone is no proof: Jittor ends with 0 when it has rebuilt itself and done nothing else.
        if status == 0 and answers:
            return json.loads(answers[-1].removeprefix(_ANSWER))
        if status == _MISTAKE:  # a sentence for the user, which a second attempt would only repeat
            return {"failed": last}
        ended = (
            "was killed, perhaps for want of memory" if status == -9 else f"ended with status {status} and no answer"
        )
        reason = last[:300] if last and status > 0 else f"its process {ended}"
        if show:
            print(f"{module}: {reason}", file=sys.stderr, flush=True)
    return {"failed": reason}


def answer(work: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """The other side of `ask`: do what the program's argument asks, and print the answer.

    A user's mistake is the last line of standard error, with exit status 2, or 3 where another attempt may succeed.
    """
    try:
        print(_ANSWER + json.dumps(work(json.loads(sys.argv[1]))))
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(_AGAIN if isinstance(error, StartAgain) else _MISTAKE)


def run_watched(
    arguments: Sequence[str], show: bool = True, environment: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Run this environment's Python with `arguments`; what it writes to standard error is shown while it runs.

    show: not for a process that is expected to fail. environment: its variables, None: this process's own.
    Returns the exit status, standard output, and the last line of standard error that is not empty.
    """
    last = ""
    with tempfile.TemporaryFile("w+") as answers:
        with subprocess.Popen(
            [sys.executable, *arguments],
            stdout=answers,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=environment,
        ) as process:
            assert process.stderr is not None
            for line in process.stderr:  # universal newlines: a progress bar's carriage return ends a line too
                if line.strip():
                    last = line.strip()
                    if show:
                        print(f"\r{last[:100]:<100}", end="", file=sys.stderr, flush=True)
        if last and show:
            print(file=sys.stderr)
        answers.seek(0)
        return process.returncode, answers.read(), last
