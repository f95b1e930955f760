"""What a live network is made of, read off its modules and off how they act, never off what they were built from."""

from typing import Any

import numpy as np

from vsrlib.networks.network import Network
from vsrlib.parity.comparison import K_GRADIENT, distance, measure
from vsrlib.parity.sides import Side

_ATTRIBUTES = ("stride", "padding", "dilation", "groups")
_PROBE = np.array([-1.0, -0.25, 0.25, 1.0], np.float32).reshape(1, 4, 1, 1)
_REACH = 37  # pixels: holds an impulse's response under the largest dilation, 16, on both sides
_RATE = 1e-4


def describe(network: Network, side: Side) -> dict[str, Any]:
    """ "place: what" -> value, for every parameter, module and the optimiser of a live network."""
    found: dict[str, Any] = {}
    modules = dict(network.module.named_modules())
    for name, value in network.state().items():
        place, _, part = name.rpartition(".")
        found[f"{place}: shape of {part}"] = list(value.shape)
    for name, module in modules.items():
        if any(other.startswith(f"{name}.") for other in modules) or not name:
            continue
        for attribute in _ATTRIBUTES:
            if hasattr(module, attribute):
                found[f"{name}: {attribute}"] = _plain(getattr(module, attribute))
        weight = getattr(module, "weight", None)
        if weight is None:
            response = side.array(module(side.tensor(_PROBE))).ravel()
            found[f"{name}: answer to -1, -1/4, 1/4, 1"] = [round(float(value), 5) for value in response]
        elif len(weight.shape) == 4:
            found |= {f"{name}: {what}": value for what, value in _reach(module, side).items()}
    return found | {f"optimiser: {what}": value for what, value in optimiser_constants(network).items()}


def optimiser_constants(network: Network) -> dict[str, float]:
    """Rate, epsilon and betas of the network's optimiser, from what two of its steps do to a parameter of zeros.

    Adam's first step is rate * g / (|g| + epsilon), its moments are then (1 - beta1) g and (1 - beta2) g^2.
    """
    state = network.state()
    name = max((name for name, value in state.items() if value.ndim == 1), key=lambda name: state[name].size)
    gradient = np.where(np.arange(state[name].size) % 2, 1.0, 1e-8).astype(np.float32)
    network.load(state | {name: np.zeros_like(state[name])})
    optimiser = network.backend.Optimiser(network.module, [([name], _RATE)])
    epsilons, before = [], np.zeros_like(gradient)
    for _ in range(2):
        optimiser.step((dict(network.module.named_parameters())[name] * network.tensor(gradient)).sum())
        after = network.state()[name]
        moved = np.abs((after - before).astype(np.float64))
        epsilons.append(float(1e-8 * (_RATE / moved[0] - 1)))
        if len(epsilons) == 1:
            moments, rate = optimiser.state()[0], moved[1]
        before = after
    network.load(state)
    return {
        "rate": _digits(rate),
        "epsilon in the first step": _digits(epsilons[0]),
        "epsilon in the second step": _digits(epsilons[1]),
        "beta1": round(1 - float(moments[f"first.{name}"][1]), 5),
        "beta2": round(1 - float(moments[f"second.{name}"][1]), 6),
    }


