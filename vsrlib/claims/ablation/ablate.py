"""The ablation of claim C1: effects with intervals, and whether the weights can show any."""

import functools
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.claims.ablation.cases import Case, Scores, embedded_cases, evaluate, own_cases
from vsrlib.claims.ablation.options import AblationOptions
from vsrlib.claims.ablation.trials import CONTROL, GAUSSIAN, NO_NEIGHBOURS, REALISTIC, Contrast, Trial, contrasts
from vsrlib.common import numbers, provenance
from vsrlib.common.files import write_json
from vsrlib.networks import load_network
from vsrlib.networks.weights import weights_file

POWER = 0.3
"""dB that zero flow must cost before weights can say anything about alignment."""
RESULT = "ablation.json"
_TRIED_AS = {
    "gaussian": GAUSSIAN,
    "realistic": REALISTIC,
    "gaussian_false": GAUSSIAN + CONTROL,
    "realistic_false": REALISTIC + CONTROL,
}
"""Name among the options -> name among the trials."""


def ablate(output: Path, options: AblationOptions, progress: bool = True) -> dict[str, Any]:
    """Measure what each factor that may explain claim C1 costs, and write `output`/ablation.json, which is returned.

    Effects are PSNR differences in dB, paired by frame, means over all frames, with 95 % bootstrap intervals over the
    clips. UserError for weights or sets that cannot be used.
    """
    used = {_TRIED_AS[name]: weights for name, weights in options.weights.items()}
    seeds, sets = options.seeds, [one for one in (options.gaussian_set, options.realistic_set) if one is not None]
    networks = {name: load_network("torch", path, options.preset, options.device) for name, path in used.items()}
    if options.gaussian_set is None:
        made = embedded_cases(seeds, (options.height, options.width), options.count, options.draws)
        cases: list[Callable[[], Case]] = [functools.partial(made.__getitem__, index) for index in range(len(made))]
        frames = set(made[0].low)
    else:
        realistic = None if options.realistic_set is None else Path(options.realistic_set)
        cases = own_cases(Path(options.gaussian_set), realistic)
        frames = {GAUSSIAN, REALISTIC} if len(sets) == 2 else {GAUSSIAN}
    chosen = contrasts(set(networks), frames)
    trials = [trial for one in chosen for trial in (one.one, one.other)]
    scores = evaluate(networks, trials, cases, progress)
    files = {name: weights_file.entry(path, output) for name, path in used.items()}
    result = summary(scores, chosen, np.random.default_rng([seeds[0], 5])) | {
        "ran_on": f"clips made from {len({name.partition(',')[0] for name in scores.names})} photographs"
        if not sets
        else " and ".join(sets),
        "embedded": not sets,
        "seeds": None if sets else seeds,
        "hr_size": None if sets else [options.height, options.width],
        "clips": scores.names,
        "weights": files,
        "device": networks[GAUSSIAN].backend.device_name(networks[GAUSSIAN].device),
        "provenance": provenance.collect(seed=seeds[0]),
    }
    write_json(Path(output) / RESULT, result)
    return result


def summary(scores: Scores, chosen: list[Contrast], rng: np.random.Generator) -> dict[str, Any]:
    """Effects, absolute PSNR, power and error by distance from the centre, as ablation.json holds them.

    `by_clip` is the mean difference of each clip in dB, in the order of "clips", for whoever draws anew by something
    else than clips, such as the photographs they are made from.
    """
    effects = []
    for one in chosen:
        differences = _differences(scores, one.one, one.other)
        effects.append(
            {
                "group": one.group,
                "name": one.name,
                "trial": asdict(one.one),
                "against": asdict(one.other),
                "effect": numbers.mean_interval(differences, rng, "clip"),
                "by_clip": differences.tolist(),
                "frames": sum(map(len, scores.psnr[one.one])),
                "by_motion": {
                    motion: numbers.mean_interval(differences[_where(scores, motion)], rng, "clip")
                    for motion in dict.fromkeys(scores.motions)
                },
            }
        )
    return {
        "effects": effects,
        "psnr": [
            {**asdict(trial), "psnr": _mean(found), "bicubic": _mean(scores.bicubic[trial.frames])}
            for trial, found in scores.psnr.items()
        ],
        "power": {blur: _power(effects, blur) for blur in (GAUSSIAN, REALISTIC)},
        "rings": [
            {**asdict(trial), "rmse": np.sqrt(sums[:, 0] / np.maximum(sums[:, 1], 1)).tolist()}
            for trial, sums in scores.rings.items()
        ],
    }


def _power(effects: list[dict[str, Any]], blur: str) -> dict[str, Any] | None:
    """What zero flow costs these weights, and whether that is enough for the others to mean anything.

    `without_neighbours_costs` says how much of the quality comes from the neighbours; `zero_flow_where_nothing_moves`
    what zero flow costs where it is the true one: the network has learned beside its own flow's errors.
    """
    own = {
        one["trial"]["factors"]: one
        for one in effects
        if one["trial"]["weights"] == one["trial"]["frames"] == blur and len(one["trial"]["factors"]) == 1
    }
    zero, alone = own.get(("no flow",)), own.get((NO_NEIGHBOURS,))
    if zero is None or alone is None:
        return None
    cost, still = -zero["effect"]["value"], zero["by_motion"].get("no motion")
    return {
        "zero_flow_costs": cost,
        "needed": POWER,
        "enough": cost >= POWER,
        "without_neighbours_costs": -alone["effect"]["value"],
        "zero_flow_where_nothing_moves": None if still is None else -still["value"],
    }


def _differences(scores: Scores, one: Trial, other: Trial) -> np.ndarray:
    """Mean difference of every clip: frames of one clip are alike, so clips are what is drawn anew."""
    return np.array([np.mean(np.subtract(a, b)) for a, b in zip(scores.psnr[one], scores.psnr[other])])


def _where(scores: Scores, motion: str) -> np.ndarray:
    return np.array([found == motion for found in scores.motions])


def _mean(found: list[list[float]]) -> float:
    return float(np.mean([value for clip in found for value in clip]))
