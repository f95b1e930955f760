"""One part in one framework, in a process of its own.

    python -m vsrlib.bench.costs.worker TASK        (started by vsrlib.bench.costs.process, not by hand)

TASK is a JSON object as `vsrlib.bench.costs.process.ask` writes it. The answer is the last line of standard output; a
user's mistake is the last line of standard error, with exit status 2.
"""

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any
from unittest import mock

from vsrlib.bench.costs.process import ANSWER
from vsrlib.bench.options import Options
from vsrlib.common.errors import UserError
from vsrlib.kernels import jittor_env, native


def answer(task: dict[str, Any]) -> dict[str, Any]:
    """Do what the task asks: {"result"}."""
    if task["home"] is not None:
        jittor_env.HOME, native.HOME = Path(task["home"]) / "jittor", Path(task["home"]) / "native"
    part = importlib.import_module(f"vsrlib.bench.costs.{task['part']}")
    options = Options.from_json(task["options"])
    if not task["no_compiler"]:
        return {"result": part.measure(task["framework"], options, **task["values"])}
    native.BINARIES = jittor_env.BINARIES = Path(os.environ["PATH"])  # conda's compiler is in the environment's own
    # Our own check would only say what we expect; here the framework itself is to work or to fail.
    with mock.patch.object(jittor_env, "why_unusable", lambda: None):
        return {"result": part.measure(task["framework"], options, **task["values"])}


if __name__ == "__main__":
    try:
        print(ANSWER + json.dumps(answer(json.loads(sys.argv[1]))))
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
