"""The end-point error of a flow network, beside that of zero flow and of OpenCV's DIS."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vsrlib.data.frames import to_float
from vsrlib.networks.network import Network
from vsrlib.training.flow.pairs import FlowPair, heldout_clips, heldout_pairs, middlebury_pairs, stereo_pair

METHODS = ("zero", "dis", "network")


def flow_error(network: Network | None, middlebury: Path | None = None, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Errors on every set at hand, {set: errors_of}: held-out `pairs` and `clips` (made from `seed`), the real stereo
    pair in full (`stereo`) and quarter size (`stereo_quarter`), and Middlebury's pairs if their folder is given.

    UserError for an unusable folder, and if the installed scikit-image lacks a file.
    """
    sets = {
        "pairs": heldout_pairs(seed),
        "clips": heldout_clips(seed),
        "stereo": [stereo_pair()],
        "stereo_quarter": [stereo_pair(quarter=True)],
    }
    if middlebury is not None:
        sets["middlebury"] = middlebury_pairs(Path(middlebury))
    return {name: errors_of(network, pairs) for name, pairs in sets.items()}


def errors_of(network: Network | None, pairs: list[FlowPair]) -> dict[str, Any]:
    """Mean end-point error over pairs, in pixels: {"pairs": how many, "known": {method: error}, "visible": the same}.

    Methods: "zero", "dis", and "network" if there is one. "known": where the truth is given; "visible": of that, what
    the second frame shows too, None where nobody knows. Each pair counts the same.
    """
    flows: dict[str, Callable[[FlowPair], np.ndarray]]
    flows = {"zero": lambda pair: np.zeros_like(pair.flow), "dis": dis_flow}
    if network is not None:
        flows["network"] = lambda pair: network.flow(to_float(pair.first), to_float(pair.second))
    known: dict[str, float] = {}
    visible: dict[str, float] = {}
    for method, flow_of in flows.items():
        flows_of_pairs = [flow_of(pair) for pair in pairs]
        known[method] = float(np.mean([epe(flow, pair.flow, pair.known) for flow, pair in zip(flows_of_pairs, pairs)]))
        if all(pair.visible is not None for pair in pairs):
            visible[method] = float(
                np.mean([epe(flow, pair.flow, pair.known & pair.visible) for flow, pair in zip(flows_of_pairs, pairs)])
            )
    return {"pairs": len(pairs), "known": known, "visible": visible or None}


def epe(flow: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    """Mean Euclidean distance of two flows (2, H, W) over the pixels of `where` (H, W); ValueError without any."""
    if flow.shape != truth.shape or not where.any():
        raise ValueError(
            f"flows of one shape and at least one pixel are needed, not {flow.shape}, {truth.shape} and "
            f"{where.sum()} pixels"
        )
    difference = flow.astype(np.float64) - truth
    return float(np.hypot(*difference)[where].mean())


def dis_flow(pair: FlowPair) -> np.ndarray:
    """Flow (2, H, W) by OpenCV's DIS (Kroeger et al., ECCV 2016), medium preset, on grey frames."""
    first, second = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (pair.first, pair.second))
    method = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return np.ascontiguousarray(method.calc(first, second, None).transpose(2, 0, 1))


def table(errors: dict[str, dict[str, Any]]) -> str:
    """The errors as a table in Markdown, pixels; where only visible pixels count, the set's name says so."""
    methods = [method for method in METHODS if method in next(iter(errors.values()))["known"]]
    lines = [f"| end-point error, pixels | pairs | {' | '.join(methods)} |", f"|---|---|{'---|' * len(methods)}"]
    for name, entry in errors.items():
        for where, values in (("", entry["known"]), (", visible", entry["visible"])):
            if values is not None:
                cells = " | ".join(f"{values[method]:.3f}" for method in methods)
                lines.append(f"| {name}{where} | {entry['pairs']} | {cells} |")
    return "\n".join(lines)
