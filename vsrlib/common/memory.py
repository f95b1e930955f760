"""How much memory this process holds and has held."""

import ctypes
import re
import resource
import sys
from pathlib import Path

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # mallopt's names, in malloc.h
DEFAULT_KEPT_MIB = 32
"""What glibc's own bound grows to."""


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


def keep_blocks(largest_mib: int = DEFAULT_KEPT_MIB) -> int:
    """Let the C library keep freed blocks of up to this size for the next one, in this process; glibc only.

    Returns the size in MiB that it agreed to: 0 is none, and another C library's answer. A glibc that refuses more than
    its own bound is asked for that.

    It gives larger ones back to the system at once and fetches the next one page by page, and the pages of a frame's
    tensors take longer than some of its convolutions. But what is kept can be too scattered to be used again: the
    larger the blocks, the more memory a process then holds.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # another C library
        return 0
    for size in (largest_mib, DEFAULT_KEPT_MIB):
        if mallopt(_MMAP_THRESHOLD, size * 2**20) and mallopt(_TRIM_THRESHOLD, 2**31 - 1):
            return size
    return 0


def _kib(status: Path, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", status.read_text(), re.MULTILINE)
    assert found is not None, f"{status} has no {name}"
    return int(found.group(1))
