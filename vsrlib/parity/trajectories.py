"""Training, side by side: does one framework leave the band in which the other lies beside itself?

The control is PyTorch started from weights of which every one is moved by one unit in its last place, several times:
training multiplies such differences, and two frameworks that round differently cannot be nearer to each other.
"""

from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.networks.architecture import PARTS
from vsrlib.networks.network import Network
from vsrlib.parity.comparison import FAR
from vsrlib.parity.network import training_losses

K_TRAJECTORY = 10.0
"""The other framework's distance may be that many times the largest of the control's. The control has a handful of
starts only, and starts from one ulp, while another framework rounds every sum of every step."""

Values = dict[str, np.ndarray]
Trained = tuple[list[float], dict[int, Values]]
"""The total loss of every step, and the weights after some of them."""


def train(network: Network, batches: np.ndarray, at: list[int], rate: float = 1e-4) -> Trained:
    """Train on batches (n, B, 5, 3, h, w), one a step; the weights are kept after the steps `at`."""
    names = list(network.state())
    groups = [([name for name in names if name.startswith(f"{part}.")], rate) for part in PARTS]
    optimiser = network.backend.Optimiser(network.module, groups)
    losses, kept = [], {}
    for step, batch in enumerate(batches, 1):
        total = training_losses(network, network.tensor(batch))["total"]
        optimiser.step(total)
        losses.append(float(np.ravel(network.download(total))[0]))
        if step in at:
            kept[step] = network.state()
    return losses, kept


def write(path: Path, trained: Trained) -> None:
    """Keep what `train` returned."""
    weights = {f"{step} | {name}": value for step, values in trained[1].items() for name, value in values.items()}
    np.savez(path, losses=np.array(trained[0]), **weights)


def read(path: Path) -> Trained:
    """What `write` kept."""
    arrays = dict(np.load(path))
    losses = arrays.pop("losses").tolist()
    kept: dict[int, Values] = {}
    for key, value in arrays.items():
        step, name = key.split(" | ")
        kept.setdefault(int(step), {})[name] = value
    return losses, kept


def one_ulp_apart(values: Values, seed: int) -> Values:
    """Every weight moved to the next float32 number, up or down at random."""
    rng = np.random.default_rng(seed)
    return {
        name: np.nextafter(value, np.where(rng.random(value.shape) < 0.5, -np.inf, np.inf).astype(np.float32))
        for name, value in values.items()
    }


def distances(start: Values, reference: Values, other: Values) -> float:
    """L2 distance of two sets of weights, relative to how far training has moved the reference from its start.

    FAR where it is not finite.
    """
    moved = apart = 0.0
    for name, value in reference.items():
        moved += float(((value.astype(np.float64) - start[name]) ** 2).sum())
        apart += float(((value.astype(np.float64) - other[name]) ** 2).sum())
    relative = float(np.sqrt(apart / moved)) if moved else float(apart > 0)
    return relative if np.isfinite(relative) else FAR


def compare(start: Values, reference: Trained, other: Trained, control: list[Trained]) -> dict[str, Any]:
    """What `train` returned for PyTorch, the other framework, and the control's starts, put side by side.

    {"steps": {step: {"weights", "loss": {"other", "control" (a list), "ratio"}}}, "losses" (all), "inside": bool}.
    What is not finite is FAR from everything, and a loss of it None.
    """
    steps: dict[int, dict[str, dict[str, Any]]] = {}
    for step in reference[1]:
        weights: dict[str, Any] = {
            "other": distances(start, reference[1][step], other[1][step]),
            "control": [distances(start, reference[1][step], one[1][step]) for one in control],
        }
        loss: dict[str, Any] = {
            "other": _relative(reference[0][step - 1], other[0][step - 1]),
            "control": [_relative(reference[0][step - 1], one[0][step - 1]) for one in control],
        }
        for figure in (weights, loss):
            unusable = FAR in (figure["other"], *figure["control"])  # a control that diverges is no band, either
            figure["ratio"] = FAR if unusable else figure["other"] / max(*figure["control"], 2.0**-22)
        steps[step] = {"weights": weights, "loss": loss}
    inside = all(figure["ratio"] <= K_TRAJECTORY for found in steps.values() for figure in found.values())
    losses = {
        "reference": _told(reference[0]),
        "other": _told(other[0]),
        "control": [_told(one[0]) for one in control],
    }
    return {"k": K_TRAJECTORY, "inside": inside, "steps": steps, "losses": losses}


def _told(losses: list[float]) -> list[float | None]:
    """The losses, None for one that is not finite, which no result file takes."""
    return [loss if np.isfinite(loss) else None for loss in losses]


def _relative(reference: float, other: float) -> float:
    return abs(other - reference) / abs(reference) if np.isfinite((reference, other)).all() else FAR
