"""Timing and memory: the two protocols do the same work, and differ in who waits when."""

import subprocess
import sys
import time

import numpy as np
import pytest

from vsrlib.common import memory
from vsrlib.restoration import timing


class LazyNetwork:
    """Computes when asked to wait or to hand out, as Jittor does; each wait is written down."""

    def __init__(self) -> None:
        self.pending = False
        self.events: list[str] = []

    def upload(self, frames: np.ndarray) -> np.ndarray:
        self.events.append("upload")
        return frames

    def run(self, window: np.ndarray) -> dict[str, np.ndarray]:
        self.events.append("run")
        self.pending = True
        return {"recons": window[None, 2].repeat(4, 2).repeat(4, 3)}

    def synchronise(self) -> None:
        self.events.append("wait")
        self._compute()

    def download(self, tensor: np.ndarray) -> np.ndarray:
        self.events.append("download")
        self._compute()
        return tensor

    def _compute(self) -> None:
        if self.pending:
            time.sleep(0.2)
        self.pending = False


def test_the_waiting_is_billed_to_forward_or_to_post() -> None:
    network = LazyNetwork()
    window = np.random.default_rng(0).integers(0, 256, (5, 12, 16, 3), dtype=np.uint8)
    result = timing.time_both_ways(network, window, None, 2)
    right, wrong = result["synchronised"], result["as_reported"]
    assert result["repeats"] == 2 and all(len(right[part]) == len(wrong[part]) == 2 for part in timing.PARTS)
    # Not a speed: which of the two intervals holds the same 0.2 s of work.
    assert min(right["forward"]) >= 0.2 > max(wrong["forward"])
    assert min(wrong["post"]) >= 0.2
    assert network.events[:6] == ["wait", "upload", "wait", "run", "wait", "download"]


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
