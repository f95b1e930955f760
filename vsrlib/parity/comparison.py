"""Two frameworks against the reference, which is PyTorch in float64: which steps depart, in the order of their taking.

Everything here takes arrays, or records of `vsrlib.parity.recorder`, and knows no framework. A departure is {"place":
the step in whose own computation it lies, "kind": "structure", "forward", "backward" or "gradient", "says": a sentence,
and the distances of `Ruling` where it is one of values}.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from vsrlib.parity.recorder import Entry, Store, key

Departure = dict[str, Any]
Values = dict[str, np.ndarray]
_SIDES = ("the first side", "the second side")
_NOTHING = np.zeros((0, 0), np.float32)  # has the shape of nothing else: an output too few departs
QUANTILES = {"median": 0.5, "99 %": 0.99, "largest": 1.0}

# The rule by which two frameworks agree on an array; docs/parity.md says why it is this one.
K = 100.0
"""The ratio of `Ruling` that a step or an operation may have."""
K_GRADIENT = 10_000.0
"""And that of a parameter's gradient, which rounding reaches through hundreds of steps."""
FLOOR = 8 * 2.0**-24
"""The smaller of the frameworks' own distances counts as this much at least."""
RULE = {"k": K, "k_gradient": K_GRADIENT, "floor": FLOOR}
"""As result files tell it."""

FAR = 1e30
"""Stands for a distance that cannot be said: a value that is not finite, or an array of another shape."""
WITHIN = 1e-4
"""A gradient further from float64 than that, relative to its own norm, has to be explained."""

TYPICAL_PSNR = 40.0
"""dB; restored frames of this task lie at 24 to 40 dB."""


@dataclass(frozen=True)
class Ruling:
    """The rule applied to one array: distances relative to the reference's norm, and the ratio, which is bounded.

    The ratio is FAR where one of the distances is.
    """

    difference: float
    first: float
    second: float
    ratio: float


def compare_steps(reference: Sequence[Entry], sides: Sequence[Sequence[Entry]], store: Store) -> dict[str, Any]:
    """Records of two sides, fed by the reference's: {"departures", "ratios": {kind: list}}, the departures in order.

    Forward in the order of the reference's steps; then what the sides do and the reference does not; then backward.
    """
    found = [{key(entry): entry for entry in side} for side in sides]
    forward: list[tuple[int, Departure]] = []
    backward: list[Departure] = []
    ratios: dict[str, list[float]] = {"forward": [], "backward": []}
    for entry in reference:
        name, step, within = key(entry), entry["step"], entry["within"] or "the network"
        one, two = (side.get(name) for side in found)
        if one is None or two is None:
            which = " and ".join(side for side, taken in zip(_SIDES, (one, two)) if taken is None)
            forward.append((entry["started"], _structure(within, f"{which} does not take the step {name}")))
            continue
        if not one["constants"] == two["constants"] == entry["constants"]:
            says = f"{name} is called with {one['constants']} and {two['constants']}"
            says = f"{says}; the reference's: {entry['constants']}"
            forward.append((entry["started"], _structure(step, says)))
        for part, when in (("inputs", "started"), ("outputs", "ended"), ("pulls", "ended")):
            kind = "backward" if part == "pulls" else "forward"
            for index, rule in _rulings(entry, one, two, part, store):
                ratios[kind].append(rule.ratio)
                if rule.ratio > K:
                    departure = _of_values(step, within, name, part, index, rule)
                    if part == "pulls":
                        backward.append(departure)
                    else:
                        forward.append((entry[when], departure))
    known = {key(entry) for entry in reference}
    extra = [
        _structure(entry["within"] or "the network", f"{key(entry)} is a step that the reference does not take")
        for side in found
        for name, entry in side.items()
        if name not in known
    ]
    forward.sort(key=lambda item: item[0])
    return {"departures": [departure for _, departure in forward] + extra + backward, "ratios": ratios}


