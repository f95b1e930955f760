"""Reading and writing frames and clips: what is accepted, what is refused and with which words."""

import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from vsrlib.common.errors import UserError
from vsrlib.data.clips import Clip, list_clips, read_through, require_frames, write_clip
from vsrlib.data.frames import read_frame, write_frame
from vsrlib.data.sets.check import check


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_png_round_trip_keeps_pixels_and_channel_order(tmp_path: Path) -> None:
    frame = noise(20, 30, 3)
    write_frame(tmp_path / "a.png", frame)
    assert np.array_equal(read_frame(tmp_path / "a.png"), frame)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), frame)


def test_written_bytes_depend_on_pixels_alone(tmp_path: Path) -> None:
    write_frame(tmp_path / "a.png", noise(20, 30, 3))
    write_frame(tmp_path / "b.png", noise(20, 30, 3))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_jpeg_is_read_as_rgb(tmp_path: Path) -> None:
    frame = np.full((16, 16, 3), (200, 40, 90), np.uint8)
    Image.fromarray(frame).save(tmp_path / "a.JPG", quality=95)
    assert np.abs(read_frame(tmp_path / "a.JPG").astype(int) - frame).max() <= 4


def test_grey_is_repeated(tmp_path: Path) -> None:
    grey = noise(10, 12)
    Image.fromarray(grey).save(tmp_path / "a.png")
    assert np.array_equal(read_frame(tmp_path / "a.png"), np.stack([grey] * 3, axis=2))


def test_a_path_outside_ascii(tmp_path: Path) -> None:
    write_frame(tmp_path / "Straße 视频" / "é.png", noise(8, 8, 3))
    assert read_frame(tmp_path / "Straße 视频" / "é.png").shape == (8, 8, 3)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_refused(tmp_path: Path, mode: str) -> None:
    Image.fromarray(noise(8, 8, 4)).convert(mode).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="a.png is transparent"):
        read_frame(tmp_path / "a.png")


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_that_is_opaque_everywhere_is_left_out(tmp_path: Path, mode: str) -> None:
    picture = Image.fromarray(noise(8, 8, 3)).convert(mode)
    picture.save(tmp_path / "a.png")
    assert np.array_equal(read_frame(tmp_path / "a.png"), np.asarray(picture.convert("RGB")))
    picture.putpixel((3, 5), (*picture.getpixel((3, 5))[:-1], 254))
    picture.save(tmp_path / "a.png")
    with pytest.raises(UserError, match="a.png is transparent"):
        read_frame(tmp_path / "a.png")


@pytest.mark.parametrize("shape", [(60, 80), (60, 80, 3)])
def test_sixteen_bits_become_the_nearest_eight(tmp_path: Path, shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).integers(0, 65536, shape, dtype=np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), values[..., ::-1] if len(shape) == 3 else values)
    error = read_frame(tmp_path / "a.png") * 257.0 - (values if len(shape) == 3 else values[..., None])
    assert np.abs(error).max() <= 257 / 2
    eight = noise(*shape)
    cv2.imwrite(str(tmp_path / "b.png"), (eight[..., ::-1] if len(shape) == 3 else eight) * np.uint16(257))
    assert np.array_equal(read_frame(tmp_path / "b.png"), eight if len(shape) == 3 else np.stack([eight] * 3, axis=2))


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize("kept", [0.0, 0.5, 0.98])
def test_a_cut_file_is_an_error_that_names_it(tmp_path: Path, suffix: str, kept: float) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(noise(60, 60, 3)).save(path)
    assert read_frame(path).shape == (60, 60, 3)
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(UserError, match=rf"a\.{suffix} cannot be decoded"):
        read_frame(path)


def exif(orientation: int) -> bytes:
    notes = Image.Exif()
    notes[0x0112] = orientation
    return notes.tobytes()


