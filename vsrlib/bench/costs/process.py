"""One part of the measurement in one framework, asked of a process of its own."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from vsrlib.bench.options import Options
from vsrlib.common.processes import run_watched

ANSWER = "costs answer: "
_ATTEMPTS = {"jittor": 2}  # its parallel compiler has been seen to crash once and to work the next time


def ask(
    part: str,
    framework: str,
    options: Options,
    home: Path | None = None,
    path: str | None = None,
    without: tuple[str, ...] = (),
    attempts: int | None = None,
    **values: Any,
) -> dict[str, Any]:
    """What `bench.costs.worker` answers, with "asked" (when, on the clock of `time.monotonic`), or {"failed": reason}.

    home: a folder for everything that is compiled, in place of the environment's. path: the PATH of the process.
    without: variables that it does not get. `values` go to the part.
    """
    task = json.dumps(
        {
            "part": part,
            "framework": framework,
            "options": options.to_json(),
            "values": values,
            "home": None if home is None else str(home),
            "no_compiler": path is not None,
        }
    )
    asked = time.monotonic()
    for _ in range(attempts or _ATTEMPTS.get(framework, 1)):
        with _environment(home, path, without):
            status, output, last = run_watched(["-m", "vsrlib.bench.costs.worker", task], show=path is None)
        answers = [line for line in output.splitlines() if line.startswith(ANSWER)]
        # The exit status alone is no proof: Jittor ends with 0 when it has rebuilt itself and done nothing else.
        if status == 0 and answers:
            return json.loads(answers[-1].removeprefix(ANSWER)) | {"asked": asked}
        reason = last[:300] if last and status > 0 else f"its process ended with status {status} and no answer"
    return {"failed": reason}


def outcome(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer's result, or {"skipped": reason}."""
    return {"skipped": answer["failed"]} if "failed" in answer else answer["result"]


def _environment(home: Path | None, path: str | None, without: tuple[str, ...]) -> Any:
    changed: Mapping[str, str] = (
        {name: value for name, value in os.environ.items() if name not in without}
        | ({} if path is None else {"PATH": path})
        | ({} if home is None else {"CUPY_CACHE_DIR": str(home / "cupy")})
    )
    return mock.patch.dict(os.environ, changed, clear=True)