def compare_gradients(reference: Values, first: Values, second: Values) -> dict[str, Any]:
    """Gradients by name, e.g. of a parameter for a loss: {"departures", "ratios", "gradients": {name: distances}}."""
    rulings = {
        name: ruling(first.get(name, _NOTHING), second.get(name, _NOTHING), value) for name, value in reference.items()
    }
    departures = [
        {"place": name, "kind": "gradient", "says": f"the gradient of {name} differs", **asdict(rule)}
        for name, rule in rulings.items()
        if rule.ratio > K_GRADIENT
    ]
    return {
        "departures": departures,
        "ratios": [rule.ratio for rule in rulings.values()],
        "gradients": {name: asdict(rule) for name, rule in rulings.items()},
    }


def compare_structure(reference: dict[str, Any], first: dict[str, Any], second: dict[str, Any]) -> list[Departure]:
    """What was read off three live networks, by "place: what"; missing entries count as None."""
    departures = []
    for name in dict.fromkeys([*reference, *first, *second]):
        values = [side.get(name) for side in (first, second, reference)]
        if values[0] != values[1]:
            says = f"{name} is {values[0]} and {values[1]}; the reference's: {values[2]}"
            departures.append(_structure(name.split(": ")[0], says))
    return departures


def figures(reference: Sequence[Entry], side: Sequence[Entry], store: Store, part: str = "outputs") -> dict[str, dict]:
    """The four figures of every step against the reference, each the worst of its occurrences.

    In the reference's order. part: "outputs" or, for the gradients of the steps alone, "pulls".
    """
    found = {key(entry): entry for entry in side}
    worst: dict[str, dict[str, float]] = defaultdict(dict)
    for entry in sorted(reference, key=lambda entry: entry["ended"]):
        other = found.get(key(entry))
        pairs = [] if other is None else zip(other[part], entry[part])
        for own, references in pairs:
            now = measure(store.get(own), store.get(references))
            before = worst[entry["step"]]
            for name, value in now.items():
                worse = min if name == "cosine" else max
                before[name] = worse(before.get(name, value), value)
    return dict(worst)


def summary(ratios: Sequence[float]) -> dict[str, float]:
    """How many ratios there are, and their median, 99th percentile and largest."""
    values = {name: float(np.quantile(ratios, at)) if len(ratios) else 0.0 for name, at in QUANTILES.items()}
    return {"count": len(ratios), **values}


def compare_outputs(reference: Values, first: Values, second: Values, at_reference: dict[str, dict]) -> dict[str, Any]:
    """What a user gets, unobserved: restored frame, kernel, losses and gradients (`vsrlib.parity.worker.outputs`).

    at_reference: what `compare_gradients` found. {"recons", "kernel"} with each side's four figures, and the
    "difference" of the sides relative to the reference, for recons "levels" (of 8 bits); "losses", relative
    differences; "gradients": of how many parameters, how many are within WITHIN of float64 on both sides, and which
    are "beyond".
    """
    found: dict[str, Any] = {}
    for name in ("recons", "kernel"):
        found[name] = {
            "first": measure(first[name], reference[name]),
            "second": measure(second[name], reference[name]),
            "difference": distance(first[name], second[name], reference[name]),
        }
    found["recons"]["levels"] = _levels(first["recons"], second["recons"])
    losses = [name for name in reference if name.startswith("loss ")]
    found["losses"] = {
        name.removeprefix("loss "): distance(*(np.ravel(side[name]) for side in (first, second, reference)))
        for name in losses
    }
    return found | {"gradients": _gradients(reference, first, second, at_reference)}


def ruling(first: np.ndarray, second: np.ndarray, reference: np.ndarray) -> Ruling:
    """Apply the rule to what two frameworks and the reference computed."""
    difference = distance(first, second, reference)
    own = distance(first, reference, reference), distance(second, reference, reference)
    # Two that are equally unusable are not near to each other: FAR over FAR would be 1, and let them pass.
    ratio = FAR if FAR in (difference, *own) else difference / max(min(own), FLOOR)
    return Ruling(difference, *own, ratio)


