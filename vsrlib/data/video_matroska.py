"""The shape of a Matroska video's pixels, written into the file: PyAV 18 tells the muxer nothing of it."""

import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

_SEGMENT, _SEEK_HEAD, _VOID, _TRACKS = 0x18538067, 0x114D9B74, 0xEC, 0x1654AE6B
_ENTRY, _VIDEO, _WIDTH, _HEIGHT, _SHOWN_WIDTH, _SHOWN_HEIGHT, _UNIT = 0xAE, 0xE0, 0xB0, 0xBA, 0x54B0, 0x54BA, 0x54B2
_SEEK, _POSITION, _CRC32 = 0x4DBB, 0x53AC, 0xBF
_HEAD = 1 << 16  # bytes in which everything before the first frame lies


class _Part(NamedTuple):
    """An element (RFC 8794): its identifier, and where it, its content and what follows it begin."""

    kind: int
    start: int
    content: int
    end: int


def state_aspect(path: Path, aspect: Fraction) -> None:
    """Make players show the video at `path`, which FFmpeg has just written, with pixels of this width by height.

    What comes in front of the tracks' end moves forward, into the room that FFmpeg leaves for its table of contents;
    everything behind stays where it is. ValueError for a file that is laid out otherwise.
    """
    with open(path, "r+b") as file:
        head = bytearray(file.read(_HEAD))
        segment = _of_kind(_SEGMENT, _parts(head, 0, len(head)))
        parts = list(_parts(head, segment.content, len(head)))
        contents, room, tracks = (_of_kind(kind, parts) for kind in (_SEEK_HEAD, _VOID, _TRACKS))
        stated = _with_aspect(head, tracks, aspect)
        growth = len(stated) - (tracks.end - tracks.start)
        left = room.end - room.start - growth - 9  # an empty element has an identifier and eight bytes of length
        if left < 0 or not contents.end <= room.start < tracks.start:
            raise ValueError(f"{path.name} has no room for the shape of its pixels")
        _move(head, contents, (room.end - segment.content, tracks.end - segment.content), -growth)
        head[room.start : tracks.end] = _element(_VOID, bytes(left)) + head[room.end : tracks.start] + stated
        file.seek(0)
        file.write(head)


def _with_aspect(head: bytearray, tracks: _Part, aspect: Fraction) -> bytes:
    """The tracks' element anew, the size that is to be shown within it."""
    content = b""
    for part in _parts(head, tracks.content, tracks.end):
        whole = bytes(head[part.start : part.end])
        inside = list(_parts(head, part.content, part.end)) if part.kind == _ENTRY else []
        for video in (one for one in inside if one.kind == _VIDEO):
            before, behind = bytes(head[part.content : video.start]), bytes(head[video.end : part.end])
            whole = _element(_ENTRY, before + _shown(head, video, aspect) + behind)
        content += whole if part.kind != _CRC32 else b""
    return _element(_TRACKS, bytes([_CRC32, 0x84]) + zlib.crc32(content).to_bytes(4, "little") + content)


def _shown(head: bytearray, video: _Part, aspect: Fraction) -> bytes:
    """The video element anew, with the size in pixels that is to be shown; FFmpeg has stated that it is unknown."""
    parts = list(_parts(head, video.content, video.end))
    width, height = (
        int.from_bytes(head[one.content : one.end], "big")
        for one in (_of_kind(_WIDTH, parts), _of_kind(_HEIGHT, parts))
    )
    shown = (round(width * aspect), height) if aspect >= 1 else (width, round(height / aspect))
    kept = [bytes(head[one.start : one.end]) for one in parts if one.kind not in (_SHOWN_WIDTH, _SHOWN_HEIGHT, _UNIT)]
    sizes = [_element(kind, side.to_bytes(4, "big")) for kind, side in zip((_SHOWN_WIDTH, _SHOWN_HEIGHT), shown)]
    return _element(_VIDEO, b"".join([*kept, *sizes]))


def _move(head: bytearray, contents: _Part, between: tuple[int, int], by: int) -> None:
    """Change the positions in the table of contents of what lies between two places, and its check sum."""
    parts = list(_parts(head, contents.content, contents.end))
    for seek in (part for part in parts if part.kind == _SEEK):
        place = _of_kind(_POSITION, _parts(head, seek.content, seek.end))
        position = int.from_bytes(head[place.content : place.end], "big")
        if between[0] <= position < between[1]:
            head[place.content : place.end] = (position + by).to_bytes(place.end - place.content, "big")
    for crc in (part for part in parts if part.kind == _CRC32):
        head[crc.content : crc.end] = zlib.crc32(head[crc.end : contents.end]).to_bytes(4, "little")


def _parts(data: bytearray, start: int, end: int) -> Iterator[_Part]:
    """The elements from `start` on that lie before `end`; the last one may reach beyond it."""
    while start + 2 <= min(end, len(data) - 12):
        width = 9 - data[start].bit_length()
        of_length = 9 - data[start + width].bit_length()
        kind = int.from_bytes(data[start : start + width], "big")
        content = start + width + of_length
        length = int.from_bytes(data[start + width : content], "big") & ((1 << 7 * of_length) - 1)
        yield _Part(kind, start, content, content + length)
        start = content + length


def _of_kind(kind: int, parts: Iterator[_Part] | list[_Part]) -> _Part:
    found = next((part for part in parts if part.kind == kind), None)
    if found is None:
        raise ValueError(f"there is no element {kind:x}")
    return found


def _element(kind: int, content: bytes) -> bytes:
    return kind.to_bytes((kind.bit_length() + 7) // 8, "big") + (len(content) | 1 << 56).to_bytes(8, "big") + content
