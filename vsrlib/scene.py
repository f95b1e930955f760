"""Where the pixels of a clip made from photographs come from: a camera over one photograph, a moving patch of another.

Points are (x, y) in pixels; pixel centres lie at whole numbers. "Texture" means the photograph a layer shows.
"""

import math
from dataclasses import dataclass

import numpy as np

from vsrlib.errors import UserError
from vsrlib.motion import TURNS_PER_FRAME, Motion, rotation_matrix, swing_path, translation_path

# Texture pixels per HR pixel, sharpest first. Never below 1: an enlarged photograph is no sharp HR frame.
_SCALES = (2.0, 1.75, 1.5, 1.35, 1.2, 1.1, 1.0)
_MARGIN = 3  # texture pixels kept between the frame and the photograph's border, for the interpolation's footprint
_CAMERA_DRAWS, _PATCH_DRAWS = 10, 12


@dataclass(frozen=True)
class Layer:
    """A photograph under a similarity transform per frame; with `radii`, only an ellipse of it is seen.

    `to_texture` (N, 2, 3) takes frame points to texture points; `centre` and `radii` (2,) are in texture pixels.
    """

    to_texture: np.ndarray
    centre: np.ndarray | None = None
    radii: np.ndarray | None = None

    def scale(self, frame: int) -> float:
        """Texture pixels per frame pixel."""
        return math.sqrt(abs(np.linalg.det(self.to_texture[frame][:, :2])))

    def move(self, first: int, second: int, points: np.ndarray) -> np.ndarray:
        """Where points (2, ...) of frame `first` are in frame `second`."""
        if first == second:
            return points.copy()
        a, b = self.to_texture[first], self.to_texture[second]
        turn = np.linalg.solve(b[:, :2], a[:, :2])
        shift = np.linalg.solve(b[:, :2], a[:, 2] - b[:, 2])
        return np.tensordot(turn, points, axes=1) + shift.reshape(2, *[1] * (points.ndim - 1))

    def depth(self, frame: int, points: np.ndarray) -> np.ndarray:
        """How far inside the ellipse's edge points (2, ...) of a frame lie, in frame pixels (negative outside).

        First order: right near the edge, which is where it is used.
        """
        assert self.centre is not None and self.radii is not None, "a layer without an edge fills the frame"
        trailing = [1] * (points.ndim - 1)
        texture = np.tensordot(self.to_texture[frame][:, :2], points, axes=1) + self.to_texture[frame][:, 2].reshape(
            2, *trailing
        )
        offset = (texture - self.centre.reshape(2, *trailing)) / self.radii.reshape(2, *trailing)
        radius = np.hypot(*offset)
        slope = np.hypot(*(offset / self.radii.reshape(2, *trailing))) / np.maximum(radius, 1e-9)
        return (1 - radius) / np.maximum(slope, 1e-9) / self.scale(frame)


def place_camera(
    rng: np.random.Generator, motion: Motion, frames: int, size: tuple[int, int], photograph: tuple[int, int], name: str
) -> Layer:
    """A camera path over a photograph of (height, width) pixels, such that no frame (height, width) leaves it.

    Takes the calmest path that has room, and on it the sharpest scale. UserError where nothing has room.
    """
    draws = rng.random(_CAMERA_DRAWS)
    for turns in TURNS_PER_FRAME:
        position = translation_path(draws[:4], frames, motion.speed, turns)
        angle = np.radians(swing_path(draws[4:6], frames, motion.rotation, turns))
        zoom = swing_path(draws[6:8], frames, motion.zoom, turns)
        for scale in _SCALES:
            factors = scale * np.exp(zoom - zoom.min())
            linear = np.stack([f * rotation_matrix(a) for f, a in zip(factors, angle)])
            low, high = _corner_box(linear, position, size)
            room = np.array([photograph[1] - 1, photograph[0] - 1]) - 2 * _MARGIN - (high - low)
            if (room >= 0).all():
                origin = _MARGIN - low + draws[8:10] * room
                return Layer(_transforms(linear, position + _middle(size), origin))
    raise UserError(
        f"photograph {name} ({photograph[1]}x{photograph[0]} pixels) is too small for {frames} frames of "
        f"{size[1]}x{size[0]} with {motion}: ask for smaller frames, fewer of them or less motion."
    )


def place_patch(
    rng: np.random.Generator,
    motion: Motion,
    frames: int,
    size: tuple[int, int],
    photograph: tuple[int, int],
    scale: float,
) -> Layer:
    """An elliptic patch of a photograph of (height, width) pixels, on a path of its own within the frame."""
    assert motion.foreground_speed is not None, "this motion has no patch"
    draws = rng.random(_PATCH_DRAWS)
    position = translation_path(draws[:4], frames, motion.foreground_speed, TURNS_PER_FRAME[1])
    angle = np.radians(swing_path(draws[4:6], frames, motion.rotation, TURNS_PER_FRAME[1]))
    frame = np.array([size[1], size[0]])
    radii = scale * frame * (0.12 + 0.08 * draws[6:8])
    room = np.array([photograph[1], photograph[0]]) - 1 - 2 * (_MARGIN + radii)
    if (room < 0).any():
        raise UserError(
            f"a photograph of {photograph[1]}x{photograph[0]} pixels is too small for the foreground of "
            f"frames of {size[1]}x{size[0]}: ask for smaller frames or leave the foreground out."
        )
    centre = _MARGIN + radii + draws[8:10] * room
    middle = frame * (0.25 + 0.5 * draws[10:12])
    linear = np.stack([scale * rotation_matrix(a) for a in angle])
    return Layer(_transforms(linear, position + middle, centre), centre, radii)


def _corner_box(linear: np.ndarray, position: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    corners = np.array([[x, y] for x in (0, size[1] - 1) for y in (0, size[0] - 1)])
    offsets = corners[None] - position[:, None] - _middle(size)
    texture = np.einsum("nij,ncj->nci", linear, offsets).reshape(-1, 2)
    return texture.min(axis=0), texture.max(axis=0)


def _transforms(linear: np.ndarray, pivot: np.ndarray, origin: np.ndarray) -> np.ndarray:
    # Frame point `pivot` shows texture point `origin` in every frame.
    shift = origin - np.einsum("nij,nj->ni", linear, pivot)
    return np.concatenate([linear, shift[:, :, None]], axis=2)


def _middle(size: tuple[int, int]) -> np.ndarray:
    return np.array([size[1] - 1, size[0] - 1]) / 2
