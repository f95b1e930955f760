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
from vsrlib.data.sets.manifest import credits_of
from vsrlib.networks import architecture, load_network
from vsrlib.networks.architecture import LEAKY_SLOPE, LEVELS, NetworkConfig
from vsrlib.networks.network import Network
from vsrlib.networks.weights import weights_file
from vsrlib.networks.weights.names import FLOW, FLOW_PREFIX
from vsrlib.networks.weights.weights_file import Values, locate
from vsrlib.training import checkpoint
from vsrlib.training.checkpoint import LOG
from vsrlib.training.flow.batches import batches, embedded_textures, folder_textures
from vsrlib.training.flow.evaluation import STEREO, errors_of, flow_error, heldout_pairs
from vsrlib.training.flow.losses import MATCHED_LEVELS, step_losses
from vsrlib.training.flow.options import FlowOptions, rate_factor

RESULT, WEIGHTS = "train_flow.json", "flow.safetensors"
MATCHED, _MATCHED_RECORD = "matched.safetensors", "matched.json"
_CHECKPOINTS = (checkpoint.FILE, checkpoint.PREVIOUS)
_WEIGHTS = "weights."  # before the names of the weights in a checkpoint

_TEMPERATURES = "matching_temperatures"  # learned with the weights, and no part of the network
_START_TEMPERATURE = 10.0
_HEADS = (
    *(f"{FLOW_PREFIX}module{name}.moduleSix.0" for name in LEVELS.values()),
    f"{FLOW_PREFIX}moduleRefiner.moduleMain.12",
)
_GREY, _CONTRAST = 0.45, 0.25  # mean and spread of the first layer's input, roughly


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
    output, images = Path(output), options.images
    files.require_folder(output)
    weights_file.require_kept(output, (WEIGHTS, MATCHED, *_CHECKPOINTS), options.weights)
    textures = embedded_textures("train", STEREO, options.leaves) if images is None else folder_textures(Path(images))
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
    key = {**options.of_matching(), "pictures": pictures, "initial_weights": start}
    with files.lock(output, "training", "output folder"):
        matched = _take_over(output, key, network) if options.resume else None
        whole = {**options.recorded(), "pictures": pictures, "initial_weights": start}
        begun = _Begun.read(output, whole) if matched else _Begun(output, whole)
        for name in (RESULT, WEIGHTS, *(() if matched else (_MATCHED_RECORD, MATCHED, *_CHECKPOINTS))):
            (output / name).unlink(missing_ok=True)  # so that a broken run does not look like the one before it
        checkpoint.remove_temporary(output)
        if matched:
            _cut_log(output, begun.lines)
        with open(output / LOG, "a" if matched else "w", encoding="utf-8", buffering=1) as log:
            if matched is None:
                network.backend.learn(network.module, _TEMPERATURES, np.full(len(MATCHED_LEVELS), _START_TEMPERATURE))
                matched = _stage("match", network, options, textures, log, progress)
                os.fsync(log.fileno())  # before the record, which counts on these lines
                _keep(output, key, network, matched)
            learned = _stage("flow", network, options, textures, log, progress, begun)
            os.fsync(log.fileno())
        notes = {"preset": options.preset, "align_corners": str(options.align_corners).lower()}
        credits = weights_file.credits_with("" if images is None else credits_of(Path(images)), options.weights)
        if credits:
            notes["credits"] = credits
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
        for name in _CHECKPOINTS:
            (output / name).unlink(missing_ok=True)
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


