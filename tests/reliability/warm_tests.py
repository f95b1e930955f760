"""Run tests again and again in forks of a process that has imported every package but the project itself.

python tests/reliability/warm_tests.py PACKAGE...     in the copy of the project that is tested; it is on PYTHONPATH

For each line of its input, {"tests": [...], "marks": "...", "seconds": 60}, it writes one: {"status": pytest's exit
status, negative for a signal, null for a run that took longer, "seconds": ..., "by": the test that failed or null}.
Importing the packages takes longer than most tests.
"""

import contextlib
import importlib
import json
import os
import re
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

_MOST_BYTES = 16 << 30  # of addresses; a mutant may ask for any amount
_OPTIONS = ("-x", "-q", "--tb=no", "-rfE", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:faulthandler")


def serve(packages: list[str]) -> None:
    """Import the packages, and answer until the input ends."""
    sys.path = [entry for entry in sys.path if entry != str(Path(__file__).resolve().parent)]
    for name in packages:
        importlib.import_module(name)
    log = Path("warm_tests.log").resolve()
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(_run(json.loads(line), log)), flush=True)


def _run(asked: dict[str, Any], log: Path) -> dict[str, Any]:
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        _test(asked, log)
    status = None
    while status is None and time.monotonic() - start < asked["seconds"]:
        ended, how = os.waitpid(child, os.WNOHANG)
        if ended:
            status = os.waitstatus_to_exitcode(how)
        else:
            time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # also what a test started and left
    if status is None:
        os.waitpid(child, 0)
    named = re.search(r"^(?:FAILED|ERROR) (\S+)", log.read_text(errors="replace"), re.MULTILINE)
    return {"status": status, "seconds": round(time.monotonic() - start, 2), "by": named and named[1]}


def _test(asked: dict[str, Any], log: Path) -> None:
    """The child: run pytest and end."""
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, stream in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(number, stream)
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
    import pytest
    from hypothesis import Phase, settings

    # The same examples each time, and no search for the smallest that fails: one is enough.
    phases = (Phase.explicit, Phase.generate)
    settings.register_profile("mutation", derandomize=True, database=None, deadline=None, phases=phases)
    settings.load_profile("mutation")
    options = [*_OPTIONS, f"--basetemp={log.parent / 'warm_tests'}", "-m", asked["marks"]]
    status = pytest.ExitCode.OK
    try:
        for test in asked["tests"]:  # a file at a time: most mutants die in the first, and the others need no import
            status = pytest.main([*options, test])
            if status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
                break
        else:
            status = pytest.ExitCode.OK
    except BaseException:
        status = pytest.ExitCode.TESTS_FAILED
    sys.stdout.flush()
    os._exit(status)


if __name__ == "__main__":
    serve(sys.argv[1:])
