"""Video files, through PyAV (FFmpeg's libraries): frames out of them, and frames into them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.files import atomic_path
from vsrlib.data.frames import require_rgb, shown_size
from vsrlib.data.video_film import Film, film_of
from vsrlib.data.video_integrity import Progress, load_av, opened, require_whole_file
from vsrlib.data.video_matroska import state_aspect
from vsrlib.data.video_picture import AS_IT_SAYS, RESERVED, Picture, Reading, deinterlaced, picture_of, require_alike
from vsrlib.data.video_tracks import Tracks

if TYPE_CHECKING:
    import av

VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".3gp", ".mkv", ".webm", ".avi", ".mpg", ".mpeg"),
    *(".ts", ".m2ts", ".mts", ".wmv", ".asf", ".flv", ".gif", ".y4m"),
)
"""File name endings (in lower case) of what is read as a video."""

WRITTEN_SUFFIXES = (".mp4", ".mkv")
"""Of what can be written: H.264, which plays everywhere, and FFV1, which is exact."""

_LOSSLESS, _LOSSY = "ffv1", "libx264"
_BT709 = 1  # what ITU-T H.273 calls BT.709 in all three of its tables: primaries, transfer and matrix


def frame_name(index: int) -> str:
    """Name of a video's frame: eight digits, counted from 0, so that string order is temporal order."""
    return f"{index:08d}"


def count_frames(path: Path) -> int:
    """Number of frames, found by decoding: the number stored in a video's header is missing or wrong too often.

    Also the check of a whole video: the UserErrors of `read_frames`.
    """
    return len(examine(path))


def examine(path: Path, reading: Reading = AS_IT_SAYS) -> Film:
    """Decode a whole video and say what it holds beside its pixels; the UserErrors of `read_frames`."""
    with _opened(path) as (container, stream, proved):
        progress = Progress(path, container, stream, proved)
        stamps: list[int | None] = []
        pictures = set()
        for picture, frame in _frames(path, container, stream, progress, reading):
            pictures.add(picture)
            stamps.append(None if frame.pts is None else round(frame.pts * frame.time_base / stream.time_base))
        return film_of(container, stream, progress, stamps, *pictures)


def read_frames(path: Path, first: int = 0, reading: Reading = AS_IT_SAYS) -> Iterator[np.ndarray]:
    """Yield every frame from the index `first` on as (H, W, 3) uint8 RGB, upright, converted from its own colours.

    UserError for a file that cannot be decoded, has no video stream or no frame, is transparent
    anywhere, HDR, a rotation by other than right angles, interlaced frames (unless these are asked for), or
    frames that change their size; and, where the file lets it be known, for one that is cut short or damaged (see
    `vsrlib.data.video_integrity`; then frames may come before the error).
    """
    with _opened(path) as (container, stream, proved):
        frames = _frames(path, container, stream, Progress(path, container, stream, proved), reading)
        for picture, frame in islice(frames, first, None):
            yield picture.rgb(frame)


