"""What a run of `vsrlib bench` is asked for."""

import math
import re
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from vsrlib.bench.protocol import FEWEST
from vsrlib.common.errors import UserError
from vsrlib.common.names import DEVICES, FRAMEWORKS, PRESETS
from vsrlib.common.options import require_at_least, require_choice, require_list
from vsrlib.data.clips import WINDOW

SUITES = ("engines", "memory", "correlation", "blur", "step", "degrade", "post")
NUMPY = "numpy"
"""Where a framework's name would stand, for what is done without one."""
_SMALLEST = 16


@dataclass(frozen=True)
class Options:
    """`size` is (height, width) of an LR frame in pixels, `seconds` the budget of each comparison; `threads` None: not
    set here. `weights` None: initial values of seed 0. UserError for a value that makes no sense.
    """

    suites: tuple[str, ...] = SUITES
    frameworks: tuple[str, ...] = FRAMEWORKS
    preset: str = "published"
    size: tuple[int, int] = (180, 320)
    repeats: int = 30
    seconds: float = 300
    threads: int | None = None
    device: str = "cpu"
    weights: str | None = None
    synchronised: bool = True

    def __post_init__(self) -> None:
        require_list("SUITE", list(self.suites), SUITES)
        require_list("framework", list(self.frameworks), FRAMEWORKS)
        require_choice("preset", self.preset, PRESETS)
        require_choice("device", self.device, DEVICES)
        require_at_least(self, "repeats", FEWEST, "fewer tell nothing about their spread")
        if not (math.isfinite(self.seconds) and self.seconds >= 0):
            raise UserError(f"seconds is {self.seconds}; give 0 or a positive number.")
        if self.threads is not None:
            require_at_least(self, "threads", 1)
        if min(self.size) < _SMALLEST:
            raise UserError(f"size is {self.size[0]}x{self.size[1]}; give at least {_SMALLEST} pixels a side.")

    @property
    def high(self) -> tuple[int, int]:
        """(height, width) of an HR frame."""
        return 4 * self.size[0], 4 * self.size[1]

    def budget(self) -> dict[str, Any]:
        """What `protocol.compare` is told."""
        return {"repeats": self.repeats, "seconds": self.seconds, "synchronised": self.synchronised}

    def to_json(self) -> dict[str, Any]:
        """The options as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Options":
        """What `to_json` gave."""
        lists: dict[str, Any] = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return cls(**values | lists)


def parse_size(text: str) -> tuple[int, int]:
    """ "HxW" -> (H, W). UserError for anything else."""
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if found is None:
        raise UserError(f"size is {text!r}; give HEIGHTxWIDTH in LR pixels, e.g. 180x320.")
    return int(found[1]), int(found[2])


# Frames that move, of any size and without end: what the engines are fed.

_STEP = (1, 2)  # pixels a frame, down and to the right
_SMOOTHNESS = 2.0  # sigma, pixels


class MovingTexture:
    """A smooth random texture that moves by whole pixels and comes in again on the other side."""

    def __init__(self, size: tuple[int, int], seed: int = 0) -> None:
        noise = np.random.default_rng(seed).standard_normal((*size, 3))
        smooth = ndimage.gaussian_filter(noise, (_SMOOTHNESS, _SMOOTHNESS, 0), mode="wrap")
        low, high = smooth.min(), smooth.max()
        self._texture = np.rint(255 * (smooth - low) / (high - low)).astype(np.uint8)

    def frame(self, index: int) -> np.ndarray:
        """(h, w, 3) uint8."""
        return np.roll(self._texture, (index * _STEP[0], index * _STEP[1]), axis=(0, 1))

    def window(self, turn: int) -> tuple[list[int], dict[int, np.ndarray]]:
        """The window that restores a clip's frame `turn` + 2: its five indices, and the frames by index."""
        indices = list(range(turn, turn + WINDOW))
        return indices, {index: self.frame(index) for index in indices}

    def stack(self, turn: int) -> np.ndarray:
        """The same window as one array (5, h, w, 3) uint8."""
        return np.stack([self.frame(index) for index in range(turn, turn + WINDOW)])
