"""`vsrlib adapt`: trained weights learn some minutes more from the LR clips that are to be restored, without any truth.

The objective is the paper's self-supervised one (Bai and Pan, TPAMI 2024). What is kept are the weights with the
smallest cycle loss on windows of these clips, those of the start among them.
"""

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.common import files, provenance
from vsrlib.common.errors import UserError
from vsrlib.common.files import sha256_array, sha256_joined, write_json
from vsrlib.common.progress import bar as progress_bar
from vsrlib.data.clips import WINDOW, require_frames
from vsrlib.data.frames import shown_size, to_float
from vsrlib.data.sets.layouts import LR_ROLE, clips_in, require_outside
from vsrlib.networks import load_network
from vsrlib.networks.architecture import PARTS
from vsrlib.networks.distributed import Batch
from vsrlib.networks.network import Network
from vsrlib.networks.weights import weights_file
from vsrlib.training.learning import MOST_SKIPPED, NotFinite, parameter_groups, train_at
from vsrlib.training.options import AdaptOptions, fitting_patch
from vsrlib.training.step import take_step
from vsrlib.training.validation import cycle_error

RESULT, WEIGHTS = "adapt.json", "weights.safetensors"
_MEASURED = 8  # windows by which weights are judged, evenly spread over the clips,
_SIDE = 128  # and the side of what is restored of each, LR pixels, at most


def adapt(clips: Path, output: Path, options: AdaptOptions, progress: bool = True) -> dict[str, Any]:
    """Train on LR clips, and write weights.safetensors and, last, adapt.json, which is returned, to `output`.

    The cycle loss is that of `ValidationSet.scores`: how far the input is from its restoration, blurred with the
    estimated kernel and decimated. It is measured before, after every `measure_every` steps, and after the last one.
    Ends when the minutes or steps are over, or after `patience` measurements that were no smaller. The frames are held
    in memory, three bytes a pixel. UserError for unusable clips or weights, while another training runs in `output`,
    and when three steps in a row were not finite. Then, and when it is interrupted, which raises `Interrupted`, the
    best so far has been written all the same.
    """
    output, begin = Path(output), time.monotonic()
    files.require_folder(output)
    weights_file.require_kept(output, (WEIGHTS,), options.weights)
    sources = clips_in(Path(clips), LR_ROLE)
    require_outside(output, clips, sources)
    low = []
    for source in sources:
        require_frames(source, WINDOW)
        low.append(source.load().frames)
        side = min(low[-1].shape[1:3])
        if side < options.patch_size:
            raise UserError(
                f"The clip {source.name} has frames of {shown_size(low[-1][0])} pixels, and a patch has "
                f"{options.patch_size} a side; {fitting_patch(side)}."
            )
    network = load_network(
        options.framework, options.weights, options.preset, options.device, correlation=options.correlation
    )
    train_at(options.precision, network)
    with files.lock(output, "training", "output folder"):
        for name in (RESULT, WEIGHTS):
            (output / name).unlink(missing_ok=True)  # so that a broken run does not look like the one before it
        kept = _Kept(network, low)
        broken: KeyboardInterrupt | NotFinite | None = None
        try:
            _learn(network, low, kept, options, begin, progress)
        except (KeyboardInterrupt, NotFinite) as error:  # half a step may have been taken: what was measured counts
            broken = error
        notes = weights_file.metadata(options.weights) | {
            "preset": options.preset or weights_file.metadata(options.weights).get("preset", "published"),
            "align_corners": str(network.config.align_corners).lower(),
            "adapted_from": weights_file.entry(options.weights, output)["sha256"],
        }
        weights_file.write(output / WEIGHTS, kept.values, notes)
        result = {
            "settings": options.to_json(),
            "clips": [source.name for source in sources],
            "clips_sha256": sha256_joined(map(sha256_array, low)),
            "started_from": weights_file.entry(options.weights, output),
            "weights": weights_file.entry(output / WEIGHTS, output),
            "steps": kept.steps,
            "kept_step": kept.step,
            "cycle": kept.cycle,
            "start": kept.cycle[0]["cycle"],
            "end": kept.least,
            "stopped_early": kept.stale == options.patience > 0,
            "interrupted": broken is not None,
            "seconds": time.monotonic() - begin,
            **network.conditions(),
            "provenance": provenance.collect(seed=options.seed),
        }
        write_json(output / RESULT, result)
        if isinstance(broken, KeyboardInterrupt):
            raise Interrupted(result) from broken
        if broken is not None:
            raise broken
        return result


