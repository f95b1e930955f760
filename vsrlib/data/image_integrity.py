"""Whether a PNG or JPEG file is whole, by its bytes: decoders forgive what a data set should not contain.

Also what is no frame by our rules, although whole: an animation, CMYK, a picture to be shown rotated, and one so large
that its pixels would fill the memory, which a file of some kilobytes can claim.

A PNG file holds a check sum of every part, so any changed byte is found. A JPEG file holds none: what is found is a
file that is cut short, whose parts do not join, or whose coded data a strict decoder cannot follow. A change that
leaves another valid picture can be found only against a record of the pixels (`vsrlib data check --against`). What
cameras put after the picture is passed over, as viewers do: padding, a motion photo's video, a further picture that
the first one announces. Anything else there is taken for damage, or for frames that would be left out.
"""

import io
import re
import zlib
from typing import NamedTuple

from PIL import Image

from vsrlib.data.video_integrity import load_av

MOST_PIXELS = 2**27
"""Of a frame: what four times the side of 3840x2160 has, 15360x8640, and hardly more."""
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}  # of PNG's colour types; a palette holds RGB
_APP1, _APP2, _ORIENTATION = 0xE1, 0xE2, 0x0112
_SOI, _EOI, _SOS, _RESTARTS = 0xD8, 0xD9, 0xDA, range(0xD0, 0xD8)
_FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive: what is in use and what FFmpeg decodes
_OTHER_FRAMES = (0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)
_PICTURES = b"MPF\0"  # the note in an APP2 part that further pictures follow (CIPA DC-007)
_SAMSUNG = b"SEFT"  # ends what Samsung's cameras append, with the video of a motion photo inside
_MARKER = re.compile(rb"\xff+([^\x00\xff])")


class Header(NamedTuple):
    """What a file says of itself: "PNG" or "JPEG", bits a channel, channels."""

    format: str
    bits: int
    channels: int


class Damaged(Exception):
    """What is wrong with a file, in words that go on after "is damaged: "."""


class Refused(Exception):
    """Why a whole file is not taken, in words that go on after its name."""


def inspect(data: bytes) -> Header:
    """The header of a whole PNG or JPEG file. Damaged for one that is not whole, Refused for what is no frame."""
    if not data:
        raise Damaged("it is empty")
    if data.startswith(PNG):
        return _png(data)
    if data.startswith(JPEG):
        return _jpeg(data)
    raise Damaged("it does not begin as a PNG or JPEG file does")


