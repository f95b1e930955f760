"""Training pairs with exact flow: photographs in motion, seen twice, blurred and decimated as LR frames are.

A scene is a photograph as background and up to three pieces of others in front, each under a similarity motion of its
own. It is rendered in HR and degraded by the project's own degradation, because what the flow network is given later
are LR frames: their blur and their aliasing, not a photograph's sharpness, are what it must match through. Points are
(x, y) in HR pixels; LR pixel i lies at HR pixel 4i, so the flow is taken there and divided by 4.
"""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np

from vsrlib.data.degrade import BLURS, SCALE
from vsrlib.data.synthetic.motion import pixel_grid, rotation_matrix
from vsrlib.training.flow.options import FlowOptions
from vsrlib.training.samples import draw_kernel

_EDGE = 1.5  # width of a piece's soft edge, HR pixels
_BAR = 1.0, 5.0  # widths of bars, LR pixels
_TURN, _ZOOM = math.radians(1.5), 0.015  # standard deviations of a motion's rotation and of the logarithm of its zoom


class Sample(NamedTuple):
    """Two LR frames (3, h, w) float32 in about [0, 1], the flow (2, h, w) float32 from the first to the second in LR
    pixels, given everywhere, and visible (h, w) bool: whether the scene point is in the second frame, and not covered.
    """

    first: np.ndarray
    second: np.ndarray
    flow: np.ndarray
    visible: np.ndarray


