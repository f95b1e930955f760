"""Weights in files: safetensors is the native format, one file for every framework; docs/weights.md lists the others.

Nothing in a file is ever run. Whatever naming a file uses, values are under the names of the published weights here.
Weights that come with the project are called by name, such as "study-gaussian".
"""

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.files import atomic_path, sha256_file
from vsrlib.common.processes import run_watched
from vsrlib.networks.weights import formats
from vsrlib.networks.weights.names import is_flow_only, published_names, unwrapped
from vsrlib.networks.weights.pickles import Aside, Foreign

Values = dict[str, np.ndarray]

FOLDER = Path(__file__).parent
_KINDS = ("medium-{}", "study-{}", "study-{}-align-false")
NAMES = tuple(kind.format(blur) for kind in _KINDS for blur in ("gaussian", "realistic"))
"""The preset and the blur of the training. `-align-false` marks the controls: the same training with the sampling grids
read as by default since PyTorch 1.3."""

_OTHERS = {"jittor", "paddle"}
_AVERAGES = ("params_ema", "state_dict_ema", "model_ema", "ema_state_dict", "ema")
_NESTED = (*_AVERAGES, "state_dict", "model_state_dict", "params", "model", "net", "network", "generator")
"""Where training programs put the weights, beside their own state; an average of them comes first."""


def read(weights: str | Path) -> Values:
    """Read weights from a file, or those that ship under a name; float32, under the published names.

    Formats: see `vsrlib.networks.weights.formats.ENDINGS`; an archive that `torch.save` made may have any name, such as
    .ckpt. Raises UserError when that cannot be done.
    """
    path = existing(weights)
    kind = formats.format_of(path) or formats.kind_inside(path) or _format_of(path)
    if kind == "PyTorch" and _OTHERS & sys.modules.keys():
        # A process that uses another framework does not import PyTorch; another process translates the file.
        with tempfile.TemporaryDirectory() as folder:
            translated = Path(folder) / "weights.safetensors"
            _convert_elsewhere(path, translated)
            return read(translated)
    try:
        found = formats.read(path, kind)
    except Exception as error:  # a damaged file raises anything; nothing of ours runs in here
        reader = "PyTorch's weights-only loader" if kind == "PyTorch" else f"the reader of {kind} files"
        remedy = "it is damaged, or no file of this kind: fetch it again."
        if isinstance(error, Foreign):
            remedy = "nothing in a file is run, so export a plain state dictionary where it was made."
        raise UserError(f"The weights file {path} was refused by {reader} ({_reason(error)}); {remedy}") from error
    return published_names(_floats(found, path), str(path))


def write(path: Path, values: Values, metadata: dict[str, str] | None = None) -> None:
    """Write weights in the format that the file's name ends in, atomically.

    metadata: notes, such as the preset, which safetensors files alone can hold; UserError for another format.
    """
    path = Path(path)
    kind = _format_of(path)
    if metadata and kind != "safetensors":
        raise UserError(f"Notes on weights can be kept in .safetensors only, not in {path.name}; choose that ending.")
    if kind == "PyTorch" and _OTHERS & sys.modules.keys():
        with tempfile.TemporaryDirectory() as folder:
            formats.write(Path(folder) / "weights.safetensors", "safetensors", values)
            _convert_elsewhere(Path(folder) / "weights.safetensors", path)
        return
    with atomic_path(path) as temporary:
        formats.write(temporary, kind, values, metadata)


def metadata(weights: str | Path) -> dict[str, str]:
    """The notes that a weights file holds: of a safetensors file, such as preset and align_corners; of others none."""
    path = locate(weights)
    if not path.is_file() or formats.format_of(path) != "safetensors":
        return {}
    try:
        return formats.metadata(path)
    except Exception as error:
        raise UserError(
            f"The weights file {path} was refused by the reader of safetensors files ({error}); it is "
            "damaged: fetch it again."
        ) from error


