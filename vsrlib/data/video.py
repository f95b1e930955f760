"""Video files, through PyAV (FFmpeg's libraries): frames out of them, and frames into them."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.files import atomic_path
from vsrlib.data.frames import shown_size
from vsrlib.data.video_film import Film, film_of
from vsrlib.data.video_integrity import Progress, load_av, main_stream, opened, require_whole_file
from vsrlib.data.video_picture import AS_IT_SAYS, RESERVED, Picture, Reading, deinterlaced, picture_of, require_alike
from vsrlib.data.video_tracks import join, muxing

if TYPE_CHECKING:
    import av

VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".3gp", ".3g2", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".vob"),
    *(".ts", ".m2ts", ".mts", ".wmv", ".asf", ".flv", ".f4v", ".dv", ".gif", ".y4m"),
)
"""File name endings (in lower case) of what is read as a video."""

WRITTEN_SUFFIXES = (".mp4", ".mkv")
"""Of what can be written: H.264, which plays everywhere, and FFV1, which is exact."""

_LOSSLESS, _LOSSY, _LOSSY_DEEP = "ffv1", "libx264", "libx265"
# Frames in the order in which they are shown: then videos join packet by packet, and an .mp4, which states the time
# from one decoding to the next, states that of frames. With MB-tree one run of x264 in some hundreds differs from the
# others, on one thread and from the same frames, and with B frames too.
_IN_ORDER = {
    8: {"x264-params": "bframes=0:mbtree=0"},
    10: {"x265-params": "bframes=0:cutree=0:log-level=error"},
}
_BT709 = 1  # what ITU-T H.273 calls BT.709 in all three of its tables: primaries, transfer and matrix


def written_bits(ending: str, bits: int) -> int:
    """Bits a channel that a video with this ending (".mkv"), or a PNG, keeps of frames that have `bits`."""
    if bits <= 8:
        return 8
    if ending == ".png":
        return 16
    if ending == ".mkv":
        return next(depth for depth in (10, 12, 16) if depth >= bits)
    return 10 if _LOSSY_DEEP in load_av().codecs_available else 8


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
        (picture,) = pictures
        return film_of(container, stream, progress, stamps, replace(picture, deinterlaced=progress.interlaced))


def read_frames(path: Path, first: int = 0, reading: Reading = AS_IT_SAYS) -> Iterator[np.ndarray]:
    """Yield every frame from the index `first` on as (H, W, 3) uint8 RGB, upright, converted from its own colours.

    With `reading.deep`, of a video of more than 8 bits a channel, as float32 in levels of 255.
    UserError for a file that cannot be decoded, has no video stream or no frame, is transparent
    anywhere, HDR, a rotation by other than right angles, interlaced frames (unless these are asked for), or
    frames that change their size; and, where the file lets it be known, for one that is cut short or damaged (see
    `vsrlib.data.video_integrity`; then frames may come before the error).
    """
    with _opened(path) as (container, stream, proved):
        frames = _frames(path, container, stream, Progress(path, container, stream, proved), reading)
        for picture, frame in islice(frames, first, None):
            yield picture.rgb(frame, reading.deep)


@contextmanager
def write_video(
    path: Path,
    rate: Fraction,
    crf: int | None = None,
    look: Picture | None = None,
    bits: int = 8,
) -> Iterator[Callable[[np.ndarray], None]]:
    """Yield a function that adds a frame, (H, W, 3) uint8 RGB; the file appears whole when the block ends well.

    rate: frames a second. look: the pictures of the video that the frames are made of, whose pixels' shape, primaries
    and transfer are stated. bits: of a channel, one of what `written_bits` gives; frames are uint16 where that is not
    8. By the ending of `path`, .mkv is lossless (FFV1 in RGB, with check sums: reads back bit for bit) and .mp4 is
    H.264 of high quality (CRF 12, 4:2:0, BT.709) with half the colour resolution, or with 10 bits H.265. `crf`: another
    quality of an .mp4 of 8 bits, by one thread, so that the same frames give the same bytes on any machine.
    UserError for another ending, an encoder that this FFmpeg lacks, and an .mp4 of odd width or height. OSError for a
    full disk. ValueError for frames of another type or of differing sizes, no frame, or a rate that is not positive.
    """
    path = Path(path)
    if path.suffix.lower() not in WRITTEN_SUFFIXES:
        raise UserError(f"{path} is neither .mp4 nor .mkv: give .mp4 for a small file or .mkv for a lossless one.")
    if rate <= 0:
        raise ValueError(f"a frame rate must be positive, not {rate}")
    av = load_av()
    with atomic_path(path) as temporary, av.open(str(temporary), "w", options=muxing(path)) as container:
        writer = _Writer(container, path, rate, crf, look, bits)
        yield writer.add
        writer.finish()


@contextmanager
def write_film(path: Path, film: Film, audio: bool = True) -> Iterator[Callable[[np.ndarray], None]]:
    """As `write_video`, of as many frames as `film` has, on its clock and with what else it holds (see `join`)."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as folder:
        part = Path(folder) / f"part{path.suffix}"
        with write_video(part, film.rate, look=film.picture) as add:
            yield add
        join(path, [part], film.rate, film, audio)


