"""The formats of weights files: how each is read without running anything from it, and how it is written.

Readers return what the file holds, as a dictionary in which arrays (or tensors of PyTorch) may be nested, and raise
any exception for a file that is damaged or holds something else; `vsrlib.networks.weights.weights_file` makes one
sentence of them.
"""

import json
import os
import pickle
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from vsrlib.networks.weights import pickles
from vsrlib.networks.weights.pickles import Aside, Foreign

ENDINGS = {
    ".safetensors": "safetensors",
    ".pt": "PyTorch",
    ".pth": "PyTorch",
    ".pytorch": "PyTorch",
    ".pth.tar": "PyTorch",
    ".pkl": "pickle",
    ".npz": "npz",
    ".pdparams": "PaddlePaddle",
}
"""The end of a file's name -> its format."""

_MOST_EXPANSION = 20  # floats hardly compress; what unpacks to more is a trap
_NOTES = "notes"
_PADDLE_NAMES = "StructuredToParameterName@@"  # by which `paddle.load` knows a state dictionary
_REFUSED_NAME = re.compile(r"(?:Unsupported global: GLOBAL|unsupported GLOBAL) ([\w.]+)")
_ARCHIVE = b"PK\x03\x04"
_SAFETENSORS = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "BOOL": "?"}
_SAFETENSORS |= {f"{sign}{8 * size}": f"<{sign.lower()}{size}" for sign in "IU" for size in (1, 2, 4, 8)}
_STARTS = {  # of what is not the file that its name says
    b"version https://git-lfs": "it is a pointer of Git LFS, and the file itself was not fetched: run `git lfs pull`",
    b"<": "it is a web page: what was saved is the page about the file",
}


def format_of(path: Path) -> str | None:
    """The format of a file by the end of its name: one of the values of ENDINGS, or None."""
    return next((kind for ending, kind in ENDINGS.items() if path.name.lower().endswith(ending)), None)


