"""Writing videos: .mkv is exact, .mp4 keeps its colours, and a file appears whole or not at all."""

import resource
import signal
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from vsrlib.common.errors import UserError
from vsrlib.data import video
from vsrlib.data.video import write_video

RATE = Fraction(30000, 1001)
COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (128, 128, 128), (200, 40, 90)]


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def ramps(count: int = 12, height: int = 128, width: int = 192) -> np.ndarray:
    """Slowly moving ramps, a different one in each channel: (N, H, W, 3) uint8."""
    y, x = np.mgrid[:height, :width]
    return np.stack(
        [np.stack([(x + 3 * i) * 255 / 240, y * 255 / 128, 255 - (x + y) * 255 / 330], axis=-1) for i in range(count)]
    ).astype(np.uint8)


def write(path: Path, frames: np.ndarray, rate: Fraction = RATE) -> np.ndarray:
    """The frames written and read back."""
    with write_video(path, rate) as add:
        for frame in frames:
            add(frame)
    return np.stack(list(video.read_frames(path)))


@pytest.mark.parametrize("shape", [(5, 96, 128, 3), (3, 37, 51, 3), (1, 8, 8, 3)])
def test_mkv_is_exact(tmp_path: Path, shape: tuple[int, ...]) -> None:
    frames = noise(*shape)
    assert np.array_equal(write(tmp_path / "v.mkv", frames), frames)
    assert video.examine(tmp_path / "v.mkv").rate == RATE


def test_mp4_is_near_and_its_colours_are_not_shifted(tmp_path: Path) -> None:
    error = write(tmp_path / "v.mp4", ramps()).astype(float) - ramps()
    assert np.abs(error.mean(axis=(0, 1, 2))).max() < 1
    assert np.abs(error).mean() < 1.5
    assert video.examine(tmp_path / "v.mp4").rate == RATE


def test_flat_colours_survive_mp4(tmp_path: Path) -> None:
    # Clear colours are what a wrong matrix (BT.601 for BT.709) or a wrong range would shift, by ten levels and more.
    frames = np.stack([np.full((64, 64, 3), colour, np.uint8) for colour in COLOURS])
    assert np.abs(write(tmp_path / "v.mp4", frames).astype(int) - frames).max() <= 3


def test_mp4_says_how_it_was_converted(tmp_path: Path) -> None:
    write(tmp_path / "v.mp4", ramps())
    with av.open(str(tmp_path / "v.mp4")) as container:
        frame = next(container.decode(video=0))
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
    # By hand, from the numbers of BT.709: luma of limited range.
    red, green, blue = ramps()[0].astype(float).transpose(2, 0, 1)
    luma = 16 + 219 / 255 * (0.2126 * red + 0.7152 * green + 0.0722 * blue)
    stored = np.frombuffer(bytes(frame.planes[0]), np.uint8).reshape(128, -1)[:, :192]
    assert np.abs(stored - luma).mean() < 1 and abs((stored - luma).mean()) < 0.3


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4"])
def test_the_same_frames_give_the_same_bytes(tmp_path: Path, name: str) -> None:
    write(tmp_path / "a" / name, ramps(3))
    write(tmp_path / "b" / name, ramps(3))
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_another_ending(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="v.gif is neither .mp4 nor .mkv"):
        write(tmp_path / "v.gif", ramps(1))


def test_odd_sides(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="v.mp4 would be 51x38 pixels.*write an .mkv"):
        write(tmp_path / "v.mp4", noise(2, 38, 51, 3))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name, constant", [("v.mp4", "_LOSSY"), ("v.mkv", "_LOSSLESS")])
def test_a_missing_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, constant: str) -> None:
    monkeypatch.setattr(video, constant, "no_such_encoder")
    with pytest.raises(UserError, match=f"{name} cannot be written because this FFmpeg lacks the encoder no_such"):
        write(tmp_path / name, ramps(1))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4"])
