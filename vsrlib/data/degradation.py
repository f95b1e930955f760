"""What makes an HR frame an LR frame: blur and decimation, and noise and compression; and bicubic upsampling back.

Blur and decimation have a definition (`blur_down_exact`) and a fast way to the same bytes (`blur_down`). Bicubic
upsampling is on the sampling grid of the decimation: the fair baseline.
"""

import math
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.options import JobOptions, option
from vsrlib.data.blur_kernels import require_kernel, sums_exactly
from vsrlib.data.frames import Map, batches, require_rgb, rounded, shown_size
from vsrlib.data.video import read_frames, write_video

SCALE = 4
_LARGEST = 41  # side of a kernel up to which its phases (11x11) are filtered directly, not by a Fourier transform
_FOURIER = 50  # values of a phase from which OpenCV filters float64 by a Fourier transform, which rounds
_RATE = Fraction(25)


def blur_down(frame: np.ndarray, kernel: np.ndarray, scale: int = SCALE) -> np.ndarray:
    """Blur (H, W, 3) uint8 with an odd square kernel and decimate to (ceil(H / scale), ceil(W / scale), 3) uint8.

    Borders replicated, cross-correlation (the kernel is not flipped), [::scale, ::scale], clamped to [0, 255],
    rounded half to even. Only the pixels that are kept are computed. ValueError for another type or shape.

    The sums are taken in float32, by phase: the pixels and kernel values that are `scale` apart form small pictures
    and kernels of their own. Where such a sum is so near to a half that its rounding could be another, it is taken
    again as `blur_down_exact` does, so that the bytes are those of the definition on every machine.

    >>> blur_down(np.arange(192, dtype=np.uint8).reshape(8, 8, 3), np.ones((1, 1)))[..., 0]
    array([[  0,  12],
           [ 96, 108]], dtype=uint8)
    """
    require_rgb(frame)
    require_kernel(kernel)
    _require_scale(scale)
    if kernel.shape[0] > _LARGEST:
        return rounded(blur_down_exact(frame, kernel, scale))
    padded = _padded(frame, kernel.shape[0] // 2, scale)
    total = _phases(padded, kernel, scale, np.float32)[: -(-frame.shape[0] // scale), : -(-frame.shape[1] // scale)]
    # A float32 has 24 bits. Roundings on the way of a product: kernel value, product, sums in its phase, sum of phases.
    roundings = 2 + (-(-kernel.shape[0] // scale)) ** 2 + scale**2
    error = 255 * float(np.abs(kernel).sum()) * 1.1 * roundings * 2.0**-24
    unsure = np.abs(total - np.floor(total) - 0.5) <= error
    result = rounded(total)
    result[unsure] = rounded(_exact_at(padded, kernel, scale, np.nonzero(unsure)))
    return result


def blur_down_exact(frame: np.ndarray, kernel: np.ndarray, scale: int = SCALE) -> np.ndarray:
    """As `blur_down`, but neither clamped nor rounded: (H, W, 3) of any type -> float64.

    The definition: for each pixel that is kept the products are added in the kernel's order, row by row, in float64.
    """
    require_kernel(kernel)
    _require_scale(scale)
    height, width, _ = frame.shape
    radius = kernel.shape[0] // 2
    padded = np.pad(frame, ((radius, radius), (radius, radius), (0, 0)), mode="edge")
    total = np.zeros((-(-height // scale), -(-width // scale), 3))
    for row, column in np.ndindex(kernel.shape):
        total += kernel[row, column] * padded[row : row + height : scale, column : column + width : scale]
    return total


def blur_down_float(frame: np.ndarray, kernel: np.ndarray, scale: int = SCALE) -> np.ndarray:
    """`blur_down_exact` of a frame (H, W, 3) uint8, to the same bytes. What training samples are.

    With a kernel of `vsrlib.data.blur_kernels` nothing is rounded in float64, in whatever order the sums are taken, so
    that they are taken by phase, in a fraction of the time. ValueError as `blur_down`.
    """
    require_rgb(frame)
    require_kernel(kernel)
    _require_scale(scale)
    if not sums_exactly(kernel) or (-(-kernel.shape[0] // scale)) ** 2 >= _FOURIER:
        return blur_down_exact(frame, kernel, scale)
    total = _phases(_padded(frame, kernel.shape[0] // 2, scale), kernel, scale, np.float64)
    return np.ascontiguousarray(total[: -(-frame.shape[0] // scale), : -(-frame.shape[1] // scale)])


def cropped(frames: np.ndarray) -> np.ndarray:
    """HR frames (N, H, W, 3) cut at the right and below to multiples of the scale."""
    height, width = (side - side % SCALE for side in frames.shape[1:3])
    return frames[:, :height, :width]


def bicubic_on_grid(lr: np.ndarray, scale: int = SCALE, lag: float = 0.0) -> np.ndarray:
    """(h, w, 3) uint8 to (scale h, scale w, 3) uint8 by Keys' bicubic interpolation (a = -1/2), borders replicated.

    LR pixel i lies at HR pixel `scale` * i, because the degradation keeps every `scale`-th pixel from the first one on
    ([::scale, ::scale]). The usual half-pixel-centred resize would displace the result by (scale - 1) / 2 HR pixels
    (1.5 for x4) and so be an unfairly weak baseline. Where LR was made by such a resize, `lag` is that displacement:
    LR pixel i then lies at HR pixel `scale` * i + `lag`. Clamped to [0, 255], rounded half to even.
    ValueError for another type, shape or scale.

    >>> bicubic_on_grid(np.full((2, 3, 3), 9, np.uint8)).shape
    (8, 12, 3)
    """
    require_rgb(lr, axes="h, w, 3")
    _require_scale(scale)
    tall = _stretch_rows(lr.astype(np.float64), scale, lag)
    wide = _stretch_rows(tall.swapaxes(0, 1), scale, lag).swapaxes(0, 1)
    return rounded(wide)


def keys_weights(fraction: float) -> np.ndarray:
    """Weights (4,) of samples -1, 0, 1, 2 for the point `fraction`, in [0, 1), of the way from sample 0 to sample 1.

    R. Keys, "Cubic convolution interpolation for digital image processing", 1981, with a = -1/2.
    """
    t = fraction
    return np.array([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3]) / 2


@dataclass(frozen=True)
class Further(JobOptions):
    """What real footage has beside blur, put onto LR frames; all of it is off unless asked for.

    `noise`: standard deviation of Gaussian noise, in levels of 255; `jpeg`: quality, 1 to 100; `video`: CRF of
    H.264 (4:2:0), 0 to 51, larger is coarser. They are done in this order. UserError for a value outside.
    """

    noise: float = option(0.0, "Gaussian noise on LR, standard deviation in levels of 255; 0: none", metavar="SIGMA")
    jpeg: int | None = option(None, "LR through JPEG, 1 to 100 (not done)", metavar="QUALITY")
    video: int | None = option(None, "LR through H.264, 0 to 51, larger is coarser (not done)", metavar="CRF")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (math.isfinite(self.noise) and 0 <= self.noise <= 255):
            raise UserError(f"noise is {self.noise}; give a standard deviation from 0 to 255.")
        if self.jpeg is not None and not 1 <= self.jpeg <= 100:
            raise UserError(f"jpeg is {self.jpeg}; give a quality from 1 to 100.")
        if self.video is not None and not 0 <= self.video <= 51:
            raise UserError(f"video is {self.video}; give a CRF from 0 to 51.")

    def described(self) -> dict[str, Any]:
        """{"further": the values that were asked for}, or nothing."""
        wanted = {name: value for name, value in self.to_json().items() if value or (name, value) == ("video", 0)}
        return {"further": wanted} if wanted else {}

    def apply(self, frames: Iterable[np.ndarray], name: str, seed: int, run: Map = map) -> Iterator[np.ndarray]:
        """Frames (h, w, 3) uint8 RGB, one after the other, to the same; few of them are held.

        Noise is drawn for each frame from (seed, clip name, index).
        """

        def one(numbered: tuple[int, np.ndarray]) -> np.ndarray:
            index, frame = numbered
            noisy = _noisy(frame, self.noise, [seed, zlib.crc32(name.encode()), 1, index])
            return noisy if self.jpeg is None else _jpeg(noisy, self.jpeg)

        changed = (
            (frame for some in batches(enumerate(frames)) for frame in run(one, some))
            if self.noise or self.jpeg is not None
            else iter(frames)
        )
        return changed if self.video is None else _video(changed, self.video, name)


def _padded(frame: np.ndarray, radius: int, scale: int) -> np.ndarray:
    """The frame with `radius` pixels around it, and more at the right and below up to multiples of `scale`."""
    below, right = (-(side + 2 * radius) % scale + radius for side in frame.shape[:2])
    return cv2.copyMakeBorder(frame, radius, below, radius, right, cv2.BORDER_REPLICATE)


def _phases(padded: np.ndarray, kernel: np.ndarray, scale: int, kind: type[np.floating]) -> np.ndarray:
    rows, columns = padded.shape[0] // scale, padded.shape[1] // scale
    channels = np.zeros((3, rows, columns), kind)
    weights = kernel.astype(kind)
    by_row = padded.reshape(rows, scale, columns, scale * 3)
    for row in range(min(scale, kernel.shape[0])):
        # one picture of one channel for each of the columns' phases: OpenCV splits and filters these fastest
        for index, phase in enumerate(cv2.split(by_row[:, row])):
            column, channel = divmod(index, 3)
            if column < kernel.shape[1]:
                part = np.ascontiguousarray(weights[row::scale, column::scale])
                channels[channel] += cv2.filter2D(phase.astype(kind), -1, part, anchor=(0, 0))
    return channels.transpose(1, 2, 0)


def _exact_at(padded: np.ndarray, kernel: np.ndarray, scale: int, where: tuple[np.ndarray, ...]) -> np.ndarray:
    rows, columns, channels = where
    total = np.zeros(len(rows))
    for row, column in np.ndindex(kernel.shape):
        total += kernel[row, column] * padded[scale * rows + row, scale * columns + column, channels]
    return total


def _require_scale(scale: int) -> None:
    if scale < 1:
        raise ValueError(f"scale must be at least 1, not {scale}")


def _stretch_rows(image: np.ndarray, scale: int, lag: float) -> np.ndarray:
    # Row scale * i + p lies (p - lag) / scale below LR row i: every phase p has its own four weights, on the two rows
    # before that place and the two after it.
    rows = len(image)
    padded = np.pad(image, ((2, 2), (0, 0), (0, 0)), mode="edge")
    result = np.empty((rows * scale, *image.shape[1:]))
    for phase in range(scale):
        whole = math.floor((phase - lag) / scale)
        weights = keys_weights((phase - lag) / scale - whole)
        result[phase::scale] = sum(
            weight * padded[1 + whole + tap : 1 + whole + tap + rows] for tap, weight in enumerate(weights)
        )
    return result


def _noisy(frame: np.ndarray, sigma: float, seed: list[int]) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, sigma, frame.shape)
    return rounded(frame + noise)


def _jpeg(frame: np.ndarray, quality: int) -> np.ndarray:
    data = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def _video(frames: Iterator[np.ndarray], crf: int, name: str) -> Iterator[np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with write_video(path, _RATE, crf) as add:
            for frame in frames:
                if frame.shape[0] % 2 or frame.shape[1] % 2:
                    raise UserError(
                        f"clip {name} has LR frames of {shown_size(frame)} pixels, and H.264 with "
                        "half the colour resolution needs even sides: crop HR to multiples of 8, or leave --video "
                        "out."
                    )
                add(frame)
        yield from read_frames(path)
