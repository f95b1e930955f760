"""The network in both frameworks, behind one interface. Importing this imports neither."""

import importlib
from pathlib import Path

import numpy as np

from vsrlib import architecture, checkpoints
from vsrlib.errors import UserError
from vsrlib.names import FRAMEWORKS
from vsrlib.networks.interface import Network


def load_network(framework: str, weights: str | Path | dict[str, np.ndarray] | None = None, preset: str = "published",
                 device: str = "auto", seed: int = 0, correlation: str = "auto") -> Network:
    """Build the network in a framework and set its weights.

    framework: "torch" or "jittor". weights: a .safetensors or .pt file, a dictionary of arrays, or None for initial
    values from `seed`, which are the same in both frameworks. preset: "published" or "study". device: "auto", "cpu"
    or "cuda". correlation: a kernel of `vsrlib.correlation.choice`, or "auto" for the fastest that can be had here;
    `Network.correlation` says which it is. Raises UserError when any of these is not to be had.

    Both frameworks in one process work, but memory and times are then nobody's: measurements use a process each.
    """
    if framework not in FRAMEWORKS:
        raise UserError(f"There is no framework {framework!r}; choose one of {', '.join(FRAMEWORKS)}.")
    config = architecture.preset(preset)
    shapes = architecture.parameter_shapes(config)
    backend = importlib.import_module(f"vsrlib.networks.{framework}_backend")
    device = backend.pick_device(device)
    if weights is None:
        values = architecture.initial_values(config, seed)
    elif isinstance(weights, dict):
        values = checkpoints.checked(weights, shapes, "the dictionary")
    else:
        values = checkpoints.checked(checkpoints.read(Path(weights)), shapes, str(weights))
    network = Network(framework, backend, config, device, correlation)
    network.load(values)
    return network
