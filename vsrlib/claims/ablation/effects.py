"""Effects by scene with intervals, tests, shares and power, from what the clips gave."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from vsrlib.claims.ablation.cases import STILL
from vsrlib.claims.ablation.table import MOVES
from vsrlib.claims.ablation.trials import GAUSSIAN, NO_NEIGHBOURS, REALISTIC, Contrast, Trial
from vsrlib.claims.ten_claims import POWER
from vsrlib.common.names import FILMED, MADE
from vsrlib.common.numbers import by_group, holm, mean_interval, sign_flip

_UNIT = "scene"


class Clips:
    """What `vsrlib.claims.ablation.scores.Judge` found of several clips.

    clips: what is known of each. counted: the indices of those that headlines are of: filmed, and something moves.
    """

    def __init__(self, found: Sequence[dict[str, Any]]) -> None:
        self.clips = [one["clip"] for one in found]
        self.counted = [
            index for index, clip in enumerate(self.clips) if clip["kind"] == FILMED and clip["motion_pixels"] >= MOVES
        ]
        self._psnr: dict[Trial, list[np.ndarray]] = {}
        self._bicubic: dict[str, list[np.ndarray]] = {}
        self._rings: dict[Trial, list[np.ndarray]] = {}
        for one in found:
            for frames, values in one["bicubic"].items():
                self._bicubic.setdefault(frames, []).append(np.array(values))
            for values in one["trials"]:
                trial = Trial(values["weights"], tuple(values["factors"]), values["frames"])
                self._psnr.setdefault(trial, []).append(np.array(values["psnr"]))
                if "rings" in values:
                    self._rings.setdefault(trial, []).append(np.array(values["rings"]))

    @property
    def trials(self) -> list[Trial]:
        """All that were tried."""
        return list(self._psnr)

    @property
    def scenes(self) -> list[str]:
        """The scene of each counted clip."""
        return [self.clips[index]["scene"] for index in self.counted]

    def differences(self, one: Trial, other: Trial) -> np.ndarray:
        """Mean difference of the frames of every clip, dB (clips,): frames of one clip are alike and count as one."""
        return np.array([np.mean(a - b) for a, b in zip(self._psnr[one], self._psnr[other], strict=True)])

    def gains(self, trial: Trial) -> np.ndarray:
        """Mean PSNR of every clip above that of bicubic upsampling of the same frames, dB (clips,)."""
        both = zip(self._psnr[trial], self._bicubic[trial.frames], strict=True)
        return np.array([np.mean(a - b) for a, b in both])

    def mean(self, trial: Trial) -> dict[str, Any]:
        """PSNR, and that of bicubic, over the counted scenes; None where there is none."""
        both = {"psnr": self._psnr[trial], "bicubic": self._bicubic[trial.frames]}
        return {name: self._over_scenes(np.array([np.mean(one) for one in values])) for name, values in both.items()}

    def rmse(self, trial: Trial) -> list[float]:
        """Root mean square error by ring, over the counted clips, or over all where none counts."""
        chosen = self.counted or range(len(self.clips))
        sums = np.sum([self._rings[trial][index] for index in chosen], axis=0)
        return np.sqrt(sums[:, 0] / np.maximum(sums[:, 1], 1)).tolist()

    def rmse_by_scene(self, trial: Trial) -> dict[str, list[float]]:
        """The same of each counted scene by itself."""
        sums: dict[str, np.ndarray] = {}
        for index, scene in zip(self.counted, self.scenes):
            sums[scene] = sums.get(scene, 0) + self._rings[trial][index]
        return {scene: np.sqrt(one[:, 0] / np.maximum(one[:, 1], 1)).tolist() for scene, one in sums.items()}

    @property
    def with_rings(self) -> list[Trial]:
        """The trials that have `rmse`."""
        return list(self._rings)

    def made(self, values: np.ndarray) -> dict[str, float]:
        """Mean of `values` (clips,) over the made clips of each motion."""
        chosen = [index for index, clip in enumerate(self.clips) if clip["kind"] == MADE]
        return by_group(values[chosen], [self.clips[index]["motion"] or "as in the set" for index in chosen])

    def _over_scenes(self, values: np.ndarray) -> float | None:
        by_scene = by_group(values[self.counted], self.scenes)
        return float(np.mean(list(by_scene.values()))) if by_scene else None


def summary(clips: Clips, chosen: Sequence[Contrast], rng: np.random.Generator) -> dict[str, Any]:
    """Effects, gain over bicubic, absolute PSNR, power and error by ring, as ablation.json holds them.

    `by_clip` is the mean difference of each clip in dB, in the order of "clips", for whoever draws anew in another way.
    """
    gains = {
        blur: mean_interval(clips.gains(right)[clips.counted], rng, _UNIT, clips.scenes)
        for blur in (GAUSSIAN, REALISTIC)
        if (right := Trial(blur, (), blur)) in clips.trials
    }
    effects = [_effect(clips, one, gains, rng) for one in chosen]
    tested = [one for one in effects if one["p"] is not None]
    for one, corrected in zip(tested, holm([one["p"] for one in tested]), strict=True):
        one["p_holm"] = corrected
    return {
        "effects": effects,
        "filmed_scenes": len(set(clips.scenes)),
        "gain_over_bicubic": gains,
        "psnr": [{**asdict(trial), **clips.mean(trial)} for trial in clips.trials],
        "power": {blur: _power(effects, blur) for blur in (GAUSSIAN, REALISTIC)},
        "rings": [
            {**asdict(trial), "rmse": clips.rmse(trial), "by_scene": clips.rmse_by_scene(trial)}
            for trial in clips.with_rings
        ],
        "clips": clips.clips,
    }


def _effect(clips: Clips, one: Contrast, gains: dict[str, dict], rng: np.random.Generator) -> dict[str, Any]:
    differences = clips.differences(one.one, one.other)
    counted = differences[clips.counted]
    effect, by_scene = mean_interval(counted, rng, _UNIT, clips.scenes), by_group(counted, clips.scenes)
    gain = gains.get(one.other.frames, {"value": None})["value"]
    return {
        "group": one.group,
        "name": one.name,
        "trial": asdict(one.one),
        "against": asdict(one.other),
        "effect": effect,
        "p": sign_flip(list(by_scene.values()), rng) if by_scene else None,
        "p_holm": None,
        # of a network that is no better than bicubic nothing has a share
        "share_of_gain": effect["value"] / gain if gain is not None and gain > 0 else None,
        "by_scene": by_scene,
        "made": clips.made(differences),
        "by_clip": differences.tolist(),
    }


def _power(effects: list[dict[str, Any]], blur: str) -> dict[str, Any] | None:
    """What zero flow costs these weights where something moves, and whether the others can then mean anything.

    `without_neighbours_costs` says how much of the quality comes from the neighbours; `zero_flow_where_nothing_moves`
    what zero flow costs where it is the true one: the network has learned beside its own flow's errors.
    """
    own = {
        one["trial"]["factors"]: one
        for one in effects
        if one["trial"]["weights"] == one["trial"]["frames"] == blur and len(one["trial"]["factors"]) == 1
    }
    zero, alone = own.get(("no flow",)), own.get((NO_NEIGHBOURS,))
    if zero is None or alone is None or zero["effect"]["value"] is None:
        return None
    cost, still = -zero["effect"]["value"], zero["made"].get(STILL)
    return {
        "zero_flow_costs": cost,
        "scenes": zero["effect"]["n"],
        "needed": POWER,
        "enough": cost >= POWER,
        "without_neighbours_costs": -alone["effect"]["value"],
        "zero_flow_where_nothing_moves": None if still is None else -still,
    }
