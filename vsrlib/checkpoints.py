"""Weights in files: safetensors is the native format, one file for both frameworks.

PyTorch's `.pt` is read with its weights-only loader, which runs no code from the file.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from vsrlib.errors import UserError
from vsrlib.files import atomic_path, sha256_file

Values = dict[str, np.ndarray]


def read(path: Path) -> Values:
    """Read weights from a .safetensors, .pt or .pth file. Raises UserError when that cannot be done."""
    if not path.is_file():
        raise UserError(f"The weights file {path} does not exist; check the path.")
    if path.suffix == ".safetensors":
        try:
            return safetensors.numpy.load_file(path)
        except (safetensors.SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
            raise UserError(f"The weights file {path} cannot be read ({error}); it is damaged or no safetensors file.") \
                from error
    if path.suffix in (".pt", ".pth"):
        # A process that uses Jittor does not import PyTorch; another one translates the file.
        return _read_torch_elsewhere(path) if "jittor" in sys.modules else _read_torch(path)
    raise UserError(f"Weights files end in .safetensors, .pt or .pth, and {path.name} does not; convert it first.")


def write(path: Path, values: Values) -> None:
    """Write weights as .safetensors or .pt, atomically."""
    if path.suffix == ".safetensors":
        with atomic_path(path) as temporary:
            safetensors.numpy.save_file({name: np.ascontiguousarray(value) for name, value in values.items()}, temporary)
    elif path.suffix in (".pt", ".pth"):
        import torch
        with atomic_path(path) as temporary:
            torch.save({name: torch.from_numpy(np.array(value)) for name, value in values.items()}, temporary)
    else:
        raise UserError(f"Weights are written as .safetensors, .pt or .pth, and {path.name} ends otherwise; "
                        "choose one of these.")


def checked(values: Values, shapes: dict[str, tuple[int, ...]], source: str) -> Values:
    """The values as float32 in the network's order; UserError if a name, a shape or a value is not as it must be."""
    missing, unknown = [n for n in shapes if n not in values], [n for n in values if n not in shapes]
    if missing or unknown:
        faults = [f"{len(names)} {word} (first: {names[0]})"
                  for names, word in ((missing, "missing"), (unknown, "unknown")) if names]
        raise UserError(f"The weights in {source} do not fit the network: {' and '.join(faults)}; "
                        "check the preset they were made for.")
    for name, shape in shapes.items():
        if tuple(values[name].shape) != shape:
            raise UserError(f"The weights in {source} do not fit the network: {name} has shape "
                            f"{tuple(values[name].shape)}, not {shape}; check the preset they were made for.")
        if not np.isfinite(values[name]).all():
            raise UserError(f"The weights in {source} hold NaN or infinite values in {name}; use another checkpoint.")
    return {name: np.asarray(values[name], dtype=np.float32) for name in shapes}


def entry(path: Path, folder: Path) -> dict[str, Any]:
    """How a result file in `folder` names its weights: path as seen from there, digest, size in bytes."""
    return {"path": os.path.relpath(path, folder), "sha256": sha256_file(path), "bytes": path.stat().st_size}


def convert(source: Path, target: Path) -> None:
    """Write the weights of one file in another format, chosen by the target's ending."""
    write(target, read(source))


def _read_torch(path: Path) -> Values:
    import torch
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle raises anything; nothing of ours runs in here
        reason = next(iter(str(error).splitlines()), type(error).__name__)[:120]
        raise UserError(f"The weights file {path} was refused by PyTorch's weights-only loader ({reason}); "
                        "use a plain state dictionary.") from error
    if not isinstance(values, dict) or not all(isinstance(value, torch.Tensor) for value in values.values()):
        raise UserError(f"The weights file {path} is no plain state dictionary of tensors; extract it and try again.")
    return {str(name): value.detach().cpu().float().numpy() for name, value in values.items()}


def _read_torch_elsewhere(path: Path) -> Values:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "weights.safetensors"
        done = subprocess.run([sys.executable, "-m", "vsrlib", "convert", str(path), str(target)],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise UserError(done.stderr.strip().removeprefix("error: "))
        return read(target)
