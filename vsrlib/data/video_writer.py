"""Frames into video files, through PyAV (FFmpeg's libraries)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.files import atomic_path

if TYPE_CHECKING:
    import av

WRITTEN_SUFFIXES = (".mp4", ".mkv")
"""File name endings (in lower case) of what can be written: H.264, which plays everywhere, and FFV1, which is exact."""

_LOSSLESS, _LOSSY = "ffv1", "libx264"
_BT709 = 1  # what ITU-T H.273 calls BT.709 in all three of its tables: primaries, transfer and matrix


@contextmanager
def write_video(path: Path, rate: Fraction, crf: int | None = None) -> Iterator[Callable[[np.ndarray], None]]:
    """Yield a function that adds a frame, (H, W, 3) uint8 RGB; the file appears whole when the block ends well.

    rate: frames a second. By the ending of `path`, .mkv is lossless (FFV1 in RGB, with check sums: reads back bit for
    bit) and .mp4 is H.264 of high quality (CRF 12, 4:2:0, BT.709) with half the colour resolution. `crf`: another
    quality of an .mp4, encoded by one thread and without B frames, so that the same frames give the same bytes.
    UserError for another ending, an encoder that this FFmpeg lacks, and an .mp4 of odd width or height. OSError for a
    full disk. ValueError for frames of another type or of differing sizes, no frame, or a rate that is not positive.
    """
    path = Path(path)
    if path.suffix.lower() not in WRITTEN_SUFFIXES:
        raise UserError(f"{path} is neither .mp4 nor .mkv: give .mp4 for a small file or .mkv for a lossless one.")
    if rate <= 0:
        raise ValueError(f"a frame rate must be positive, not {rate}")
    from vsrlib.data.ffmpeg import av  # here, so that what reads and writes PNG frames does not load FFmpeg

    with atomic_path(path) as temporary:
        # bitexact leaves out the random identifier and the program's version; faststart puts the index in front, for
        # players that begin before they have the whole file.
        options = {"fflags": "+bitexact"} | ({"movflags": "+faststart"} if path.suffix.lower() == ".mp4" else {})
        with av.open(str(temporary), "w", options=options) as container:
            video = _Video(container, path, rate, crf)
            yield video.add
            video.finish()


class _Video:
    """One stream of a container; it begins with the first frame, whose size it takes."""

    def __init__(
        self, container: "av.container.OutputContainer", path: Path, rate: Fraction, crf: int | None = None
    ) -> None:
        self.container, self.path, self.rate, self.crf = container, path, rate, crf
        self.lossless = path.suffix.lower() == ".mkv"
        self.stream: av.VideoStream | None = None

    def add(self, rgb: np.ndarray) -> None:
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
            raise ValueError(f"a frame must be (H, W, 3) uint8, not {rgb.shape} {rgb.dtype}")
        height, width = rgb.shape[:2]
        if self.stream is None:
            self.stream = self._begin(height, width)
        if (self.stream.height, self.stream.width) != (height, width):
            raise ValueError(
                f"{self.path.name}: a frame is {width}x{height} after frames of "
                f"{self.stream.width}x{self.stream.height}"
            )
        self.container.mux(self.stream.encode(self._converted(rgb)))

    def finish(self) -> None:
        if self.stream is None:
            raise ValueError(f"{self.path.name}: a video needs at least one frame")
        self.container.mux(self.stream.encode())

    def _begin(self, height: int, width: int) -> "av.VideoStream":
        from vsrlib.data.ffmpeg import av

        if not self.lossless and (height % 2 or width % 2):
            raise UserError(
                f"{self.path} would be {width}x{height} pixels, and an .mp4 needs even sides: "
                "write an .mkv, which takes any size."
            )
        encoder = _LOSSLESS if self.lossless else _LOSSY
        options = {"level": "3", "slicecrc": "1"} if self.lossless else {"crf": "12"}
        if self.crf is not None and not self.lossless:
            # x264's B frames have been seen to differ from run to run, on one thread and from the same frames.
            options = {"crf": str(self.crf), "threads": "1", "x264-params": "bframes=0"}
        try:
            stream = self.container.add_stream(encoder, rate=self.rate, options=options)
        except av.codec.codec.UnknownCodecError as error:
            other = ".mp4" if self.lossless else ".mkv"
            raise UserError(
                f"{self.path} cannot be written because this FFmpeg lacks the encoder {encoder}: "
                f"write an {other}, or install PyAV from its wheel."
            ) from error
        stream.height, stream.width = height, width
        stream.pix_fmt = "bgr0" if self.lossless else "yuv420p"
        if not self.lossless:
            context = stream.codec_context
            context.colorspace = context.color_primaries = context.color_trc = _BT709
            context.color_range = av.video.reformatter.ColorRange.MPEG
        return stream

    def _converted(self, rgb: np.ndarray) -> "av.VideoFrame":
        from av.video.reformatter import ColorRange, Colorspace, Interpolation

        from vsrlib.data.ffmpeg import av

        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        if self.lossless:
            return frame.reformat(format="bgr0")
        # Without ACCURATE_RND and FULL_CHR_H_INP the conversion is fast and off by up to two levels.
        return frame.reformat(
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP,
        )
