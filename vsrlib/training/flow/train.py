"""The training of the flow network from scratch, the same for both frameworks.

On end-point error alone it stays at zero flow: the decoders learn nothing from correlations of features that do not
match, and features do not learn to match through decoders that ignore them. So the pyramid is trained first as a
matcher, against the true displacement, and then all of it on end-point error with a little of the matching loss beside.

The trained weights stand by themselves in a file; they get into a whole network by
`vsrlib.load_network(..., flow_weights=FILE)`.
"""

import json
import math
import os
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from vsrlib.common import files, provenance
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, sha256_array, sha256_file, sha256_joined, write_json
from vsrlib.common.progress import bar as progress_bar
from vsrlib.data.clips import list_clips
from vsrlib.data.sets.layouts import require_outside
from vsrlib.data.sets.manifest import credits_of
from vsrlib.networks import architecture, load_network
from vsrlib.networks.network import Network
from vsrlib.networks.weights import weights_file
from vsrlib.networks.weights.weights_file import Values, locate
from vsrlib.training import checkpoint
from vsrlib.training.checkpoint import LOG
from vsrlib.training.flow.batches import FlowBatch, batches, embedded_textures, folder_textures
from vsrlib.training.flow.evaluation import STEREO, errors_of, flow_error, heldout_pairs
from vsrlib.training.flow.losses import MATCHED_LEVELS, step_losses
from vsrlib.training.flow.options import FlowOptions, rate_factor
from vsrlib.training.flow.parameters import flow_names, flow_only, initial_flow_values, matcher_names

RESULT, WEIGHTS = "train_flow.json", "flow.safetensors"
MATCHED, _MATCHED_RECORD = "matched.safetensors", "matched.json"
_CHECKPOINTS = (checkpoint.FILE, checkpoint.PREVIOUS)
_WEIGHTS = "weights."  # before the names of the weights in a checkpoint

_TEMPERATURES = "matching_temperatures"  # learned with the weights, and no part of the network
_START_TEMPERATURE = 10.0


def train_flow(output: Path, options: FlowOptions, progress: bool = True) -> dict[str, Any]:
    """Train the flow network on pairs with exact flow, and write what came of it to `output`.

    Writes log.jsonl (a line per step), matched.safetensors and matched.json (after the first stage), flow.safetensors
    (flow_net.* alone) and, last, train_flow.json, which is returned: settings, losses, and the error on held-out pairs,
    clips and the stereo pair beside zero flow's and DIS's. With `resume` a first stage that was finished with the same
    options and pictures is taken over, and the second goes on from its last checkpoint, which it writes every
    `checkpoint_every` steps; the result is the same, because each step's pairs depend on seed, stage and step alone.
    Raises UserError for unusable pictures, for a checkpoint of other options, while another training runs in `output`,
    and when a loss or the trained network's flow is no longer finite.
    """
    output = Path(output)
    files.require_folder(output)
    weights_file.require_kept(output, (WEIGHTS, MATCHED, *_CHECKPOINTS), options.weights)
    textures = _textures(options, output)
    network = load_network(
        options.framework,
        preset=options.preset,
        device=options.device,
        seed=options.seed,
        correlation=options.correlation,
        align_corners=options.align_corners,
        flow_weights=options.weights or initial_flow_values(architecture.preset(options.preset), options.seed),
    )
    before = errors_of(network, heldout_pairs())
    pictures = sha256_joined(map(sha256_array, textures))
    start = None if options.weights is None else sha256_file(locate(options.weights))
    given = {"pictures": pictures, "initial_weights": start}
    key, asked = {**options.of_matching(), **given}, {**options.recorded(), **given}
    with files.lock(output, "training", "output folder"):
        matched = _take_over(output, key, network) if options.resume else None
        begun = _Begun.read(output, asked) if matched else _Begun(output, asked)
        _clear(output, begun.lines if matched else None)
        with open(output / LOG, "a" if matched else "w", encoding="utf-8", buffering=1) as log:
            if matched is None:
                network.backend.learn(network.module, _TEMPERATURES, np.full(len(MATCHED_LEVELS), _START_TEMPERATURE))
                matched = _stage("match", network, options, textures, log, progress)
                os.fsync(log.fileno())  # before the record, which counts on these lines
                _keep(output, key, network, matched)
            learned = _stage("flow", network, options, textures, log, progress, begun)
            os.fsync(log.fileno())
        notes = _notes(options)
        values, errors = flow_only(network.state()), flow_error(network)  # which refuses values that are not finite
        weights_file.write(output / WEIGHTS, values, notes)
        result = {
            "settings": options.recorded(),
            "pictures": options.images or "embedded",
            "picture_count": len(textures),
            "pictures_sha256": pictures,
            "initial_weights": start,
            "stages": {"match": matched, "flow": learned},
            "log": LOG,
            "weights": weights_file.entry(output / WEIGHTS, output),
            "values_sha256": weights_file.digest(values),
            "heldout_before": before,
            "error": errors,
            **network.conditions(),
            "provenance": provenance.collect(seed=options.seed),
        }
        write_json(output / RESULT, result)
        _remove(output, *_CHECKPOINTS)
    return result


