"""How a decoded frame of a video becomes RGB: its colour matrix and range, its sides, and its fields."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.data.deep_frames import eight_bits
from vsrlib.data.video_integrity import fraction_of, load_av

if TYPE_CHECKING:
    import av

RESERVED = (0, 2, 3)
"""What says nothing in the tables of primaries and transfer of ITU-T H.273: 2 is "unspecified"."""

_UNTAGGED = (2, 3)  # in that of matrices, where 0 is RGB
_MATRICES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020"}
_SWSCALE = {"bt709": "ITU709", "fcc": "FCC", "bt601": "ITU601", "smpte240m": "SMPTE240M", "bt2020": "BT2020"}
_HDR = {16: "PQ (SMPTE ST 2084)", 18: "HLG (ARIB STD-B67)"}
_HD = (720, 1280)  # lines, or pixels a line, from which untagged video is taken for BT.709


@dataclass(frozen=True)
class Reading:
    """How a video is read, and frames of more than 8 bits.

    colour: "auto" or a matrix of its own; colour_range: "auto", "full" or "limited"; deinterlace: make whole frames of
    fields; deep: what has more than 8 bits a channel comes as float32 in levels of 255, not rounded to 8 bits.
    """

    colour: str = "auto"
    deinterlace: bool = False
    colour_range: str = "auto"
    deep: bool = False


AS_IT_SAYS = Reading()
"""A video read by its own tags, and refused where it is interlaced."""


@dataclass(frozen=True)
class Picture:
    """What the frames of a video have in common, and so how each becomes RGB.

    matrix: "bt601", "bt709" ..., or "rgb" and "grey", which need none; because: what says so. full: levels 0 to 255,
    and not 16 to 235; range_because: what says that.
    aspect: width of a pixel by its height, of the upright frame. flips: (transposed, mirrored in x, in y), which makes
    it upright; turned: in degrees clockwise. primaries, transfer: by ITU-T H.273. bits: of a channel in the file.
    deinterlaced: some frame was of two fields, which is known when the video was read to its end.
    """

    path: Path
    matrix: str
    because: str
    full: bool
    range_because: str
    aspect: Fraction
    flips: tuple[bool, bool, bool]
    turned: int
    primaries: int
    transfer: int
    bits: int
    deinterlaced: bool = False

    def rgb(self, frame: "av.VideoFrame", deep: bool = False) -> np.ndarray:
        """A frame as (H, W, 3) uint8, upright. UserError for one that is transparent anywhere.

        deep: where the file has more than 8 bits a channel, float32 in levels of 255 instead, none of them lost.
        """
        kinds = load_av().video.reformatter
        told = {}
        if self.matrix in _SWSCALE:
            told = {
                "src_colorspace": kinds.Colorspace[_SWSCALE[self.matrix]],
                "src_color_range": kinds.ColorRange.JPEG if self.full else kinds.ColorRange.MPEG,
            }
        # The default conversion is faster and darkens 4:2:0 video by one level.
        exact = kinds.Interpolation.BICUBIC | kinds.Interpolation.ACCURATE_RND | kinds.Interpolation.FULL_CHR_H_INT
        alpha = any(component.is_alpha for component in frame.format.components)
        kind = ("rgba" if alpha else "rgb24") if self.bits <= 8 else ("rgba64le" if alpha else "rgb48le")
        image = frame.reformat(format=kind, interpolation=exact, **told).to_ndarray()
        if alpha and np.rint(image[..., 3].min() / (257 if image.dtype == np.uint16 else 1)) < 255:
            raise UserError(f"{self.path} is transparent, which has no meaning here: export it without transparency.")
        image = image[..., :3]
        if image.dtype == np.uint16:
            image = np.clip(image * np.float32(self._step), 0, 255)
        if not self.full and not told:  # of what needs no matrix, swscale takes every level for one of the full range
            image = np.clip((image.astype(np.float32) - 16) * np.float32(255 / 219), 0, 255)
        if not deep or self.bits <= 8:
            image = eight_bits(image)
        transposed, mirror_x, mirror_y = self.flips
        if transposed:
            image = image.transpose(1, 0, 2)
        return np.ascontiguousarray(image[:: -1 if mirror_y else 1, :: -1 if mirror_x else 1])

    @property
    def _step(self) -> float:
        """Levels of 255 to one of the 16 bits that swscale makes of more than 8.

        Of RGB it makes the whole range; of what else, 256 of each level in a file of 8 bits, so that white stays below.
        For levels of the limited range that is right, or is made so by `rgb`.
        """
        shorter = 255 * 2 ** (self.bits - 8) / (2**self.bits - 1)  # a level of the full range, against one of 8 bits
        if self.matrix == "rgb":
            return 1 / 257 if self.full else 1 / 257 / shorter
        return shorter / 256 if self.full else 1 / 256

    def to_json(self) -> dict[str, object]:
        """What a result file says of it."""
        return {
            "matrix": self.matrix,
            "because": self.because,
            "range": "full" if self.full else "limited",
            "range_because": self.range_because,
            "aspect": f"{self.aspect.numerator}:{self.aspect.denominator}",
            "turned": self.turned,
            "deinterlaced": self.deinterlaced,
            "bits": self.bits,
        }


def picture_of(path: Path, stream: "av.VideoStream", frame: "av.VideoFrame", reading: Reading) -> Picture:
    """How the frames of a video that begins with `frame` become RGB. UserError for what has no meaning here."""
    if frame.color_trc in _HDR:
        raise UserError(
            f"{path} is HDR, with the transfer function {_HDR[frame.color_trc]}, and the network knows SDR only: "
            "convert it to SDR (BT.709) first."
        )
    if stream.metadata.get("alpha_mode") == "1":  # WebM's, whose alpha is a picture of its own that FFmpeg leaves out
        raise UserError(f"{path} has an alpha channel, which has no meaning here: export it without transparency.")
    matrix, because = _matrix(path, frame, reading.colour)
    flips, turned = _upright(path, frame)
    full, range_because = _range(frame, matrix, reading.colour_range)
    aspect = fraction_of(stream.sample_aspect_ratio) or Fraction(1)
    return Picture(
        path,
        matrix,
        because,
        full,
        range_because,
        1 / aspect if flips[0] else aspect,
        flips,
        turned,
        frame.color_primaries,
        frame.color_trc,
        max(component.bits for component in frame.format.components),
    )


def require_alike(path: Path, frame: "av.VideoFrame", first: "av.VideoFrame", reading: Reading) -> None:
    """UserError for a frame of another size than the first, and for one of two fields unless these are asked for."""
    if (frame.width, frame.height) != (first.width, first.height):
        raise UserError(
            f"{path} changes its frame size from {first.width}x{first.height} to "
            f"{frame.width}x{frame.height}: export it at one size."
        )
    if frame.interlaced_frame and not reading.deinterlace:
        raise UserError(
            f"{path} is interlaced: each frame is two moments, line by line, which no restoration can tell apart; "
            "deinterlace it first, or give vsrlib infer --deinterlace."
        )


def deinterlaced(stream: "av.VideoStream", frames: "Iterable[av.VideoFrame]") -> "Iterator[av.VideoFrame]":
    """The same number of frames: those of two fields made of one field and its neighbours (FFmpeg's bwdif).

    Whole ones come as they are, wherever in the video they stand.
    """
    graph: av.filter.Graph | None = None
    waiting: deque[av.VideoFrame] = deque()
    for frame in frames:
        if graph is None and not frame.interlaced_frame:
            yield frame
            continue
        graph = graph or _weaver(stream)
        waiting.append(frame)
        graph.push(frame)
        yield from _woven(graph, waiting)
    if graph is not None:
        graph.push(None)
        yield from _woven(graph, waiting)


def _weaver(stream: "av.VideoStream") -> "av.filter.Graph":
    av = load_av()
    graph = av.filter.Graph()
    source = graph.add_buffer(template=stream)
    # Not deint=interlaced, which leaves a frame of two fields as it is beside a whole one whose field is shown twice.
    weave = graph.add("bwdif", "mode=send_frame:parity=auto:deint=all")
    sink = graph.add("buffersink")
    source.link_to(weave)
    weave.link_to(sink)
    graph.configure()
    return graph


def _woven(graph: "av.filter.Graph", waiting: "deque[av.VideoFrame]") -> "Iterator[av.VideoFrame]":
    """What the filter gives by now, a frame for each that waits; of a whole one the frame itself."""
    while True:
        try:
            made = graph.pull()
        except (BlockingIOError, EOFError):
            return
        given = waiting.popleft()
        yield made if given.interlaced_frame else given


def _matrix(path: Path, frame: "av.VideoFrame", colour: str) -> tuple[str, str]:
    """The matrix that a frame is read by, and why."""
    if frame.format.is_rgb or frame.format.has_palette:
        return "rgb", "pixels"
    if len(frame.format.components) == 1:
        return "grey", "pixels"
    if colour != "auto":
        return colour, "asked for"
    if frame.colorspace in _MATRICES:
        return _MATRICES[frame.colorspace], "tagged"
    if frame.colorspace not in _UNTAGGED:
        raise UserError(
            f"{path} has colours by matrix {frame.colorspace} of ITU-T H.273, which is not supported: export it in "
            "BT.709, or say by --colour how to read it."
        )
    large = frame.height >= _HD[0] or frame.width >= _HD[1]
    return "bt709" if large else "bt601", f"untagged, {frame.width}x{frame.height}"


def _range(frame: "av.VideoFrame", matrix: str, asked: str) -> tuple[bool, str]:
    """Whether levels go from 0 to 255, and why: as asked for, else by the tag, else limited but for RGB and grey."""
    if asked != "auto":
        return asked == "full", "asked for"
    if matrix in ("rgb", "grey"):  # which FFmpeg writes in full range whatever the tag
        return True, "pixels"
    if frame.format.name.startswith("yuvj"):
        return True, "tagged"
    return frame.color_range == 2, "tagged" if frame.color_range in (1, 2) else "untagged"


def _upright(path: Path, frame: "av.VideoFrame") -> tuple[tuple[bool, bool, bool], int]:
    """What makes a frame upright (see `Picture`), and the degrees clockwise that it is turned by."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return (False, False, False), 0
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()  # x' = a x + c y, y' = b x + d y
    turned = -frame.rotation % 360
    if not (a == d == 0 and b and c) and not (b == c == 0 and a and d):
        raise UserError(f"{path} is to be shown turned by {turned} degrees, which is not supported: export it upright.")
    return ((True, c < 0, b < 0) if b else (False, a < 0, d < 0)), turned