class Interrupted(KeyboardInterrupt):
    """A training was interrupted. `result` is what it would have returned; what was the best until then is written."""

    def __init__(self, result: dict[str, Any]) -> None:
        super().__init__()
        self.result = result


class _Kept:
    """The weights with the smallest cycle loss so far: `values`, of step `step`, with `least`; and all that was found.

    `steps`: how many have been taken. `stale`: how many measurements in a row were no smaller.
    """

    def __init__(self, network: Network, low: list[np.ndarray]) -> None:
        places = [(clip, start) for clip, frames in enumerate(low) for start in range(len(frames) - WINDOW + 1)]
        chosen = np.unique(np.linspace(0, len(places) - 1, _MEASURED).round().astype(int))
        self._windows = [_middle(low[clip][start : start + WINDOW]) for clip, start in (places[i] for i in chosen)]
        self._network, self.cycle, self.step, self.stale, self.least = network, list[dict[str, Any]](), 0, 0, math.inf
        self.steps, self.values = 0, network.state()
        self.measure()

    def measure(self) -> None:
        """Measure the network as it is after the steps taken, and keep its weights if they are the best."""
        found = float(np.mean([cycle_error(self._network.infer(window), window) for window in self._windows]))
        self.cycle.append({"step": self.steps, "cycle": found if math.isfinite(found) else None})
        self.stale += 1
        if found < self.least:
            self.least, self.step, self.stale, self.values = found, self.steps, 0, self._network.state()


def _learn(
    network: Network, low: list[np.ndarray], kept: _Kept, options: AdaptOptions, begin: float, progress: bool
) -> None:
    """Take steps until they or the minutes since `begin` are over, or the patience is at an end. NotFinite."""
    rates = {part: options.learning_rate for part in PARTS if part != "flow_net"}
    optimiser = network.backend.Optimiser(network.module, parameter_groups(network, rates))
    most, skipped = options.steps or None, 0
    with progress_bar(most, "adapt", "step", progress) as bar:
        for batch in _batches(low, options):
            late = time.monotonic() - begin > 60 * options.minutes
            if kept.steps == most or late or kept.stale == options.patience > 0:
                break
            done, _ = take_step(network, optimiser, "self-supervised", batch, fixed_flow=True)
            kept.steps += 1
            skipped = 0 if done else skipped + 1
            if skipped == MOST_SKIPPED:
                raise NotFinite(
                    f"The losses of {skipped} steps in a row were not finite, so the best weights before them "
                    "were written; give a smaller learning_rate."
                )
            if kept.steps % options.measure_every == 0:
                kept.measure()
            bar.update()
    if kept.cycle[-1]["step"] < kept.steps:
        kept.measure()


def _middle(window: np.ndarray) -> np.ndarray:
    """(5, H, W, 3) uint8 -> the middle of it as the network takes it, (5, 3, h, w)."""
    top, left = (max(0, side - _SIDE) // 2 for side in window.shape[1:3])
    return to_float(window[:, top : top + _SIDE, left : left + _SIDE])


def _batches(low: list[np.ndarray], options: AdaptOptions) -> Iterator[Batch]:
    """Random crops of random windows without end, flipped and turned as those of a training are."""
    rng, side = np.random.default_rng(options.seed), options.patch_size
    counts = np.array([len(frames) - WINDOW + 1 for frames in low])
    while True:
        samples = []
        for _ in range(options.batch_size):
            frames = low[rng.choice(len(low), p=counts / counts.sum())]
            start, top, left = (
                rng.integers(length - size + 1) for length, size in zip(frames.shape, (WINDOW, side, side))
            )
            crop = frames[start : start + WINDOW, top : top + side, left : left + side]
            flip_columns, flip_rows, turn = rng.random(3) < 0.5
            crop = crop[:, :, ::-1] if flip_columns else crop
            crop = crop[:, ::-1] if flip_rows else crop
            samples.append(to_float(np.ascontiguousarray(np.rot90(crop, axes=(1, 2)) if turn else crop)))
        yield Batch(np.stack(samples))
