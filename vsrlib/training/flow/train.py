"""The training of the flow network from scratch, the same for both frameworks.

On end-point error alone it stays at zero flow: the decoders learn nothing from correlations of features that do not
match, and features do not learn to match through decoders that ignore them. So the pyramid is trained first as a
matcher, against the true displacement, and then all of it on end-point error with a little of the matching loss beside.
"""

import json
import math
import os
import time
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from tqdm import tqdm

from vsrlib.common import files, provenance
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, sha256_array, sha256_file, write_json
from vsrlib.networks import architecture, load_network
from vsrlib.networks.network import Network
from vsrlib.networks.weights import weights_file
from vsrlib.networks.weights.weights_file import locate
from vsrlib.training.flow.batches import batches, embedded_textures, folder_textures
from vsrlib.training.flow.evaluation import STEREO, errors_of, flow_error, heldout_pairs
from vsrlib.training.flow.losses import MATCHED_LEVELS, step_losses
from vsrlib.training.flow.options import FlowOptions, rate_factor
from vsrlib.training.flow.weights import flow_names, flow_only, initial_flow_values, matcher_names

RESULT, WEIGHTS, MATCHED, LOG = "train_flow.json", "flow.safetensors", "matched.safetensors", "log.jsonl"
_TEMPERATURES = "matching_temperatures"  # learned with the weights, and no part of the network
_START_TEMPERATURE = 10.0


def train_flow(output: Path, options: FlowOptions, progress: bool = True) -> dict[str, Any]:
    """Train the flow network on pairs with exact flow, and write what came of it to `output`.

    Writes log.jsonl (a line per step), matched.safetensors and matched.json (after the first stage), flow.safetensors
    (flow_net.* alone) and, last, train_flow.json, which is returned: settings, losses, and the error on held-out pairs,
    clips and the stereo pair beside zero flow's and DIS's. With `resume` a first stage that was finished with the same
    options and pictures is taken over; the result is the same, because each step's pairs hang on seed, stage and step
    alone. Raises UserError for unusable pictures, while another training runs in `output`, and when a loss is no longer
    finite.
    """
    output, images = Path(output), options.images
    textures = embedded_textures("train", STEREO, options.leaves) if images is None else folder_textures(Path(images))
    network = _start(options)
    before = errors_of(network, heldout_pairs())
    with files.lock(output, "training", "output folder"):
        return _train(output, options, textures, network, before, progress)


def _train(
    output: Path,
    options: FlowOptions,
    textures: list[np.ndarray],
    network: Network,
    before: dict[str, Any],
    progress: bool,
) -> dict[str, Any]:
    digest = sha256_array(np.array([sha256_array(texture) for texture in textures]))
    start = None if options.weights is None else sha256_file(locate(options.weights))
    key = {**options.of_matching(), "pictures": digest, "initial_weights": start}
    matched = _take_over(output, key, network) if options.resume else None
    for name in (RESULT, WEIGHTS, *(() if matched else ("matched.json", MATCHED))):
        (output / name).unlink(missing_ok=True)  # so that a broken run does not look like the one before it
    with open(output / LOG, "a" if matched else "w", encoding="utf-8", buffering=1) as log:
        if matched is None:
            _add_temperatures(network, np.full(len(MATCHED_LEVELS), _START_TEMPERATURE))
            matched = _stage("match", network, options, textures, log, progress)
            _keep(output, key, network, matched)
        learned = _stage("flow", network, options, textures, log, progress)
        os.fsync(log.fileno())
    notes = {"preset": options.preset, "align_corners": str(options.align_corners).lower()}
    values = flow_only(network.state())
    weights_file.write(output / WEIGHTS, values, notes)
    result = {
        "settings": options.recorded(),
        "pictures": options.images or "embedded",
        "picture_count": len(textures),
        "pictures_sha256": digest,
        "initial_weights": start,
        "stages": {"match": matched, "flow": learned},
        "log": LOG,
        "weights": weights_file.entry(output / WEIGHTS, output),
        "values_sha256": weights_file.digest(values),
        "heldout_before": before,
        "error": flow_error(network),
        "device": network.backend.device_name(network.device),
        "device_type": network.device,
        "threads": network.backend.threads(),
        "correlation": network.correlation,
        "provenance": provenance.collect(seed=options.seed),
    }
    write_json(output / RESULT, result)
    return result


