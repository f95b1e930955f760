"""Child processes whose progress can be watched."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence


def run_watched(arguments: Sequence[str], show: bool = True) -> tuple[int, str, str]:
    """Run this environment's Python with `arguments`; what it writes to standard error is shown while it runs
    (`show`: not for a process that is expected to fail).

    Returns the exit status, standard output, and the last line of standard error that is not empty.
    """
    last = ""
    with tempfile.TemporaryFile("w+") as answers:
        with subprocess.Popen(
            [sys.executable, *arguments], stdout=answers, stderr=subprocess.PIPE, text=True, errors="replace"
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
