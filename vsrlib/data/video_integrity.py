"""Whether a video file has all of its bytes, by the sizes and check sums in its own structure, and all of its frames.

FFmpeg passes over both: where a file ends early it stops and calls that the end, and what it cannot find it leaves out.
"""

import re
import zlib
from fractions import Fraction
from numbers import Rational
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO

from vsrlib.common.errors import UserError
from vsrlib.data.video_ends import stated_end

if TYPE_CHECKING:
    import av

DEFAULT_RATE = Fraction(25)
"""Frames a second of a video that does not say, or says what cannot be."""

_RATES = (1, 250)  # what can be: null frames in AVI and time stamps in milliseconds lead to rates such as 1000
_SLACK = 2.5  # frames by which a claimed duration may be wrong: rounding, and an audio track that ends later
_EXACT = 0.5  # an AVI states its number of frames, and where its index is gone nothing else tells
_BOXES = (b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"mfra", b"sidx", b"free", b"skip", b"wide", b"uuid")
_EBML, _SEGMENT, _CLUSTER, _BLOCK_GROUP = 0x1A45DFA3, 0x18538067, 0x1F43B675, 0xA0
_CHILDREN = {  # what RFC 9559 (and its predecessors) puts into the elements that are walked into
    _SEGMENT: {_CLUSTER, 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367},
    _CLUSTER: {_BLOCK_GROUP, 0xA3, 0xE7, 0x5854, 0xA7, 0xAB, 0xAF},
    _BLOCK_GROUP: {0xA1, 0xA2, 0xA4, 0x9B, 0xFA, 0xFB, 0xFD, 0x75A1, 0x75A2, 0x8E, 0xC8},
}
_VOID, _CRC32 = 0xEC, 0xBF


def load_av() -> ModuleType:
    """PyAV, which holds FFmpeg's libraries: only video files and JPEG frames need it, so it is loaded with the first.

    UserError where it cannot be.
    """
    try:
        import av
    except ImportError as error:
        raise UserError(
            f"Video files and JPEG frames are read through PyAV, which cannot be used here ({error}): "
            "install the package av, or give PNG frames."
        ) from error
    return av


def opened(path: Path) -> "av.container.InputContainer":
    """A video file, open for reading; the errors of PyAV."""
    av = load_av()
    # From 19 on PyAV keeps what is no UTF-8 as it is, and takes no such argument.
    replaced = {} if int(av.__version__.partition(".")[0]) >= 19 else {"metadata_errors": "replace"}
    # Absolute, for FFmpeg takes what stands before a colon in a relative path for a protocol.
    return av.open(str(path.absolute()), **replaced)


def fraction_of(ratio: Rational | None) -> Fraction | None:
    """A rate, a tick or an aspect ratio as PyAV read it; None for one that a file does not state.

    From 19 on PyAV has a type of its own for it, which rounds, and a false one in place of None.
    """
    return Fraction(ratio) if ratio else None


def nominal_rate(stream: "av.VideoStream") -> Fraction:
    """Frames a second that a video says it has, or DEFAULT_RATE where it does not say, or says what cannot be."""
    possible = [
        rate
        for rate in map(fraction_of, (stream.average_rate, stream.guessed_rate))
        if rate is not None and _RATES[0] <= rate <= _RATES[1]
    ]
    return possible[0].limit_denominator(1001) if possible else DEFAULT_RATE  # 30000/1001 and its like stay exact


def main_stream(container: "av.container.InputContainer") -> "av.VideoStream | None":
    """The first video stream that is no cover picture; None if there is none."""
    cover = load_av().stream.Disposition.attached_pic
    return next((stream for stream in container.streams.video if not stream.disposition & cover), None)