@contextmanager
def _opened(path: Path) -> Iterator[tuple["av.container.InputContainer", "av.VideoStream", bool]]:
    """A video's container, its first video stream, and whether the file is proved to be whole.

    UserError for what has no video, is cut short or undecodable.
    """
    av = load_av()
    try:
        proved = require_whole_file(path)
        with opened(path) as container:
            stream = main_stream(container)
            if stream is None:
                raise UserError(f"{path} has no video stream: give a video file.")
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
    for frame in deinterlaced(stream, frames) if reading.deinterlace else frames:
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
        crf: int | None,
        look: Picture | None,
        bits: int,
    ) -> None:
        self.container, self.path, self.rate, self.crf, self.look = container, path, Fraction(rate), crf, look
        self.bits, self.type, self.count = bits, np.dtype(np.uint8 if bits == 8 else np.uint16), 0
        self.lossless = path.suffix.lower() == ".mkv"
        self.stream: av.VideoStream | None = None
        self.graph: av.filter.Graph | None = None

    def add(self, rgb: np.ndarray) -> None:
        if rgb.dtype != self.type or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
            raise ValueError(f"a frame must be (H, W, 3) {self.type}, not {rgb.shape} {rgb.dtype}")
        height, width = rgb.shape[:2]
        if self.stream is None:
            self.stream = self._begin(height, width)
        if (self.stream.height, self.stream.width) != (height, width):
            raise ValueError(
                f"{self.path.name}: a frame is {shown_size(rgb)} after frames of "
                f"{self.stream.width}x{self.stream.height}"
            )
        frame = self._converted(np.ascontiguousarray(rgb))
        self.count += 1
        self._mux(self.stream.encode(frame))

    def finish(self) -> None:
        if self.stream is None:
            raise ValueError(f"{self.path.name}: a video needs at least one frame")
        self._mux(self.stream.encode())

    def _mux(self, packets: "list[av.Packet]") -> None:
        for packet in packets:
            packet.duration = 1  # encoders pass none on, or a rounded one
            self.container.mux(packet)

    def _begin(self, height: int, width: int) -> "av.VideoStream":
        av = load_av()
        if not self.lossless and (height % 2 or width % 2):
            raise UserError(
                f"{self.path} would be {width}x{height} pixels, and an .mp4 needs even sides: "
                "write an .mkv, which takes any size."
            )
        encoder = _LOSSLESS if self.lossless else _LOSSY if self.bits == 8 else _LOSSY_DEEP
        options = {"level": "3", "slicecrc": "1"} if self.lossless else {"crf": "12", **_IN_ORDER[self.bits]}
        if self.crf is not None and not self.lossless:
            options |= {"crf": str(self.crf), "threads": "1"}
        try:
            stream = self.container.add_stream(encoder, rate=self.rate, options=options)
        except av.codec.codec.UnknownCodecError as error:
            other = ".mp4" if self.lossless else ".mkv"
            raise UserError(
                f"{self.path} cannot be written because this FFmpeg lacks the encoder {encoder}: "
                f"write an {other}, or install PyAV from its wheel."
            ) from error
        stream.height, stream.width = height, width
        stream.codec_context.time_base = 1 / self.rate
        context, look = stream.codec_context, self.look
        if look is not None:
            context.sample_aspect_ratio = look.aspect
        stream.pix_fmt = _pixels(self.lossless, self.bits)
        if encoder == _LOSSY_DEEP:
            context.codec_tag = "hvc1"  # Apple's players take no other
        if not self.lossless:
            context.colorspace = context.color_primaries = context.color_trc = _BT709
            context.color_range = av.video.reformatter.ColorRange.MPEG
        # Converted is the matrix alone: what red is, and what light a level stands for, is as it was.
        if look is not None and look.primaries not in RESERVED:
            context.color_primaries = look.primaries
        if look is not None and look.transfer not in RESERVED:
            context.color_trc = look.transfer
        return stream

    def _converted(self, rgb: np.ndarray) -> "av.VideoFrame":
        """The next frame as it is encoded."""
        av, pixels = load_av(), _pixels(self.lossless, self.bits)
        if self.lossless and self.bits > 8:
            most = 2**self.bits - 1
            frame = av.VideoFrame.from_ndarray(np.rint(rgb * (most / 65535)).astype(np.uint16), format=pixels)
        elif self.bits > 8:  # of 16 bits swscale takes 255 * 256 for white
            frame = av.VideoFrame.from_ndarray(np.rint(rgb * (256 / 257)).astype(np.uint16), format="rgb48le")
        else:
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
        frame.pts, frame.time_base = self.count, 1 / self.rate
        if self.lossless:
            return frame.reformat(format=pixels)
        self.graph = self.graph or _subsampling(frame, pixels)
        self.graph.push(frame)
        return self.graph.pull()


def _subsampling(frame: "av.VideoFrame", pixels: str) -> "av.filter.Graph":
    """What makes an .mp4's pixels of frames like this one."""
    graph = load_av().filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(frame.time_base)
    )
    # Without accurate_rnd and full_chroma_inp the conversion is fast and off by up to two levels. Colours lie where
    # H.264 and H.265 have them by default, above every second pixel, and not half a pixel beside, as swscale's do.
    scale = graph.add(
        "scale",
        "in_range=pc:out_range=tv:out_color_matrix=bt709:out_h_chr_pos=0:out_v_chr_pos=128:"
        "flags=bicubic+accurate_rnd+full_chroma_inp",
    )
    kind, sink = graph.add("format", f"pix_fmts={pixels}"), graph.add("buffersink")
    for one, other in ((source, scale), (scale, kind), (kind, sink)):
        one.link_to(other)
    graph.configure()
    return graph


def _pixels(lossless: bool, bits: int) -> str:
    """FFmpeg's name of the pixels that are written."""
    if bits == 8:
        return "bgr0" if lossless else "yuv420p"
    return f"gbrp{bits}le" if lossless else f"yuv420p{bits}le"