@pytest.mark.parametrize(
    "name, words",
    [
        ("turned.jpg", r"turned.jpg is to be shown rotated or mirrored \(EXIF orientation 6\): export it upright"),
        ("turned.png", r"turned.png is to be shown rotated or mirrored \(EXIF orientation 6\): export it upright"),
        ("cmyk.jpg", "cmyk.jpg is a CMYK picture"),
        ("hole.png", "hole.png has a transparent grey level"),
        ("moving.png", "moving.png is an animated PNG"),
        ("large.png", "large.png has 20000x20000 pixels, and at most 134217728 are taken"),
    ],
)
def test_what_is_whole_and_no_frame_is_refused_by_rule(tmp_path: Path, name: str, words: str) -> None:
    path, picture = tmp_path / name, Image.fromarray(noise(20, 30, 3))
    if name.startswith("turned"):
        picture.save(tmp_path / f"upright{path.suffix}", exif=exif(1))
        assert read_frame(tmp_path / f"upright{path.suffix}").shape == (20, 30, 3)
        picture.save(path, exif=exif(6))
    elif name == "cmyk.jpg":
        picture.convert("CMYK").save(path)
    elif name == "hole.png":  # of which OpenCV makes no alpha
        picture.convert("L").save(path, transparency=int(np.asarray(picture.convert("L"))[3, 3]))
    elif name == "moving.png":
        picture.save(path, save_all=True, append_images=[Image.fromarray(noise(20, 30, 3, seed=1))])
    else:  # some kilobytes that unpack to 400 MB
        part = zlib.compress(bytes(20_000_000))
        header = (20_000).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
        chunks = ((b"IHDR", header), (b"IDAT", part), (b"IEND", b""))
        path.write_bytes(
            b"\x89PNG\r\n\x1a\n"
            + b"".join(
                len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
                for kind, data in chunks
            )
        )
    with pytest.raises(UserError, match=words):
        read_frame(path)


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[2J", "\udcff"])
def test_names_that_no_report_can_show_are_refused(tmp_path: Path, name: str) -> None:
    write_frame(tmp_path / "clips" / name / "0.png", noise(8, 8, 3))
    write_frame(tmp_path / "frames" / f"{name}.png", noise(8, 8, 3))
    for root in (tmp_path / "clips", tmp_path / "frames"):
        with pytest.raises(UserError, match="control characters") as caught:
            list_clips(root)
        assert str(caught.value).isprintable()


def test_a_missing_frame(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a.png does not exist"):
        read_frame(tmp_path / "a.png")


@pytest.mark.parametrize("frame", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8)])
def test_only_8_bit_rgb_is_written(tmp_path: Path, frame: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8"):
        write_frame(tmp_path / "a.png", frame)
    assert not list(tmp_path.iterdir())


def test_clips_and_frames_come_sorted_by_name(tmp_path: Path) -> None:
    for clip in ("b", "a"):
        for frame in ("2", "10", "1"):
            write_frame(tmp_path / clip / f"{frame}.png", np.full((4, 4, 3), int(frame), np.uint8))
    first, second = list_clips(tmp_path)
    assert (first.name, second.name) == ("a", "b")
    assert first.frame_names == ("1", "2", "10") and len(first) == 3
    assert first.load().frames[:, 0, 0, 0].tolist() == [1, 2, 10]


def test_a_folder_of_frames_is_one_clip(tmp_path: Path) -> None:
    write_clip(tmp_path / "walk", Clip("walk", noise(3, 8, 8, 3)))
    (clip,) = list_clips(tmp_path / "walk")
    assert clip.name == "walk" and clip.frame_names == ("00000000", "00000001", "00000002")
    assert np.array_equal(clip.load().frames, noise(3, 8, 8, 3))


def test_notes_and_hidden_files_are_passed_over_but_nothing_else(tmp_path: Path) -> None:
    write_frame(tmp_path / "a.png", noise(8, 8, 3))
    (tmp_path / ".hidden").mkdir()
    for name in (".x.png", "notes.txt", "kernel.mat", "m.json", "Thumbs.db"):
        (tmp_path / name).write_text("x")
    assert list_clips(tmp_path)[0].frame_names == ("a",)
    for left in ("__MACOSX", "@eaDir"):  # by a Mac's archive, and by a network drive
        (tmp_path / left).mkdir()
        (tmp_path / left / "._a.png").write_text("x")
    assert list_clips(tmp_path)[0].frame_names == ("a",)
    (tmp_path / "kernel.mat").unlink()  # which is looked into
    assert check(tmp_path)["faults"] == []
    (tmp_path / "v.MP4").write_text("x")
    with pytest.raises(UserError, match="v.MP4 is a video among folders or frames: give the path of the video itself"):
        list_clips(tmp_path)
    (tmp_path / "v.MP4").unlink()
    (tmp_path / "b.tiff").write_text("x")
    with pytest.raises(UserError, match="b.tiff is not a PNG or JPEG frame"):
        list_clips(tmp_path)


def test_what_cannot_be_listed(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        list_clips(tmp_path / "missing")
    with pytest.raises(UserError, match="holds no frames"):
        list_clips(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty holds no frames"):
        list_clips(tmp_path)
    write_frame(tmp_path / "a.png", noise(8, 8, 3))
    with pytest.raises(UserError, match="side by side"):
        list_clips(tmp_path)
    with pytest.raises(UserError, match="neither a folder nor a video"):
        list_clips(tmp_path / "a.png")


def test_the_same_frame_twice(tmp_path: Path) -> None:
    for name in ("0.png", "a.png", "a-b.png", "a.jpg"):
        Image.fromarray(noise(8, 8, 3)).save(tmp_path / name)
    with pytest.raises(UserError, match="two frames named a with"):
        list_clips(tmp_path)


def test_every_frame_needs_a_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        write_clip(tmp_path / "c", Clip("c", noise(3, 8, 8, 3)), ["a", "b"])


def test_mixed_sizes_are_refused(tmp_path: Path) -> None:
    write_frame(tmp_path / "a.png", noise(8, 8, 3))
    write_frame(tmp_path / "b.png", noise(8, 12, 3))
    with pytest.raises(UserError, match="b.png is 12x8 pixels but a.png is 8x8"):
        list_clips(tmp_path)[0].load()


def test_frames_come_one_after_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = noise(4, 8, 8, 3)
    write_clip(tmp_path / "c", Clip("c", frames))
    (source,) = list_clips(tmp_path / "c")
    read: list[Path] = []
    monkeypatch.setattr("vsrlib.data.clips.read_frame", lambda path: read.append(path) or read_frame(path))
    for index, frame in enumerate(source.frames()):
        assert len(read) == index + 1 and np.array_equal(frame, frames[index])
    assert index == 3 and source.rate is None


@pytest.mark.parametrize(
    "fault, words",
    [
        ("cut", "00000002.png cannot be decoded"),
        ("size", "00000002.png is 12x8"),
        ("missing", "00000002.png does not exist"),
    ],
)
def test_the_check_finds_what_loading_would(tmp_path: Path, fault: str, words: str) -> None:
    write_clip(tmp_path / "c", Clip("c", noise(4, 8, 8, 3)))
    (source,) = list_clips(tmp_path / "c")
    read_through(source)
    bad = tmp_path / "c" / "00000002.png"
    if fault == "cut":
        bad.write_bytes(bad.read_bytes()[:-30])
    elif fault == "size":
        write_frame(bad, noise(8, 12, 3))
    else:
        bad.unlink()
    for read in (lambda: read_through(source), source.load, lambda: list(source.frames())):
        with pytest.raises(UserError, match=words):
            read()


def test_too_few_frames(tmp_path: Path) -> None:
    write_clip(tmp_path / "c", Clip("c", noise(4, 8, 8, 3)))
    (source,) = list_clips(tmp_path / "c")
    require_frames(source, 4)
    with pytest.raises(UserError, match=r"clip c has 4 frame\(s\), but at least 5"):
        require_frames(source, 5)


@pytest.mark.parametrize(
    "frames", [np.zeros((0, 4, 4, 3), np.uint8), np.zeros((4, 4, 3), np.uint8), np.zeros((1, 4, 4, 3))]
)
def test_a_clip_is_checked(frames: np.ndarray) -> None:
    with pytest.raises(ValueError, match="clip x"):
        Clip("x", frames)