def credits_with(own: str, *starts: str | Path | None) -> str:
    """Whose pictures are in weights that learned from `own` ("author (licence), ...") and began as `starts`; "": none.

    The same words stand there once. Nothing is taken apart, because authors' names hold commas and brackets.
    """
    noted = [metadata(weights).get("credits", "") for weights in starts if weights is not None]
    return ", ".join(dict.fromkeys(text for text in (own, *noted) if text))


def require_kept(output: Path, written: Iterable[str], *starts: str | Path | None) -> None:
    """UserError for weights to start from that are one of the files, `written`, that a training replaces in `output`.

    It removes them first, so that a training that breaks off would leave neither the old ones nor new ones.
    """
    taken = {(Path(output) / name).resolve() for name in written}
    for start in starts:
        if start is not None and existing(start).resolve() in taken:
            raise UserError(
                f"The weights {start} to start from are a file that this training would replace; copy them elsewhere, "
                "or give another output folder."
            )


def checked(values: Values, shapes: dict[str, tuple[int, ...]], source: str) -> Values:
    """The values as float32 in the network's order; UserError if a name, a shape or a value is not as it must be."""
    missing, unknown = [n for n in shapes if n not in values], [n for n in values if n not in shapes]
    if missing and is_flow_only(values):
        raise UserError(
            f"The weights in {source} are those of the flow network alone, and {missing[0]} and others are "
            "missing; give them as flow_weights, with or without weights for the rest."
        )
    if missing or unknown:
        faults = [
            f"{len(names)} {word} (first: {names[0]})"
            for names, word in ((missing, "missing"), (unknown, "unknown"))
            if names
        ]
        raise UserError(
            f"The weights in {source} do not fit the network: {' and '.join(faults)}; "
            "check the preset they were made for."
        )
    for name, shape in shapes.items():
        if tuple(values[name].shape) != shape:
            raise UserError(
                f"The weights in {source} do not fit the network: {name} has shape "
                f"{tuple(values[name].shape)}, not {shape}; check the preset they were made for."
            )
        if not np.isfinite(values[name]).all():
            raise UserError(f"The weights in {source} hold NaN or infinite values in {name}; use another checkpoint.")
    return {name: np.asarray(values[name], dtype=np.float32) for name in shapes}


def entry(weights: str | Path, folder: Path) -> dict[str, Any]:
    """How a result file in `folder` names its weights: path as seen from there, digest, size in bytes."""
    path = existing(weights)
    return {"path": os.path.relpath(path, folder), "sha256": sha256_file(path), "bytes": path.stat().st_size}


def digest(values: Values) -> str:
    """SHA-256 of names, shapes and float32 values, in the order of the names: equal for equal weights in any format."""
    found = hashlib.sha256()
    for name in sorted(values):
        found.update(f"{name} {tuple(values[name].shape)}\n".encode())
        found.update(np.asarray(values[name], dtype="<f4", order="C").tobytes())
    return found.hexdigest()


def convert(source: str | Path, target: Path, half: bool = False) -> Values:
    """Write the weights of one file in another format, chosen by the target's ending; returns what the target holds.

    Notes are kept where the target can hold them. half: rounded to float16, in half the bytes, with the digest of the
    unrounded file as a note; UserError for values that it does not reach to.
    """
    target = Path(target)
    kind, values, notes = _format_of(target), read(source), metadata(source)
    if half:
        notes = notes | {"rounded_from": sha256_file(existing(source))}
        with np.errstate(over="ignore"):
            values = {name: value.astype(np.float16) for name, value in values.items()}
        beyond = [name for name, value in values.items() if not np.isfinite(value).all()]
        if beyond:
            raise UserError(f"{beyond[0]} in {source} has values beyond float16's largest, 65504; leave --half out.")
    write(target, values, notes if kind == "safetensors" else None)
    return {name: value.astype(np.float32) for name, value in values.items()}


def path_of(name: str) -> Path:
    """Where the weights called `name` lie, or would lie."""
    return FOLDER / f"{name}.safetensors"


