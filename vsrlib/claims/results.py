"""Reads the result files of one run (inference.json, train.json), keeping what was skipped and why.

Also says in what two records differ, and so whether they may be set against each other.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vsrlib.common.errors import UserError
from vsrlib.common.files import located, read_json, relative, sha256_file
from vsrlib.common.names import BLURS, FLOAT32, FRAMEWORKS, KINDS, NAMES, RESTORERS, SAMPLINGS

RUN_FIELDS = (
    "set", "preset", "engine", "border", "tile", "device", "device_type", "threads", "correlation", "convolution",
    "weights", "clips", "images", "sampling", "warm_up_seconds", "peak_memory_mib", "import_memory_mib",
    "input_digest", "gt_digest", "timing", "machine",
)  # fmt: skip
TRAINED_BY = (
    "preset", "objective", "seed", "steps", "batch_size", "patch_size", "learning_rate", "flow_learning_rate",
    "halve_every", "initial_weights", "flow_weights", "align_corners", "flow_supervision", "clip_value", "clip_norm",
    "ema", "batches", "validation_clips",
)  # fmt: skip
"""What must be equal for two trainings to be set against each other, beside the kind of device."""
TRAINING_FIELDS = (
    *TRAINED_BY, "device", "device_type", "threads", "weights", "log", "first_loss",
    "last_loss", "validation", "seconds_per_step", "seconds", "peak_memory_mib", "import_memory_mib",
)  # fmt: skip

CONDITIONS = ("device_type", "machine", "input_digest", "gt_digest", "sampling", "preset", "engine", "border")
"""What must be equal for times and memory of two runs to be set against each other.

The ground truth is among them because scoring a frame against it is part of post-processing.
"""

_COMPARED_WITH = {"precision": FLOAT32, "batch": 1}
"""What frames are restored with where frameworks are compared, as all were in earlier versions, which do not say so."""

_EARLIER: Mapping[str, Any] = MappingProxyType(
    {
        "sampling": SAMPLINGS[0], "flow_weights": None, "align_corners": True, "flow_supervision": 0.0,
        "clip_value": 0.0, "clip_norm": 0.0, "ema": 0.0, "validation_clips": None, "machine": None,
    }
)  # fmt: skip
"""What holds of a result of an earlier version, which does not say so; of validation clips nothing is known."""

_WORDS = {
    "device_type": "device type",
    "input_digest": "input frames (digest)",
    "gt_digest": "ground truth (digest)",
    "batches": "batches (digest)",
    "initial_weights": "initial weights",
    "flow_weights": "weights of the flow network",
    "validation_clips": "validation clips (digest)",
    "sampling": "place of the LR pixels (sampling)",
}


NOT_ASKED = "because it was not asked for"
"""In place of a reason, where a run is of one framework alone."""


def is_skipped(record: dict) -> bool:
    """Whether a section says that it was not measured."""
    return "skipped" in record


def was_asked_for(record: dict) -> bool:
    """Whether a section was measured, or was to be."""
    return record.get("skipped") != NOT_ASKED


def absence(record: dict) -> str:
    """Why a section was not measured, in words; what nobody asked for is not called skipped."""
    reason = str(record["skipped"])
    return reason.removeprefix("because ") if "not asked for" in reason else f"skipped, {reason}"


def collect(
    files: Sequence[Path], output: Path, fields: Sequence[str], frameworks: Sequence[str] = FRAMEWORKS
) -> dict[tuple[str, str], dict]:
    """Result files by (framework, blur), cut to `fields`; a skipped one without a blur stands for all blurs.

    Each measured record also holds "file", its path relative to `output`. UserError: a file that is missing,
    damaged, of none of the frameworks, without one of the fields, or the second one for a framework and blur.
    """
    found: dict[tuple[str, str], dict] = {}
    for path in files:
        record = read(path)
        framework, blur = str(record.get("framework")), record.get("blur")
        if framework in RESTORERS and framework not in frameworks:
            compared = " and ".join(NAMES[name] for name in frameworks)
            raise UserError(f"{path} is of {NAMES[framework]}, and {compared} are compared; give the results of these.")
        if framework not in frameworks or (blur not in BLURS and not (blur is None and is_skipped(record))):
            raise UserError(f"{path} does not say which framework and blur it is about; write it again.")
        if is_skipped(record):
            kept = {"skipped": str(record["skipped"])}
        else:
            record = {**_EARLIER, **record, "machine": _machine(record)}
            missing = ", ".join(name for name in fields if name not in record)
            if missing:
                raise UserError(f"{path} lacks {missing}; it is no result of this version, so run the step again.")
            kept = {**{name: record[name] for name in fields}, "file": relative(path, output)}
        for key in ((framework, one) for one in (BLURS if blur is None else (blur,))):
            if key in found:
                raise UserError(f"{path} is the second result for {' '.join(key)}; give one file for each.")
            found[key] = kept
    return found


def _machine(record: dict) -> str | None:
    """Processor and GPU that a result was measured on, as far as it says so: times of two machines are no ratio."""
    machine = (record.get("provenance") or {}).get("machine") or {}
    return ", ".join(part for part in (machine.get("processor"), machine.get("gpu")) if part) or None


def require_comparable(files: Sequence[Path]) -> None:
    """UserError for a result of a lower precision or of frames in batches: it is set against no framework's."""
    for path in files:
        record = read(path)
        for name, usual in _COMPARED_WITH.items():
            if (value := record.get(name, usual)) != usual:
                raise UserError(
                    f"{path} was made with {name} {value}, and frameworks are compared with {name} {usual}; run the "
                    f"step again without --{name}."
                )


