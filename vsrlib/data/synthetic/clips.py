"""HR clips with exact optical flow, made from the photographs inside the scikit-image wheel and from dead leaves."""

import math
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np
import scipy

from vsrlib.common.errors import UserError
from vsrlib.data.clips import Clip
from vsrlib.data.frames import rounded
from vsrlib.data.synthetic.motion import Layer, Motion, pixel_grid, place_camera, place_patch
from vsrlib.data.synthetic.pictures import PHOTOGRAPHS, dead_leaves, load_photograph

__all__ = ["PHOTOGRAPHS", "Motion", "PlannedClip", "SyntheticClip", "embedded_clips", "planned_clips"]

_LEAVES = "leaves-"  # begins the names of pictures that are no photographs
_EDGE = 1.5  # width of the patch's soft edge, HR pixels
_CLEAR = _EDGE / 2 + 1  # from here on a pixel and its neighbours show one layer alone


@dataclass(frozen=True)
class SyntheticClip(Clip):
    """A clip whose motion is known: one or two layers, and the photographs they show."""

    photographs: tuple[str, ...]
    background: Layer
    foreground: Layer | None = None

    def flow(self, i: int, j: int) -> tuple[np.ndarray, np.ndarray]:
        """Exact motion from frame `i` to frame `j`: flow (2, H, W) float32 in pixels, x then y, and valid (H, W) bool.

        The scene point at (x, y) in frame i is at (x, y) + flow in frame j, and the flow is given everywhere.
        It is valid where that point is inside frame j and seen in both: neither covered by the patch nor so near to
        the patch's edge (1.75 pixels) that a pixel or its neighbour mixes the two layers.
        """
        height, width = self.frames.shape[1:3]
        here = pixel_grid((height, width))
        there = self.background.move(i, j, here)
        clear = np.ones((height, width), dtype=bool)
        if self.foreground is not None:
            depth = self.foreground.depth(i, here)
            on_patch = depth > 0
            clear = np.where(
                on_patch, depth >= _CLEAR, (depth <= -_CLEAR) & (self.foreground.depth(j, there) <= -_CLEAR)
            )
            there = np.where(on_patch, self.foreground.move(i, j, here), there)
        inside = (there[0] >= 0) & (there[0] <= width - 1) & (there[1] >= 0) & (there[1] <= height - 1)
        return (there - here).astype(np.float32), clear & inside


@dataclass(frozen=True)
class PlannedClip:
    """A clip whose frames are made when they are asked for, one by one; size: (H, W) in pixels.

    photographs, background, foreground: see `SyntheticClip`; shown: gives the picture (h, w, 3) uint8 of each name.
    """

    name: str
    size: tuple[int, int]
    shown: Callable[[str], np.ndarray]
    photographs: tuple[str, ...]
    background: Layer
    foreground: Layer | None

    def __len__(self) -> int:
        return len(self.background.to_texture)

    def frames(self) -> Iterator[np.ndarray]:
        """Yield every frame, (H, W, 3) uint8 RGB, and keep none."""
        behind = render_layer(self.background, self.shown(self.photographs[0]), self.size)
        if self.foreground is None:
            yield from map(rounded, behind)
            return
        here = pixel_grid(self.size)
        patches = render_layer(self.foreground, self.shown(self.photographs[1]), self.size)
        for t, (picture, patch) in enumerate(zip(behind, patches)):
            opacity = np.clip(0.5 + self.foreground.depth(t, here) / _EDGE, 0, 1)[..., None]
            yield rounded(picture + opacity * (patch - picture))

    def made(self) -> SyntheticClip:
        """The clip with all of its frames."""
        frames = np.stack(list(self.frames()))
        return SyntheticClip(self.name, frames, self.photographs, self.background, self.foreground)


def embedded_clips(
    split: str,
    frames: int,
    size: tuple[int, int],
    seed: int,
    count: int | None = None,
    motion: Motion | None = None,
    leaves: int = 0,
    speeds: Sequence[float] = (),
) -> list[SyntheticClip]:
    """Make HR clips from the photographs of a split ("train", "validation" or "test"), the same ones for the same seed.

    `size` is (H, W) in pixels; `count` defaults to one clip a photograph, and more go round again on other paths.
    Each clip depends on (seed, its name) alone. A clip is a smooth camera path over a photograph (translation,
    rotation, zoom) and, by default, an elliptic patch of the split's next photograph that moves on its own; both are
    low-pass filtered for the factor they are downsampled by. `leaves`: so many pictures of dead leaves join the
    photographs. `speeds`: the clips take these mean speeds in turn, in HR pixels per frame, the foreground half as much
    again.
    UserError for an unknown split, a number that makes no sense, or motion for which a photograph has no room.
    """
    return [one.made() for one in planned_clips(split, frames, size, seed, count, motion, leaves, speeds)]


