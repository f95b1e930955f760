"""Where a video file should end, by what containers without elements of known length say of it."""

import re
import struct
from typing import BinaryIO

_HEAD = 4096  # bytes in which a file's own description lies
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")  # the GUIDs of ASF's header and of its file properties
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_FLV_SIZE = b"\x00\x08filesize\x00"  # the name and the type (number) of an entry in what an FLV says of itself
_DV = b"\x1f\x07\x00"  # the first block of a frame of raw DV; the highest bit behind it tells PAL from NTSC
_DV_FRAMES = (120_000, 144_000)  # bytes of a frame, or of a part of one
_SYNC = 0x47  # each packet of a transport stream begins with it; in an .m2ts a time stands before
_SAMPLES = {"420": (2, 2), "422": (2, 1), "444": (1, 1), "411": (4, 1), "mono": None}
"""Of Y4M: pixels for which there is one value of each chroma, across and down; None without chroma."""


def stated_end(file: BinaryIO, size: int) -> int:
    """The size that the file should have at least; 0 where it does not say, or is of another kind."""
    head = file.read(_HEAD)
    if head.startswith((b"GIF87a", b"GIF89a")):
        return _gif_end(file, size)
    if head.startswith(b"YUV4MPEG2"):
        return _y4m_end(file, head, size)
    if head.startswith(_ASF):
        return _asf_end(head)
    if head.startswith(_DV) and len(head) > 3:
        return -(-size // _DV_FRAMES[head[3] >> 7]) * _DV_FRAMES[head[3] >> 7]
    if head.startswith(b"FLV"):
        place = head.find(_FLV_SIZE) + len(_FLV_SIZE)
        return int(struct.unpack_from(">d", head, place)[0]) if place > len(_FLV_SIZE) else 0
    for unit, offset in ((188, 0), (192, 4)):
        if len(head) > 2 * unit + offset and all(head[offset + unit * packet] == _SYNC for packet in range(3)):
            return -(-size // unit) * unit
    return 0


def _gif_end(file: BinaryIO, size: int) -> int:
    """A GIF ends with a semicolon; some programs write zeros behind it."""
    file.seek(max(0, size - 512))
    return size if file.read().rstrip(b"\0").endswith(b";") else size + 1


def _y4m_end(file: BinaryIO, head: bytes, size: int) -> int:
    """Raw frames of one size, a line of text before each."""
    header, _, _ = head.partition(b"\n")
    words = {word[:1]: word[1:] for word in header.decode("ascii", "replace").split(" ")[1:] if word}
    kind = re.fullmatch(r"(420|422|444|411|mono)(jpeg|paldv|mpeg2)?(p?1[0-6])?", words.get("C", "420"))
    if kind is None or not words.get("W", "").isdecimal() or not words.get("H", "").isdecimal():
        return 0
    width, height, share = int(words["W"]), int(words["H"]), _SAMPLES[kind[1]]
    chroma = 0 if share is None else 2 * -(-width // share[0]) * -(-height // share[1])
    length = (width * height + chroma) * (2 if kind[3] else 1)
    end = len(header) + 1
    while end < size:
        file.seek(end)
        line, newline, _ = file.read(256).partition(b"\n")
        end += len(line) + len(newline) + length
    return end


def _asf_end(head: bytes) -> int:
    """The size in the file's properties, unless it was broadcast while it was written."""
    place = head.find(_ASF_PROPERTIES)
    if place < 0 or place + 92 > len(head):
        return 0
    (size,), (flags,) = struct.unpack_from("<Q", head, place + 40), struct.unpack_from("<I", head, place + 88)
    return 0 if flags & 1 else size