def initial_flow_values(config: NetworkConfig, seed: int) -> Values:
    """Seeded start of every flow_net.* parameter, from which training gets going.

    As `vsrlib.networks.architecture.initial_values`, but: layers before a leaky ReLU keep their input's variance (He et
    al., ICCV 2015), without which level 6 begins several orders of magnitude below the frame; the first layer's bias
    cancels a mean grey, and its weights bring a frame's contrast to 1, so that the correlations, which are products of
    two features, are of the features' own order for the decoders, which get both; and the layers that give a flow begin
    at a tenth, so that no level misleads the finer ones.
    """
    values = flow_only(architecture.initial_values(config, seed))
    gain = math.sqrt(6 / (1 + LEAKY_SLOPE**2))  # from +-1/sqrt(fan in)
    for name in values:
        layer, _, kind = name.rpartition(".")
        if layer in _HEADS:
            values[name] *= 0.1
        elif kind == "weight" and ".moduleUp" not in layer:
            values[name] *= gain
    first = f"{FLOW_PREFIX}moduleExtractor.moduleOne.0"
    values[f"{first}.weight"] /= _CONTRAST
    values[f"{first}.bias"] = -_GREY * values[f"{first}.weight"].sum(axis=(1, 2, 3))
    return values


def matcher_names(config: NetworkConfig) -> list[str]:
    """The parameters of the pyramid's levels 1 to 4, which the matching trains."""
    levels = tuple(f"{FLOW_PREFIX}moduleExtractor.module{name}." for name in ("One", "Two", "Thr", "Fou"))
    return [name for name in flow_names(config) if name.startswith(levels)]


def flow_names(config: NetworkConfig) -> list[str]:
    """Every flow_net.* parameter."""
    return [name for name in architecture.parameter_shapes(config) if name.startswith(FLOW)]


def flow_only(values: Values) -> Values:
    """The flow_net.* entries."""
    return {name: value for name, value in values.items() if name.startswith(FLOW)}


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
    done, digests = 0, list[str]()
    if begun is not None:
        begun.load(network, optimiser)
        done, digests = begun.step, begun.digests
    entries = [json.loads(line) for line in begun.lines] if begun else []
    totals, seconds, waited = ([entry[key] for entry in entries] for key in ("total", "seconds", "wait_seconds"))
    draws = batches(textures, options, 0 if matching else 1, steps, options.workers, done)
    with closing(draws), progress_bar(steps, f"flow network, {stage}", "step", progress, done) as bar:
        for step in range(done + 1, steps + 1):
            begin = time.perf_counter()
            batch = next(draws)
            waited.append(time.perf_counter() - begin)
            digests.append(sha256_array(batch["first"]))
            now = rate * rate_factor(step, steps)
            optimiser.set_rates([now])
            terms = step_losses(
                network, batch, getattr(network.module, _TEMPERATURES), None if matching else options.match_weight
            )
            finite = optimiser.step(terms["total"])
            # Read after the step: Jittor fuses forward and backward only if it meets them together.
            values = {name: network.backend.array(value).item() for name, value in terms.items()}
            network.backend.synchronise(network.device)
            if not finite or not all(map(math.isfinite, values.values())):
                raise UserError(
                    f"The loss or its gradient is no longer finite at step {step} of the stage {stage}; "
                    "give a smaller learning rate."
                )
            totals.append(values["total"])
            seconds.append(time.perf_counter() - begin)
            entry = {"stage": stage, "step": step, **values, "learning_rate": now}
            entry |= {"seconds": seconds[-1], "wait_seconds": waited[-1]}
            log.write(json.dumps(entry) + "\n")
            if begun is not None and options.checkpoint_every and step % options.checkpoint_every == 0:
                begun.keep(step, network, optimiser, digests, log)
            bar.set_postfix_str(f"loss {totals[-1]:.3f}", refresh=False)
            bar.update()
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


def _cut_log(output: Path, further: list[str]) -> None:
    """Cut the log after the first stage and these lines of the second."""
    kept = "".join(f"{line}\n" for line in [*_lines(output, "match"), *further])
    with files.atomic_path(output / LOG) as temporary:
        temporary.write_text(kept, encoding="utf-8")


def _lines(output: Path, stage: str) -> list[str]:
    """The whole lines of a stage in the log."""
    text = (output / LOG).read_text(encoding="utf-8") if (output / LOG).is_file() else ""
    return [line for line in text.splitlines() if line.startswith(f'{{"stage": "{stage}"') and line.endswith("}")]
