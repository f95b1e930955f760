"""The memory of this process."""

import subprocess
import sys
from types import SimpleNamespace

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


@pytest.mark.parametrize(("most", "kept"), [(1024, 128), (64, 32), (32, 32), (16, 0)])
def test_what_the_c_library_refuses_is_not_claimed(monkeypatch: pytest.MonkeyPatch, most: int, kept: int) -> None:
    """A C library that takes thresholds of up to `most` MiB, as older ones take 32."""
    asked: list[tuple[int, int]] = []

    def mallopt(name: int, value: int) -> int:
        asked.append((name, value))
        return int(name != -3 or value <= most * 2**20)

    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: SimpleNamespace(mallopt=mallopt))
    assert memory.keep_blocks(128) == kept
    trims = [value for name, value in asked if name == -1]
    assert len(trims) == (kept > 0)  # alone, it would only stop the library from setting its own thresholds


def test_another_c_library_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: SimpleNamespace())
    assert memory.keep_blocks(128) == 0