def kind_inside(path: Path) -> str | None:
    """The format of a file by what it holds: PyTorch's archive under any name (.ckpt, .bin), else None."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "PyTorch" if any(name.endswith("/data.pkl") for name in archive.namelist()) else None
    except zipfile.BadZipFile:
        return None


def read(path: Path, kind: str) -> dict[str, Any]:
    """What a file of the format `kind` holds. Raises any exception for what cannot be read.

    `vsrlib.networks.weights.pickles.Foreign` says that the file is whole and holds what is not taken.
    """
    with open(path, "rb") as file:
        start = file.read(64).lstrip()
    if not start:
        raise ValueError("it is empty")
    for mark, reason in _STARTS.items():
        if start.startswith(mark):
            raise Foreign(reason)
    match kind:
        case "safetensors":
            return _read_safetensors(path)
        case "PyTorch":
            return _read_torch(path)
        case "pickle":
            found = pickles.load(path.read_bytes())
            _require_bounded(sum(leaf.nbytes for leaf in _leaves(found) if isinstance(leaf, np.ndarray)), path)
            return found
        case "npz":
            return _read_npz(path)
        case "PaddlePaddle":
            found = read(path, "pickle")
            if isinstance(found, dict):
                found.pop(_PADDLE_NAMES, None)
            return _map_leaves(found, _turned)
    raise AssertionError(kind)


def write(path: Path, kind: str, values: dict[str, np.ndarray], metadata: dict[str, str] | None = None) -> None:
    """Write arrays in the format `kind`; `metadata` goes into safetensors alone."""
    values = {name: np.asarray(value, order="C") for name, value in values.items()}
    match kind:
        case "safetensors":
            # Not by its own writing, which hides why a disk refused.
            path.write_bytes(safetensors.numpy.save(values, _packed(metadata)))
        case "PyTorch":
            import torch

            with open(path, "wb") as file:  # given a path, it would write the temporary name into the file
                torch.save({name: torch.from_numpy(value.copy()) for name, value in values.items()}, file)
        case "pickle":
            path.write_bytes(pickles.seal(pickle.dumps(values, protocol=4)))
        case "npz":
            with open(path, "wb") as file:
                np.savez(file, **values)
        case "PaddlePaddle":
            held = {name: np.asarray(_turned(value), order="C") for name, value in values.items()}
            path.write_bytes(pickle.dumps(held | {_PADDLE_NAMES: {name: name for name in values}}, protocol=4))


def metadata(path: Path) -> dict[str, str]:
    """The notes in the header of a safetensors file: those that `write` packed, and what another program noted."""
    with safetensors.safe_open(path, framework="numpy") as file:
        found = file.metadata() or {}
    try:
        packed = json.loads(found.get(_NOTES, ""))
    except (ValueError, RecursionError):
        packed = None
    if not isinstance(packed, dict):  # nothing, or another program's note that has the same name
        return found
    del found[_NOTES]
    return found | {str(name): str(value) for name, value in packed.items()}


def _packed(notes: dict[str, str] | None) -> dict[str, str] | None:
    """The notes as one: safetensors writes several in a changing order, and equal files should have equal digests."""
    return {_NOTES: json.dumps(notes, sort_keys=True)} if notes else None


def _read_safetensors(path: Path) -> dict[str, Any]:
    found = {}
    for name, tensor in safetensors.deserialize(path.read_bytes()):  # which checks every bound
        kind, shape, data = tensor["dtype"], tensor["shape"], tensor["data"]
        if kind == "BF16":  # the upper half of a float32, which numpy does not know
            values = (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
        elif kind in _SAFETENSORS:
            values = np.frombuffer(data, _SAFETENSORS[kind])
        else:
            raise Foreign(f"it holds values of type {kind}; export them as F32")
        found[name] = values.reshape(shape)
    return found


def _read_torch(path: Path) -> dict[str, Any]:
    import torch

    _check_archive(path, most_expansion=1)  # PyTorch checks no checksums, and its archives are not compressed
    stand_ins = []
    for module, _, short in (full.partition(" ") for full in pickles.STAND_INS):
        # one each, because PyTorch goes by the name that a class says it has
        stand_ins.append(type(short, (Aside,), {"__module__": module, "__qualname__": short}))
    with warnings.catch_warnings(), torch.serialization.safe_globals(stand_ins):
        warnings.simplefilter("ignore")  # of pickle protocols and old storages, which say nothing to a user
        try:
            found = torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:  # it explains at length how to run what is in the file
            reason = str(error).split("WeightsUnpickler error: ")[-1].split(". ")[0]
            name = _REFUSED_NAME.search(reason)
            if name is None:
                raise ValueError(reason) from error
            raise Foreign(f"it asks for {name[1][:60]!r}, which is not on the list of what is allowed") from error
        except RuntimeError as error:
            if "TorchScript" in str(error):
                raise Foreign("it is a program of TorchScript, of which only the weights are taken") from error
            raise
    tensors = [leaf for leaf in _leaves(found) if isinstance(leaf, torch.Tensor)]
    if any(tensor.layout != torch.strided for tensor in tensors):
        raise Foreign("it holds a sparse tensor")
    _require_bounded(sum(tensor.numel() * tensor.element_size() for tensor in tensors), path)

    def array(leaf: Any) -> Any:
        if not isinstance(leaf, torch.Tensor):
            return leaf
        return (leaf.detach().float() if leaf.is_floating_point() else leaf.detach()).numpy()  # numpy has no bfloat16

    return _map_leaves(found, array)


def _turned(leaf: Any) -> Any:
    """The weight of a fully connected layer, the only one of two axes, from or to (inputs, outputs)."""
    return leaf.T if isinstance(leaf, np.ndarray) and leaf.ndim == 2 else leaf


def _leaves(found: Any, depth: int = 2) -> Iterator[Any]:
    """What lies in a dictionary and in the dictionaries in it."""
    # no deeper: dictionaries that hold each other twice would make the walk endless
    if isinstance(found, dict) and depth:
        for value in found.values():
            yield from _leaves(value, depth - 1)
    else:
        yield found


def _map_leaves(found: Any, change: Callable[[Any], Any], depth: int = 2) -> Any:
    if isinstance(found, dict) and depth:
        return {name: _map_leaves(value, change, depth - 1) for name, value in found.items()}
    return change(found)


def _require_bounded(total: int, path: Path) -> None:
    """A few bytes can describe a tensor of any size, or one tensor many times; twice the file allows shared ones."""
    if total > 2 * os.path.getsize(path):
        raise ValueError("it describes more values than it holds")


def _read_npz(path: Path) -> dict[str, Any]:
    if not zipfile.is_zipfile(path):
        raise ValueError("it is no zip archive")
    _check_archive(path, _MOST_EXPANSION)
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _check_archive(path: Path, most_expansion: int) -> None:
    """Raise ValueError for a zip archive that is damaged or unpacks to far more than it is; others pass."""
    with open(path, "rb") as file:
        if file.read(len(_ARCHIVE)) != _ARCHIVE:
            return
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > most_expansion * os.path.getsize(path):
            raise ValueError("it unpacks to far more than it holds")
        if any(member.comment for member in archive.infolist()):  # a changed length swallows the members after it
            raise ValueError("the index of its members is damaged")
        damaged = archive.testzip()
    if damaged is not None:
        raise ValueError(f"the checksum of its member {damaged} is wrong")
