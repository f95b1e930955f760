"""The short checks of reliability, in a process of their own.

They fork, and in a process that has computed before, a fork may inherit a lock that nobody will ever release.
"""

import subprocess
import sys

import pytest

from vsrlib.provenance import PROJECT_ROOT


@pytest.mark.slow
def test_the_promises_hold_and_planted_faults_are_caught() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "tests/reliability/short_checks.py"]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stdout
