"""The memory of this process."""

import subprocess
import sys

import numpy as np
import pytest

from vsrlib.common import memory


def test_peak_memory_is_that_of_this_process() -> None:
    """A process started by a large one does not inherit its peak; one that grows shows it."""
    ballast = np.ones(40_000_000)
    program = (
        "import numpy as np; from vsrlib.common import memory; "
        "a = memory.peak_mib(); x = np.ones({}); print(a, memory.peak_mib())"
    )
    small, grown = (
        subprocess.run(
            [sys.executable, "-c", program.format(count)], capture_output=True, text=True, check=True
        ).stdout.split()
        for count in (1, 20_000_000)
    )
    assert memory.peak_mib() > 300 and len(ballast)
    assert float(small[1]) < 200
    assert float(grown[1]) - float(grown[0]) == pytest.approx(20_000_000 * 8 / 2**20, rel=0.1)
    assert memory.resident_mib() <= memory.peak_mib()