@dataclass
class _Begun:
    """How far the second stage is: its checkpoint, what was asked for, and the lines of the log up to there."""

    output: Path
    asked: dict[str, Any]
    step: int = 0
    updates: int = 0
    arrays: Values = field(default_factory=dict)
    digests: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, output: Path, asked: dict[str, Any]) -> "_Begun":
        """From the folder, where there is a checkpoint. UserError for one of other options, and for a cut log."""
        if not (output / checkpoint.FILE).exists():
            return cls(output, asked)
        arrays, facts = checkpoint.read(output)
        checkpoint.require_same(facts["asked"], asked, output, FlowOptions().recorded())
        step = facts["step"]
        lines = [line for line in _lines(output, "flow") if json.loads(line)["step"] <= step]
        if len(lines) != step:
            raise UserError(
                f"The log {output / LOG} holds {len(lines)} of the {step} steps before the checkpoint; "
                "bring it back, or start anew without resuming."
            )
        return cls(output, asked, step, facts["updates"], arrays, facts["digests"], lines)

    def load(self, network: Network, optimiser: Any) -> None:
        """Set weights and moments as they were; nothing where there is no checkpoint."""
        if self.step:
            network.load({name: self.arrays[f"{_WEIGHTS}{name}"] for name in network.state()})
            optimiser.load(self.arrays, self.updates)

    def keep(self, step: int, network: Network, optimiser: Any, digests: list[str], log: TextIO) -> None:
        """Write a checkpoint."""
        os.fsync(log.fileno())  # before the checkpoint, which counts on these lines
        moments, updates = optimiser.state()
        arrays = {f"{_WEIGHTS}{name}": value for name, value in network.state().items()} | moments
        facts = {"asked": self.asked, "step": step, "updates": updates, "digests": digests}
        checkpoint.write(self.output, arrays, facts)


def _textures(options: FlowOptions, output: Path) -> list[np.ndarray]:
    """The pictures that pairs are made of. UserError also for an `output` among them."""
    if options.images is None:
        return embedded_textures("train", STEREO, options.leaves)
    require_outside(output, Path(options.images), list_clips(Path(options.images), sequence=False))
    return folder_textures(Path(options.images))


def _notes(options: FlowOptions) -> dict[str, str]:
    """What the weights file says of its network, and whose pictures are in it."""
    notes = {"preset": options.preset, "align_corners": str(options.align_corners).lower()}
    own = "" if options.images is None else credits_of(Path(options.images))
    credits = weights_file.credits_with(own, options.weights)
    return notes | ({"credits": credits} if credits else {})


def _stage(
    stage: str,
    network: Network,
    options: FlowOptions,
    textures: list[np.ndarray],
    log: TextIO,
    progress: bool,
    begun: _Begun | None = None,
) -> dict[str, Any]:
    """Take a stage's steps, or those after `begun`'s; returns its first and last losses, time and batches' digest."""
    matching = stage == "match"
    steps = options.match_steps if matching else options.flow_steps
    rate = options.match_learning_rate if matching else options.learning_rate
    names = matcher_names(network.config) if matching else flow_names(network.config)
    optimiser = network.backend.Optimiser(network.module, [([*names, _TEMPERATURES], rate)])
    done, digests, entries = 0, list[str](), list[dict[str, Any]]()
    if begun is not None:
        begun.load(network, optimiser)
        done, digests, entries = begun.step, begun.digests, [json.loads(line) for line in begun.lines]
    draws = batches(textures, options, 0 if matching else 1, steps, options.workers, done)
    with closing(draws), progress_bar(steps, f"flow network, {stage}", "step", progress, done) as bar:
        for step in range(done + 1, steps + 1):
            begin = time.perf_counter()
            batch = next(draws)
            waited = time.perf_counter() - begin
            digests.append(sha256_array(batch["first"]))
            now = rate * rate_factor(step, steps)
            optimiser.set_rates([now])
            values = _take_step(network, optimiser, batch, None if matching else options.match_weight)
            if values is None:
                raise UserError(
                    f"The loss or its gradient is no longer finite at step {step} of the stage {stage}; "
                    "give a smaller learning rate."
                )
            entry = {"stage": stage, "step": step, **values, "learning_rate": now}
            entry |= {"seconds": time.perf_counter() - begin, "wait_seconds": waited}
            entries.append(entry)
            log.write(json.dumps(entry) + "\n")
            if begun is not None and options.checkpoint_every and step % options.checkpoint_every == 0:
                begun.keep(step, network, optimiser, digests, log)
            bar.set_postfix_str(f"loss {values['total']:.3f}", refresh=False)
            bar.update()
    return _summary(steps, entries, digests)


