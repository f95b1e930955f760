"""Whether a video file has all of its bytes, by the sizes and check sums in its own structure.

FFmpeg passes over both: where a file ends early it stops, and what it cannot find it leaves out.
"""

import zlib
from pathlib import Path
from typing import BinaryIO

from vsrlib.errors import UserError

_BOXES = (b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"mfra", b"sidx", b"free", b"skip", b"wide", b"uuid")
_EBML, _SEGMENT, _CLUSTER, _BLOCK_GROUP = 0x1A45DFA3, 0x18538067, 0x1F43B675, 0xA0
_CHILDREN = {  # what RFC 9559 (and its predecessors) puts into the elements that are walked into
    _SEGMENT: {_CLUSTER, 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367},
    _CLUSTER: {_BLOCK_GROUP, 0xA3, 0xE7, 0x5854, 0xA7, 0xAB, 0xAF},
    _BLOCK_GROUP: {0xA1, 0xA2, 0xA4, 0x9B, 0xFA, 0xFB, 0xFD, 0x75A1, 0x75A2, 0x8E, 0xC8},
}
_VOID, _CRC32 = 0xEC, 0xBF


def require_whole_file(path: Path) -> None:
    """UserError when the file ends before the last element of its container does, or Matroska's elements do not join.

    A kind of file that is not known here passes, and so does one whose sizes are not stated.
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
            return
    if end > size:
        raise UserError(f"{path} is cut short: {size} of {end} bytes are there; copy it again.")


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
