"""What real footage has beside blur: noise and compression, put onto LR frames. All of it is off unless asked for."""

import math
import tempfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vsrlib import video
from vsrlib.errors import UserError
from vsrlib.video_writer import write_video

_RATE = Fraction(25)


@dataclass(frozen=True)
class Further:
    """`noise`: standard deviation of Gaussian noise, in levels of 255; `jpeg`: quality, 1 to 100; `video`: CRF of
    H.264 (4:2:0), 0 to 51, larger is coarser. They are done in this order. UserError for a value outside.
    """

    noise: float = 0.0
    jpeg: int | None = None
    video: int | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.noise) and 0 <= self.noise <= 255):
            raise UserError(f"noise is {self.noise}; give a standard deviation from 0 to 255.")
        if self.jpeg is not None and not 1 <= self.jpeg <= 100:
            raise UserError(f"jpeg is {self.jpeg}; give a quality from 1 to 100.")
        if self.video is not None and not 0 <= self.video <= 51:
            raise UserError(f"video is {self.video}; give a CRF from 0 to 51.")

    def described(self) -> dict[str, Any]:
        """{"further": the values that were asked for}, or nothing."""
        wanted = {name: value for name, value in asdict(self).items() if value}
        wanted |= {"video": 0} if self.video == 0 else {}
        return {"further": wanted} if wanted else {}

    def apply(
        self, frames: np.ndarray, name: str, seed: int, run: Callable[[Callable, Iterable], Iterable] = map
    ) -> np.ndarray:
        """(N, h, w, 3) uint8 RGB to the same; noise is drawn for each frame from (seed, clip name, index)."""

        def one(index: int) -> np.ndarray:
            noisy = _noisy(frames[index], self.noise, [seed, zlib.crc32(name.encode()), 1, index])
            return noisy if self.jpeg is None else _jpeg(noisy, self.jpeg)

        if self.noise or self.jpeg is not None:
            frames = np.stack(list(run(one, range(len(frames)))))
        if self.video is None:
            return frames
        if frames.shape[1] % 2 or frames.shape[2] % 2:
            raise UserError(
                f"clip {name} has LR frames of {frames.shape[2]}x{frames.shape[1]} pixels, and H.264 with "
                "half the colour resolution needs even sides: crop HR to multiples of 8, or leave --video "
                "out."
            )
        return _video(frames, self.video)


def _noisy(frame: np.ndarray, sigma: float, seed: list[int]) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, sigma, frame.shape)
    return np.rint(np.clip(frame + noise, 0, 255)).astype(np.uint8)


def _jpeg(frame: np.ndarray, quality: int) -> np.ndarray:
    data = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def _video(frames: np.ndarray, crf: int) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with write_video(path, _RATE, crf) as add:
            for frame in frames:
                add(frame)
        return np.stack(list(video.read_frames(path)))