def _take_step(
    network: Network, optimiser: Any, batch: FlowBatch, match_weight: float | None
) -> dict[str, float] | None:
    """Take a step; its losses, or None where one or the gradient is not finite."""
    terms = step_losses(network, batch, getattr(network.module, _TEMPERATURES), match_weight)
    finite = optimiser.step(terms["total"])
    # Read after the step: Jittor fuses forward and backward only if it meets them together.
    values = {name: network.backend.array(value).item() for name, value in terms.items()}
    network.backend.synchronise(network.device)
    return values if finite and all(map(math.isfinite, values.values())) else None


def _summary(steps: int, entries: list[dict[str, Any]], digests: list[str]) -> dict[str, Any]:
    """What the result says of a stage: of the lines of its log, and of the digests of its batches."""
    totals, seconds, waited = ([entry[key] for entry in entries] for key in ("total", "seconds", "wait_seconds"))
    tenth = max(1, steps // 10)
    return {
        "steps": steps,
        "batches": sha256_joined(digests),
        "first_loss": float(np.mean(totals[:tenth])) if totals else None,
        "last_loss": float(np.mean(totals[-tenth:])) if totals else None,
        "seconds_per_step": float(np.median(np.subtract(seconds, waited))) if seconds else None,
        "seconds": float(np.sum(seconds)),
        "wait_seconds": float(np.sum(waited)),
    }


def _keep(output: Path, key: dict[str, Any], network: Network, summary: dict[str, Any]) -> None:
    state = network.state()
    weights_file.write(output / MATCHED, {**flow_only(state), _TEMPERATURES: state[_TEMPERATURES]})
    record = {"key": key, "summary": summary, "weights": weights_file.entry(output / MATCHED, output)}
    write_json(output / _MATCHED_RECORD, record)


def _take_over(output: Path, key: dict[str, Any], network: Network) -> dict[str, Any] | None:
    """Take a finished first stage over into the network; its summary, or None. Changes no file."""
    if not (output / _MATCHED_RECORD).exists():
        return None
    record = read_json(output / _MATCHED_RECORD)
    asked = FlowOptions().of_matching() | record["key"]  # a record from before an option had what nobody asks for
    if asked != key or record["weights"] != weights_file.entry(output / MATCHED, output):
        raise UserError(
            f"The first stage in {output} was trained with other settings or pictures; give those again, "
            "or start anew without resuming."
        )
    values = weights_file.read(output / MATCHED)
    network.load(network.state() | flow_only(values))
    network.backend.learn(network.module, _TEMPERATURES, values[_TEMPERATURES])
    steps, found = record["summary"]["steps"], len(_lines(output, "match"))
    if found != steps:
        raise UserError(
            f"The log {output / LOG} holds {found} of the {steps} steps of the first stage; "
            "bring it back, or start anew without resuming."
        )
    return record["summary"]


def _clear(output: Path, further: list[str] | None) -> None:
    """Remove what an earlier training left, so that a broken run does not look like the one before it.

    further: the lines of the second stage that are kept of the log, behind the first stage, which then is kept, too.
    """
    _remove(output, RESULT, WEIGHTS, *(() if further is not None else (_MATCHED_RECORD, MATCHED, *_CHECKPOINTS)))
    checkpoint.remove_temporary(output)
    if further is not None:
        kept = "".join(f"{line}\n" for line in [*_lines(output, "match"), *further])
        with files.atomic_path(output / LOG) as temporary:
            temporary.write_text(kept, encoding="utf-8")


def _remove(output: Path, *names: str) -> None:
    for name in names:
        (output / name).unlink(missing_ok=True)


def _lines(output: Path, stage: str) -> list[str]:
    """The whole lines of a stage in the log."""
    text = (output / LOG).read_text(encoding="utf-8") if (output / LOG).is_file() else ""
    return [line for line in text.splitlines() if line.startswith(f'{{"stage": "{stage}"') and line.endswith("}")]
