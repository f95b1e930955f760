"""The clips that the suspects are tried on: made from the held-out photographs, or a user's own sets."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vsrlib.clips import embedded_clips
from vsrlib.datasets import HR, LR
from vsrlib.degrade import blur_down
from vsrlib.errors import UserError
from vsrlib.frames import list_clips
from vsrlib.kernels import gaussian_kernel, realistic_kernel
from vsrlib.motion import Motion
from vsrlib.windows import WINDOW

MOTIONS = {
    "no motion": Motion.none(),
    "2 pixels a frame": Motion.translation(2),
    "8 pixels a frame": Motion.translation(8),
    "rotation": Motion.turning(1),
}
"""In HR pixels, and 1 degree a frame."""
FRAMES = 7


@dataclass(frozen=True)
class Case:
    """One clip: HR frames (N, 4h, 4w, 3) uint8, and LR frames (N, h, w, 3) by the name of their degradation."""

    name: str
    motion: str
    high: np.ndarray
    low: dict[str, np.ndarray]


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
