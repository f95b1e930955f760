"""Which frameworks work here, found out by using them, each in a process of its own."""

import time
from typing import Any

import numpy as np

from vsrlib.common import provenance
from vsrlib.common.errors import UserError
from vsrlib.common.names import TRAINERS
from vsrlib.common.processes import answer, ask
from vsrlib.kernels import jittor_env
from vsrlib.networks import load_network
from vsrlib.networks.distributed import Batch
from vsrlib.study.doctor import worked
from vsrlib.training.step import take_step


def check(frameworks: list[str], anew: bool = True) -> dict[str, dict[str, Any]]:
    """Use each framework once, forward and backward; Jittor compiles itself and its operations on the first run.

    Returns {framework: {"usable", "reason" (None if usable), "version", "device", "seconds"}}. A framework that cannot
    be used is not an error here. anew: also where it has worked and nothing has changed since (see `worked`); what was
    found then is returned else. UserError: an unknown framework.
    """
    found = {}
    for framework in frameworks:
        if framework not in TRAINERS:
            raise UserError(f"There is no framework {framework!r}; choose one of {', '.join(TRAINERS)}.")
        before = None if anew else worked.recall(framework)
        if before is not None:
            print(f"{framework}: works; nothing has changed since it was used", flush=True)
            found[framework] = before
            continue
        minutes = " (Jittor compiles; the first time this takes some minutes)" if framework == "jittor" else ""
        print(f"{framework}: checking{minutes} ...", flush=True)
        start = time.perf_counter()
        found[framework] = _check(framework) | {"seconds": time.perf_counter() - start}
        worked.keep(framework, found[framework])
        outcome = "works" if found[framework]["usable"] else f"cannot be used because {found[framework]['reason']}"
        print(f"{framework}: {outcome} ({found[framework]['seconds']:.0f} s)", flush=True)
    return found


def exercise(task: dict[str, str]) -> dict[str, str | None]:
    """Run the small network once for every form in which the study runs it, so that nothing is compiled later.

    task: {"framework": name}. Returns {"version", "device"}.
    """
    framework = task["framework"]
    network = load_network(framework, preset="study")
    frames = np.random.default_rng(0).random((2, 5, 3, 32, 48), dtype=np.float32)
    network.infer(frames[0])
    backend = network.backend
    optimiser = backend.Optimiser(network.module, [(list(network.state()), 1e-4)])
    for batch in (frames, frames[:1], frames):
        take_step(network, optimiser, "self-supervised", Batch(batch))
        network.infer(frames[0])
    return {"version": provenance.versions()[framework], "device": backend.device_name(network.device)}


def _check(framework: str) -> dict[str, Any]:
    reason = jittor_env.why_not(framework)
    found = {"failed": reason} if reason is not None else ask(__name__, {"framework": framework})
    if "failed" in found:
        return {"usable": False, "reason": found["failed"], "version": None, "device": None}
    return {"usable": True, "reason": None, **found}


if __name__ == "__main__":
    answer(exercise)
