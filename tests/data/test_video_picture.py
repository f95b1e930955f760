"""How a video's frames become RGB: colours by matrix and range, pixels that are not square, frames on their sides."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from films import begin, pictures

from vsrlib.common.errors import UserError
from vsrlib.data import video
from vsrlib.data.clips import list_clips
from vsrlib.data.video_picture import Reading
from vsrlib.restoration import loop

LUMA = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
"""What red and blue weigh in luma, by ITU-R BT.601, BT.709 and BT.2020."""

TAGS = {"bt601": 6, "bt709": 1, "bt2020": 9, None: 2}
"""What ITU-T H.273 calls them."""

COLOURS = np.array([(200, 40, 90), (30, 180, 60), (60, 70, 220), (128, 128, 128), (250, 250, 250)], np.uint8)


def stored(rgb: np.ndarray, matrix: str, full: bool) -> np.ndarray:
    """(..., 3) RGB as (..., 3) Y, Cb, Cr, uint8, by the definition."""
    red, green, blue = np.moveaxis(rgb / 255, -1, 0)
    of_red, of_blue = LUMA[matrix]
    luma = of_red * red + (1 - of_red - of_blue) * green + of_blue * blue
    chroma = [(blue - luma) / (2 - 2 * of_blue), (red - luma) / (2 - 2 * of_red)]
    steps, zero, span = (255, 0, 255) if full else (219, 16, 224)
    return np.rint(np.stack([zero + steps * luma, *(128 + span * one for one in chroma)], -1)).astype(np.uint8)


def striped(path: Path, matrix: str, tag: str | None, size: tuple[int, int] = (16, 80), full: bool = False) -> Path:
    """Stripes of COLOURS, stored by one matrix and tagged with another, or not at all; lossless."""
    rgb = np.broadcast_to(COLOURS.repeat(size[1] // 5, 0), (size[0], size[1] // 5 * 5, 3))
    with av.open(str(path), "w") as container:
        stream = begin(container, "ffv1", Fraction(25), rgb.shape[:2], "yuv444p")
        stream.codec_context.colorspace = TAGS[tag]
        stream.codec_context.color_range = 2 if full else 1
        planes = np.moveaxis(stored(rgb, matrix, full), -1, 0)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(planes), format="yuv444p")
        frame.colorspace, frame.color_range = TAGS[tag], 2 if full else 1
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def seen(path: Path, colour: str = "auto") -> np.ndarray:
    """The colours of the stripes as they are read."""
    (frame,) = video.read_frames(path, reading=Reading(colour))
    return frame[0, frame.shape[1] // 10 :: frame.shape[1] // 5].astype(int)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
def test_colours_are_read_as_tagged(tmp_path: Path, matrix: str, full: bool) -> None:
    path = striped(tmp_path / "v.mkv", matrix, matrix, full=full)
    assert np.abs(seen(path) - COLOURS).max() <= 2
    shown = video.examine(path).picture
    assert (shown.matrix, shown.because, shown.full) == (matrix, "tagged", full)


@pytest.mark.parametrize(
    "size, matrix",
    [((480, 80), "bt601"), ((718, 80), "bt601"), ((720, 80), "bt709"), ((8, 1280), "bt709"), ((8, 1270), "bt601")],
)
def test_untagged_colours_are_told_by_size(tmp_path: Path, size: tuple[int, int], matrix: str) -> None:
    path = striped(tmp_path / "v.mkv", matrix, None, size)
    assert np.abs(seen(path) - COLOURS).max() <= 2
    other = "bt601" if matrix == "bt709" else "bt709"
    assert np.abs(seen(path, other) - COLOURS).max() > 8, "the two are not mixed up"
    assert video.examine(path).picture.because == f"untagged, {size[1]}x{size[0]}"


@pytest.mark.parametrize("pixels, codec", [("yuv444p10le", "ffv1"), ("gbrp10le", "ffv1"), ("yuv420p10le", "libx264")])
def test_10_bits_are_read_as_the_nearest_of_8(tmp_path: Path, pixels: str, codec: str) -> None:
    """16-bit stripes, through swscale as PyAV calls it; one level of 8 bits is 257."""
    rgb = np.broadcast_to(COLOURS.repeat(16, 0), (16, 80, 3)).astype(np.uint16) * 257
    with av.open(str(tmp_path / "v.mkv"), "w") as container:
        stream = begin(container, codec, Fraction(25), rgb.shape[:2], pixels)
        stream.options = {"crf": "1"} if codec == "libx264" else {}
        for _ in range(5):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb48le")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    (source,) = list_clips(tmp_path / "v.mkv")
    read = source.load().frames[0, 8, 8::16].astype(int)
    assert source.film.picture.to_json()["bits"] == 10 and np.abs(read - COLOURS).max() <= (0 if "gbr" in pixels else 2)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("pixels", ["yuv444p10le", "yuv420p10le", "yuv444p16le", "gray10le", "gbrp12le"])
def test_all_levels_of_more_than_8_bits_are_right(tmp_path: Path, pixels: str, full: bool) -> None:
    """From the darkest to white, and colours: against the definition, in hundredths of a level of 8 bits."""
    bits = int(pixels[-4:-2])
    most, span, zero = 2**bits - 1, 2.0 ** (bits - 8), 2.0 ** (bits - 1)
    low, height, width = 0 if full else 16 * span, most if full else 219 * span, most if full else 224 * span
    steps = np.rint(np.linspace(low, low + height, 24)).astype(np.uint16)
    planes = [steps, *[np.full(24, zero, np.uint16)] * 2]
    if pixels.startswith("g"):
        planes = [steps, steps[::-1], steps] if pixels.startswith("gbr") else [steps]
    elif "444" in pixels:
        planes[1] = np.rint(zero + width * np.linspace(-0.2, 0.2, 24)).astype(np.uint16)
        planes[2] = planes[2] + np.uint16(9 * span)
    asked = {"colour_range": "full" if full else "limited"}
    with av.open(str(tmp_path / "v.mkv"), "w") as container:
        stream = begin(container, "ffv1", Fraction(25), (16, 24), pixels)
        stream.codec_context.colorspace = 1
        frame = av.VideoFrame(24, 16, pixels)
        for plane, values in zip(frame.planes, planes):
            line = np.zeros((plane.height, plane.line_size // 2), np.uint16)
            line[:, : plane.width] = values[: plane.width]
            plane.update(line.tobytes())
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    luma = (planes[0] - low) / height
    blue, red = ((plane - zero) / width for plane in planes[1:]) if len(planes) == 3 else (0, 0)
    rgb = [luma + 1.5748 * red, luma - (0.2126 * 1.5748 * red + 0.0722 * 1.8556 * blue) / 0.7152, luma + 1.8556 * blue]
    if pixels.startswith("gbr"):
        rgb = [(plane - low) / height for plane in (planes[2], planes[0], planes[1])]
    expected = np.clip(255 * np.stack(rgb, -1), 0, 255)
    (deep,) = video.read_frames(tmp_path / "v.mkv", reading=Reading(**asked, deep=True))
    (near,) = video.read_frames(tmp_path / "v.mkv", reading=Reading(**asked))
    assert np.abs(deep[8] - expected).max() < 0.05
    assert np.abs(near[8] - expected).max() < 0.55 and near[8, -1].max() == 255


@pytest.mark.parametrize("tag", [0, 1, 2])
@pytest.mark.parametrize("pixels", ["yuv444p", "yuv420p", "gray", "bgr0"])
def test_the_range_is_as_tagged_or_as_asked_for(tmp_path: Path, tag: int, pixels: str) -> None:
    """A grey of level 100 in the file: by hand, it is shown as 100 or as (100 - 16) * 255 / 219."""
    planes = 1 if pixels in ("gray", "bgr0") else 3
    with av.open(str(tmp_path / "v.mkv"), "w") as container:
        stream = begin(container, "ffv1", Fraction(25), (16, 16), pixels)
        stream.codec_context.color_range = tag
        for _ in range(5):
            frame = av.VideoFrame(16, 16, pixels)
            for plane in range(planes):
                level = 100 if plane == 0 else 128
                frame.planes[plane].update(bytes([level]) * frame.planes[plane].buffer_size)
            frame.color_range = tag
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    shown = {"full": 100, "limited": round((100 - 16) * 255 / 219)}
    tagged = "full" if planes == 1 or tag == 2 else "limited"
    for asked in ("auto", "full", "limited"):
        reading = Reading(colour_range=asked)
        (source,) = list_clips(tmp_path / "v.mkv", reading)
        expected = tagged if asked == "auto" else asked
        assert np.abs(next(source.frames()).astype(int) - shown[expected]).max() <= 1, (asked, expected)
        told = source.film.picture.to_json()
        why = "asked for" if asked != "auto" else "pixels" if planes == 1 else "tagged"
        assert (told["range"], told["range_because"]) == (expected, why if tag or why != "tagged" else "untagged")


def test_another_matrix_can_be_asked_for(tmp_path: Path) -> None:
    path = striped(tmp_path / "v.mkv", "bt709", "bt601")
    assert np.abs(seen(path, "bt709") - COLOURS).max() <= 2
    (source,) = list_clips(path, Reading("bt709"))
    assert source.film.picture.to_json()["because"] == "asked for"
    np.testing.assert_array_equal(next(source.frames()), next(video.read_frames(path, reading=Reading("bt709"))))


def tagged(path: Path, primaries: int, transfer: int) -> Path:
    with av.open(str(path), "w") as container:
        stream = begin(container, "libx264", Fraction(25), (48, 64), "yuv420p")
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc = 9, primaries, transfer
        for rgb in pictures(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("transfer, name", [(16, r"PQ \(SMPTE ST 2084\)"), (18, "HLG")])
def test_hdr_is_refused_by_name(tmp_path: Path, transfer: int, name: str) -> None:
    with pytest.raises(UserError, match=f"v.mp4 is HDR, with the transfer function {name}"):
        list_clips(tagged(tmp_path / "v.mp4", 9, transfer))


def written(path: Path, ending: str, size: tuple[int, int] = (32, 48)) -> Path:
    """A video as a restoration writes it of the one at `path`."""
    (source,) = list_clips(path)
    with loop.Output(path.parent / "out", ending, False, False).writer(source, range(len(source))) as write:
        for name in source.frame_names:
            write(name, pictures(1, *size)[0])
    return path.parent / "out" / "videos" / f"{source.name}.{ending}"


@pytest.mark.parametrize("ending, matrix", [("mp4", 1), ("mkv", 0)])
def test_primaries_and_transfer_are_kept(tmp_path: Path, ending: str, matrix: int) -> None:
    """The output is tagged as it is written: of H.264 in BT.709 the matrix alone is another."""
    with av.open(str(written(tagged(tmp_path / "v.mp4", 9, 14), ending))) as container:
        frame = next(container.decode(video=0))
    assert (frame.color_primaries, frame.color_trc) == (9, 14)
    assert frame.colorspace == matrix or frame.format.is_rgb


def lying(path: Path, degrees: int, hflip: bool = False, aspect: Fraction | None = None) -> np.ndarray:
    """A video of unsymmetrical frames with a display matrix; returns a frame as it is stored."""
    frames = pictures(5)
    with av.open(str(path), "w") as container:
        stream = begin(container, "libx264", Fraction(25), frames.shape[1:3], "yuv444p")
        if degrees or hflip:
            stream.set_display_rotation(degrees, hflip=hflip)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for rgb in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())
    return frames[0]


@pytest.mark.parametrize("hflip", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_frames_that_lie_on_a_side_are_turned_upright(tmp_path: Path, name: str, degrees: int, hflip: bool) -> None:
    if name == "v.mkv" and hflip:
        pytest.skip("Matroska has no mirrored pictures")
    stored_frame = lying(tmp_path / name, degrees, hflip)
    with av.open(str(tmp_path / name)) as container:
        frame = next(container.decode(video=0))
        matrix = frame.side_data.get("DISPLAYMATRIX")
        corners = None if matrix is None else np.frombuffer(bytes(matrix), np.int32).reshape(3, 3)[:2, :2] / 65536
    upright = next(video.read_frames(tmp_path / name)).astype(int)
    # By the definition of ISO/IEC 14496-12: (x, y) -> (a x + c y, b x + d y), moved to where nothing is negative.
    expected = stored_frame
    if corners is not None:
        height, width = stored_frame.shape[:2]
        y, x = np.mgrid[:height, :width]
        across, down = (np.rint(corners[0, i] * x + corners[1, i] * y).astype(int) for i in (0, 1))
        across, down = across - across.min(), down - down.min()
        expected = np.zeros((down.max() + 1, across.max() + 1, 3), np.uint8)
        expected[down, across] = stored_frame
    assert upright.shape == expected.shape and np.abs(upright - expected).mean() < 12
    assert (corners is not None) == (degrees != 0 or hflip)


def test_other_angles_are_refused(tmp_path: Path) -> None:
    lying(tmp_path / "v.mp4", 30)
    with pytest.raises(UserError, match=r"v.mp4 is to be shown turned by 33[01] degrees.*export it upright"):
        list_clips(tmp_path / "v.mp4")


def test_a_matroska_file_with_its_pixels_shape_is_sound(tmp_path: Path) -> None:
    """Its frames are exact, and its table of contents says of each part where it lies."""
    lying(tmp_path / "v.mp4", 0, aspect=Fraction(16, 11))
    path = written(tmp_path / "v.mp4", "mkv")
    np.testing.assert_array_equal(np.stack(list(video.read_frames(path))), pictures(1, 32, 48).repeat(5, 0))
    data = path.read_bytes()
    begins = data.index(bytes.fromhex("18538067")) + 12
    table = data[begins : begins + data[begins + 4] % 128 + 5]
    entries = table.split(b"\x4d\xbb")[1:]
    assert len(entries) >= 4
    for entry in entries:  # 53 ab, length and identifier, 53 ac, length and place
        size = entry[3] % 128
        kind, place = entry[4 : 4 + size], entry[7 + size : 7 + size + entry[6 + size] % 128]
        assert data[begins + int.from_bytes(place, "big") :].startswith(kind)


@pytest.mark.parametrize("degrees, kept", [(0, Fraction(16, 11)), (90, Fraction(11, 16))])
@pytest.mark.parametrize("ending", ["mp4", "mkv"])
@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_pixels_that_are_not_square_stay_so(
    tmp_path: Path, name: str, ending: str, degrees: int, kept: Fraction
) -> None:
    lying(tmp_path / name, degrees, aspect=Fraction(16, 11))
    with av.open(str(written(tmp_path / name, ending))) as container:
        shape = container.streams.video[0].sample_aspect_ratio  # Matroska states it as a size in whole pixels
        assert shape == kept if ending == "mp4" else abs(shape / kept - 1) < 1 / 64
        assert next(container.decode(video=0)).rotation == 0


def interlaced(path: Path, woven: bool = True) -> np.ndarray:
    """A bright bar on grey that moves by 8 pixels from field to field; returns the moments, (10, H, W, 3).

    Not `woven`: of every second moment a whole frame.
    """
    moments = np.full((10, 48, 96, 3), 100, np.uint8)
    for index, moment in enumerate(moments):
        moment[:, 8 * index : 8 * index + 16] = 220
    with av.open(str(path), "w") as container:
        stream = begin(container, "libx264", Fraction(25), (48, 96), "yuv420p")
        stream.options = {"x264-params": f"bframes=0:bff={int(woven)}", "crf": "5"}
        stream.codec_context.sample_aspect_ratio = Fraction(16, 11)
        for lower, upper in zip(moments[::2], moments[1::2]):
            frame = lower.copy()
            if woven:
                frame[::2] = upper[::2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return moments


def one_after_another(path: Path, sources: list[Path]) -> None:
    """The pictures of several files of 25 frames a second as one stream."""
    with av.open(str(path), "w") as target:
        stream, shift = None, 0
        for source in sources:
            with av.open(str(source)) as film:
                stream = stream or target.add_stream_from_template(film.streams.video[0], opaque=True)
                packets = [packet for packet in film.demux(video=0) if packet.size]
                start, tick = min(packet.pts for packet in packets), packets[0].time_base
                for packet in packets:
                    packet.pts, packet.dts = (stamp - start + shift for stamp in (packet.pts, packet.dts))
                    packet.stream = stream
                    target.mux(packet)
                shift += round(len(packets) / (25 * tick))


def combed(frame: np.ndarray) -> float:
    """How far every second line is from its neighbours."""
    return float(np.abs(frame[1:-1:2] - (frame[:-2:2] + frame[2::2]) / 2).mean())


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_interlaced_video_is_refused_or_made_whole(tmp_path: Path, name: str) -> None:
    moments = interlaced(tmp_path / name)
    with pytest.raises(UserError, match=rf"{name} is interlaced: .*give vsrlib infer --deinterlace"):
        list_clips(tmp_path / name)
    (source,) = list_clips(tmp_path / name, Reading(deinterlace=True))
    frames = source.load().frames.astype(int)
    assert len(source) == len(frames) == 5 and source.rate == 25
    assert source.film.picture.to_json()["deinterlaced"]

    woven = moments[5].astype(int)
    woven[1::2] = moments[4][1::2]
    assert combed(frames[2]) < combed(woven) / 5
    assert np.abs(frames[2] - moments[4]).mean() < 6, "the moment of the first field"


def test_whole_frames_are_not_changed_by_deinterlacing(tmp_path: Path) -> None:
    lying(tmp_path / "v.mp4", 0)
    asked = list(video.read_frames(tmp_path / "v.mp4", reading=Reading(deinterlace=True)))
    np.testing.assert_array_equal(asked, list(video.read_frames(tmp_path / "v.mp4")))
    assert not video.examine(tmp_path / "v.mp4", Reading(deinterlace=True)).picture.deinterlaced


@pytest.mark.parametrize("order", [[False, True], [True, False], [False, True, False]])
def test_of_a_video_that_is_interlaced_in_part_that_part_is_made_whole(tmp_path: Path, order: list[bool]) -> None:
    made = {woven: tmp_path / f"{woven}.ts" for woven in (False, True)}
    for woven, path in made.items():
        interlaced(path, woven)
    path = tmp_path / "v.ts"
    one_after_another(path, [made[woven] for woven in order])
    with pytest.raises(UserError, match="v.ts is interlaced"):
        list_clips(path)
    (source,) = list_clips(path, Reading(deinterlace=True))
    frames = source.load().frames.astype(int)
    assert len(source) == len(frames) == 5 * len(order) and source.rate == 25
    assert source.film.picture.to_json()["deinterlaced"]
    whole = np.stack(list(video.read_frames(made[False]))).astype(int)
    for woven, part in zip(order, np.split(frames, len(order))):
        if woven:
            assert max(map(combed, part)) < 2
        else:
            np.testing.assert_array_equal(part, whole)