@contextmanager
def write_video(
    path: Path,
    rate: Fraction,
    crf: int | None = None,
    film: Film | None = None,
    audio: bool = True,
    left_out: list[str] | None = None,
) -> Iterator[Callable[[np.ndarray], None]]:
    """Yield a function that adds a frame, (H, W, 3) uint8 RGB; the file appears whole when the block ends well.

    rate: frames a second. film: the clock that the frames keep to, one after the other, in place of even steps; .mkv
    rounds it to milliseconds. Its sound (unless `audio` is false) and subtitles are copied; `left_out` is given the
    names of the tracks that the container cannot hold. By the ending of `path`, .mkv is lossless (FFV1 in RGB, with
    check sums: reads back bit for bit) and .mp4 is H.264 of high quality (CRF 12, 4:2:0, BT.709) with half the colour
    resolution. `crf`: another quality of an .mp4, by one thread and without B frames and MB-tree, so that the same
    frames give the same bytes.
    UserError for another ending, an encoder that this FFmpeg lacks, and an .mp4 of odd width or height. OSError for a
    full disk. ValueError for frames of another type or of differing sizes, no frame, or a rate that is not positive.
    """
    path = Path(path)
    if path.suffix.lower() not in WRITTEN_SUFFIXES:
        raise UserError(f"{path} is neither .mp4 nor .mkv: give .mp4 for a small file or .mkv for a lossless one.")
    if rate <= 0:
        raise ValueError(f"a frame rate must be positive, not {rate}")
    av = load_av()
    with atomic_path(path) as temporary:
        # bitexact leaves out the random identifier and the program's version; faststart puts the index in front, for
        # players that begin before they have the whole file.
        options = {"fflags": "+bitexact"} | ({"movflags": "+faststart"} if path.suffix.lower() == ".mp4" else {})
        with av.open(str(temporary), "w", options=options) as container:
            writer = _Writer(container, path, rate, crf, film, audio)
            try:
                yield writer.add
                writer.finish()
            finally:
                writer.close()
            if left_out is not None and writer.tracks is not None:
                left_out += writer.tracks.left_out
        if film is not None and writer.lossless and film.picture.aspect != 1:
            state_aspect(temporary, film.picture.aspect)


@contextmanager
def _opened(path: Path) -> Iterator[tuple["av.container.InputContainer", "av.VideoStream", bool]]:
    """A video's container, its first video stream, and whether the file is proved to be whole.

    UserError for what has no video, is cut short or undecodable.
    """
    av = load_av()
    try:
        proved = require_whole_file(path)
        with opened(path) as container:
            if not container.streams.video:
                raise UserError(f"{path} has no video stream: give a video file.")
            stream = container.streams.video[0]
            if stream.codec_context is None:
                raise UserError(
                    f"{path} is in a format that FFmpeg does not know, or damaged: copy or export it again."
                )
            yield container, stream, proved
    except av.FFmpegError as error:
        raise UserError(f"{path} cannot be decoded as a video ({error.strerror}): copy or export it again.") from error


def _frames(
    path: Path,
    container: "av.container.InputContainer",
    stream: "av.VideoStream",
    progress: Progress,
    reading: Reading,
) -> Iterator[tuple[Picture, "av.VideoFrame"]]:
    frames = _decoded(path, container, stream, progress, reading)
    first = next(frames, None)
    if first is None:
        raise UserError(f"{path} holds no frames: give a video with at least one.")
    picture = picture_of(path, stream, first, reading)
    frames = chain([first], frames)
    for frame in deinterlaced(stream, frames) if picture.deinterlaced else frames:
        yield picture, frame


def _decoded(
    path: Path,
    container: "av.container.InputContainer",
    stream: "av.VideoStream",
    progress: Progress,
    reading: Reading,
) -> Iterator["av.VideoFrame"]:
    first = None
    if stream.codec_context.codec.intra_only:
        # A damaged frame would be left out or patched up without a word. Not for other codecs, where this
        # would refuse every good clip that begins with frames whose references were cut away.
        stream.codec_context.options = {"err_detect": "explode"}
    for packet in container.demux(stream):
        progress.add_packet(packet)
        for frame in packet.decode():
            first = first or frame
            require_alike(path, frame, first, reading)
            progress.add_frame(frame)
            yield frame
    progress.require_end()


