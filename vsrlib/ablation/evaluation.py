"""Restores the cases under every trial, and keeps the PSNR of each frame."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from vsrlib import engines
from vsrlib.ablation.cases import Case
from vsrlib.ablation.factors import CHANGED_DEFAULT, NO_NEIGHBOURS, altered
from vsrlib.ablation.trials import Trial
from vsrlib.metrics import psnr, to_uint8
from vsrlib.networks.interface import Network
from vsrlib.progress import bar as progress_bar
from vsrlib.resample import bicubic_on_grid
from vsrlib.windows import WINDOW

RINGS = 10
"""Rings about a frame's centre, of equal width from there to the corner, in which its error is averaged."""


class Scores:
    """`names` and `motions` of the cases; `psnr[trial]`, `bicubic[frames]`: a list of frames' dB for each case.

    `rings[trial]` (RINGS, 2): sum of squared error (8-bit levels) and number of values, for the trials with the right
    network and with the changed default.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.motions: list[str] = []
        self.psnr: dict[Trial, list[list[float]]] = {}
        self.bicubic: dict[str, list[list[float]]] = {}
        self.rings: dict[Trial, np.ndarray] = {}


def evaluate(
    networks: dict[str, Network], trials: Iterable[Trial], cases: Sequence[Callable[[], Case]], progress: bool = True
) -> Scores:
    """Restore every case under every trial; `networks` by the name of their weights, in PyTorch."""
    scores, made = Scores(), {}
    trials = list(dict.fromkeys(trials))
    for trial in trials:
        key = trial.weights, trial.factors
        if key not in made:
            made[key] = engines.make("streaming", altered(networks[trial.weights], trial.factors))
    with progress_bar(len(cases) * len(trials), "ablation", "clip", progress) as bar:
        for load in cases:
            case = load()
            scores.names.append(case.name)
            scores.motions.append(case.motion)
            for frames in dict.fromkeys(trial.frames for trial in trials):
                enlarged = (bicubic_on_grid(frame) for frame in case.low[frames])
                found = [psnr(image, truth) for image, truth in zip(enlarged, case.high)][WINDOW // 2 : -(WINDOW // 2)]
                scores.bicubic.setdefault(frames, []).append(found)
            for trial in trials:
                restored = _restored(
                    networks[trial.weights],
                    made[trial.weights, trial.factors],
                    case.low[trial.frames],
                    NO_NEIGHBOURS in trial.factors,
                )
                pairs = [(image, case.high[centre]) for centre, image in restored]
                scores.psnr.setdefault(trial, []).append([psnr(image, truth) for image, truth in pairs])
                if trial.factors in ((), CHANGED_DEFAULT):
                    rings = scores.rings.setdefault(trial, np.zeros((RINGS, 2)))
                    for image, truth in pairs:
                        rings += _by_ring(image, truth)
                bar.update()
    return scores


def _restored(network: Network, engine: engines.Engine, low: np.ndarray, alone: bool) -> list[tuple[int, np.ndarray]]:
    """The frames that have two neighbours on either side: index, and (4h, 4w, 3) uint8. `alone`: without these."""
    engine.reset()
    frames, images, half = dict(enumerate(low)), [], WINDOW // 2
    for centre in range(half, len(low) - half):
        engine.upload([centre] * WINDOW if alone else range(centre - half, centre + half + 1), frames)
        images.append((centre, to_uint8(network.download(engine.run())[0])))
    return images


def _by_ring(image: np.ndarray, truth: np.ndarray) -> np.ndarray:
    squared = ((image.astype(np.float64) - truth) ** 2).sum(2)
    rows, columns = (np.abs(np.arange(side) - (side - 1) / 2) / (side / 2) for side in squared.shape)
    ring = np.minimum(RINGS * np.hypot(rows[:, None], columns) / np.sqrt(2), RINGS - 1).astype(int).ravel()
    return np.stack([np.bincount(ring, squared.ravel(), RINGS), 3 * np.bincount(ring, minlength=RINGS)], axis=1)
