"""Jobs of one framework in a process of its own; what they compute goes into files.

    python -m vsrlib.parity.worker TASK        (started by vsrlib.parity.trial.work, not by hand)

TASK is {"framework", "double", "jobs": a file with the list of them}. A job has "kind" (a function of JOBS), "config"
(a name of `vsrlib.parity.network.CONFIGS`), "align_corners", "weights" and "inputs" (files of arrays), "output" (a
folder or file) and, by kind, "fault", "way", "reference", "store", "who", "occurrences", "seed", "at", "starts".
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.common.files import read_json, write_json
from vsrlib.common.processes import answer
from vsrlib.networks.backend import backend_of
from vsrlib.networks.network import Network
from vsrlib.parity import operations, structure, trajectories
from vsrlib.parity.faults import planted
from vsrlib.parity.network import CONFIGS, LOSSES, away_from_kinks, training_losses, watched
from vsrlib.parity.recorder import FED, Recorder, Store

Job = dict[str, Any]


@contextmanager
def network_of(job: Job, framework: str, double: bool) -> Iterator[Network]:
    """The network that a job is about, with its fault."""
    config = replace(CONFIGS[job["config"]], align_corners=job["align_corners"])
    backend = backend_of(framework, double)
    network = Network(framework, backend, config, "cpu", "pure" if double else "auto")
    network.load(dict(np.load(job["weights"])))
    if double:
        network.module.blur_down = backend.ops.blur_down  # the C++ one is float32's
    with planted(job.get("fault"), network):
        yield network


def describe(network: Network, job: Job) -> None:
    """What the live network is made of."""
    write_json(Path(job["output"]), structure.describe(network))


def layers(network: Network, job: Job) -> None:
    """A record of every step of a training forward pass, and the gradients of each loss for each parameter."""
    way, folder, store = job["way"], Path(job["output"]), Store(job["store"], job["who"])
    script = (read_json(Path(job["reference"]) / "record.json"), store) if way == FED else None
    backend, recorder = network.backend, Recorder(network.backend, way, script, away_from_kinks, job["occurrences"])
    batch = backend.tensor(np.load(job["inputs"])["batch"])
    with watched(network, recorder):
        losses = training_losses(network, batch, recorder)
    names, parameters = zip(*network.module.named_parameters())
    gradients = {
        f"{loss} | {name}": backend.copied(value).reshape(tuple(parameter.shape))
        for loss in LOSSES
        for name, parameter, value in zip(names, parameters, backend.gradients(losses[loss], parameters, again=True))
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "record.json", recorder.finish(store))
    store.close()
    np.savez(folder / "gradients.npz", **gradients)


def outputs(network: Network, job: Job) -> None:
    """What a user gets: the restoration of the batch's first window, and the gradients of the total, unobserved."""
    batch = np.load(job["inputs"])["batch"]
    backend, tensor = network.backend, network.tensor(batch)
    with backend.no_grad():
        found = {name: backend.copied(value) for name, value in network.module.infer(tensor[:1]).items()}
    losses, gradients = backend.losses_and_gradients(network.module, tensor)
    found |= {f"loss {name}": np.array(value) for name, value in losses.items()}
    np.savez(job["output"], **found, **{f"gradient {name}": value for name, value in gradients.items()})


def atlas(network: Network, job: Job) -> None:
    """Every case of every operation."""
    backend, file = network.backend, sys.modules[type(network.module).__module__]
    tools = operations.Tools(
        backend,
        framework=sys.modules[network.framework],
        ops=file.ops,
        functions=getattr(file, backend.functions),
        nn=file.nn,
        correlation=network.module.flow_net.moduleNetwork.moduleSix.correlation,
        blur_down=network.module.blur_down,
    )
    found = operations.run_all(tools, job["seed"])
    np.savez(job["output"], names=np.array(list(found)), **{str(i): value for i, value in enumerate(found.values())})


def training(network: Network, job: Job) -> None:
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
    for number, job in enumerate(jobs, 1):
        print(
            f"{framework}{' in float64' if double else ''}: {job['kind']}, {number} of {len(jobs)}",
            file=sys.stderr,
            flush=True,
        )
        with network_of(job, framework, double) as network:
            JOBS[job["kind"]](network, job)


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Do the jobs of a task: {"done": their number}."""
    jobs = read_json(Path(task["jobs"]))
    run(task["framework"], task["double"], jobs)
    return {"done": len(jobs)}


if __name__ == "__main__":
    answer(work)