def why_missing(name: str) -> str:
    """The sentence for weights that are called by name and are not there."""
    template, blur = name.split("-")[0], "Gaussian" if "gaussian" in name else "Realistic"
    control = " --no-align-corners" if name.endswith("-align-false") else ""
    return (
        f'The weights "{name}" are not part of this installation; train them by `vsrlib train --template {template} '
        f"--blur {blur}{control} --flow-weights FLOW HR VALIDATION OUTPUT` as docs/weights.md says, and give the file "
        "that it writes."
    )


def existing(weights: str | Path) -> Path:
    """As `locate`. UserError also for a path that leads to no file, with the name that may have been meant."""
    path = locate(weights)
    if not path.is_file():
        near = get_close_matches(str(weights), NAMES, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"check the path, or give a name: {', '.join(NAMES)}."
        what = "is a folder" if path.is_dir() else "does not exist"
        raise UserError(f"The weights file {path} {what}; {remedy}")
    return path


def locate(weights: str | Path) -> Path:
    """The file of weights given as a name or as a path. Raises UserError for a name whose file is not there."""
    if str(weights) not in NAMES:
        return Path(weights)
    path = path_of(str(weights))
    if not path.is_file():
        raise UserError(why_missing(str(weights)))
    return path


def _reason(error: Exception) -> str:
    """Why a reader broke off, in words of one line."""
    words = str(error).strip().splitlines()
    # What a reader looked for in vain, such as the KeyError 105, is nothing to the user.
    if isinstance(error, (AttributeError, EOFError, LookupError, TypeError)) or not words:
        return "its content makes no sense"
    return "".join(letter if letter.isprintable() else "?" for letter in words[0][:160].rstrip(". "))


def _format_of(path: Path) -> str:
    kind = formats.format_of(path)
    if path.suffix.lower() == ".onnx":
        raise UserError(
            f"{path.name} is an exported model and no weights file; run it by `vsrlib infer --framework onnx`, or give "
            "the weights that it was made of."
        )
    if kind is None:
        raise UserError(
            f"Weights files end in {', '.join(formats.ENDINGS)}, and {path.name} does not; "
            "rename it if it is one of these, or convert it first."
        )
    return kind


def _floats(found: Any, path: Path) -> Values:
    """The dictionary of arrays in what a file holds, as float32."""
    if isinstance(found, dict):
        nested = {name: found[name] for name in _NESTED if isinstance(found.get(name), dict)}
        whole = [name for name, inside in nested.items() if inside and all(map(_is_array, inside.values()))]
        if len(whole) > 1 and whole[0] in _AVERAGES:
            print(f"note: of the weights in {path}, the average ({whole[0]}) is taken.", file=sys.stderr)
        found = next((nested[name] for name in (*whole, *nested)), found)
    if not isinstance(found, dict) or not found:
        raise UserError(f"The weights file {path} holds no state dictionary; export one and try again.")
    if all(isinstance(name, str) for name in found):
        found = unwrapped(found)
    for name, value in found.items():
        named = isinstance(name, str) and name.isprintable()
        if not named or not _is_array(value) or value.dtype.kind != "f":
            what = f"values of type {value.dtype}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
            what = "an object" if isinstance(value, Aside) else what
            raise UserError(
                f"The weights file {path} holds {what} under {str(name)[:80]!r}, which are no weights; "
                "export a plain state dictionary of floating-point arrays."
            )
    return {name: np.asarray(value, dtype=np.float32, order="C") for name, value in found.items()}


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray)


def _convert_elsewhere(source: Path, target: Path) -> None:
    status, _, last = run_watched(["-m", "vsrlib", "convert", str(source), str(target)], show=False)
    if status == 0 and last.startswith("note: "):
        print(last, file=sys.stderr)
    if status != 0:
        raise UserError(last.removeprefix("error: ") or f"The process that read {source} ended with {status}.")