def distance(value: np.ndarray, other: np.ndarray, reference: np.ndarray) -> float:
    """L2 norm of value - other over that of the reference.

    Where the reference is all zeros: 0 if both are equal, else 1. FAR for unlike shapes and values that are not finite,
    the reference's among them.
    """
    if value.shape != other.shape or value.shape != reference.shape:
        return FAR
    with np.errstate(invalid="ignore"):  # of two infinities, which is NaN, as the norm shows
        difference = value.astype(np.float64) - other.astype(np.float64)
    size = float(np.linalg.norm(difference))
    norm = float(np.linalg.norm(reference.astype(np.float64)))
    if not (math.isfinite(size) and math.isfinite(norm)):
        return FAR
    if norm == 0:
        return float(size > 0)
    return min(size / norm, FAR)


def measure(value: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """An array of float32 values against the reference's, float64 and of the same shape.

    "largest": largest absolute error; "relative_l2": see `distance`; "ulp": the 99.9th percentile of the errors in
    units of the last float32 place of the reference's value; "cosine": of the angle between the two (1 for two zeros).
    """
    relative = distance(value, reference, reference)
    if relative == FAR:
        return {"largest": FAR, "relative_l2": FAR, "ulp": FAR, "cosine": 0.0}
    value, reference = value.astype(np.float64).ravel(), reference.astype(np.float64).ravel()
    if not value.size:
        return {"largest": 0.0, "relative_l2": 0.0, "ulp": 0.0, "cosine": 1.0}
    error = np.abs(value - reference)
    place = np.spacing(np.abs(reference).astype(np.float32)).astype(np.float64)
    norms = float(np.linalg.norm(value) * np.linalg.norm(reference))
    cosine = float(value @ reference) / norms if norms else float(not error.any())
    return {
        "largest": float(error.max()),
        "relative_l2": relative,
        "ulp": min(float(np.quantile(error / place, 0.999)), FAR),
        "cosine": cosine,
    }


def _rulings(reference: Entry, one: Entry, two: Entry, part: str, store: Store) -> list[tuple[int, Ruling]]:
    names = itertools.zip_longest(one[part], two[part], reference[part])
    arrays = ([_NOTHING if name is None else store.get(name) for name in three] for three in names)
    return [(index, ruling(*three)) for index, three in enumerate(arrays)]


def _structure(place: str, says: str) -> Departure:
    return {"place": place, "kind": "structure", "says": says}


def _of_values(step: str, within: str, name: str, part: str, index: int, rule: Ruling) -> Departure:
    says = {
        "inputs": f"{within} hands input {index + 1} to {name}, and it differs",
        "outputs": f"{name} computes something else from the same input",
        "pulls": f"{name} has another gradient for its input or parameter {index + 1}",
    }[part]
    return {
        "place": within if part == "inputs" else step,
        "kind": "backward" if part == "pulls" else "forward",
        "says": says,
        **asdict(rule),
    }


def _levels(first: np.ndarray, second: np.ndarray) -> dict[str, Any]:
    """The restored frames in 8 bits: largest difference, and share of values that differ; PSNR of one to the other.

    "psnr_difference_at_most": by how many dB the two can differ in PSNR, whatever the truth is, as long as the worse
    one has TYPICAL_PSNR or less; None where that is no bound. The norms of two errors differ by no more than the norm
    of the difference. What cannot be compared differs as far as 8 bits go.
    """
    if distance(first, second, second) == FAR:
        return {"largest": 255, "share": 1.0, "psnr": 0.0, "psnr_difference_at_most": None}
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


def _gradients(reference: Values, first: Values, second: Values, at_reference: dict[str, dict]) -> dict[str, Any]:
    """A gradient beyond WITHIN is explained when it agrees at the reference's point.

    Then a ReLU, a mask or a sampling cell on the edge was rounded to the other side somewhere before it, and no layer
    computes a wrong gradient.
    """
    names = [name for name in reference if name.startswith("gradient ")]
    beyond = []
    for name in names:
        own = [distance(side[name], reference[name], reference[name]) for side in (first, second)]
        if max(own) > WITHIN:
            parameter = name.removeprefix("gradient ")
            ratio = max(found["ratio"] for key, found in at_reference.items() if key.endswith(f"| {parameter}"))
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
