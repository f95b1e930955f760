"""One measurement in one framework, in a process of its own.

    python -m vsrlib.bench.worker TASK        (started by `ask`, not by hand)

TASK is a JSON object with `part` (MODULE.FUNCTION of `vsrlib.bench`, or PROBE: load the network and nothing else),
`framework`, `options` and the part's further `values`.
"""

import importlib
import os
from typing import Any

import cv2

from vsrlib.bench.options import NUMPY, Options
from vsrlib.common import processes
from vsrlib.networks.network import Network
from vsrlib.restoration.restorers import load_restorer

PROBE = "probe"
_BLURRING = ("blur", "step", PROBE)  # the others have no blur compiled


def ask(part: str, framework: str, options: Options, **values: Any) -> dict[str, Any]:
    """What `measure` answers in a process of its own, or {"failed": reason}."""
    task = {"part": part, "framework": framework, "options": options.to_json(), "values": values}
    threads = {} if options.threads is None else {"OMP_NUM_THREADS": str(options.threads)}
    return processes.ask("vsrlib.bench.worker", task, environment=os.environ | threads)


def measure(task: dict[str, Any]) -> dict[str, Any]:
    """Do what the task asks: {"conditions", "result" (but for the probe), "load_average" around it}."""
    before = os.getloadavg()
    options = Options.from_json(task["options"])
    if options.threads is not None:
        cv2.setNumThreads(options.threads)
    network = None
    if task["framework"] != NUMPY:
        network = load_restorer(task["framework"], options.weights, options.preset, options.device)
    module, _, function = task["part"].partition(".")
    found: dict[str, Any] = {"conditions": _conditions(network, module in _BLURRING)}
    if task["part"] != PROBE:
        part = getattr(importlib.import_module(f"vsrlib.bench.{module}"), function)
        found["result"] = part(options, network, **task["values"])
    return found | {"load_average": {"before": before, "after": os.getloadavg()}}


def _conditions(network: Network | None, blurring: bool) -> dict[str, Any]:
    if network is None:
        return {"threads": cv2.getNumThreads(), "device": "cpu", "correlation": None, "blur": None}
    found = network.conditions()
    return {
        **{name: found[name] for name in ("threads", "device", "correlation")},
        "blur": network.blur if blurring else None,
    }


if __name__ == "__main__":
    processes.answer(measure)
