"""Checkpoints of a training: everything that its next step depends on, in one safetensors file.

Arrays (weights, the optimiser's moments, the average) are its tensors; the rest is JSON in its metadata. Nothing is
drawn from the random generators of Python or of a framework, so that the sample stream's is the only one kept.
"""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from vsrlib.common import files
from vsrlib.common.errors import UserError
from vsrlib.common.files import atomic_path, sha256_array, sha256_bytes

FILE = "checkpoint.safetensors"
PREVIOUS = "checkpoint.previous.safetensors"
LOG = "log.jsonl"
FORMER = "former"
"""Folder of what a training had at its end, until it has another end."""
_FACTS = "vsrlib_training"
_FREE = ("steps", "credits")
"""A training can be prolonged; and whose pictures it learns from follows from digests that are compared."""


def write(folder: Path, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
    """Write the checkpoint of a folder, keeping the one before; whenever this ends, there is a whole one."""
    arrays = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
    metadata = {_FACTS: json.dumps(facts, allow_nan=False), "sha256": _digest(arrays)}
    with atomic_path(folder / FILE) as temporary:
        try:
            safetensors.numpy.save_file(arrays, temporary, metadata=metadata)
        except safetensors.SafetensorError as error:  # what it makes of a full disk
            raise UserError(
                f"The checkpoint {folder / FILE} could not be written ({error}), and the one before is still "
                "there; make room and go on with resume."
            ) from error
        if (folder / FILE).exists():
            with atomic_path(folder / PREVIOUS) as copy:
                shutil.copyfile(folder / FILE, copy)


def read(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the facts of a folder's checkpoint. UserError where there is none, or a damaged one."""
    path = folder / FILE
    if not path.is_file():
        raise UserError(
            f"There is no checkpoint in {folder} to go on from; leave out resume to begin a training there."
        )
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        facts = json.loads(metadata[_FACTS])
        whole = metadata["sha256"] == _digest(arrays)
    except (safetensors.SafetensorError, OSError, ValueError, KeyError):
        whole = False
    if not whole:
        raise UserError(
            f"The checkpoint {path} is damaged or of another kind; put {PREVIOUS} in its place, if there is one."
        )
    return arrays, facts


def part(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of a checkpoint whose names begin with `prefix`, such as "average", by the rest of their names."""
    return {name.removeprefix(f"{prefix}."): value for name, value in arrays.items() if name.startswith(f"{prefix}.")}


def require_same(before: dict[str, Any], now: dict[str, Any], folder: Path, defaults: Mapping[str, Any]) -> None:
    """UserError naming every option in which the training of a checkpoint differs from this one.

    defaults: options as they are where nobody asks for them, which is what a checkpoint from before an option had.
    """
    was = dict(defaults) | before
    differing = [
        f"{name} was {was.get(name)!r} and is {value!r}"
        for name, value in now.items()
        if name not in _FREE and was.get(name) != value
    ]
    if differing:
        raise UserError(
            f"The checkpoint in {folder} is of another training ({'; '.join(differing)}): "
            "give the same options and clips, or leave out resume to begin anew."
        )


def remove(folder: Path) -> None:
    """Remove what an earlier training left, and temporary files of one that was killed."""
    for name in (FILE, PREVIOUS, LOG):
        (folder / name).unlink(missing_ok=True)
    remove_temporary(folder)
    remove_former(folder)


def set_aside(folder: Path, names: Sequence[str]) -> None:
    """Move files of a training that had ended into a folder of their own; it ended if the last of them is there.

    Moving takes no room on the disk. A kill leaves the last where it was, so that the rest is moved the next time.
    """
    if not (folder / names[-1]).exists():
        return
    if (folder / FORMER / names[-1]).exists():  # of an end before that one
        remove_former(folder)
    (folder / FORMER).mkdir(exist_ok=True)
    for name in names:
        if (folder / name).exists():
            os.replace(folder / name, folder / FORMER / name)


def remove_former(folder: Path) -> None:
    """Remove what was set aside."""
    files.remove(folder / FORMER)


def remove_temporary(folder: Path) -> None:
    """Remove the temporary files of a training that was killed while it wrote."""
    for pattern in (".checkpoint*", ".weights*", ".log-*", ".train-*", ".tmp??????"):  # the last are safetensors' own
        for path in folder.glob(pattern):
            path.unlink()


def cut_log(folder: Path, step: int, lines: int) -> list[dict[str, Any]]:
    """Cut the log back to a step, so that no step stands in it twice; returns its `lines` entries.

    What a killed process left half written lies behind them. UserError where any of them is missing.
    """
    path = folder / LOG
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            entry = json.loads(line)
        except ValueError:
            break
        if entry["step"] > step:
            break
        kept.append(entry)
    if len(kept) != lines:
        raise UserError(
            f"The log {path} holds {len(kept)} of the {lines} steps before the checkpoint; "
            "bring it back, or leave out resume to begin anew."
        )
    with atomic_path(path) as temporary:
        temporary.write_text("".join(json.dumps(entry) + "\n" for entry in kept), encoding="utf-8")
    return kept


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    words = "".join(f"{name} {sha256_array(arrays[name])}\n" for name in sorted(arrays))
    return sha256_bytes(words.encode())