def test_nothing_is_left_of_what_went_wrong(tmp_path: Path, name: str) -> None:
    with pytest.raises(RuntimeError, match="on purpose"), write_video(tmp_path / name, RATE) as add:
        add(ramps(1)[0])
        raise RuntimeError("on purpose")
    with pytest.raises(ValueError, match="at least one frame"), write_video(tmp_path / name, RATE):
        pass
    differing = pytest.raises(ValueError, match="a frame is 64x32 after frames of 192x128")
    with differing, write_video(tmp_path / name, RATE) as add:
        add(ramps(1)[0])
        add(noise(32, 64, 3))
    with pytest.raises(ValueError, match="uint8"), write_video(tmp_path / name, RATE) as add:
        add(np.zeros((32, 64, 3)))
    with pytest.raises(ValueError, match="positive"), write_video(tmp_path / name, Fraction(0)):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4"])
def test_an_old_file_stays_until_the_new_one_is_whole(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, ramps(2))
    old = (tmp_path / name).read_bytes()
    with pytest.raises(RuntimeError), write_video(tmp_path / name, RATE) as add:
        add(ramps(1)[0])
        raise RuntimeError
    assert (tmp_path / name).read_bytes() == old
    assert len(write(tmp_path / name, ramps(3))) == 3


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4"])
def test_a_full_disk_is_an_error_to_the_last_byte(tmp_path: Path, name: str) -> None:
    frames = noise(6, 64, 96, 3)
    write(tmp_path / name, frames)
    size = (tmp_path / name).stat().st_size
    (tmp_path / name).unlink()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        for room in (10, size // 3, size - 100, size - 1):
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
            with pytest.raises(OSError, match="too large"):
                write(tmp_path / name, frames)
            assert not list(tmp_path.iterdir())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)


def test_a_chosen_quality_is_made_without_what_differs_from_run_to_run(tmp_path: Path) -> None:
    """x264 writes its settings into the file; seen to differ were B frames, and about one run in 400 with MB-tree."""
    with write_video(tmp_path / "v.mp4", RATE, crf=30) as add:
        for frame in ramps(5):
            add(frame)
    said = (tmp_path / "v.mp4").read_bytes().partition(b"options: ")[2].partition(b"\0")[0].decode()
    settings = dict(word.split("=", 1) for word in said.split())
    wanted = {"threads": "1", "bframes": "0", "mbtree": "0", "rc": "crf", "crf": "30.0"}
    assert {name: settings.get(name) for name in wanted} == wanted


@pytest.mark.parametrize("bits", [8, 10])
def test_colours_of_an_mp4_lie_above_every_second_pixel(tmp_path: Path, bits: int) -> None:
    """Where H.264 and H.265 have them by default, and players look for them; luma and colours by the definition."""
    most, span = (255, 1) if bits == 8 else (65535, 4)
    rgb = np.zeros((32, 64, 3))
    rgb[..., 0], rgb[..., 1], rgb[..., 2] = 1, 0.6, np.linspace(0.1, 1, 64)
    with write_video(tmp_path / "v.mp4", RATE, bits=bits) as add:
        for _ in range(3):
            add(np.rint(most * rgb).astype(np.uint8 if bits == 8 else np.uint16))
    with av.open(str(tmp_path / "v.mp4")) as container:
        frame = next(container.decode(video=0))
        planes = [
            np.frombuffer(plane, np.uint8 if bits == 8 else np.uint16).reshape(plane.height, -1)[:, : plane.width]
            for plane in frame.planes
        ]
    luma = rgb @ (0.2126, 0.7152, 0.0722)
    blue = (128 + 224 * (rgb[..., 2] - luma) / 1.8556) * span
    step = blue[0, 1] - blue[0, 0]  # colours that lie half a pixel beside would be off by half of it
    assert abs((planes[1][4:-4, 4:-4] - blue[8:-8:2, 8:-8:2]).mean()) < step / 8
    assert abs((planes[0] - span * (16 + 219 * luma)).mean()) < span / 8
