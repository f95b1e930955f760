"""The short checks of reliability, in processes of their own.

They fork, and in a process that has computed in several threads before, a fork may inherit a lock that nobody will ever
release.
"""

import os
import subprocess
import sys

import pytest

from vsrlib.common.provenance import PROJECT_ROOT

COMPUTING = "wrong_numbers or does_not_look"
"""Those that compute in the process of the test itself, after which nothing may fork."""


@pytest.mark.slow
@pytest.mark.parametrize("which", [f"not ({COMPUTING})", COMPUTING])
def test_the_promises_hold_and_planted_faults_are_caught(which: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "tests/reliability/short_checks.py", "-k", which]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout
