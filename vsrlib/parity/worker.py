"""Jobs of one framework in a process of its own; what they compute goes into files.

    python -m vsrlib.parity.worker TASK.json        (started by vsrlib.parity.processes, not by hand)

TASK is {"framework", "double", "jobs": [...]}. A job has "kind" (a function of JOBS), "config" (a name of
`vsrlib.parity.network.CONFIGS`), "align_corners", "weights" and "inputs" (files of arrays), "output" (a folder or
file) and, by kind, "fault", "way", "judge", "store", "who", "occurrences", "seed", "at", "starts". A user's
mistake is the last line of standard error, with exit status 2.
"""

import importlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, write_json
from vsrlib.networks.network import Network
from vsrlib.parity import operations, structure, trajectories
from vsrlib.parity.faults import planted
from vsrlib.parity.network import CONFIGS, LOSSES, away_from_kinks, training_losses, watched
from vsrlib.parity.recorder import FED, Recorder, Store
from vsrlib.parity.sides import Side, side_of

Job = dict[str, Any]


@contextmanager
def network_of(job: Job, side: Side, framework: str, double: bool) -> Iterator[Network]:
    """The network that a job is about, with its fault."""
    config = replace(CONFIGS[job["config"]], align_corners=job["align_corners"])
    backend = importlib.import_module(f"vsrlib.networks.{framework}_backend")
    network = Network(framework, backend, config, "cpu", "pure" if double else "auto")
    network.load(dict(np.load(job["weights"])))
    if double:
        network.module.double()
        network.module.blur_down = backend.ops.blur_down  # the C++ one is float32's
    with planted(job.get("fault"), network, side):
        yield network


def describe(network: Network, side: Side, job: Job) -> None:
    """What the live network is made of."""
    write_json(Path(job["output"]), structure.describe(network, side))


def layers(network: Network, side: Side, job: Job) -> None:
    """A record of every step of a training forward pass, and the gradients of each loss for each parameter."""
    way, folder, store = job["way"], Path(job["output"]), Store(job["store"], job["who"])
    script = (read_json(Path(job["judge"]) / "record.json"), store) if way == FED else None
    recorder = Recorder(side, way, script, away_from_kinks, job["occurrences"])
    batch = side.tensor(np.load(job["inputs"])["batch"])
    with watched(network, recorder, side):
        losses = training_losses(network, batch, recorder)
    names, parameters = zip(*network.module.named_parameters())
    gradients = {
        f"{loss} | {name}": side.array(value).reshape(tuple(parameter.shape))
        for loss in LOSSES
        for name, parameter, value in zip(names, parameters, side.gradients(losses[loss], parameters))
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "record.json", recorder.finish(store))
    store.close()
    np.savez(folder / "gradients.npz", **gradients)


def outputs(network: Network, side: Side, job: Job) -> None:
    """What a user gets: the restoration of the batch's first window, and the gradients of the total, unobserved."""
    batch = np.load(job["inputs"])["batch"]
    tensor = side.tensor(batch)
    with network.backend.no_grad():
        found = {name: side.array(value) for name, value in network.module.infer(tensor[:1]).items()}
    losses, gradients = network.backend.gradients(network.module, tensor)
    found |= {f"loss {name}": np.array(value) for name, value in losses.items()}
    np.savez(job["output"], **found, **{f"gradient {name}": value for name, value in gradients.items()})


def atlas(network: Network, side: Side, job: Job) -> None:
    """Every case of every operation."""
    file = sys.modules[type(network.module).__module__]
    own = importlib.import_module(f"vsrlib.parity.{network.framework}_side").OWN
    correlation = network.module.flow_net.moduleNetwork.moduleSix.correlation
    tools = operations.Tools(side, file.ops, getattr(file, side.namespace), correlation, network.backend, own)
    found = operations.run_all(tools, job["seed"])
    np.savez(job["output"], names=np.array(list(found)), **{str(i): value for i, value in enumerate(found.values())})


def training(network: Network, side: Side, job: Job) -> None:
    """A training, and as many of the control as `starts` says, from weights one unit in the last place apart."""
    start, batches = network.state(), np.load(job["inputs"])["batches"]
    folder = Path(job["output"])
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(job["starts"] + 1):
        network.load(start if number == 0 else trajectories.one_ulp_apart(start, number))
        trajectories.write(folder / f"{number}.npz", trajectories.train(network, batches, job["at"]))


JOBS = {"describe": describe, "layers": layers, "outputs": outputs, "atlas": atlas, "training": training}


def run(framework: str, double: bool, jobs: list[Job]) -> None:
    """Do the jobs, one after the other."""
    side = side_of(framework, double)
    for number, job in enumerate(jobs, 1):
        print(
            f"{framework}{' in float64' if double else ''}: {job['kind']}, {number} of {len(jobs)}",
            file=sys.stderr,
            flush=True,
        )
        with network_of(job, side, framework, double) as network:
            JOBS[job["kind"]](network, side, job)


if __name__ == "__main__":
    try:
        task = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
        run(task["framework"], task["double"], task["jobs"])
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