@dataclass(frozen=True)
class Surface:
    """A photograph in motion. `to_texture` and `motion` (2, 3) take points of the first frame to points of the
    photograph and of the second frame; `gains` (3,) colour it.

    A piece is a disc of `radius` HR pixels about `centre`, cut along straight lines: `sides` (k, 3) holds each line's
    unit normal and its distance from the centre. A background has the radius infinity.
    """

    texture: np.ndarray
    to_texture: np.ndarray
    motion: np.ndarray
    gains: np.ndarray
    centre: np.ndarray
    radius: float
    sides: np.ndarray

    def depth(self, points: np.ndarray, second: bool = False) -> np.ndarray:
        """How far inside its edge points (2, ...) of the first or the second frame lie, in first-frame pixels."""
        x, y = (_inverse(self.motion) if second else np.eye(2, 3)) @ _homogeneous(points) - self.centre[:, None]
        depth = self.radius - np.hypot(x, y)
        for across, down, distance in self.sides:
            depth = np.minimum(depth, distance - across * x - down * y)
        return depth.reshape(points.shape[1:])

    def move(self, points: np.ndarray, second: bool = False) -> np.ndarray:
        """Where points (2, ...) of the first frame are in the second, or the other way round."""
        return ((_inverse(self.motion) if second else self.motion) @ _homogeneous(points)).reshape(points.shape)

    def render(self, second: bool, box: tuple[int, int, int, int]) -> np.ndarray:
        """The whole photograph as seen in the `box` (left, top, right, bottom) of a frame, (H, W, 3) float32 in 0..255.

        Beyond its border it is mirrored. OpenCV rounds positions to 1/32 pixel, which is 1/256 LR pixel at most.
        """
        transform = _compose(self.to_texture, _inverse(self.motion)) if second else self.to_texture
        left, top, right, bottom = box
        size = right - left, bottom - top
        texture, transform = _mirrored(self.texture, _compose(transform, np.array([[1.0, 0, left], [0, 1, top]])), size)
        picture = cv2.warpAffine(
            texture,
            transform,
            size,
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        return picture * self.gains

    def box(self, second: bool, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of the part of an HR frame of `size` that the piece and its soft edge can lie in."""
        x, y = self.move(self.centre[:, None])[:, 0] if second else self.centre
        reach = (self.radius + _EDGE) * max(1.0, math.sqrt(np.linalg.det(self.motion[:, :2]))) + 1
        return (
            int(np.clip(x - reach, 0, size[1])),
            int(np.clip(y - reach, 0, size[0])),
            int(np.clip(x + reach + 1, 0, size[1])),
            int(np.clip(y + reach + 1, 0, size[0])),
        )


def draw_samples(
    rng: np.random.Generator,
    textures: list[np.ndarray],
    size: tuple[int, int],
    max_shift: float = FlowOptions.max_shift,
    jitter: float = 0.03,
    bars: int = FlowOptions.bars,
    noise: float = FlowOptions.noise,
) -> tuple[Sample, Sample]:
    """A random scene as a pair of LR frames of `size` (h, w), forwards and backwards: rendering is what takes time.

    Backgrounds and pieces move by up to `max_shift` LR pixels, small shifts being the most frequent, and turn and zoom
    a little. One kernel, of either family, blurs both frames. `jitter`: the second frame's brightness is multiplied by
    1 +- jitter, and raised by a third of that at most. Up to `bars` thin bars stand in front. Both frames have noise of
    one standard deviation, `noise` at most.
    """
    scene = draw_scene(rng, textures, size, max_shift, bars)
    kernel = draw_kernel(BLURS[rng.integers(len(BLURS))], rng)
    first, second = (degrade(compose(scene, which, size), kernel) for which in (False, True))
    gain, offset = rng.uniform(-jitter, jitter, 2)
    second = second * np.float32(1 + gain) + np.float32(offset / 3)
    if noise:
        deviation = np.float32(rng.uniform(0, noise))
        first, second = (frame + deviation * rng.standard_normal(frame.shape, np.float32) for frame in (first, second))
    return Sample(first, second, *scene_flow(scene, size)), Sample(second, first, *scene_flow(scene, size, second=True))


def draw_scene(
    rng: np.random.Generator,
    textures: list[np.ndarray],
    size: tuple[int, int],
    max_shift: float,
    bars: int = FlowOptions.bars,
    scale: float = 1.0,
) -> list[Surface]:
    """The surfaces of a random scene for LR frames of `size`, the background first and the nearest last.

    scale: the fewest photograph pixels for an HR pixel, never below 1: an upsampled photograph is no sharp HR frame.
    """
    frame = SCALE * np.array([size[1], size[0]], dtype=float)
    surfaces = [_draw_surface(rng, textures, frame / 2, max_shift, math.inf, 0, scale)]
    for _ in range(rng.integers(4)):
        radius = frame.min() * rng.uniform(0.08, 0.25)
        surfaces.append(_draw_surface(rng, textures, rng.random(2) * frame, max_shift, radius, rng.integers(6), scale))
    for _ in range(rng.integers(bars + 1) if bars else 0):
        radius = frame.min() * rng.uniform(0.2, 0.6)
        piece = _draw_surface(rng, textures, rng.random(2) * frame, max_shift, radius, 1, scale)
        (across, down, _), half = piece.sides[0], SCALE * rng.uniform(*_BAR) / 2
        surfaces.append(replace(piece, sides=np.array([[across, down, half], [-across, -down, half]])))
    return surfaces


def at_time(scene: list[Surface], time: float, rng: np.random.Generator, wobble: float) -> list[Surface]:
    """The scene whose second frame is `time` frames after the first, or before it: every surface goes on as it moved.

    But for a deviation of its own, whose root mean square is `wobble` HR pixels after a frame and grows as the root of
    the time.
    """
    moved = []
    for surface in scene:
        (cosine, _), (sine, _) = surface.motion[:, :2]
        zoom, turn = math.hypot(cosine, sine) ** time, math.atan2(sine, cosine) * time
        shift = surface.move(surface.centre[:, None])[:, 0] - surface.centre
        shift = shift * time + rng.normal(0, wobble * math.sqrt(abs(time) / 2), 2)
        moved.append(replace(surface, motion=_similarity(zoom, turn, surface.centre, surface.centre + shift)))
    return moved


def compose(scene: list[Surface], second: bool, size: tuple[int, int]) -> np.ndarray:
    """The first or the second HR frame, (4h, 4w, 3) float32 in [0, 255], for LR frames of `size`."""
    height, width = SCALE * size[0], SCALE * size[1]
    picture = scene[0].render(second, (0, 0, width, height))
    for piece in scene[1:]:
        left, top, right, bottom = box = piece.box(second, (height, width))
        if right > left and bottom > top:
            part = picture[top:bottom, left:right]
            here = pixel_grid((bottom - top, right - left)) + np.array([left, top]).reshape(2, 1, 1)
            opacity = np.clip(0.5 + piece.depth(here, second) / _EDGE, 0, 1)[..., None].astype(np.float32)
            part += opacity * (piece.render(second, box) - part)
    return picture


def degrade(frame: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """An HR frame (4h, 4w, 3) float32 in [0, 255] as LR (3, h, w) in [0, 1]: `blur_down_exact`, in half the time."""
    low = cv2.filter2D(frame, cv2.CV_32F, kernel, borderType=cv2.BORDER_REPLICATE)[::SCALE, ::SCALE]
    return np.ascontiguousarray(low.transpose(2, 0, 1)) / np.float32(255)


def scene_flow(scene: list[Surface], size: tuple[int, int], second: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Flow and visibility of a scene at the LR pixels, as in a Sample: from the first frame, or from the second."""
    here = pixel_grid(size, SCALE)
    there = scene[0].move(here, second)
    front, covered = np.zeros(size, dtype=int), np.zeros(size, dtype=bool)
    for index, piece in enumerate(scene[1:], start=1):
        seen = piece.depth(here, second) > 0
        there = np.where(seen, piece.move(here, second), there)
        front[seen] = index
    for index, piece in enumerate(scene[1:], start=1):
        covered |= (piece.depth(there, not second) > 0) & (front < index)
    last = SCALE * (np.array([size[1], size[0]]) - 1)[:, None, None]
    inside = ((there >= 0) & (there <= last)).all(axis=0)
    return ((there - here) / SCALE).astype(np.float32), inside & ~covered


def _draw_surface(
    rng: np.random.Generator,
    textures: list[np.ndarray],
    centre: np.ndarray,
    max_shift: float,
    radius: float,
    sides: int,
    scale: float,
) -> Surface:
    texture = textures[rng.integers(len(textures))]
    zoom, turn = scale * rng.uniform(1, 1.25), rng.uniform(0, 2 * math.pi)
    origin = rng.random(2) * (np.array([texture.shape[1], texture.shape[0]]) - 1)
    to_texture = _similarity(zoom, turn, centre, origin)
    # The square makes small shifts the frequent ones, as in videos.
    length, direction = SCALE * max_shift * rng.random() ** 2, rng.uniform(0, 2 * math.pi)
    shift = length * np.array([math.cos(direction), math.sin(direction)])
    motion = _similarity(math.exp(rng.normal(0, _ZOOM)), rng.normal(0, _TURN), centre, centre + shift)
    # Coloured, because half of the shipped photographs are grey.
    gains = (rng.uniform(0.6, 1) * rng.uniform(0.8, 1, 3)).astype(np.float32)
    angles, distances = rng.uniform(0, 2 * math.pi, sides), rng.uniform(0.3, 0.8, sides)
    lines = np.stack([np.cos(angles), np.sin(angles), (distances * radius if sides else distances)], axis=1)
    return Surface(texture, to_texture, motion, gains, np.asarray(centre), radius, lines)


def _similarity(zoom: float, turn: float, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    # Takes `source` to `target`.
    linear = zoom * rotation_matrix(turn)
    return np.column_stack([linear, target - linear @ source])


def _mirrored(texture: np.ndarray, transform: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The photograph and `transform` into it; with its mirror images about it, where the box of `size` (width, height)
    reaches farther beyond its border than it is large: there OpenCV 5.0 reads wrong pixels.
    """
    corners = transform @ np.array([[0, size[0], 0, size[0]], [0, 0, size[1], size[1]], [1, 1, 1, 1]])
    sides = np.array(texture.shape[1::-1])
    beyond = np.maximum(-corners.min(axis=1), corners.max(axis=1) - sides)
    if (beyond <= sides).all():
        return texture, transform
    border = math.ceil(beyond.max()) + 2  # what a bicubic sample reads
    texture = cv2.copyMakeBorder(texture, border, border, border, border, cv2.BORDER_REFLECT_101)
    return texture, transform + np.array([[0, 0, border], [0, 0, border]])


def _compose(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def _inverse(transform: np.ndarray) -> np.ndarray:
    (a, b), (c, d) = transform[:, :2]
    linear = np.array([[d, -b], [-c, a]]) / (a * d - b * c)
    return np.column_stack([linear, -linear @ transform[:, 2]])


def _homogeneous(points: np.ndarray) -> np.ndarray:
    flat = points.reshape(2, -1)
    return np.concatenate([flat, np.ones((1, flat.shape[1]))])
