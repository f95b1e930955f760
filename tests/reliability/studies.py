"""Studies to be killed, cut short and started twice: the quick one, made small, and its three toy notebooks."""

import sys
from pathlib import Path

import common

_SMALL = {
    "steps": 4,
    "batch_size": 1,
    "patch_size": 16,
    "validate_every": 2,
    "train_clips": 1,
    "train_frames": 5,
    "validation_frames": 5,
    "test_clips": 1,
    "test_frames": 6,
    "filmed_frames": 5,
    "02.height": 64,
    "02.width": 80,
    "timing_repeats": 1,
    "06.steps": 1,
    "06.starts": 1,
    "07.seeds": 1,
    "07.height": 64,
    "07.width": 80,
    "07.count": 1,
    "07.draws": 1,
    "08.repeats": 3,
    "08.seconds": 1,
    "08.processes": 1,
}
PARTS = {
    "quick": (),
    "torch": ("02_generate_data", "03_train_network_torch", "04_infer_clips_torch_Gaussian"),
    "jittor": ("02_generate_data", "03_train_network_jittor", "04_infer_clips_jittor_Gaussian"),
}
"""The quick study's steps by the name that these scripts give them; none stands for all of them, in both frameworks."""
TOYS = ("make", "use", "other")


def command(study: str, folder: Path, **changes: object) -> list[str]:
    """The command line of a study, one of `PARTS` or "toy", whose results all lie below `folder`.

    `changes`: settings of the quick study by name; "_02_height" stands for "02.height".
    """
    if study == "toy":
        return [
            sys.executable,
            str(Path(common.__file__).parent.parent / "helpers" / "toy_study.py"),
            str(folder),
            *TOYS,
        ]
    settings = _SMALL | {
        name[1:].replace("_", ".", 1) if name[0] == "_" else name: value for name, value in changes.items()
    }
    given = [text for name, value in settings.items() for text in ("--set", f"{name}={value}")]
    places = ["--run", str(folder / "run"), "--data", str(folder / "data")]
    only = ["--only", *PARTS[study]] if PARTS[study] else []
    return [sys.executable, "-m", "vsrlib", "study", "--profile", "quick", *places, *given, *only]