def require_scenes(runs: dict[tuple[str, str], dict]) -> None:
    """UserError for an inference result of an earlier version, which does not say the scene and kind of its clips."""
    for run in runs.values():
        if any("scene" not in clip or "kind" not in clip for clip in run.get("clips", [])):
            raise UserError(f"{run['file']} does not say the scenes of its clips; run the inference again.")


def read(path: Path) -> dict:
    """The content of a result file; UserError where there is none."""
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
    comparison = read(path)
    if "blurs" not in comparison:
        raise UserError(f"{path} holds no comparison; run the comparison again.")
    blurs = comparison["blurs"].values()
    runs = [run for blur in blurs for run in blur.get("runs", {}).values()]
    needed = [name for name in RUN_FIELDS if name not in _EARLIER]
    whole = all(name in run for run in runs if not is_skipped(run) for name in needed)
    if not whole or any(kind not in blur["quality"] for blur in blurs if "quality" in blur for kind in KINDS):
        raise UserError(f"{path} is a comparison of an earlier version; run the inference and the comparison again.")
    return comparison


def read_claims(path: Path) -> dict:
    """The content of a claims.json; UserError where there is none."""
    found = read(path)
    if "claims" not in found:
        raise UserError(f"{path} holds no verdicts; give the claims.json that 09_judge_claims writes.")
    return found


def sides_of(parity: dict) -> list[str]:
    """The two frameworks of a parity.json, or of the note that it was skipped."""
    # A study's note of a step that it skipped has the framework alone; files from before there was a third, neither.
    return parity.get("sides", ["torch", parity.get("second", FRAMEWORKS[1])])


def require_current(comparison: dict, folder: Path) -> list[Path]:
    """The files that a comparison in `folder` was made from; UserError if one is missing or has changed since."""
    files = [located(one["path"], folder) for one in comparison["inputs"]]
    for file, one in zip(files, comparison["inputs"], strict=True):
        if not file.is_file():
            raise UserError(f"{file}, which the comparison was made from, does not exist; run the comparison again.")
        if sha256_file(file) != one["sha256"]:
            raise UserError(f"{file} has changed since the comparison was made from it; run the comparison again.")
    return files


def given(records: dict, blur: str) -> bool:
    """Whether any framework has a record of this blur."""
    return any(key[1] == blur for key in records)


def pair(records: dict, blur: str, frameworks: Sequence[str] = FRAMEWORKS) -> dict[str, dict]:
    """Both frameworks' records of one blur; an absent one counts as skipped, or as not asked for without any blur."""
    asked = {framework for framework, _ in records}
    absent = {"skipped": f"because no {blur} result was given"}
    return {name: records.get((name, blur), absent if name in asked else {"skipped": NOT_ASKED}) for name in frameworks}


def why_not_both(pair: dict[str, dict]) -> str | None:
    """Why the two cannot be compared, or None if they can."""
    reasons = [
        f"{NAMES[name]} has no result ({one['skipped']})" if was_asked_for(one) else f"{NAMES[name]} was not asked for"
        for name, one in pair.items()
        if is_skipped(one)
    ]
    return f"because {' and '.join(reasons)}" if reasons else None


def unlike_fields(pair: dict[str, dict], names: Sequence[str]) -> list[str]:
    """In words, which of the named fields differ between the two records; digests are cut short."""
    (one, first), (other, second) = ((name, {**_EARLIER, **record}) for name, record in pair.items())
    return [
        f"{_WORDS.get(name, name)}: {one} {_short(first[name])}, {other} {_short(second[name])}"
        for name in names
        if first[name] != second[name]
    ]


def unlike_trainings(pair: dict[str, dict]) -> list[str]:
    """In words, in what two trainings differ that must be equal for their losses to be set against each other."""
    return unlike_fields(pair, ("device_type", *TRAINED_BY))


def why_not_alike(runs: dict[str, dict]) -> str | None:
    """Why times and memory of two measured runs say nothing about each other; None if they do, or if one is absent."""
    if why_not_both(runs):
        return None
    differing = unlike_fields(runs, CONDITIONS)
    return f"because the two runs differ in {'; '.join(differing)}" if differing else None


def device_words(run: dict) -> str:
    """The device for a reader: the name of the GPU, or the CPU with its threads."""
    return run["device"] if run["device_type"] == "cuda" else f"{run['device_type']}, {run['threads']} threads"


def _short(value: object) -> str:
    text = str(value)
    return text[:12] if len(text) == 64 else text
