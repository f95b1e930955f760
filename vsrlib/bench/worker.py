"""One suite in one framework, in a process of its own.

    python -m vsrlib.bench.worker TASK        (started by vsrlib.bench.runner, not by hand)

TASK is a JSON object with `suite` (one of SUITES, or "probe": load the network and nothing else), `framework`,
`options` and, for the suite "memory", `engine`. The result is the last line of standard output; a user's mistake is the
last line of standard error, with exit status 2.
"""

import importlib
import json
import sys
from typing import Any

import cv2

from vsrlib.bench.options import NUMPY, Options
from vsrlib.common.errors import UserError
from vsrlib.networks import load_network
from vsrlib.networks.network import Network

RESULT = "bench result: "
PROBE = "probe"


def measure(task: dict[str, Any]) -> dict[str, Any]:
    """Do what the task asks: {"conditions", "result"}. The probe has no result."""
    options = Options.from_json(task["options"])
    if options.threads is not None:
        cv2.setNumThreads(options.threads)
    network = None
    if task["framework"] != NUMPY:
        network = load_network(task["framework"], options.weights, options.preset, options.device)
    conditions = _conditions(network)
    if task["suite"] == PROBE:
        return {"conditions": conditions}
    suite = importlib.import_module(f"vsrlib.bench.{task['suite']}")
    arguments = {"engine": task["engine"]} if "engine" in task else {}
    return {"conditions": conditions, "result": suite.measure(options, network, **arguments)}


def _conditions(network: Network | None) -> dict[str, Any]:
    if network is None:
        return {"threads": cv2.getNumThreads(), "device": "cpu", "correlation": None, "blur": None}
    return {
        "threads": network.backend.threads(),
        "device": network.backend.device_name(network.device),
        "correlation": network.correlation,
        "blur": network.blur,
    }


if __name__ == "__main__":
    try:
        print(RESULT + json.dumps(measure(json.loads(sys.argv[1]))))
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
