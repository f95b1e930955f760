"""The network in both frameworks, behind one interface. Importing this imports neither."""

import importlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.names import FRAMEWORKS
from vsrlib.networks import architecture
from vsrlib.networks.network import Network
from vsrlib.networks.weights import weights_file
from vsrlib.networks.weights.names import merge_flow, published_names


def load_network(
    framework: str,
    weights: str | Path | dict[str, np.ndarray] | None = None,
    preset: str | None = None,
    device: str = "auto",
    seed: int = 0,
    correlation: str = "auto",
    align_corners: bool | None = None,
    flow_weights: str | Path | dict[str, np.ndarray] | None = None,
) -> Network:
    """Build the network in a framework and set its weights.

    framework: "torch" or "jittor". weights: a file (see docs/weights.md), a name such as "study-gaussian", a dictionary
    of arrays, or None for initial values from `seed`, which are the same in both frameworks. preset: "published" or
    "study", or None for what the weights' file notes, and "published" where it notes nothing. align_corners: how the
    warps read their sampling grids, or None for what the file notes, and True where it notes nothing. flow_weights: the
    flow network is set from these instead, e.g. a file of that alone. device: "auto", "cpu" or "cuda". correlation:
    a kernel of `vsrlib.kernels.correlation`, or "auto" for the fastest that can be had here;
    `Network.correlation` says which it is. Raises UserError when any of these is not to be had.

    Both frameworks in one process work, but memory and times are then nobody's: measurements use a process each.
    """
    if framework not in FRAMEWORKS:
        raise UserError(f"There is no framework {framework!r}; choose one of {', '.join(FRAMEWORKS)}.")
    notes = {} if weights is None or isinstance(weights, dict) else weights_file.metadata(weights)
    config = architecture.preset(preset or notes.get("preset", "published"))
    config = replace(config, align_corners=_align_corners(notes, weights) if align_corners is None else align_corners)
    shapes = architecture.parameter_shapes(config)
    backend = importlib.import_module(f"vsrlib.networks.{framework}_backend")
    device = backend.pick_device(device)
    if weights is None:
        values = architecture.initial_values(config, seed)
    else:
        values = weights_file.checked(_values(weights), shapes, _source(weights))
    if flow_weights is not None:
        merged = merge_flow(values, _values(flow_weights), _source(flow_weights))
        values = weights_file.checked(merged, shapes, _source(flow_weights))
    network = Network(framework, backend, config, device, correlation)
    network.load(values)
    return network


def _values(weights: str | Path | dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return published_names(weights, _source(weights)) if isinstance(weights, dict) else weights_file.read(weights)


def _source(weights: str | Path | dict[str, np.ndarray]) -> str:
    return "the dictionary" if isinstance(weights, dict) else str(weights)


def _align_corners(notes: dict[str, str], weights: object) -> bool:
    noted = notes.get("align_corners", "true")
    if noted not in ("true", "false"):
        raise UserError(
            f"The weights in {weights} note align_corners as {noted[:20]!r}, neither true nor false; give "
            "align_corners=True or False."
        )
    return noted == "true"
