"""Starts the workers: a process for each framework, and one for the judge."""

from pathlib import Path
from typing import Any

from vsrlib.common.errors import UserError
from vsrlib.common.files import write_json
from vsrlib.common.processes import run_watched

Job = dict[str, Any]
_ATTEMPTS = {"jittor": 2}  # its parallel compiler has been seen to crash once and to work the next time


def work(framework: str, jobs: list[Job], folder: Path, double: bool = False) -> None:
    """Do the jobs in a fresh process; see `vsrlib.parity.worker`. UserError when it breaks off."""
    if not jobs:
        return
    task = folder / f"task_{framework}{'_judge' if double else ''}.json"
    write_json(task, {"framework": framework, "double": double, "jobs": jobs})
    for _ in range(_ATTEMPTS.get(framework, 1)):
        status, _, last = run_watched(["-m", "vsrlib.parity.worker", str(task)])
        if status == 0:
            return
        if status == 2:  # a sentence for the user, which a second attempt would only repeat
            raise UserError(last)
    raise UserError(
        f"The {framework} process of the referee ended with status {status} ({last[:300] or 'no output'}); "
        "see its messages above."
    )
