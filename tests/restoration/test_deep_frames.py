"""Frames of more than 8 bits: read with all of their levels, restored in float, and written with as many."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from films import begin

from vsrlib import cli
from vsrlib.common.files import read_json
from vsrlib.data import video
from vsrlib.data.clips import list_clips
from vsrlib.data.deep_frames import eight_bits, is_deep, read_deep
from vsrlib.data.frames import read_frame
from vsrlib.data.video_picture import Reading
from vsrlib.restoration import loop

DEEP = Reading(deep=True)


def ramp(count: int = 5, height: int = 16, width: int = 24) -> np.ndarray:
    """Slow ramps in all channels whose levels lie between those of 8 bits, (N, H, W, 3) uint16."""
    y, x = np.mgrid[:height, :width]
    frame = np.stack([20000 + 211 * x + 67 * y, 30000 - 131 * x, 25000 + 97 * (x + y)], axis=-1)
    return np.stack([frame + 50 * index for index in range(count)]).astype(np.uint16)


def film(path: Path, pixels: str, codec: str = "ffv1") -> Path:
    frames = ramp()
    if not pixels.startswith("gbr"):  # of 16 bits swscale takes 255 * 256 for white where it makes luma and colours
        frames = np.rint(frames * (256 / 257)).astype(np.uint16)
    with av.open(str(path), "w") as container:
        stream = begin(container, codec, Fraction(25), frames.shape[1:3], pixels)
        for rgb in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb48le")))
        container.mux(stream.encode())
    return path


def pictures(folder: Path, sixteen: tuple[int, ...] = tuple(range(5))) -> Path:
    folder.mkdir()
    for index, rgb in enumerate(ramp()):
        image = rgb if index in sixteen else (rgb // 257).astype(np.uint8)
        cv2.imwrite(str(folder / f"{index}.png"), image[..., ::-1])
    return folder


@pytest.mark.parametrize(("pixels", "most"), [("gbrp10le", 0.25), ("gbrp16le", 1e-4), ("yuv444p10le", 0.6)])
def test_a_video_is_read_with_all_of_its_levels(tmp_path: Path, pixels: str, most: float) -> None:
    (source,) = list_clips(film(tmp_path / "v.mkv", pixels), DEEP)
    read, levels = np.stack(list(source.frames())), ramp() / 257
    assert read.dtype == np.float32 and np.abs(read - levels).max() <= most
    assert source.bits == int(pixels[-4:-2])
    assert len(np.unique(read)) > 2 * len(np.unique(eight_bits(read)))
    plain = np.stack(list(list_clips(tmp_path / "v.mkv")[0].frames()))
    np.testing.assert_array_equal(plain, eight_bits(read))


@pytest.mark.parametrize("channels", ["grey", "rgb", "rgba"])
def test_a_picture_of_16_bits_is_read_with_all_of_them(tmp_path: Path, channels: str) -> None:
    rgb = ramp()[0]
    stored = {"grey": rgb[..., 0], "rgb": rgb[..., ::-1], "rgba": np.dstack([rgb[..., ::-1], np.full((16, 24), 65535)])}
    cv2.imwrite(str(tmp_path / "f.png"), stored[channels].astype(np.uint16))
    expected = rgb[..., :1].repeat(3, -1) if channels == "grey" else rgb
    assert is_deep(tmp_path / "f.png")
    np.testing.assert_array_equal(np.rint(read_deep(tmp_path / "f.png").astype(np.float64) * 257), expected)
    np.testing.assert_array_equal(eight_bits(read_deep(tmp_path / "f.png")), read_frame(tmp_path / "f.png"))


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """The frames that the network restores, (3, H, W) float32, as they come."""
    seen, placed = [], loop.placed
    monkeypatch.setattr(loop, "placed", lambda image, sampling: seen.append(placed(image, sampling)) or seen[-1])
    return seen


def infer(source: Path, output: Path, *more: str) -> tuple[int, list]:
    code = cli.main(["infer", str(source), str(output), "--weights", "study-gaussian", "--device", "cpu", *more])
    result = output / "inference.json" if output.is_dir() else output.with_suffix(".inference.json")
    return code, read_json(result)["clips"][0]["bits"]


def decoded(path: Path, kind: str) -> tuple[np.ndarray, str]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return np.stack([frame.to_ndarray(format=kind) for frame in frames]), frames[0].format.name


def exact(restored: list[np.ndarray], most: int) -> np.ndarray:
    """What the network made, rounded once, to levels of `most`."""
    return np.rint(np.clip(np.stack(restored).astype(np.float64), 0, 1).transpose(0, 2, 3, 1) * most)


def test_10_bits_in_are_10_bits_out(tmp_path: Path, restored: list, capsys: pytest.CaptureFixture) -> None:
    source = film(tmp_path / "v.mkv", "yuv420p10le")
    assert infer(source, tmp_path / "out.mkv") == (0, [10, 10])
    found, pixels = decoded(tmp_path / "out.mkv", "gbrp10le")
    assert pixels == "gbrp10le" and np.abs(found - exact(restored, 1023)).max() <= 1  # 16 bits lie between
    assert len(np.unique(found)) > 2 * len(np.unique(found // 4))
    restored.clear()
    assert infer(source, tmp_path / "out.mp4") == (0, [10, 10])
    found, pixels = decoded(tmp_path / "out.mp4", "rgb48le")
    assert pixels == "yuv420p10le"
    errors = found / (255 * 256) - exact(restored, 65535) / 65535  # swscale's white of luma and colours
    assert np.abs(errors.mean()) < 0.001 and np.abs(errors).mean() < 0.004
    assert "bits a channel" not in capsys.readouterr().out
    with av.open(str(tmp_path / "out.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.codec_tag, context.profile) == ("hevc", "hvc1", "Main 10")


@pytest.mark.parametrize("kind", ["pictures", "some pictures", "video"])
def test_frames_of_more_than_8_bits_become_png_of_16(tmp_path: Path, restored: list, kind: str) -> None:
    if kind == "video":
        source = film(tmp_path / "in.mkv", "yuv420p10le")
    else:
        source = pictures(tmp_path / "in", (2, 3) if kind == "some pictures" else (0, 1, 2, 3, 4))
    assert infer(source, tmp_path / "out") == (0, [10 if kind == "video" else 16, 16])
    paths = sorted((tmp_path / "out" / "frames" / "in").glob("*.png"))
    found = np.stack([cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., ::-1] for path in paths])
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, exact(restored, 65535))


def test_the_low_bits_reach_the_network(tmp_path: Path, restored: list) -> None:
    """The same pictures cut to 8 bits are restored otherwise."""
    infer(pictures(tmp_path / "in"), tmp_path / "a")
    deep = np.stack(restored)
    restored.clear()
    assert infer(pictures(tmp_path / "cut", ()), tmp_path / "b") == (0, [8, 8])
    assert 1 / 1024 < np.abs(deep - np.stack(restored)).mean() < 1 / 100


def test_bits_that_cannot_be_kept_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    source = film(tmp_path / "v.mkv", "yuv420p12le")
    assert infer(source, tmp_path / "out.mkv") == (0, [12, 12])
    assert decoded(tmp_path / "out.mkv", "gbrp12le")[1] == "gbrp12le"
    assert infer(source, tmp_path / "out.mp4") == (0, [12, 10])
    assert "Of the 12 bits a channel of v, 10 are kept." in capsys.readouterr().out
    monkeypatch.setattr(video, "_LOSSY_DEEP", "no_such_encoder")
    assert infer(source, tmp_path / "plain.mp4") == (0, [12, 8])
    assert "Of the 12 bits a channel of v, 8 are kept." in capsys.readouterr().out
    assert decoded(tmp_path / "plain.mp4", "rgb24")[1] == "yuv420p"


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_mkv_of_more_bits_is_exact(tmp_path: Path, bits: int) -> None:
    frames = np.random.default_rng(0).integers(0, 2**bits, (3, 18, 22, 3)).astype(np.float64)
    with video.write_video(tmp_path / "v.mkv", Fraction(25), bits=bits) as add:
        for frame in frames:
            add(np.rint(frame * 65535 / (2**bits - 1)).astype(np.uint16))
    found, pixels = decoded(tmp_path / "v.mkv", f"gbrp{bits}le")
    assert pixels == f"gbrp{bits}le"
    np.testing.assert_array_equal(found, frames)