def _start(options: FlowOptions) -> Network:
    flow_weights = options.weights or initial_flow_values(architecture.preset(options.preset), options.seed)
    return load_network(
        options.framework,
        None,
        options.preset,
        options.device,
        options.seed,
        options.correlation,
        options.align_corners,
        flow_weights,
    )


def _stage(
    stage: str,
    network: Network,
    options: FlowOptions,
    textures: list[np.ndarray],
    log: TextIO,
    progress: bool,
) -> dict[str, Any]:
    """Take a stage's steps; returns its first and last losses, its time and the digest of its batches."""
    matching = stage == "match"
    steps = options.match_steps if matching else options.flow_steps
    rate = options.match_learning_rate if matching else options.learning_rate
    names = matcher_names(network.config) if matching else flow_names(network.config)
    optimiser = network.backend.Optimiser(network.module, [([*names, _TEMPERATURES], rate)])
    draws = batches(textures, options, 0 if matching else 1, steps, options.workers)
    totals, seconds, digests = [], [], []
    with tqdm(
        total=steps, desc=f"flow network, {stage}", unit="step", disable=not progress, mininterval=2, ncols=90
    ) as bar:
        for step in range(1, steps + 1):
            begin = time.perf_counter()
            batch = next(draws)
            drawn = time.perf_counter()
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
            log.write(
                json.dumps(
                    {
                        "stage": stage,
                        "step": step,
                        **values,
                        "learning_rate": now,
                        "drawing_seconds": drawn - begin,
                        "seconds": seconds[-1],
                    }
                )
                + "\n"
            )
            bar.set_postfix_str(f"loss {totals[-1]:.3f}", refresh=False)
            bar.update()
    tenth = max(1, steps // 10)
    return {
        "steps": steps,
        "batches": sha256_array(np.array(digests)),
        "first_loss": float(np.mean(totals[:tenth])) if totals else None,
        "last_loss": float(np.mean(totals[-tenth:])) if totals else None,
        "seconds_per_step": float(np.median(seconds)) if seconds else None,
        "seconds": float(np.sum(seconds)),
    }


def _add_temperatures(network: Network, values: np.ndarray) -> None:
    # The one place where the frameworks differ: what is learned has a type of its own in PyTorch.
    tensor = network.tensor(values)
    if network.framework == "torch":
        import torch

        tensor = torch.nn.Parameter(tensor)
    setattr(network.module, _TEMPERATURES, tensor)


def _keep(output: Path, key: dict[str, Any], network: Network, summary: dict[str, Any]) -> None:
    state = network.state()
    weights_file.write(output / MATCHED, {**flow_only(state), _TEMPERATURES: state[_TEMPERATURES]})
    write_json(
        output / "matched.json",
        {"key": key, "summary": summary, "weights": weights_file.entry(output / MATCHED, output)},
    )


def _take_over(output: Path, key: dict[str, Any], network: Network) -> dict[str, Any] | None:
    """Take a finished first stage over into the network and cut the log after it; its summary, or None."""
    if not (output / "matched.json").exists():
        return None
    record = read_json(output / "matched.json")
    if record["key"] != key or record["weights"] != weights_file.entry(output / MATCHED, output):
        raise UserError(
            f"The first stage in {output} was trained with other settings or pictures; give those again, "
            "or start anew without resuming."
        )
    values = weights_file.read(output / MATCHED)
    network.load(network.state() | flow_only(values))
    _add_temperatures(network, values[_TEMPERATURES])
    lines = (output / LOG).read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.startswith('{"stage": "match"')]
    (output / LOG).write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
    return record["summary"]
