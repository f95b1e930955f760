"""The pictures that training scenes are cut from."""

from pathlib import Path

import cv2
import numpy as np

from vsrlib.errors import UserError
from vsrlib.frames import list_clips, read_frame
from vsrlib.leaves import dead_leaves
from vsrlib.photographs import PHOTOGRAPHS, load_photograph

_SMALLEST = 64  # pixels a side
_HALVED = 256  # from this shorter side on, a picture at half its size is a picture too


def embedded_textures(split: str, leave_out: tuple[str, ...] = (), leaves: int = 0) -> list[np.ndarray]:
    """The photographs of a split ("train", "validation" or "test") but for those named, (H, W, 3) uint8 RGB each.

    `leaves`: so many pictures of dead leaves join them; they have what most of the photographs lack, colours and
    large areas with nothing to match. Large ones are there a second time at half their size: sharper, and with more to
    see in a patch.
    """
    photographs = [load_photograph(name) for name in PHOTOGRAPHS[split] if name not in leave_out]
    return _with_halves(photographs + [dead_leaves(np.random.default_rng([index, 3])) for index in range(leaves)])


def folder_textures(root: Path, most: int = 100) -> list[np.ndarray]:
    """At most `most` frames of a folder of pictures, a folder of clips or a video, evenly spread over all of them.

    Sizes may differ. As `embedded_textures`; UserError for what cannot be read and for pictures below 64 pixels.
    """
    sources = list_clips(root)
    total = sum(len(source) for source in sources)
    wanted = set(np.linspace(0, total - 1, min(most, total)).round().astype(int).tolist())
    pictures, start = [], 0
    for source in sources:
        chosen = [index for index in range(len(source)) if start + index in wanted]
        start += len(source)
        if source.video is None:
            pictures += [read_frame(source.paths[index]) for index in chosen]
        elif chosen:
            frames = dict(enumerate(source.frames()))
            pictures += [frames[index] for index in chosen]
    for picture in pictures:
        if min(picture.shape[:2]) < _SMALLEST:
            raise UserError(
                f"{root} holds a picture of {picture.shape[1]}x{picture.shape[0]} pixels, and at least "
                f"{_SMALLEST} a side are needed: leave it out."
            )
    return _with_halves(pictures)


def _with_halves(pictures: list[np.ndarray]) -> list[np.ndarray]:
    halves = [
        cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        for picture in pictures
        if min(picture.shape[:2]) >= _HALVED
    ]
    return pictures + halves
