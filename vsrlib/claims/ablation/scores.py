"""What one clip gives under every trial: PSNR of each frame, and the error by distance from the centre."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from vsrlib.claims.ablation.cases import Case, Pictures
from vsrlib.claims.ablation.trials import CHANGED_DEFAULT, NO_NEIGHBOURS, Trial, altered
from vsrlib.common.errors import UserError
from vsrlib.common.files import sha256_array
from vsrlib.data.clips import WINDOW
from vsrlib.data.degradation import bicubic_on_grid
from vsrlib.data.frames import to_uint8
from vsrlib.networks.network import Network
from vsrlib.restoration import engines
from vsrlib.restoration.metrics import psnr
from vsrlib.restoration.temporal import optical_flow

RINGS = 10
"""Rings about a frame's centre, of equal width from there to the corner, in which its error is averaged."""
_HALF = WINDOW // 2


class Judge:
    """Restores clips under every trial; `networks` by the name of their weights, in PyTorch."""

    def __init__(self, networks: dict[str, Network], trials: Sequence[Trial]) -> None:
        self._networks, self.trials = networks, trials
        self._engines: dict[tuple[str, tuple[str, ...]], engines.Engine] = {}
        for trial in trials:
            key = trial.weights, trial.factors
            if key not in self._engines:
                self._engines[key] = engines.make("streaming", altered(networks[trial.weights], trial.factors))

    def scores(self, case: Case, pictures: Pictures, done: Callable[[], Any] = lambda: None) -> dict[str, Any]:
        """What a clip gives, as JSON values; `done` is called after each trial.

        "clip": what is known of it, with "motion_pixels", the mean length of the HR frames' flow. "bicubic": dB of its
        frames by degradation. "trials": for each its "psnr", dB of each frame that has two neighbours on either side,
        and with nothing or the default changed its "rings" (RINGS, 2): sum of squared error (8-bit levels), number of
        values. UserError for a frame that equals the truth: its PSNR is infinite.
        """
        high, restored = pictures.high, range(_HALF, len(pictures.high) - _HALF)
        bicubic = {}
        for frames in dict.fromkeys(trial.frames for trial in self.trials):
            upsampled = ((centre, bicubic_on_grid(pictures.low[frames][centre])) for centre in restored)
            bicubic[frames] = [_psnr(case, image, high[centre]) for centre, image in upsampled]
        trials = []
        for trial in self.trials:
            pairs = [(image, high[centre]) for centre, image in self._restored(trial, pictures.low[trial.frames])]
            found = {**asdict(trial), "psnr": [_psnr(case, image, truth) for image, truth in pairs]}
            if trial.factors in ((), CHANGED_DEFAULT):
                found["rings"] = sum((_by_ring(image, truth) for image, truth in pairs), np.zeros((RINGS, 2))).tolist()
            trials.append(found)
            done()
        return {"clip": _about(case, high), "bicubic": bicubic, "trials": trials}

    def _restored(self, trial: Trial, low: np.ndarray) -> list[tuple[int, np.ndarray]]:
        """The frames that have two neighbours on either side: index, and (4h, 4w, 3) uint8."""
        engine, network = self._engines[trial.weights, trial.factors], self._networks[trial.weights]
        engine.reset()
        frames, images = dict(enumerate(low)), []
        for centre in range(_HALF, len(low) - _HALF):
            alone = NO_NEIGHBOURS in trial.factors
            engine.upload([centre] * WINDOW if alone else range(centre - _HALF, centre + _HALF + 1), frames)
            images.append((centre, to_uint8(network.download(engine.run())[0])))
        return images


def motion(high: np.ndarray) -> float:
    """Mean length of the flow from each frame to the next (DIS), in pixels."""
    flows = [optical_flow(first, second, "dis") for first, second in zip(high, high[1:])]
    return float(np.mean([np.linalg.norm(flow, axis=2).mean(dtype=np.float64) for flow in flows]))


def _about(case: Case, high: np.ndarray) -> dict[str, Any]:
    return {
        "name": case.name,
        "scene": case.scene,
        "set": case.set,
        "kind": case.kind,
        "motion": case.motion,
        "motion_pixels": motion(high),
        "frames": len(high),
        "hr_size": list(high.shape[1:3]),
        "hr_digest": sha256_array(high),
    }


def _psnr(case: Case, image: np.ndarray, truth: np.ndarray) -> float:
    found = psnr(image, truth)
    if np.isinf(found):
        raise UserError(
            f"A frame of the clip {case.name} is upsampled without any error, so that it has no finite PSNR and can "
            "show no change: leave out the clip."
        )
    return found


def _by_ring(image: np.ndarray, truth: np.ndarray) -> np.ndarray:
    squared = ((image.astype(np.float64) - truth) ** 2).sum(2)
    rows, columns = (np.abs(np.arange(side) - (side - 1) / 2) / (side / 2) for side in squared.shape)
    ring = np.minimum(RINGS * np.hypot(rows[:, None], columns) / np.sqrt(2), RINGS - 1).astype(int).ravel()
    return np.stack([np.bincount(ring, squared.ravel(), RINGS), 3 * np.bincount(ring, minlength=RINGS)], axis=1)
