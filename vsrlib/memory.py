"""How much memory this process holds and has held."""

import re
import resource
import sys
from pathlib import Path


def peak_mib() -> float:
    """Largest resident memory of this process so far, MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage: a process started by a large one inherits that one's peak there.
        return _kib(status, "VmHWM") / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024


def resident_mib() -> float:
    """Resident memory of this process now, MiB; where that is not told, the peak so far."""
    status = Path("/proc/self/status")
    return _kib(status, "VmRSS") / 1024 if status.exists() else peak_mib()


def _kib(status: Path, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", status.read_text(), re.MULTILINE)
    assert found is not None, f"{status} has no {name}"
    return int(found.group(1))
