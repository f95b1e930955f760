"""Reads the result files of one run (inference.json, train.json), keeping what was skipped and why."""

import os
from collections.abc import Sequence
from pathlib import Path

from vsrlib.errors import UserError
from vsrlib.files import read_json

FRAMEWORKS = ("torch", "jittor")
BLURS = ("Gaussian", "Realistic")
NAMES = {"torch": "PyTorch", "jittor": "Jittor"}

RUN_FIELDS = (
    "set", "preset", "engine", "border", "device", "correlation", "weights", "clips", "images",
    "warm_up_seconds", "peak_memory_mib", "import_memory_mib", "input_digest", "timing",
)  # fmt: skip
TRAINING_FIELDS = (
    "preset", "objective", "seed", "steps", "batch_size", "patch_size", "learning_rate", "device", "weights", "log",
    "first_loss", "last_loss", "validation", "seconds_per_step", "seconds", "peak_memory_mib", "import_memory_mib",
)  # fmt: skip


def is_skipped(record: dict) -> bool:
    """Whether a section says that it was not measured."""
    return "skipped" in record


def collect(files: Sequence[Path], output: Path, fields: Sequence[str]) -> dict[tuple[str, str], dict]:
    """Result files by (framework, blur), cut to `fields`; a skipped one without a blur stands for all blurs.

    Each measured record also holds "file", its path relative to `output`. UserError: a file that is missing,
    damaged, without one of the fields, or the second one for a framework and blur.
    """
    found: dict[tuple[str, str], dict] = {}
    for path in files:
        record = _read(path)
        framework, blur = record.get("framework"), record.get("blur")
        if framework not in FRAMEWORKS or (blur not in BLURS and not (blur is None and is_skipped(record))):
            raise UserError(f"{path} does not say which framework and blur it is about; write it again.")
        if is_skipped(record):
            kept = {"skipped": str(record["skipped"])}
        else:
            missing = ", ".join(name for name in fields if name not in record)
            if missing:
                raise UserError(f"{path} lacks {missing}; it is no result of this version, so run the step again.")
            kept = {**{name: record[name] for name in fields}, "file": relative(path, output)}
        for key in ((framework, one) for one in (BLURS if blur is None else (blur,))):
            if key in found:
                raise UserError(f"{path} is the second result for {' '.join(key)}; give one file for each.")
            found[key] = kept
    return found


def _read(path: Path) -> dict:
    try:
        record = read_json(path)
    except OSError as error:
        raise UserError(
            f"The result file {path} cannot be read ({error.strerror}); run the step that writes it."
        ) from None
    except ValueError:
        raise UserError(f"The result file {path} is not JSON; run the step that writes it again.") from None
    if not isinstance(record, dict):
        raise UserError(f"The result file {path} does not hold one result; run the step that writes it again.")
    return record


def read_comparison(path: Path) -> dict:
    """The content of a comparison.json; UserError where there is none."""
    comparison = _read(path)
    if "blurs" not in comparison:
        raise UserError(f"{path} holds no comparison; run the comparison again.")
    return comparison


def given(records: dict, blur: str) -> bool:
    """Whether any framework has a record of this blur."""
    return any(key[1] == blur for key in records)


def pair(records: dict, blur: str) -> dict[str, dict]:
    """Both frameworks' records of one blur; an absent one counts as skipped."""
    absent = {"skipped": f"because no {blur} result was given"}
    return {framework: records.get((framework, blur), absent) for framework in FRAMEWORKS}


def relative(path: Path, folder: Path) -> str:
    """`path` as seen from `folder`, with forward slashes."""
    return Path(os.path.relpath(path, folder)).as_posix()


def located(name: str, folder: Path) -> Path:
    """The path that `relative` named, as seen from `folder`, which need not exist yet."""
    return Path(os.path.normpath(Path(folder) / name))


def why_not_both(pair: dict[str, dict]) -> str | None:
    """Why the two cannot be compared, or None if they can."""
    absent = [name for name in FRAMEWORKS if is_skipped(pair[name])]
    reasons = [f"{NAMES[name]} has no result ({pair[name]['skipped']})" for name in absent]
    return f"because {' and '.join(reasons)}" if reasons else None
