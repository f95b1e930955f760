"""Reading videos: whole ones are read completely, and none is ever silently shorter than it was made."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from vsrlib.common.errors import UserError
from vsrlib.data import video
from vsrlib.data.clips import list_clips, read_through
from vsrlib.data.video_picture import Reading

COUNT, HEIGHT, WIDTH = 40, 96, 128


@dataclass(frozen=True)
class Kind:
    ending: str
    codec: str
    pixel_format: str = "yuv420p"
    options: dict[str, str] = field(default_factory=dict)
    container: dict[str, str] = field(default_factory=dict)
    audio: str | None = None


KINDS = {
    "mp4": Kind(".mp4", "libx264"),
    "mp4-faststart": Kind(".mp4", "libx264", container={"movflags": "faststart"}),
    "mp4-fragments": Kind(".mp4", "libx264", options={"g": "8"}, container={"movflags": "frag_keyframe+empty_moov"}),
    "mp4-sound": Kind(".mp4", "libx264", container={"movflags": "faststart"}, audio="aac"),
    "mov": Kind(".mov", "libx264", container={"movflags": "faststart"}),
    "mkv-h264": Kind(".mkv", "libx264", options={"g": "8"}),
    "mkv-sound": Kind(".mkv", "libx264", audio="aac"),
    "mkv-ffv1": Kind(".mkv", "ffv1", "bgr0"),
    "webm-vp9": Kind(".webm", "libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"}),
    "avi-mpeg4": Kind(".avi", "mpeg4", options={"b": "400k"}),
    "avi-mjpeg": Kind(".avi", "mjpeg", "yuvj420p"),
    "ts": Kind(".ts", "libx264"),
    "m2ts": Kind(".m2ts", "libx264"),
    "3gp": Kind(".3gp", "mpeg4", options={"b": "400k"}),
    "wmv": Kind(".wmv", "wmv2", options={"b": "400k"}),
    "flv": Kind(".flv", "libx264"),
    "y4m": Kind(".y4m", "wrapped_avframe"),
    "avi-sound": Kind(".avi", "mjpeg", "yuvj420p", audio="aac"),
}


def moving(count: int = COUNT) -> list[np.ndarray]:
    big = np.random.default_rng(0).integers(0, 256, (HEIGHT + 2 * count, WIDTH + count, 3), dtype=np.uint8)
    smooth = cv2.normalize(cv2.GaussianBlur(big, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)
    return [np.ascontiguousarray(smooth[2 * i : 2 * i + HEIGHT, i : i + WIDTH]) for i in range(count)]


def make(path: Path, kind: Kind, times_ms: list[int] | None = None) -> Path:
    """A video of COUNT frames; with sound, half as long again as the pictures."""
    with av.open(str(path), "w", options=kind.container) as container:
        stream = container.add_stream(kind.codec, rate=25, options=kind.options)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, kind.pixel_format
        sound = container.add_stream(kind.audio, rate=48000) if kind.audio else None
        if times_ms:
            stream.codec_context.time_base = Fraction(1, 1000)
        for index, rgb in enumerate(moving()):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            if times_ms:
                frame.pts, frame.time_base = times_ms[index], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        for index in range(112 if sound else 0):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.sample_rate, silence.pts = 48000, 1024 * index
            container.mux(sound.encode(silence))
        if sound:
            container.mux(sound.encode())
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder, made = tmp_path_factory.mktemp("videos"), {}

    def get(name: str) -> Path:
        if name not in made:
            made[name] = make(folder / f"{name}{KINDS[name].ending}", KINDS[name])
        return made[name]

    return get


@pytest.mark.parametrize("name", KINDS)
def test_a_whole_video_is_read_completely(whole: Callable[[str], Path], name: str) -> None:
    (source,) = list_clips(whole(name))
    read_through(source)
    assert len(source) == COUNT and source.rate == 25
    frames = source.load().frames
    assert frames.shape == (COUNT, HEIGHT, WIDTH, 3)
    near = np.abs(frames.astype(float) - np.stack(moving())).mean(axis=(1, 2, 3))
    far = np.abs(frames[1:].astype(float) - np.stack(moving())[:-1]).mean(axis=(1, 2, 3))
    assert near[1:].max() < far.min(), "frames are in order"


@pytest.mark.parametrize("kept", [0.999, 0.95, 0.7, 0.4, 0.1, 0.01])
@pytest.mark.parametrize("name", KINDS)
def test_a_video_cut_short_is_refused(whole: Callable[[str], Path], tmp_path: Path, name: str, kept: float) -> None:
    data = whole(name).read_bytes()
    path = tmp_path / f"v{KINDS[name].ending}"
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(UserError, match=rf"{path.name} (is cut short: .*; copy it again|cannot be decoded)"):
        list_clips(path)


def test_a_gif_is_read_and_its_end_is_looked_for(tmp_path: Path) -> None:
    path = make(tmp_path / "v.gif", Kind(".gif", "gif", "rgb8"))
    (source,) = list_clips(path)
    assert len(source) == COUNT and source.rate == 25
    seen, made = source.load().frames.astype(int), np.stack(moving())
    assert np.abs(seen - made).mean() < 25, "256 colours"
    path.write_bytes(path.read_bytes() + bytes(20))
    assert video.count_frames(path) == COUNT
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UserError, match="v.gif is cut short"):
        video.count_frames(path)


@pytest.mark.parametrize("length", [1, 20, 400])
@pytest.mark.parametrize("name", [name for name in KINDS if name not in ("wmv", "flv")])  # these have no check at all
def test_a_damaged_video_is_refused_or_whole(
    whole: Callable[[str], Path], tmp_path: Path, name: str, length: int
) -> None:
    data = whole(name).read_bytes()
    path = tmp_path / f"v{KINDS[name].ending}"
    for part in (0.4, 0.5, 0.6, 0.75):
        damaged = bytearray(data)
        for place in range(int(part * len(data)), int(part * len(data)) + length):
            damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        try:
            assert video.count_frames(path) == COUNT, (part, length)
        except UserError as error:
            assert path.name in str(error)
        else:
            assert name not in ("mkv-h264", "mkv-sound", "mkv-ffv1"), "Matroska's check sums find every damage"


@pytest.mark.parametrize("name", ["mkv-h264", "avi-mjpeg", "mp4-faststart"])
def test_a_tail_of_zeros_is_refused(whole: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    # What an interrupted download leaves that had reserved its space: the sizes agree.
    data = whole(name).read_bytes()
    path = tmp_path / f"v{KINDS[name].ending}"
    half = len(data) // 2
    path.write_bytes(data[:half] + bytes(len(data) - half))
    with pytest.raises(UserError, match=path.name):
        list_clips(path)


def test_the_claimed_duration_tells_without_sizes(whole: Callable[[str], Path], tmp_path: Path) -> None:
    data = whole("mkv-h264").read_bytes()
    place = data.index(bytes.fromhex("18538067")) + 4
    unsized = data[:place] + b"\x01" + b"\xff" * 7 + data[place + 8 :]
    (tmp_path / "whole.mkv").write_bytes(unsized)
    assert video.count_frames(tmp_path / "whole.mkv") == COUNT
    (tmp_path / "cut.mkv").write_bytes(unsized[: len(unsized) // 2])
    with pytest.raises(UserError, match=rf"cut.mkv is cut short: \d+ of about {COUNT} frames can be decoded; copy it"):
        list_clips(tmp_path / "cut.mkv")


def unsized_mp4(whole: Path) -> tuple[bytes, list[tuple[int, int]]]:
    """An MP4 whose data reach "to the end of the file", and where each packet begins and ends in it."""
    data = whole.read_bytes()
    place = data.index(b"mdat") - 4
    with av.open(str(whole)) as container:
        packets = [(packet.pos, packet.pos + packet.size) for packet in container.demux(video=0) if packet.size]
    return data[:place] + bytes(4) + data[place + 4 :], packets


def test_the_index_tells_without_sizes(whole: Callable[[str], Path], tmp_path: Path) -> None:
    data, packets = unsized_mp4(whole("mp4-faststart"))
    (tmp_path / "whole.mp4").write_bytes(data)
    assert video.count_frames(tmp_path / "whole.mp4") == COUNT
    (last, end) = packets[-1]
    for cut in (last, (last + end) // 2):  # one frame too few, which a duration alone would forgive; half a frame
        (tmp_path / "cut.mp4").write_bytes(data[:cut])
        with pytest.raises(UserError, match=rf"cut.mp4 is cut short: \d+ of about {COUNT} frames can be decoded"):
            list_clips(tmp_path / "cut.mp4")


def test_a_frame_that_the_decoder_patches_up_is_refused(whole: Callable[[str], Path], tmp_path: Path) -> None:
    data, packets = unsized_mp4(whole("mp4-faststart"))
    path, messages = tmp_path / "v.mp4", []
    begin, end = packets[0]
    for place in range(begin + 1000, end, (end - begin) // 20):  # of the key frame; some damage is noticed, some not
        path.write_bytes(data[:place] + bytes(byte ^ 0xFF for byte in data[place : place + 16]) + data[place + 16 :])
        try:
            assert video.count_frames(path) == COUNT
        except UserError as error:
            messages.append(str(error))
    assert f"{path} is damaged at frame 0: copy or export it again." in messages


def test_damage_that_ffmpeg_passes_over_is_refused_in_motion_jpeg(whole: Callable[[str], Path], tmp_path: Path) -> None:
    data, path, passed_over = whole("avi-mjpeg").read_bytes(), tmp_path / "v.avi", 0
    with av.open(str(whole("avi-mjpeg"))) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][COUNT // 2]
    begin = data.index(bytes(packet)) + 700  # behind the headers
    for place in range(begin, begin + packet.size - 900, 100):
        path.write_bytes(data[:place] + bytes(byte ^ 0xFF for byte in data[place : place + 64]) + data[place + 64 :])
        with av.open(str(path)) as container:
            assert sum(1 for _ in container.decode(video=0)) == COUNT
        try:
            video.count_frames(path)
        except UserError as error:
            passed_over += "v.avi cannot be decoded" in str(error)
    assert passed_over > 0


def test_an_avi_that_has_lost_its_index_and_a_last_frame_is_cut_short(
    whole: Callable[[str], Path], tmp_path: Path
) -> None:
    data = whole("avi-mpeg4").read_bytes()
    index, last = data.rindex(b"idx1"), data.rindex(b"00dc", 0, data.rindex(b"idx1"))
    (tmp_path / "v.avi").write_bytes(data[:last].ljust(len(data), b"\0"))
    with pytest.raises(UserError, match=f"v.avi is cut short: {COUNT - 1} of about {COUNT} frames"):
        video.count_frames(tmp_path / "v.avi")
    (tmp_path / "v.avi").write_bytes(data[:index].ljust(len(data), b"\0"))
    assert video.count_frames(tmp_path / "v.avi") == COUNT  # all frames are there


def test_a_block_that_is_not_found_is_not_left_out(whole: Callable[[str], Path], tmp_path: Path) -> None:
    # In a WebM file without check sums: a block under another identifier, which FFmpeg passes over.
    data = bytearray(whole("webm-vp9").read_bytes())
    with av.open(str(whole("webm-vp9"))) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][COUNT // 2]
    payload = data.index(bytes(packet))
    block = data.rindex(b"\xa3", payload - 10, payload)
    data[block] = 0xEE
    (tmp_path / "v.webm").write_bytes(data)
    with av.open(str(tmp_path / "v.webm")) as container:
        assert sum(1 for _ in container.decode(video=0)) < COUNT
    with pytest.raises(UserError, match="v.webm is damaged near byte"):
        list_clips(tmp_path / "v.webm")


@pytest.mark.parametrize("ending, codec", [(".mp4", "libx264"), (".mkv", "libx264"), (".webm", "libvpx-vp9")])
def test_a_variable_rate_is_no_fault(tmp_path: Path, ending: str, codec: str) -> None:
    times = [40 * index + 11 * (index % 3) + (1500 if index > 20 else 0) for index in range(COUNT)]
    path = make(tmp_path / f"v{ending}", Kind(ending, codec), times)
    assert video.count_frames(path) == COUNT


@pytest.mark.parametrize("ending", [".mkv", ".mp4"])
@pytest.mark.parametrize("parameters", ["open-gop=1:bframes=3", "intra-refresh=1"])
def test_a_clip_trimmed_without_encoding_is_no_fault(tmp_path: Path, ending: str, parameters: str) -> None:
    # Its first packets refer to frames that were cut away; FFmpeg passes over them, as every player does.
    kind = Kind(".mkv", "libx264", options={"g": "10", "x264-params": parameters})
    whole = make(tmp_path / "whole.mkv", kind)
    with av.open(str(whole)) as source, av.open(str(tmp_path / f"v{ending}"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        packets = [packet for packet in source.demux(video=0) if packet.size]
        second = [index for index, packet in enumerate(packets) if packet.is_keyframe][1]
        begin = packets[second].dts
        for packet in packets[second:]:
            packet.pts, packet.dts, packet.stream = packet.pts - begin, packet.dts - begin, stream
            target.mux(packet)
    assert 0 < video.count_frames(tmp_path / f"v{ending}") <= len(packets) - second


@pytest.mark.parametrize(
    "ending, codec", [(".mpg", "mpeg2video"), (".vob", "mpeg2video"), (".f4v", "libx264"), (".3g2", "mpeg4")]
)
def test_what_is_in_known_containers_by_another_name_is_read(tmp_path: Path, ending: str, codec: str) -> None:
    assert video.count_frames(make(tmp_path / f"v{ending}", Kind(ending, codec))) == COUNT


@pytest.mark.parametrize("rate, height, size", [(25, 576, 144_000), (Fraction(30000, 1001), 480, 120_000)])
def test_raw_dv_is_read_and_its_end_is_looked_for(tmp_path: Path, rate: int | Fraction, height: int, size: int) -> None:
    path = tmp_path / "v.dv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("dvvideo", rate=rate)
        stream.height, stream.width, stream.pix_fmt = height, 720, "yuv420p" if height == 576 else "yuv411p"
        for level in (40, 90, 140):
            image = np.full((height, 720, 3), level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    (source,) = list_clips(path, Reading(deinterlace=True))
    assert [round(frame.mean()) for frame in source.frames()] == [40, 90, 140] and source.rate == rate
    assert path.stat().st_size == 3 * size
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(UserError, match="v.dv is cut short"):
        list_clips(path, Reading(deinterlace=True))


def lasting(path: Path, source: Path, seconds: int) -> Path:
    """The frames of `source` in a file that states no rate, as browsers and screen recorders write; the last stays."""
    with av.open(str(source)) as container, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(container.streams.video[0], opaque=True)
        packets = [packet for packet in container.demux(video=0) if packet.size]
        for packet in packets:
            packet.duration = int(seconds / packet.time_base) if packet is packets[-1] else 0
            packet.stream = stream
            target.mux(packet)
    return path


@pytest.mark.parametrize("name, codec", [("v.webm", "libvpx"), ("v.webm", "libvpx-vp9"), ("v.mkv", "ffv1")])
def test_a_last_frame_that_stays_is_no_fault(tmp_path: Path, name: str, codec: str) -> None:
    kind = Kind(Path(name).suffix, codec, "bgr0" if codec == "ffv1" else "yuv420p")
    path = lasting(tmp_path / name, make(tmp_path / f"whole{kind.ending}", kind), 3)
    assert video.count_frames(path) == COUNT
    data = path.read_bytes()
    path.write_bytes(data[: int(0.9 * len(data))])
    with pytest.raises(UserError, match="cut short"):
        video.count_frames(path)


def test_metadata_in_another_encoding(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="avi") as container:
        container.metadata["title"] = "Strasse"
        stream = container.add_stream("mjpeg", rate=25)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuvj420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(moving(1)[0], format="rgb24")))
        container.mux(stream.encode())
    (tmp_path / "v.avi").write_bytes(buffer.getvalue().replace(b"Strasse", b"Stra\xdfe "))
    assert video.count_frames(tmp_path / "v.avi") == 1


@pytest.mark.parametrize("rate", [Fraction(24), Fraction(30000, 1001), Fraction(60000, 1001)])
@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_the_rate(tmp_path: Path, rate: Fraction, ending: str) -> None:
    with av.open(str(tmp_path / f"v{ending}"), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        for rgb in moving():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())
    # Matroska keeps the times of frames in milliseconds.
    assert float(video.examine(tmp_path / f"v{ending}").rate) == pytest.approx(float(rate), rel=1e-5)


def test_the_rate_of_what_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes(b"no video at all" * 100)
    with pytest.raises(UserError, match="v.mp4 cannot be decoded"):
        video.examine(tmp_path / "v.mp4")
    with pytest.raises(UserError, match="w.mp4 does not exist"):
        video.examine(tmp_path / "w.mp4")


def test_a_lossless_video_reads_back_exactly(tmp_path: Path) -> None:
    path = make(tmp_path / "v.mkv", KINDS["mkv-ffv1"])
    (source,) = list_clips(path)
    assert source.name == "v" and source.frame_names[5] == "00000005"
    assert np.array_equal(source.load().frames, np.stack(moving()))
    assert all(np.array_equal(a, b) for a, b in zip(source.frames(), moving(), strict=True))


@pytest.mark.parametrize("alpha, read", [(255, True), (254, False)])
def test_transparent_videos_are_refused(tmp_path: Path, alpha: int, read: bool) -> None:
    """An alpha channel that is opaque everywhere, as decoders of GIF make one, is left out."""
    frames = [np.dstack([rgb, np.full((HEIGHT, WIDTH), 255, np.uint8)]) for rgb in moving(3)]
    frames[2][5, 7, 3] = alpha
    with av.open(str(tmp_path / "v.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "bgra"
        for rgba in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgba, format="rgba")))
        container.mux(stream.encode())
    (source,) = list_clips(tmp_path / "v.mkv")
    if read:
        np.testing.assert_array_equal(source.load().frames, np.stack(frames)[..., :3])
    else:
        with pytest.raises(UserError, match="v.mkv is transparent"):
            read_through(source)


@pytest.mark.skipif("libvpx-vp9" not in av.codecs_available, reason="this FFmpeg lacks libvpx")
def test_the_alpha_of_a_webm_is_not_left_out_in_silence(tmp_path: Path) -> None:
    """It lies beside the picture, and FFmpeg's own decoder does not read it."""
    with av.open(str(tmp_path / "v.webm"), "w") as container:
        stream = container.add_stream("libvpx-vp9", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuva420p"
        half = av.VideoFrame.from_ndarray(np.full((48, 64, 4), 100, np.uint8), format="rgba")
        container.mux(stream.encode(half.reformat(format="yuva420p")))
        container.mux(stream.encode())
    with pytest.raises(UserError, match="v.webm has an alpha channel"):
        video.examine(tmp_path / "v.webm")


@pytest.mark.parametrize("content", [b"", b"no video at all" * 100])
def test_a_broken_video_is_an_error_that_names_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "v.mp4").write_bytes(content)
    with pytest.raises(UserError, match="v.mp4 cannot be decoded as a video"):
        list_clips(tmp_path / "v.mp4")


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "v.mp4"), "w") as container:
        sound = container.add_stream("aac", rate=48000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.sample_rate, silence.pts = 48000, 0
        container.mux(sound.encode(silence))
        container.mux(sound.encode())
    with pytest.raises(UserError, match="v.mp4 has no video stream"):
        list_clips(tmp_path / "v.mp4")