def _reach(module: Any, side: Side) -> dict[str, Any]:
    """Where an impulse in the middle of the first channel shows: size of the output, and rows and columns."""
    shape = tuple(module.weight.shape)
    channels = shape[0] if "Transpose" in type(module).__name__ else shape[1]
    impulse = np.zeros((2, channels, _REACH, _REACH), np.float32)
    impulse[0, 0, _REACH // 2, _REACH // 2] = 1
    loud, silent = side.array(module(side.tensor(impulse)))
    answer = np.abs(loud - silent).max(axis=0)
    heard = answer > 1e-3 * answer.max()  # some algorithms spread rounding errors over a tile
    return {
        "size of the answer": list(answer.shape),
        "rows of the answer": np.flatnonzero(heard.any(1)).tolist(),
        "columns of the answer": np.flatnonzero(heard.any(0)).tolist(),
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (tuple, list)) else value


def _digits(value: float) -> float:
    """Two significant digits: more are rounding's."""
    return float(f"{value:.2g}")


# What a user gets from the two frameworks, unobserved: the restored frame, the kernel, and the training gradients.

WITHIN = 1e-4
"""A gradient further from float64 than that, relative to its own norm, has to be explained."""

TYPICAL_PSNR = 40.0
"""dB; restored frames of this task lie at 24 to 40 dB."""

Values = dict[str, np.ndarray]


def compare(judge: Values, first: Values, second: Values, at_judges_point: dict[str, dict]) -> dict[str, Any]:
    """Outputs of the job "outputs" of the judge and both sides.

    at_judges_point: what `compare_gradients` found. {"recons", "kernel"} with each side's four figures, and the
    "difference" of the sides relative to the judge, for recons "levels" (of 8 bits); "losses", relative differences;
    "gradients": of how many parameters, how many are within WITHIN of float64 on both sides, and which are "beyond".
    """
    found: dict[str, Any] = {}
    for name in ("recons", "kernel"):
        found[name] = {
            "first": measure(first[name], judge[name]),
            "second": measure(second[name], judge[name]),
            "difference": distance(first[name], second[name], judge[name]),
        }
    found["recons"]["levels"] = _levels(first["recons"], second["recons"])
    losses = [name for name in judge if name.startswith("loss ")]
    found["losses"] = {
        name.removeprefix("loss "): distance(*(np.ravel(side[name]) for side in (first, second, judge)))
        for name in losses
    }
    return found | {"gradients": _gradients(judge, first, second, at_judges_point)}


def _levels(first: np.ndarray, second: np.ndarray) -> dict[str, Any]:
    """The restored frames in 8 bits: largest difference, and share of values that differ; PSNR of one to the other.

    "psnr_difference_at_most": by how many dB the two can differ in PSNR, whatever the truth is, as long as the worse
    one has TYPICAL_PSNR or less; None where that is no bound. The norms of two errors differ by no more than the norm
    of the difference.
    """
    pictures = [np.rint(np.clip(value, 0, 1) * 255) for value in (first, second)]
    apart = np.abs(pictures[0] - pictures[1])
    error = float(np.mean((np.clip(first, 0, 1).astype(np.float64) - np.clip(second, 0, 1)) ** 2))
    share = np.sqrt(error) * 10 ** (TYPICAL_PSNR / 20)  # of the worse one's error, which is no smaller than that
    return {
        "largest": int(apart.max()),
        "share": float((apart > 0).mean()),
        "psnr": None if error == 0 else float(-10 * np.log10(error)),
        "psnr_difference_at_most": None if share >= 1 else float(-20 * np.log10(1 - share)),
    }


def _gradients(judge: Values, first: Values, second: Values, at_judges_point: dict[str, dict]) -> dict[str, Any]:
    """A gradient beyond WITHIN is explained when it agrees at the judge's point: then a ReLU, a mask or a sampling cell
    on the edge was rounded to the other side somewhere before it, and no layer computes a wrong gradient."""
    names = [name for name in judge if name.startswith("gradient ")]
    beyond = []
    for name in names:
        own = [distance(side[name], judge[name], judge[name]) for side in (first, second)]
        if max(own) > WITHIN:
            parameter = name.removeprefix("gradient ")
            ratio = max(found["ratio"] for key, found in at_judges_point.items() if key.endswith(f"| {parameter}"))
            beyond.append(
                {
                    "parameter": parameter,
                    "first": own[0],
                    "second": own[1],
                    "ratio_at_judges_point": ratio,
                    "explained": ratio <= K_GRADIENT,
                }
            )
    return {"bound": WITHIN, "count": len(names), "within": len(names) - len(beyond), "beyond": beyond}
