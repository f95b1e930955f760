"""Two records against the judge's: which steps depart, in the order in which they were taken.

A departure is {"place": the step in whose own computation it lies, "kind": "structure", "forward", "backward" or
"gradient", "says": a sentence, and the distances of `vsrlib.parity.comparison.Ruling` where it is one of values}.
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
QUANTILES = {"median": 0.5, "99 %": 0.99, "largest": 1.0}


def compare_steps(judge: Sequence[Entry], sides: Sequence[Sequence[Entry]], store: Store) -> dict[str, Any]:
    """Records of two sides, fed by the judge's: {"departures", "ratios": {kind: list}}, the departures in order.

    Forward in the order of the judge's steps; then what the sides do and the judge does not; then backward.
    """
    found = [{key(entry): entry for entry in side} for side in sides]
    forward: list[tuple[int, Departure]] = []
    backward: list[Departure] = []
    ratios: dict[str, list[float]] = {"forward": [], "backward": []}
    for entry in judge:
        name, step, within = key(entry), entry["step"], entry["within"] or "the network"
        one, two = (side.get(name) for side in found)
        if one is None or two is None:
            which = " and ".join(side for side, taken in zip(_SIDES, (one, two)) if taken is None)
            forward.append((entry["started"], _structure(within, f"{which} does not take the step {name}")))
            continue
        if not one["constants"] == two["constants"] == entry["constants"]:
            says = f"{name} is called with {one['constants']} and {two['constants']}; the judge's: {entry['constants']}"
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
    known = {key(entry) for entry in judge}
    extra = [
        _structure(entry["within"] or "the network", f"{key(entry)} is a step that the judge does not take")
        for side in found
        for name, entry in side.items()
        if name not in known
    ]
    forward.sort(key=lambda item: item[0])
    return {"departures": [departure for _, departure in forward] + extra + backward, "ratios": ratios}


def compare_gradients(judge: Values, first: Values, second: Values) -> dict[str, Any]:
    """Gradients by name, e.g. of a parameter for a loss: {"departures", "ratios", "gradients": {name: distances}}."""
    rulings = {name: ruling(first[name], second[name], value) for name, value in judge.items()}
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


def compare_structure(judge: dict[str, Any], first: dict[str, Any], second: dict[str, Any]) -> list[Departure]:
    """What was read off three live networks, by "place: what"; missing entries count as None."""
    departures = []
    for name in dict.fromkeys([*judge, *first, *second]):
        values = [side.get(name) for side in (first, second, judge)]
        if values[0] != values[1]:
            says = f"{name} is {values[0]} and {values[1]}; the judge's: {values[2]}"
            departures.append(_structure(name.split(": ")[0], says))
    return departures


def figures(judge: Sequence[Entry], side: Sequence[Entry], store: Store, part: str = "outputs") -> dict[str, dict]:
    """The four figures of every step against the judge, each the worst of its occurrences, in the judge's order.

    part: "outputs" or, for the gradients of the steps alone, "pulls".
    """
    found = {key(entry): entry for entry in side}
    worst: dict[str, dict[str, float]] = defaultdict(dict)
    for entry in sorted(judge, key=lambda entry: entry["ended"]):
        other = found.get(key(entry))
        pairs = [] if other is None else zip(other[part], entry[part])
        for own, judges in pairs:
            now = measure(store.get(own), store.get(judges))
            before = worst[entry["step"]]
            for name, value in now.items():
                worse = min if name == "cosine" else max
                before[name] = worse(before.get(name, value), value)
    return dict(worst)


def summary(ratios: Sequence[float]) -> dict[str, float]:
    """How many ratios there are, and their median, 99th percentile and largest."""
    values = {name: float(np.quantile(ratios, at)) if len(ratios) else 0.0 for name, at in QUANTILES.items()}
    return {"count": len(ratios), **values}


# The pass rule: when do two frameworks that compute the same thing differ by more than rounding?


@dataclass(frozen=True)
class Ruling:
    """The rule applied to one array: distances relative to the judge's norm, and the ratio, which is bounded."""

    difference: float
    first: float
    second: float
    ratio: float


def _rulings(judge: Entry, one: Entry, two: Entry, part: str, store: Store) -> list[tuple[int, Ruling]]:
    nothing = np.zeros((0, 0), np.float32)  # has the shape of nothing else: an output too few departs
    names = itertools.zip_longest(one[part], two[part], judge[part])
    arrays = ([nothing if name is None else store.get(name) for name in three] for three in names)
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


# How far an array is from the judge's: four figures, each of which sees what the others overlook.

FAR = 1e30
"""Stands for a distance that cannot be said: a value that is not finite, or an array of another shape."""


def distance(value: np.ndarray, other: np.ndarray, judge: np.ndarray) -> float:
    """L2 norm of value - other over that of the judge.

    Where the judge is all zeros: 0 if both are equal, else 1. FAR for unlike shapes and values that are not finite.
    """
    if value.shape != other.shape or value.shape != judge.shape:
        return FAR
    difference = value.astype(np.float64) - other.astype(np.float64)
    size = float(np.linalg.norm(difference))
    if not math.isfinite(size):
        return FAR
    norm = float(np.linalg.norm(judge.astype(np.float64)))
    if norm == 0:
        return float(size > 0)
    return min(size / norm, FAR)


def measure(value: np.ndarray, judge: np.ndarray) -> dict[str, float]:
    """An array of float32 values against the judge's, float64 and of the same shape.

    "largest": largest absolute error; "relative_l2": see `distance`; "ulp": the 99.9th percentile of the errors in
    units of the last float32 place of the judge's value; "cosine": of the angle between the two (1 for two zeros).
    """
    relative = distance(value, judge, judge)
    if relative == FAR:
        return {"largest": FAR, "relative_l2": FAR, "ulp": FAR, "cosine": 0.0}
    value, judge = value.astype(np.float64).ravel(), judge.astype(np.float64).ravel()
    if not value.size:
        return {"largest": 0.0, "relative_l2": 0.0, "ulp": 0.0, "cosine": 1.0}
    error = np.abs(value - judge)
    place = np.spacing(np.abs(judge).astype(np.float32)).astype(np.float64)
    norms = float(np.linalg.norm(value) * np.linalg.norm(judge))
    cosine = float(value @ judge) / norms if norms else float(not error.any())
    return {
        "largest": float(error.max()),
        "relative_l2": relative,
        "ulp": min(float(np.quantile(error / place, 0.999)), FAR),
        "cosine": cosine,
    }


K = 100.0
K_GRADIENT = 10_000.0
FLOOR = 8 * 2.0**-24


def ruling(first: np.ndarray, second: np.ndarray, judge: np.ndarray) -> Ruling:
    """Apply the rule to what two frameworks and the judge computed."""
    difference = distance(first, second, judge)
    own = distance(first, judge, judge), distance(second, judge, judge)
    return Ruling(difference, *own, difference / max(min(own), FLOOR))
