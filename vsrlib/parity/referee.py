"""The referee: PyTorch and another framework on the same weights and frames, against PyTorch in float64."""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.common import provenance
from vsrlib.common.errors import UserError
from vsrlib.common.files import atomic_path, read_json, require_folder, write_json
from vsrlib.data.clips import list_clips, require_frames
from vsrlib.data.frames import to_float
from vsrlib.kernels.jittor_env import why_not
from vsrlib.networks.architecture import parameter_shapes
from vsrlib.networks.weights import weights_file
from vsrlib.parity import comparison, operations, report, trajectories
from vsrlib.parity.network import CONFIGS, random_values
from vsrlib.parity.options import ParityOptions
from vsrlib.parity.recorder import FED, FREE, REFERENCE, Store
from vsrlib.parity.trial import Trial, work

JSON, TEXT = "parity.json", "parity.txt"
_AT = (1, 10, 100)  # steps after which trajectories are compared


def compare(output: Path, options: ParityOptions) -> dict[str, Any]:
    """Compare PyTorch with the framework `options.second`; writes OUTPUT/parity.json and OUTPUT/parity.txt.

    Returns what the former holds:

    {"agree", "first" (the first departure or None), "departures", "ratios", "layers" (four figures of every step, for
    both, "fed" and "free"), "gradients", "operations", "finals", "trajectories" (None for 0 steps), "rule", "options",
    "weights" (as `vsrlib.networks.weights.weights_file.entry` names them), "sides", "provenance"}, or
    {"skipped": "because ..."} where that cannot be used. UserError for weights and frames that do not fit, and for an
    output that cannot be a folder.
    """
    require_folder(output)
    frames = None if options.frames is None else os.path.relpath(options.frames, output)
    found: dict[str, Any] = {"options": {**options.to_json(), "weights": None, "frames": frames}}
    found["sides"] = ["torch", options.second]
    reason = why_not(options.second)
    with tempfile.TemporaryDirectory(prefix="vsrlib-parity-") as folder:
        trial = _set_up(Path(folder), options, output, found)
        if reason is None:
            _work(trial, options)
            found |= _verdict(trial, options)
        else:
            found |= {"skipped": f"because {reason}"}
    result = found | {"rule": comparison.RULE, "provenance": provenance.collect(seed=options.seed)}
    write_json(output / JSON, result)
    with atomic_path(output / TEXT) as temporary:
        temporary.write_text(report.text(result), encoding="utf-8")
    return result


def _set_up(folder: Path, options: ParityOptions, output: Path, found: dict[str, Any]) -> Trial:
    """Put weights and frames into the folder."""
    config = CONFIGS[options.preset]
    align_corners = True
    if options.weights is None:
        weights, found["weights"] = random_values(config, options.seed), f"random, seed {options.seed}"
    else:
        weights = weights_file.checked(
            weights_file.read(options.weights), parameter_shapes(config), str(options.weights)
        )
        align_corners = weights_file.metadata(options.weights).get("align_corners", "true") != "false"
        found["weights"] = weights_file.entry(options.weights, output)
    windows = _windows(options, np.random.default_rng(options.seed))
    trial = Trial(folder, options.preset, align_corners, sides=tuple(found["sides"]))
    trial.write(weights, windows[0], windows[1:])
    return trial


def _windows(options: ParityOptions, rng: np.random.Generator) -> np.ndarray:
    """One window for each step and one more, (n, 1, 5, 3, h, w), from noise or cut from random places of the clips."""
    count, height, width = options.steps + 1, options.height, options.width
    if options.frames is None:
        return rng.random((count, 1, 5, 3, height, width), dtype=np.float32)
    sources = list_clips(Path(options.frames))
    for source in sources:
        require_frames(source, 5)
    clips = [source.load().frames for source in sources]
    windows = []
    for _ in range(count):
        clip = clips[rng.integers(len(clips))]
        spare = [clip.shape[0] - 5, clip.shape[1] - height, clip.shape[2] - width]
        if min(spare) < 0:
            raise UserError(
                f"The frames of {options.frames} are {clip.shape[1]}x{clip.shape[2]}, height by width, and windows of "
                f"{height}x{width} were asked for; give a size that fits, or larger frames."
            )
        begin, top, left = (int(rng.integers(most + 1)) for most in spare)
        windows.append(to_float(clip[begin : begin + 5, top : top + height, left : left + width]))
    return np.stack(windows)[:, None]


def _work(trial: Trial, options: ParityOptions) -> None:
    """The reference first, then each framework in a process of its own."""
    for who in (REFERENCE, *trial.sides):
        jobs = [
            *trial.jobs(who),
            trial.job("layers", who, way=FREE, output=str(trial.folder / who / FREE)),
            trial.job("outputs", who, output=str(trial.folder / who / "outputs.npz")),
            trial.job("atlas", who, seed=options.seed, output=str(trial.folder / who / "atlas.npz")),
        ]
        if options.steps and who != REFERENCE:
            at = [step for step in _AT if step <= options.steps]
            jobs.append(
                trial.job(
                    "training",
                    who,
                    at=sorted({*at, options.steps}),
                    starts=options.starts if who == "torch" else 0,
                    output=str(trial.folder / who / "training"),
                )
            )
        work("torch" if who == REFERENCE else who, jobs, trial.folder, double=who == REFERENCE)


def _verdict(trial: Trial, options: ParityOptions) -> dict[str, Any]:
    everyone = (REFERENCE, *trial.sides)
    verdict = trial.verdict(*trial.sides)
    atlas = operations.compare(*(_atlas(trial.folder / who / "atlas.npz") for who in everyone))
    verdict["departures"] += [
        {"place": f"operation {name}", "kind": "operation", "says": f"{name} differs, case {found['worst']['case']}"}
        for name, found in atlas.items()
        if found["used"] and found["differs"]
    ]
    reference, first, second = (dict(np.load(trial.folder / who / "outputs.npz")) for who in everyone)
    last = comparison.compare_outputs(reference, first, second, verdict["gradients"])
    trained = _trajectories(trial, options) if options.steps else None
    ratios = {kind: comparison.summary(values) for kind, values in verdict["ratios"].items()}
    agree = not verdict["departures"] and (trained is None or trained["inside"])
    return {
        "agree": agree,
        "first": next(iter(verdict["departures"]), None),
        "departures": verdict["departures"],
        "ratios": ratios,
        "layers": _layers(trial),
        "gradients": verdict["gradients"],
        "operations": atlas,
        "finals": last,
        "trajectories": trained,
    }


def _layers(trial: Trial) -> dict[str, Any]:
    """The figures of every step, {"fed" or "free": {side: {step: figures}}}."""
    store, found = Store(trial.folder / "store"), {}
    for way in (FED, FREE):
        records = {who: read_json(trial.record(who, way)) for who in (REFERENCE, *trial.sides)}
        found[way] = {side: comparison.figures(records[REFERENCE], records[side], store) for side in trial.sides}
    return found


def _atlas(path: Path) -> dict[str, np.ndarray]:
    found = np.load(path)
    return {str(name): found[str(number)] for number, name in enumerate(found["names"])}


def _trajectories(trial: Trial, options: ParityOptions) -> dict[str, Any]:
    start = dict(np.load(trial.folder / "weights.npz"))
    torch = [
        trajectories.read(trial.folder / "torch" / "training" / f"{number}.npz") for number in range(options.starts + 1)
    ]
    other = trajectories.read(trial.folder / trial.sides[1] / "training" / "0.npz")
    return trajectories.compare(start, torch[0], other, torch[1:])
