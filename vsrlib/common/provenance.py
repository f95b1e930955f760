"""Where a result comes from: commit, versions, machine and time."""

import functools
import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

PROJECT_ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds `vsrlib/`; relative paths in the settings are taken from here."""
ALONE = not (PROJECT_ROOT / "pyproject.toml").is_file()
"""Whether the library was installed without the project: then this folder is one of packages, no place for results."""
PROTOCOL = PROJECT_ROOT / "docs" / "protocol.md"
"""What was fixed before anything was measured."""

# Distribution names per version that is shown: the first one installed counts.
_DISTRIBUTIONS: dict[str, tuple[str, ...]] = {
    "numpy": ("numpy",),
    "torch": ("torch",),
    "jittor": ("jittor",),
    "paddle": ("paddlepaddle", "paddlepaddle-gpu"),
    "cv2": ("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python"),
    "scikit-image": ("scikit-image",),
    "vsrlib": ("vsrlib",),
}


def collect(**extra: Any) -> dict[str, Any]:
    """Describe this moment: what a reader needs in order to repeat a measurement.

    Returns a dict that JSON can hold, with
    `commit` (hash, or None outside a git checkout), `dirty` (whether tracked files differ from it, or None),
    `versions` (name -> version or None; read from the installed metadata, nothing is imported),
    `protocol` (SHA-256 of docs/protocol.md, or None where the project lies without its documents),
    `machine` (`system`, `processor`, `cores`, `memory_gib`, `gpu`; None where unknown),
    `created` (UTC, ISO 8601) and every keyword given (seeds, hashes, ...).
    """
    commit, dirty = git_state(PROJECT_ROOT)
    return {
        "commit": commit,
        "dirty": dirty,
        "versions": versions(),
        "protocol": hashlib.sha256(PROTOCOL.read_bytes()).hexdigest() if PROTOCOL.is_file() else None,
        "machine": dict(_machine()),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **extra,
    }


def versions() -> dict[str, str | None]:
    """Versions of Python and of the packages that matter; None for one that is not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name, distributions in _DISTRIBUTIONS.items():
        found[name] = next((v for v in map(_version, distributions) if v is not None), None)
    return found


def git_state(folder: Path) -> tuple[str | None, bool | None]:
    """Commit hash of `folder` and whether its tracked files were changed; None where there is no git or no commit.

    A `folder` that merely lies inside some other repository counts as having none.
    """
    top = _output(["git", "rev-parse", "--show-toplevel"], folder)
    if top is None or Path(top).resolve() != folder.resolve():
        return None, None
    commit = _output(["git", "rev-parse", "--verify", "--quiet", "HEAD"], folder)
    if commit is None:
        return None, None
    status = _output(["git", "status", "--porcelain", "--untracked-files=no"], folder)
    return commit, None if status is None else bool(status)


@functools.lru_cache(maxsize=1)
def _machine() -> dict[str, Any]:
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": _cores(),
        "memory_gib": _memory_gib(),
        "gpu": _gpu(),
    }


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str | None:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.lower().startswith("model name"):
                return line.split(":", 1)[1].strip()
    if platform.system() == "Darwin":
        return _output(["sysctl", "-n", "machdep.cpu.brand_string"], PROJECT_ROOT)
    return platform.processor() or platform.machine() or None


def _cores() -> int | None:
    # The cores this process may use: in a container, fewer than the machine has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None


def _gpu() -> str | None:
    if shutil.which("nvidia-smi") is None:
        return None
    names = _output(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"], PROJECT_ROOT)
    return ", ".join(names.splitlines()) if names else None


def _output(command: Sequence[str], folder: Path) -> str | None:
    """What a command prints, stripped; None if it is missing, fails or takes longer than ten seconds."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
