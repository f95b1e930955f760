"""Where the pixels of a clip made from photographs come from: a camera over one photograph, a moving patch of another.

Points are (x, y) in pixels; pixel centres lie at whole numbers. "Texture" means the photograph a layer shows.
"""

import math
from dataclasses import dataclass

import numpy as np

from vsrlib.common.errors import UserError

# Texture pixels per HR pixel, sharpest first. Never below 1: an upsampled photograph is no sharp HR frame.
_SCALES = (2.0, 1.75, 1.5, 1.35, 1.2, 1.1, 1.0)
_MARGIN = 3  # texture pixels kept between the frame and the photograph's border, for the interpolation's footprint
_CAMERA_DRAWS, _PATCH_DRAWS = 10, 12

TURNS_PER_FRAME = (1 / 48, 1 / 32, 1 / 24, 1 / 16, 1 / 12, 1 / 8)
"""How fast a path may curve, calmest first; a tighter curve takes less room at the same speed."""


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
        transform, axes = self.to_texture[frame], (2, *[1] * (points.ndim - 1))
        texture = np.tensordot(transform[:, :2], points, axes=1) + transform[:, 2].reshape(axes)
        radii = self.radii.reshape(axes)
        offset = (texture - self.centre.reshape(axes)) / radii
        radius = np.hypot(*offset)
        slope = np.hypot(*(offset / radii)) / np.maximum(radius, 1e-9)
        return (1 - radius) / np.maximum(slope, 1e-9) / self.scale(frame)


@dataclass(frozen=True)
class Motion:
    """How much moves, as means over a clip's consecutive frames.

    `speed`: HR pixels per frame that the scene moves; `rotation`: degrees per frame; `zoom`: relative change of scale
    per frame; `foreground_speed`: HR pixels per frame of the foreground patch within the frame, None for no patch.
    """

    speed: float = 3.0
    rotation: float = 0.25
    zoom: float = 0.002
    foreground_speed: float | None = 4.0

    def __post_init__(self) -> None:
        for name in ("speed", "rotation", "zoom", "foreground_speed"):
            value = getattr(self, name)
            if not (value is None and name == "foreground_speed") and not (math.isfinite(value) and value >= 0):
                raise UserError(f"motion {name} is {value}: give 0 or a positive number.")

    def words(self) -> str:
        """How the camera moves."""
        return (
            f"a camera that moves by {self.speed:g} pixels a frame, turns by {self.rotation:g} degrees and zooms by "
            f"{100 * self.zoom:g} %"
        )

    @classmethod
    def only(cls, speed: float = 0, rotation: float = 0) -> "Motion":
        """The scene moves as a whole, or turns about the frame's centre, by so much; nothing else moves."""
        return cls(speed, rotation, zoom=0, foreground_speed=None)


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
        f"{size[1]}x{size[0]} with {motion.words()}: ask for smaller frames or fewer of them, or give larger pictures."
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


def translation_path(shape: np.ndarray, frames: int, speed: float, turns_per_frame: float) -> np.ndarray:
    """Positions (frames, 2), x and y in pixels, along an ellipse; their mean is 0, their mean step exactly `speed`.

    `shape` holds four uniform draws from [0, 1): where on the ellipse, its axis ratio, its orientation, the sense.
    """
    start, ratio, orientation, sense = shape
    angle = 2 * math.pi * (start + np.copysign(turns_per_frame, sense - 0.5) * np.arange(frames))
    flat = np.stack([np.cos(angle), (0.4 + 0.6 * ratio) * np.sin(angle)], axis=1)
    path = _scaled(flat @ rotation_matrix(2 * math.pi * orientation).T, speed)
    return path - path.mean(axis=0)


def swing_path(shape: np.ndarray, frames: int, rate: float, turns_per_frame: float) -> np.ndarray:
    """Values (frames,) of a sinusoid that passes near zero mid-clip; the mean absolute step is exactly `rate`.

    `shape` holds two uniform draws from [0, 1): the phase mid-clip (within an eighth of a turn) and the sign.
    """
    phase, sign = shape
    steps = np.arange(frames) - (frames - 1) / 2
    angle = 2 * math.pi * (turns_per_frame * steps + 0.25 * (phase - 0.5))
    return np.copysign(1, sign - 0.5) * _scaled(np.sin(angle)[:, None], rate)[:, 0]


def rotation_matrix(angle: float) -> np.ndarray:
    """(2, 2) for (x, y) columns, `angle` in radians, from the x axis towards the y axis."""
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def pixel_grid(size: tuple[int, ...], step: int = 1) -> np.ndarray:
    """The points (2, H, W), x then y, of the pixels of (height, width), `step` apart."""
    return step * np.stack(np.meshgrid(np.arange(size[1], dtype=float), np.arange(size[0], dtype=float)))


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


def _scaled(path: np.ndarray, step: float) -> np.ndarray:
    if len(path) < 2:
        return np.zeros_like(path)
    return path * (step / np.mean(np.linalg.norm(np.diff(path, axis=0), axis=1)))