def planned_clips(
    split: str,
    frames: int,
    size: tuple[int, int],
    seed: int,
    count: int | None = None,
    motion: Motion | None = None,
    leaves: int = 0,
    speeds: Sequence[float] = (),
    pictures: Mapping[str, np.ndarray] | None = None,
) -> list[PlannedClip]:
    """What `embedded_clips` makes, before any frame is; the same parameters and errors.

    `pictures`, (H, W, 3) uint8 RGB by name, if given, take the place of the split's photographs; one is asked for
    whenever it is needed. UserError for one that is called as a drawn one is.
    """
    if split not in PHOTOGRAPHS:
        raise UserError(f"split {split!r} is unknown: give one of {', '.join(PHOTOGRAPHS)}.")
    names = (*(pictures or PHOTOGRAPHS[split]), *(f"{_LEAVES}{index + 1}" for index in range(leaves)))
    if len(set(names)) < len(names):
        twice = next(name for name in names if name in (pictures or {}) and names.count(name) > 1)
        raise UserError(f"a picture is called {twice}, as one of the drawn ones is: rename it, or give fewer leaves.")
    stems = {name: name if pictures or name.startswith(_LEAVES) else name.rsplit(".", 1)[0] for name in names}
    count = len(names) if count is None else count
    if frames < 1 or count < 1 or min(size) < 16 or seed < 0:
        raise UserError(
            f"cannot make {count} clip(s) of {frames} frame(s) of {size[1]}x{size[0]} pixels with seed "
            f"{seed}: give at least one clip, one frame, 16 pixels a side and a seed of 0 or more."
        )
    motion = motion or Motion()
    motions = [replace(motion, speed=speed, foreground_speed=1.5 * speed) for speed in speeds] or [motion]
    shown = partial(_picture, pictures or {}, seed)
    return [_planned(stems, shown, index, frames, size, seed, motions[index % len(motions)]) for index in range(count)]


def render_layer(layer: Layer, photograph: np.ndarray, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Yield the layer as seen in every frame, (H, W, 3) float64, by cubic B-spline interpolation."""
    # The spline's prefilter and the low-pass filter commute, so the former is done once, the latter per scale.
    planes = [scipy.ndimage.spline_filter(photograph[..., c].astype(np.float64), mode="mirror") for c in range(3)]
    sigma, smooth = 0.0, planes
    for t, transform in enumerate(layer.to_texture):
        wanted = lowpass_sigma(layer.scale(t))
        if wanted != sigma:
            sigma, smooth = wanted, [scipy.ndimage.gaussian_filter(plane, wanted, mode="mirror") for plane in planes]
        # SciPy counts rows before columns, the transforms x before y.
        matrix, offset = transform[::-1, 1::-1], transform[::-1, 2]
        result = np.empty((*size, 3))
        for c in range(3):
            scipy.ndimage.affine_transform(
                smooth[c], matrix, offset, size, output=result[:, :, c], mode="mirror", prefilter=False
            )
        yield result


def lowpass_sigma(scale: float) -> float:
    """Sigma, in photograph pixels, of the filter before sampling every `scale` pixels.

    Turns a photograph with a blur of 0.5 of its pixels into a frame with a blur of 0.5 of the frame's.
    """
    return 0.5 * math.sqrt(max(scale**2 - 1, 0))


def _planned(
    stems: Mapping[str, str],
    shown: Callable[[str], np.ndarray],
    index: int,
    frames: int,
    size: tuple[int, int],
    seed: int,
    motion: Motion,
) -> PlannedClip:
    """stems: of the pictures' names, what their clips are called after."""
    names = list(stems)
    around, which = divmod(index, len(names))
    back, front = names[which], names[(which + 1) % len(names)]
    name = stems[back] if around == 0 else f"{stems[back]}-{around + 1}"
    while around and name in stems.values():  # a picture may be called walk-2, and walk's second clip then walk-2_
        name += "_"
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    height, width = shown(back).shape[:2]
    background = place_camera(rng, motion, frames, size, (height, width), back)
    if motion.foreground_speed is None:
        return PlannedClip(name, size, shown, (back,), background, None)
    height, width = shown(front).shape[:2]
    foreground = place_patch(rng, motion, frames, size, (height, width), background.scale(0))
    return PlannedClip(name, size, shown, (back, front), background, foreground)


def _picture(pictures: Mapping[str, np.ndarray], seed: int, name: str) -> np.ndarray:
    return pictures[name] if name in pictures else _embedded(name, seed)


@lru_cache(maxsize=32)
def _embedded(name: str, seed: int) -> np.ndarray:
    if name.startswith(_LEAVES):
        return dead_leaves(np.random.default_rng([seed, zlib.crc32(name.encode()), 1]))
    return load_photograph(name)
