"""Which frameworks work here, found out by using them, each in a process of its own."""

import json
import sys
import time
from importlib import metadata

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.names import FRAMEWORKS
from vsrlib.common.processes import run_watched
from vsrlib.kernels import jittor_env
from vsrlib.networks import load_network
from vsrlib.networks.distributed import Batch
from vsrlib.training.trainer import take_step

_RESULT = "framework works: "


def check(frameworks: list[str]) -> dict[str, dict]:
    """Use each framework once, forward and backward; Jittor compiles itself and its operations on the first run.

    Returns {framework: {"usable", "reason" (None if usable), "version", "device", "seconds"}}. A framework that cannot
    be used is not an error here. UserError: an unknown framework.
    """
    found = {}
    for framework in frameworks:
        if framework not in FRAMEWORKS:
            raise UserError(f"There is no framework {framework!r}; choose one of {', '.join(FRAMEWORKS)}.")
        minutes = " (Jittor compiles; the first time this takes some minutes)" if framework == "jittor" else ""
        print(f"{framework}: checking{minutes} ...", flush=True)
        start = time.perf_counter()
        found[framework] = _check(framework) | {"seconds": time.perf_counter() - start}
        outcome = "works" if found[framework]["usable"] else f"cannot be used because {found[framework]['reason']}"
        print(f"{framework}: {outcome} ({found[framework]['seconds']:.0f} s)", flush=True)
    return found


def exercise(framework: str) -> dict[str, str]:
    """Run the small network once for every form in which the study runs it, so that nothing is compiled later."""
    network = load_network(framework, preset="study")
    frames = np.random.default_rng(0).random((2, 5, 3, 32, 48), dtype=np.float32)
    network.infer(frames[0])
    backend = network.backend
    optimiser = backend.Optimiser(network.module, [(list(network.state()), 1e-4)])
    for batch in (frames, frames[:1], frames):
        take_step(network, optimiser, "self-supervised", Batch(batch))
        network.infer(frames[0])
    return {"version": metadata.version(framework), "device": backend.device_name(network.device)}


def _check(framework: str) -> dict:
    unusable = {"usable": False, "version": None, "device": None}
    if framework == "jittor":
        reason = jittor_env.why_unusable()
        if reason is not None:
            return unusable | {"reason": reason}
        try:
            jittor_env.prepare()
        except UserError as error:
            return unusable | {"reason": str(error)}
    for _ in range(2):  # Jittor's parallel compiler has been seen to crash once and to work the next time
        status, output, last = run_watched(["-m", "vsrlib.study.doctor.frameworks", framework])
        answers = [line for line in output.splitlines() if line.startswith(_RESULT)]
        if status == 0 and answers:
            break
    if status != 0 or not answers:
        return unusable | {"reason": last[:300] or f"its process ended with status {status}"}
    return {"usable": True, "reason": None, **json.loads(answers[-1].removeprefix(_RESULT))}


if __name__ == "__main__":
    print(_RESULT + json.dumps(exercise(sys.argv[1])))
