"""The quick study, cut to a few steps and frames: every notebook, both frameworks."""

import subprocess
import sys
from pathlib import Path

SMALL = {
    "steps": 3,
    "batch_size": 1,
    "patch_size": 32,
    "validate_every": 0,
    "train_clips": 1,
    "train_frames": 5,
    "validation_frames": 5,
    "test_clips": 2,
    "test_frames": 6,
    "filmed_frames": 5,
    "02.height": 128,
    "02.width": 160,
    "timing_repeats": 2,
    "starts": 1,
    "07.height": 64,
    "07.width": 64,
    "seeds": 1,
    "count": 1,
    "draws": 1,
    "08.height": 32,
    "08.width": 32,
    "08.processes": 2,
    "repeats": 3,
    "seconds": 0,
}


def study(root: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run it in `root`/run, with its data in `root`/data; what has been done there is not done again."""
    settings = [text for name, value in SMALL.items() for text in ("--set", f"{name}={value}")]
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "vsrlib",
            "study",
            "--run",
            root / "run",
            "--data",
            root / "data",
            *settings,
            *arguments,
        ],
        capture_output=True,
        text=True,
    )