class _Writer:
    """One stream of a container; it begins with the first frame, whose size it takes."""

    def __init__(
        self,
        container: "av.container.OutputContainer",
        path: Path,
        rate: Fraction,
        crf: int | None = None,
        film: Film | None = None,
        audio: bool = True,
    ) -> None:
        self.container, self.path, self.rate, self.crf = container, path, rate, crf
        self.tick, self.film, self.count = film.tick if film else 1 / Fraction(rate), film, 0
        self._durations: dict[int, int] = {}  # by stamp, until the packet comes
        self.audio = audio
        self.tracks: Tracks | None = None
        self.lossless = path.suffix.lower() == ".mkv"
        self.stream: av.VideoStream | None = None

    def add(self, rgb: np.ndarray) -> None:
        require_rgb(rgb)
        height, width = rgb.shape[:2]
        if self.stream is None:
            self.stream = self._begin(height, width)
            self.tracks = None if self.film is None else Tracks(self.container, self.film, self.audio)
        if (self.stream.height, self.stream.width) != (height, width):
            raise ValueError(
                f"{self.path.name}: a frame is {shown_size(rgb)} after frames of "
                f"{self.stream.width}x{self.stream.height}"
            )
        frame, stamps = self._converted(rgb), self.film.stamps if self.film else range(self.count + 2)
        begin, end = stamps[self.count : self.count + 2]
        frame.pts, frame.time_base = begin, self.tick
        self._durations[begin] = end - begin
        self.count += 1
        self._mux(self.stream.encode(frame))

    def finish(self) -> None:
        if self.stream is None:
            raise ValueError(f"{self.path.name}: a video needs at least one frame")
        self._mux(self.stream.encode())
        if self.tracks is not None:
            self.tracks.write()

    def close(self) -> None:
        if self.tracks is not None:
            self.tracks.close()

    def _mux(self, packets: "list[av.Packet]") -> None:
        for packet in packets:
            packet.duration = self._durations.pop(packet.pts)  # encoders pass none on, or a rounded one
            if self.tracks is not None:
                self.tracks.write(until=packet.pts * self.tick)
            self.container.mux(packet)

    def _begin(self, height: int, width: int) -> "av.VideoStream":
        av = load_av()
        if not self.lossless and (height % 2 or width % 2):
            raise UserError(
                f"{self.path} would be {width}x{height} pixels, and an .mp4 needs even sides: "
                "write an .mkv, which takes any size."
            )
        encoder = _LOSSLESS if self.lossless else _LOSSY
        options = {"level": "3", "slicecrc": "1"} if self.lossless else {"crf": "12"}
        if self.film is not None and not isinstance(self.film.stamps, range) and not self.lossless:
            # An .mp4 states the time from one decoding to the next: of frames out of order that is no frame's duration.
            options["x264-params"] = "bframes=0"
        if self.crf is not None and not self.lossless:
            # With either, one run in some hundreds differs from the others, on one thread and from the same frames.
            options = {"crf": str(self.crf), "threads": "1", "x264-params": "bframes=0:mbtree=0"}
        try:
            stream = self.container.add_stream(encoder, rate=self.rate, options=options)
        except av.codec.codec.UnknownCodecError as error:
            other = ".mp4" if self.lossless else ".mkv"
            raise UserError(
                f"{self.path} cannot be written because this FFmpeg lacks the encoder {encoder}: "
                f"write an {other}, or install PyAV from its wheel."
            ) from error
        stream.height, stream.width = height, width
        stream.codec_context.time_base = self.tick
        context, shown = stream.codec_context, self.film.picture if self.film else None
        if shown is not None:
            context.sample_aspect_ratio = shown.aspect
        stream.pix_fmt = "bgr0" if self.lossless else "yuv420p"
        if not self.lossless:
            context.colorspace = context.color_primaries = context.color_trc = _BT709
            context.color_range = av.video.reformatter.ColorRange.MPEG
        # Converted is the matrix alone: what red is, and what light a level stands for, is as it was.
        if shown is not None and shown.primaries not in RESERVED:
            context.color_primaries = shown.primaries
        if shown is not None and shown.transfer not in RESERVED:
            context.color_trc = shown.transfer
        return stream

    def _converted(self, rgb: np.ndarray) -> "av.VideoFrame":
        av = load_av()
        kinds = av.video.reformatter
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        if self.lossless:
            return frame.reformat(format="bgr0")
        # Without ACCURATE_RND and FULL_CHR_H_INP the conversion is fast and off by up to two levels.
        return frame.reformat(
            format="yuv420p",
            dst_colorspace=kinds.Colorspace.ITU709,
            src_color_range=kinds.ColorRange.JPEG,
            dst_color_range=kinds.ColorRange.MPEG,
            interpolation=kinds.Interpolation.BICUBIC
            | kinds.Interpolation.ACCURATE_RND
            | kinds.Interpolation.FULL_CHR_H_INP,
        )
