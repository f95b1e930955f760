"""Videos as people have them through `vsrlib infer`: what goes in and what comes out, told by PyAV alone."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from films import begin, begins, pictures, remuxed, timed, times, tracks, with_sound

from vsrlib import cli
from vsrlib.common.files import read_json
from vsrlib.data import scenes

BUNNY = scenes.packaged_film("bigbuckbunny.mp4")
SIZE = (32, 48)


def encoded(path: Path, frames: np.ndarray, stamps: list[int], tick: Fraction, set_up: Callable) -> Path:
    """The frames at these ticks, one of which is 1/25 or, at 29.97 a second, a 1001st of a frame."""
    with av.open(str(path), "w") as container:
        stream = begin(container, "libx264", min(1 / tick, Fraction(30000, 1001)), frames.shape[1:3], "yuv420p")
        stream.codec_context.time_base = tick
        set_up(stream)
        for stamp, rgb in zip(stamps, frames):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = stamp, tick
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def phone(folder: Path) -> tuple[Path, np.ndarray]:
    """Held upright, 29.97 frames a second with a pause, AAC."""
    frames, stamps = pictures(6, *SIZE), [1001 * index for index in (0, 1, 2, 12, 13, 14)]
    silent = encoded(
        folder / "silent.mp4", frames, stamps, Fraction(1, 30000), lambda one: one.set_display_rotation(-90)
    )
    return with_sound(folder / "phone.mp4", silent, seconds=0.6), np.rot90(frames, -1, (1, 2))


def screen(folder: Path) -> tuple[Path, np.ndarray]:
    """VP9 whose frames come when something changes."""
    path = timed(folder / "screen.webm", (0, 16, 33, 250, 266, 900), Fraction(1, 1000), "libvpx-vp9", last=700)
    return path, pictures(6)


def camcorder(folder: Path) -> tuple[Path, np.ndarray]:
    """Interlaced, of pixels that are wider than high."""

    def set_up(stream: av.VideoStream) -> None:
        stream.options = {"x264-params": "bff=1"}
        stream.codec_context.sample_aspect_ratio = Fraction(16, 11)

    frames = pictures(1, *SIZE).repeat(5, 0)  # nothing moves: both fields are of one picture
    return encoded(folder / "dv.mkv", frames, list(range(5)), Fraction(1, 25), set_up), frames


def bunny(folder: Path) -> tuple[Path, np.ndarray]:
    """The beginning of the film, made small, with its own sound of six channels."""
    shown: list[np.ndarray] = []
    with av.open(str(BUNNY)) as source, av.open(str(folder / "bunny.mp4"), "w") as target:
        stream = begin(target, "libx264", Fraction(25), (36, 64), "yuv420p")
        sound = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux():
            if packet.dts is None or packet.pts * packet.time_base > 0.3:
                break
            if packet.stream.type == "audio":
                packet.stream = sound
                target.mux(packet)
            for frame in packet.decode() if packet.stream.type == "video" and len(shown) < 6 else ():
                small = frame.reformat(64, 36, "rgb24", src_colorspace="ITU601", interpolation="AREA").to_ndarray()
                shown.append(small)
                target.mux(stream.encode(av.VideoFrame.from_ndarray(small, format="rgb24")))
        target.mux(stream.encode())
    return folder / "bunny.mp4", np.stack(shown)


KINDS = {"phone": phone, "screen": screen, "dv": camcorder, "bunny": bunny}


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_what_people_have(framework: str, ending: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    if framework == "jittor" and ending == "mkv":
        pytest.skip("the frameworks part before a video is written: once is enough")
    for name, made in KINDS.items():
        path, frames = made(tmp_path)
        given = ["--weights", "study-gaussian", "--framework", framework, "--video", ending, "--device", "cpu"]
        more = ["--deinterlace"] if name == "dv" else []
        assert cli.main(["infer", str(path), str(tmp_path / name), *given, *more]) == 0, name
        said, (clip,) = capsys.readouterr().out, read_json(tmp_path / name / "inference.json")["clips"]
        written = tmp_path / name / "videos" / f"{path.stem}.{ending}"
        with av.open(str(written)) as container:
            shape = container.streams.video[0].sample_aspect_ratio or 1
            found = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
        assert times(written) == pytest.approx(times(path), abs=0.0011), name
        assert found.shape[:3] == (len(frames), 4 * frames.shape[1], 4 * frames.shape[2]), name
        assert abs(shape / (Fraction(16, 11) if name == "dv" else 1) - 1) < 0.004, name
        assert ("phone are turned upright, by 90 degrees clockwise" in said) == (name == "phone")
        # Patches keep their colours: the wrong matrix shifts them by ten levels and more.
        patches = found.reshape(len(frames), frames.shape[1], 4, frames.shape[2], 4, 3).mean((2, 4))
        shifts = patches - frames
        shifts = shifts.mean((0, 1, 2)) if name == "bunny" else shifts[:, 3::8, 3::8]  # details are restored
        assert np.abs(shifts).mean() < 8, (name, np.abs(shifts).mean())
        before, after = tracks(path, "audio"), tracks(written, "audio")
        if before:  # in step with the pictures, whatever both begin with
            assert begins(path) - before[0][0] == pytest.approx(begins(written) - after[0][0], abs=0.0012), name
        assert [data for _, data in after] == [data for _, data in before] and clip["left_out"] == []
        assert len(before) == {"phone": 30, "bunny": 15}.get(name, 0)
        assert clip["film"]["matrix"] == "bt601" and clip["film"]["deinterlaced"] == (name == "dv")


def test_what_the_output_cannot_hold_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    silent = timed(tmp_path / "silent.mkv", range(0, 200, 40), Fraction(1, 1000), size=(16, 24))
    source = with_sound(tmp_path / "v.mkv", silent, "pcm_u8", seconds=0.2, subtitles=True)
    two = remuxed(tmp_path / "two.mkv", source, (0, 1, 2, 1))
    given = ["--weights", "study-gaussian", "--device", "cpu"]
    assert cli.main(["infer", str(two), str(tmp_path / "out.mp4"), *given]) == 0
    said = capsys.readouterr().out
    assert "The video of two has no sound (pcm_u8) and no subtitles (srt): no .mp4 can hold that." in said
    assert len(read_json(tmp_path / "out.inference.json")["clips"][0]["left_out"]) == 3
