"""The clips that the factors are ablated on: made from the held-out photographs, or a user's own sets."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vsrlib.claims.ablation.trials import CHANGED_DEFAULT, NO_NEIGHBOURS, Trial, altered
from vsrlib.common.errors import UserError
from vsrlib.common.progress import bar as progress_bar
from vsrlib.data.blur_kernels import gaussian_kernel, realistic_kernel
from vsrlib.data.clips import WINDOW, list_clips
from vsrlib.data.degradation import bicubic_on_grid
from vsrlib.data.degrade import HR, LR, blur_down
from vsrlib.data.frames import to_uint8
from vsrlib.data.synthetic.clips import embedded_clips
from vsrlib.data.synthetic.motion import Motion
from vsrlib.networks.network import Network
from vsrlib.restoration import engines
from vsrlib.restoration.metrics import psnr

MOTIONS = {
    "no motion": Motion.only(),
    "2 pixels a frame": Motion.only(2),
    "8 pixels a frame": Motion.only(8),
    "rotation": Motion.only(rotation=1),
}
"""In HR pixels, and 1 degree a frame."""
FRAMES = 7
"""Of a made clip."""
RINGS = 10
"""Rings about a frame's centre, of equal width from there to the corner, in which its error is averaged."""


@dataclass(frozen=True)
class Case:
    """One clip: HR frames (N, 4h, 4w, 3) uint8, and LR frames (N, h, w, 3) by the name of their degradation."""

    name: str
    motion: str
    high: np.ndarray
    low: dict[str, np.ndarray]


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


def embedded_cases(seeds: list[int], size: tuple[int, int], count: int, draws: int) -> list[Case]:
    """`count` held-out photographs in every motion, once for each seed; `size` (H, W) of the HR frames.

    Degradations: "Gaussian" (sigma 1.2), "Realistic", and "Realistic, draw 2" to "draw n" of the same family, each
    clip with a kernel of its own from its seed.
    """
    cases: list[Case] = []
    for seed in seeds:
        for motion, moved in MOTIONS.items():
            for clip in embedded_clips("test", FRAMES, size, seed, count, moved):
                low = {"Gaussian": _degraded(clip.frames, gaussian_kernel())}
                rng = np.random.default_rng([seed, len(cases)])
                low |= {_draw(index): _degraded(clip.frames, realistic_kernel(rng)) for index in range(draws)}
                cases.append(Case(f"{clip.name}, {motion}, seed {seed}", motion, clip.frames, low))
    return cases


def own_cases(gaussian_set: Path, realistic_set: Path | None) -> list[Callable[[], Case]]:
    """The clips of a user's test sets, as loaders: a set of REDS4's size does not fit into memory at once.

    Both sets hold the same HR clips. UserError where they do not, or where a clip has fewer than five frames.
    """
    sets = {"Gaussian": Path(gaussian_set)} | ({} if realistic_set is None else {"Realistic": Path(realistic_set)})
    found = {blur: {part: list_clips(root / part) for part in (HR, LR)} for blur, root in sets.items()}
    names = {blur: [source.name for source in parts[HR]] for blur, parts in found.items()}
    for blur, parts in found.items():
        if [source.name for source in parts[LR]] != names["Gaussian"] or names[blur] != names["Gaussian"]:
            raise UserError(
                f"{sets[blur]} does not hold the clips of {sets['Gaussian']}: give two sets that were made "
                "from the same clips."
            )

    def loader(index: int) -> Callable[[], Case]:
        def load() -> Case:
            high = found["Gaussian"][HR][index].load().frames
            low = {blur: parts[LR][index].load().frames for blur, parts in found.items()}
            if len(high) < WINDOW or any(len(frames) != len(high) for frames in low.values()):
                raise UserError(
                    f"The clip {names['Gaussian'][index]} has {len(high)} HR frames and "
                    f"{', '.join(str(len(frames)) for frames in low.values())} LR ones: give as many of each, "
                    f"{WINDOW} at least."
                )
            return Case(names["Gaussian"][index], "as filmed", high, low)

        return load

    return [loader(index) for index in range(len(names["Gaussian"]))]


def _draw(index: int) -> str:
    return "Realistic" if index == 0 else f"Realistic, draw {index + 1}"


def _degraded(frames: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return np.stack([blur_down(frame, kernel) for frame in frames])


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
                upsampled = (bicubic_on_grid(frame) for frame in case.low[frames])
                found = [psnr(image, truth) for image, truth in zip(upsampled, case.high)][WINDOW // 2 : -(WINDOW // 2)]
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