def _png(data: bytes) -> Header:
    position = len(PNG)
    kinds: list[bytes] = []
    packed: list[bytes] = []
    header, orientation = b"", 1
    while kinds[-1:] != [b"IEND"]:
        length, kind = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
        end = position + 12 + length
        if len(kind) < 4 or end > len(data):
            raise Damaged(f"it is cut short at byte {len(data)}")
        if zlib.crc32(data[position + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            raise Damaged(f"the check sum of the part at byte {position} is wrong")
        content = data[position + 8 : end - 4]
        header = content if kind == b"IHDR" and not kinds else header
        if kind == b"IDAT":
            packed.append(content)
        if kind == b"tRNS" and header[9:10] == b"\0":  # which decoders leave out, where they make alpha of a colour's
            raise Refused("has a transparent grey level, which has no meaning here: export it without transparency")
        if kind == b"eXIf":
            orientation = _orientation(content)
        kinds.append(kind)
        position = end
    if position < len(data):
        raise Damaged(f"{len(data) - position} bytes follow its end")
    if len(header) != 13 or not packed:
        raise Damaged("it has no header or no pixels")
    _require_frame(int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big"), orientation)
    if b"acTL" in kinds:
        raise Refused("is an animated PNG, of which one picture would be read: export each picture as a frame")
    bits, channels = header[8], _CHANNELS.get(header[9], 0)
    if header[12] == 0:  # not interlaced: the number of bytes is known
        _require_pixels(b"".join(packed), header, bits * (1 if header[9] == 3 else channels))
    return Header("PNG", 8 if header[9] == 3 else bits, channels)


def _require_frame(width: int, height: int, orientation: int) -> None:
    if width * height > MOST_PIXELS:
        raise Refused(f"has {width}x{height} pixels, and at most {MOST_PIXELS} are taken: cut it into smaller frames")
    if orientation != 1:
        raise Refused(f"is to be shown rotated or mirrored (EXIF orientation {orientation}): export it upright")


def _orientation(exif: bytes) -> int:
    """How a viewer would turn the picture, 1 to 8; 1, upright, where the notes cannot be read, as viewers take it."""
    notes = Image.Exif()
    try:
        notes.load(exif)
        found = notes.get(_ORIENTATION, 1)
    except Exception:  # Pillow's reader ends in errors of every kind when the notes are damaged
        return 1
    return found if found in range(1, 9) else 1


def _require_pixels(packed: bytes, header: bytes, bits_a_pixel: int) -> None:
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    expected = height * (1 + (width * bits_a_pixel + 7) // 8)
    inflate = zlib.decompressobj()
    try:
        found = len(inflate.decompress(packed, expected + 1))
    except zlib.error as error:
        raise Damaged("its pixels cannot be unpacked") from error
    if found != expected:
        raise Damaged(f"it holds {found} of {expected} bytes of pixels")


def _jpeg(data: bytes) -> Header:
    header, restarts, orientation, several, position = None, False, 1, False, 2
    while True:
        found = _MARKER.match(data, position)
        if found is None:
            where = "cut short" if position >= len(data) - 1 else "not readable"
            raise Damaged(f"it is {where} at byte {position}")
        kind, position = found[1][0], found.end()
        if kind == _EOI:
            break
        length = int.from_bytes(data[position : position + 2], "big")
        content = data[position + 2 : position + length]
        if kind in (_SOI, *_RESTARTS) or length < 2 or position + length > len(data):
            raise Damaged(f"its parts do not join at byte {position}")
        position += length
        if kind in (*_FRAMES, *_OTHER_FRAMES):
            if header is not None or len(content) < 6:
                raise Damaged(f"its header at byte {position} is not one")
            header = content
            supported = kind in _FRAMES
        if kind == _APP1 and content.startswith(b"Exif"):
            orientation = _orientation(content)
        several = several or (kind == _APP2 and content.startswith(_PICTURES))
        restarts = restarts or kind == 0xDD
        if kind == _SOS:
            position = _scan_end(data, position, restarts)
    if not _appended(data[position:].strip(b"\0"), several):
        raise Damaged(f"{len(data) - position} bytes follow its end")
    data = data[:position]
    if header is None:
        raise Damaged("it has no header")
    height, width = int.from_bytes(header[1:3], "big"), int.from_bytes(header[3:5], "big")
    # A block of 8x8 pixels takes a bit at least.
    if height * width > 512 * len(data):
        raise Damaged(f"its header says {width}x{height} pixels, more than {len(data)} bytes can hold")
    _require_frame(width, height, orientation)
    if header[5] == 4:
        raise Refused("is a CMYK picture, whose colours depend on a printer: export it as RGB")
    if supported and header[0] == 8 and header[5] in (1, 3):
        _decode_strictly(data)
    return Header("JPEG", header[0], header[5])


def _appended(rest: bytes, several: bool) -> bool:
    """Whether bytes after the end of a picture are what cameras put there: `several` says that pictures follow."""
    video = rest[1:5] == b"ftyp"  # after the size of its first box, of whose four bytes the zeros went with the padding
    return not rest or video or rest.endswith(_SAMSUNG) or (several and rest.startswith(JPEG))


def _scan_end(data: bytes, position: int, restarts: bool) -> int:
    """Where the coded data that begins here is followed by a marker of another kind than a restart."""
    for found in _MARKER.finditer(data, position):
        if found[1][0] not in _RESTARTS:
            return found.start()
        if not restarts:
            raise Damaged(f"a marker interrupts the picture at byte {found.start()}")
    raise Damaged(f"it is cut short at byte {len(data)}")


def _decode_strictly(data: bytes) -> None:
    av = load_av()
    try:
        with av.open(io.BytesIO(data), format="jpeg_pipe") as container:
            stream = container.streams.video[0]
            stream.codec_context.options = {"err_detect": "explode"}
            frames = [frame for packet in container.demux(stream) for frame in packet.decode()]
    except av.error.PatchWelcomeError:
        return  # a kind of JPEG that FFmpeg does not know; nothing is said against it
    except av.FFmpegError as error:
        raise Damaged(f"its coded pixels cannot be followed ({error.strerror})") from error
    if len(frames) != 1 or frames[0].is_corrupt:
        raise Damaged("its coded pixels cannot be followed")
