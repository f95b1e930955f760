"""Smooth paths of a camera and of a moving object, for clips made from photographs."""

import math
from dataclasses import dataclass

import numpy as np

from vsrlib.errors import UserError

TURNS_PER_FRAME = (1 / 48, 1 / 32, 1 / 24, 1 / 16, 1 / 12, 1 / 8)
"""How fast a path may curve, calmest first; a tighter curve takes less room at the same speed."""


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

    @classmethod
    def none(cls) -> "Motion":
        """Nothing moves: every frame of a clip is the same."""
        return cls(speed=0, rotation=0, zoom=0, foreground_speed=None)

    @classmethod
    def translation(cls, speed: float) -> "Motion":
        """The scene moves as a whole by `speed` HR pixels per frame and nothing else happens."""
        return cls(speed=speed, rotation=0, zoom=0, foreground_speed=None)

    @classmethod
    def turning(cls, rotation: float) -> "Motion":
        """The scene turns about the frame's centre by `rotation` degrees per frame and nothing else happens."""
        return cls(speed=0, rotation=rotation, zoom=0, foreground_speed=None)


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


def _scaled(path: np.ndarray, step: float) -> np.ndarray:
    if len(path) < 2:
        return np.zeros_like(path)
    return path * (step / np.mean(np.linalg.norm(np.diff(path, axis=0), axis=1)))
