"""What a study left: which files are whole, and the digest of each result but for times and provenance."""

import hashlib
import json
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import safetensors
from scipy import io as scipy_io

from vsrlib.data.image_integrity import inspect

_TIMES = (
    "seconds",
    "mib",
    "_bytes",
    "created",
    "provenance",
    "resumed",
    "timing",
    "pre",
    "forward",
    "post",
    "_per_step",
)
"""Ends of the names of what may differ between equal runs: times, memory, and how often a training went on."""
_DIGESTS_OF_TIMES = {"comparison.json": "inputs"}
"""By file, the key that holds digests of whole files, times and all."""
_TOLD = (
    "manifest.json",
    "executed.ipynb",
    "partial.ipynb",
    "report.html",
    "report_code.html",
    "index.html",
    "thumbnail.png",
    "error.txt",
)
"""What tells of a run and is no result of it."""
_IN_THE_MAKING = ("partial.ipynb", "error.txt")
"""Evidence of a step that runs or has failed; papermill writes the first anew after each cell, in place."""

_ABOUT_TIMES = (
    "08_measure_costs/costs.json",
    "08_measure_costs/chart_time_two_clocks",
    "05_compare_frameworks/comparison.md",
    "09_judge_claims/claims",
    "13_discuss_answers/discussion.md",
    "figures/provenance.json",
    "figures/chart_efficiency",
    "figures/chart_performance_radar",
    "figures/chart_performance_ratios",
    "figures/chart_quality_vs_speed",
    "figures/chart_time_breakdown",
    "figures/chart_time_performance",
)
"""Beginnings of the names below the run's folder of files whose figures or words follow from times."""


def damage(root: Path) -> tuple[list[str], list[str]]:
    """(files below `root` that are not whole, with the reason; unfinished evidence that was caught half-written)."""
    bad, evidence = [], []
    for path in files(root):
        reason = _fault(path)
        if reason is not None:
            (evidence if path.name in _IN_THE_MAKING else bad).append(f"{path.relative_to(root)}: {reason}")
    return bad, evidence


def digests(root: Path) -> dict[str, str]:
    """SHA-256 of every result below `root` by its path; JSON without times, memory, provenance and the root's path."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(_content(path, root)).hexdigest()
        for path in files(root)
        if path.name not in _TOLD
    }


def lasting(found: dict[str, str]) -> dict[str, str]:
    """Those of some `digests` of a study that are not about times, and so are the same in every run."""
    return {name: digest for name, digest in found.items() if not name.partition("/")[2].startswith(_ABOUT_TIMES)}


def files(root: Path) -> list[Path]:
    """All files below `root` but the hidden ones, which are temporary, sorted."""
    found = [path for path in root.rglob("*") if path.is_file()]
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(root).parts))


def _content(path: Path, root: Path) -> bytes:
    if path.suffix == ".json":
        value = json.loads(path.read_text())
        if path.name in _DIGESTS_OF_TIMES:
            del value[_DIGESTS_OF_TIMES[path.name]]
    elif path.suffix == ".jsonl":
        value = [json.loads(line) for line in path.read_text().splitlines()]
    elif path.name.startswith("checkpoint"):
        with safetensors.safe_open(path, framework="numpy") as file:
            facts = json.loads(file.metadata()["vsrlib_training"])
            value = {"facts": facts, "sha256": file.metadata()["sha256"]}
    else:
        return path.read_bytes().replace(str(root).encode(), b"ROOT")
    text = json.dumps(_without_times(value), sort_keys=True).replace(str(root), "ROOT")
    return text.encode()


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(one) for key, one in value.items() if not str(key).endswith(_TIMES)}
    return [_without_times(one) for one in value] if isinstance(value, list) else value


def _fault(path: Path) -> str | None:
    """Why a file is not whole, or None; one of a kind that is not known here has at least to hold something."""
    try:
        data = path.read_bytes()
        match path.suffix:
            case ".json":
                json.loads(data)
            case ".jsonl":  # appended to: a line may be under way, and the training cuts it off when it goes on
                [json.loads(line) for line in data.decode().split("\n")[:-1]]
            case ".ipynb":
                nbformat.reads(data.decode(), as_version=4)
            case ".png":
                inspect(data)
            case ".safetensors":
                with safetensors.safe_open(path, framework="numpy") as file:
                    [file.get_tensor(name) for name in file.keys()]  # noqa: SIM118 - the file is no dictionary
            case ".npy":
                np.load(path, allow_pickle=False)
            case ".mat":
                scipy_io.loadmat(path)
            case ".html" | ".svg":
                end = f"</{path.suffix[1:]}>"
                return None if data.decode().rstrip().endswith(end) else f"it does not end in {end}"
            case _:
                return None if data else "it is empty"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:100]}"
    return None