def require_whole_file(path: Path) -> bool:
    """UserError when the file ends before the last element of its container does, or Matroska's elements do not join.

    Returns whether its structure proves that nothing is missing, down to the single frame. A kind of file that is not
    known here passes, and so does one whose sizes are not stated; neither is proved by that.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path} does not exist: give a video file.")
    size = path.stat().st_size
    with open(path, "rb") as file:
        start = file.read(12)
        file.seek(0)
        if start[:4] == _EBML.to_bytes(4, "big"):
            end = _matroska_end(path, file, size)
        elif start[:4] == b"RIFF" and start[8:12] == b"AVI ":
            end = _riff_end(file)
        elif start[4:8] in _BOXES:
            end = _boxes_end(file)
        else:
            end = stated_end(file, size)
    if end > size:
        raise UserError(f"{path} is cut short: {size} of {end} bytes are there; copy it again.")
    return end > 0 and start[:4] == _EBML.to_bytes(4, "big")


class Progress:
    """What has been read of a video stream, against what the container claims.

    proved: the file's structure says that nothing is missing. Then a duration that is longer is that of a last frame
    which stays, and what the tags of another file say that this one was cut from.
    """

    def __init__(
        self, path: Path, container: "av.container.InputContainer", stream: "av.VideoStream", proved: bool = False
    ) -> None:
        self.path, self.stream, self.proved = path, stream, proved
        self.kind = container.format.name
        self.indexed = len(stream.index_entries) if self.kind == "avi" or "mp4" in self.kind else 0
        self.claimed = _claimed_end(container, stream)
        # FFmpeg puts the packets that it probes into an index that is gone; null frames need not stand in a sound one.
        self.bare = self.kind == "avi" and 2 * self.indexed < stream.frames
        self.packets = self.frames = 0
        self.interlaced = False  # whether any frame was
        self.end = self.longest = self.last = self.period = 0.0
        self._durations: dict[int, int] = {}

    def add_packet(self, packet: "av.Packet") -> None:
        """Count a packet. UserError for one that the file holds in part."""
        self.packets += packet.size > 0
        if packet.pts is not None and packet.duration:
            self._durations[packet.pts] = packet.duration
        if packet.is_corrupt:
            raise self._cut(max(self.stream.frames, self.frames + 1))

    def add_frame(self, frame: "av.VideoFrame") -> None:
        """Count a frame. UserError for one that the decoder had to patch up."""
        if frame.is_corrupt:
            raise UserError(f"{self.path} is damaged at frame {self.frames}: copy or export it again.")
        self.frames += 1
        self.interlaced |= bool(frame.interlaced_frame)
        if frame.time is None:
            return
        # Some decoders (libvpx, FFV1) pass no duration on.
        lasts = max(frame.duration or 0, self._durations.pop(frame.pts, 0))
        self.period = float(lasts * frame.time_base or 1 / nominal_rate(self.stream))
        self.longest = max(self.longest, self.period, frame.time - self.end if self.frames > 1 else 0)
        self.last, self.end = frame.time, max(self.end, frame.time + self.period)

    @property
    def shown_until(self) -> Fraction:
        """The time in seconds at which the last frame ends.

        Also as the container says, where it says so reliably: Matroska need not say it with the frame, and an MP4
        states the time from one decoding to the next.
        """
        claimed = self.claimed if self.proved or "mp4" in self.kind else None
        return Fraction(max(self.last + self.period, claimed or 0))

    def require_end(self) -> None:
        """UserError when packets of the index, or frames of the claimed duration, did not come."""
        if self.packets < self.indexed:
            raise self._cut(self.frames + self.indexed - self.packets)
        rate = float(self.stream.average_rate or 25)
        # A still picture at the end of a video of variable rate may last: not missed unless longer than any before.
        slack = _EXACT / rate if self.bare else max(_SLACK / rate, self.longest)
        if not self.proved and self.claimed is not None and self.claimed - self.end > slack:
            raise self._cut(self.frames + round((self.claimed - self.end) * rate))

    def _cut(self, about: int) -> UserError:
        return UserError(
            f"{self.path} is cut short: {self.frames} of about {about} frames can be decoded; copy it again."
        )


def _boxes_end(file: BinaryIO) -> int:
    """Where the last box ends (ISO/IEC 14496-12, 4.2); what is not a box of the usual kinds ends the walk."""
    position = 0
    while len(header := file.read(16)) >= 8 and header[4:8] in _BOXES:
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if length < 8:  # 0: to the end of the file
            break
        position += length
        file.seek(position)
    return position


def _riff_end(file: BinaryIO) -> int:
    """Where the last RIFF chunk ends; files above 1 GB have several (OpenDML)."""
    end = 0
    while len(header := file.read(8)) == 8 and header[:4] == b"RIFF":
        length = int.from_bytes(header[4:], "little")
        if length in (0, 0xFFFFFFFF):  # never filled in
            break
        end = file.tell() + length
        file.seek(end + length % 2)  # chunks begin at even places
    return end


def _matroska_end(path: Path, file: BinaryIO, size: int) -> int:
    """Where the Segment ends, 0 if it does not say; UserError when the elements down to the blocks do not join.

    FFmpeg leaves out blocks that it cannot find, up to the next cluster.
    """
    _, length = _element(file)  # the EBML header
    file.seek(file.tell() + (length or 0))
    kind, length = _element(file)
    if kind != _SEGMENT or length is None:
        return 0
    end = file.tell() + length
    if end <= size and not _joined(file, _SEGMENT, end):
        raise UserError(f"{path} is damaged near byte {file.tell()}: copy or export it again.")
    return end


def _joined(file: BinaryIO, parent: int, end: int) -> bool:
    """Whether the elements from here to `end` belong into `parent` and fill it; the file is left where they do not."""
    while (start := file.tell()) < end:
        kind, length = _element(file)
        if length is None and kind in _CHILDREN[parent]:  # of unknown size: nothing is claimed from here on
            file.seek(end)
            return True
        if kind not in _CHILDREN[parent] | {_VOID, _CRC32} or length is None or file.tell() + length > end:
            file.seek(start)
            return False
        if kind == _CRC32 and not _agrees(file, length, end):
            file.seek(start)
            return False
        if kind not in _CHILDREN:
            file.seek(file.tell() + length)
        elif not _joined(file, kind, file.tell() + length):
            return False
    return True


def _agrees(file: BinaryIO, length: int, end: int) -> bool:
    """Whether the check sum that begins here is that of what follows it, up to `end`; the place is kept."""
    start = file.tell()
    stated = int.from_bytes(file.read(length), "little")
    actual, left = 0, end - file.tell()
    while left > 0 and (data := file.read(min(left, 1 << 20))):
        actual = zlib.crc32(data, actual)
        left -= len(data)
    file.seek(start)
    return actual == stated


def _element(file: BinaryIO) -> tuple[int, int | None]:
    """Identifier and length of the element at this place (RFC 8794, section 4); None for an unknown length."""
    first = file.read(1)
    width = 9 - first[0].bit_length() if first else 9
    if width > 4:
        return 0, None
    kind = int.from_bytes(first + file.read(width - 1), "big")
    first = file.read(1)
    width = 9 - first[0].bit_length() if first else 9
    if width > 8:
        return 0, None
    length = int.from_bytes(first + file.read(width - 1), "big") & ((1 << 7 * width) - 1)
    return kind, None if length == (1 << 7 * width) - 1 else length


def _claimed_end(container: "av.container.InputContainer", stream: "av.VideoStream") -> float | None:
    """The time in seconds at which the last frame should end, or None."""
    kind = container.format.name
    if kind == "avi":  # FFmpeg shortens the duration to fit a file that was cut, but not the number
        return float(stream.frames / stream.average_rate) if stream.frames and stream.average_rate else None
    if "matroska" in kind:
        tag = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
        if tag:
            hours, minutes, seconds = tag.groups()
            stated = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
            return min(stated, (container.duration or float("inf")) / 1_000_000)  # a tag may be that of another file
        alone = len(container.streams) == 1 and container.duration is not None
        return container.duration / 1_000_000 if alone else None
    if "mp4" in kind and stream.duration is not None:
        return float((stream.duration + (stream.start_time or 0)) * stream.time_base)
    return None
