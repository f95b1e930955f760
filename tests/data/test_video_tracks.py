"""Sound and subtitles of a video: in the output as they were, in step, or named."""

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest
from films import PAUSES, SUBTITLES, begins, pictures, remuxed, timed, tracks, with_sound

from vsrlib.data.clips import ClipSource, list_clips
from vsrlib.restoration import loop

MS = Fraction(1, 1000)


def film(folder: Path, name: str, **given) -> ClipSource:
    """A film with pauses, of 1.7 seconds, and 2 seconds of sound."""
    pictures_alone = timed(folder / f"plain-{name}", PAUSES, MS, last=500)
    return list_clips(with_sound(folder / name, pictures_alone, **given))[0]


def copied(
    source: ClipSource, folder: Path, ending: str, first: int = 0, end: int = 7, audio: bool = True
) -> loop.Output:
    output = loop.Output(folder, ending, False, audio)
    with output.writer(source, range(first, end)) as write:
        for index in range(first, end):
            write(source.frame_names[index], pictures(1, 32, 48)[0])
    return output


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.ts", "v.flv"])
@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_sound_is_copied_as_it_is(tmp_path: Path, name: str, ending: str) -> None:
    source = film(tmp_path, name)
    assert copied(source, tmp_path / "out", ending).left_out == []
    written = tmp_path / "out" / "videos" / f"v.{ending}"
    before, after = tracks(source.video, "audio"), tracks(written, "audio")
    # In a transport stream each packet has a header of its own (ADTS, of 7 bytes).
    bare = [data[7:] if name == "v.ts" else data for _, data in before]
    assert [data for _, data in after] == bare and len(after) > 90
    # Where sound begins before the first picture does, an .mkv, which has no negative times, moves both.
    assert max(abs((a - after[0][0]) - (b - before[0][0])) for (a, _), (b, _) in zip(after, before)) < 0.0012
    early = [begins(path) - tracks(path, "audio")[0][0] for path in (source.video, written)]
    assert early[0] == pytest.approx(early[1], abs=0.0012), "sound and pictures are in step"


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_of_a_part_sound_and_subtitles_are_in_step(tmp_path: Path, ending: str) -> None:
    source = film(tmp_path, "v.mkv", subtitles=ending == "mkv")
    copied(source, tmp_path / "out", ending, 2, 6)  # from 66 to 1200 ms
    written = tmp_path / "out" / "videos" / f"v.{ending}"
    with_times = {data: time for time, data in tracks(source.video, "audio")}
    found = tracks(written, "audio")
    assert all(with_times[data] - time == pytest.approx(0.066, abs=0.0012) for time, data in found)
    assert 0 <= found[0][0] < 0.022 and 1.1 < found[-1][0] < 1.134, "what is heard while the part is shown"
    if ending == "mkv":
        expected = [(begin / 1000 - 0.066, words) for begin, _, words in SUBTITLES]
        assert tracks(written, "subtitle") == [(pytest.approx(time, abs=0.0012), words) for time, words in expected]


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_sound_that_was_cut_away_does_not_come_back(tmp_path: Path, ending: str) -> None:
    """A phone leaves what is cut off at the beginning in the file, and says in a list (elst) where it begins."""
    source = timed(tmp_path / "whole.mp4", range(0, 60 * 512, 512), Fraction(1, 15360))
    data = bytearray(with_sound(tmp_path / "v.mp4", source).read_bytes())
    (second,) = struct.unpack_from(">I", data, data.find(b"mvhd") + 16)  # in ticks of the film's clock
    place = data.find(b"elst")
    for ticks in (15360, 48000):  # of the pictures' clock, and of the sound's: a second of each goes
        lasts, begins_at = struct.unpack_from(">Ii", data, place + 12)
        struct.pack_into(">Ii", data, place + 12, lasts - second, begins_at + ticks)
        place = data.find(b"elst", place + 1)
    (tmp_path / "v.mp4").write_bytes(data)
    (cut,) = list_clips(tmp_path / "v.mp4")
    copied(cut, tmp_path / "out", ending, 0, len(cut))
    written = tmp_path / "out" / "videos" / f"v.{ending}"
    sound = tracks(written, "audio")
    assert len(cut) == 30 and begins(written) < 0.15
    assert 1 < sound[-1][0] - sound[0][0] < 1.2 and sound[-1][1] == tracks(tmp_path / "v.mp4", "audio")[-1][1]


def test_without_sound(tmp_path: Path) -> None:
    source = film(tmp_path, "v.mkv", subtitles=True)
    assert copied(source, tmp_path / "out", "mkv", audio=False).left_out == []
    written = tmp_path / "out" / "videos" / "v.mkv"
    assert tracks(written, "audio") == [] and len(tracks(written, "subtitle")) == len(SUBTITLES)


def test_what_the_container_cannot_hold_is_named(tmp_path: Path) -> None:
    source = film(tmp_path, "v.mkv", codec="pcm_u8", subtitles=True)
    assert copied(source, tmp_path / "out", "mp4").left_out == ["sound (pcm_u8)", "subtitles (srt)"]
    assert copied(source, tmp_path / "out", "mkv").left_out == []
    assert [data for _, data in tracks(tmp_path / "out" / "videos" / "v.mkv", "subtitle")] == [b"one", b"two"]


def test_a_subtitle_that_is_on_when_the_part_begins_is_shortened(tmp_path: Path) -> None:
    source = film(tmp_path, "v.mkv", subtitles=True)
    copied(source, tmp_path / "out", "mkv", 5, 7)  # from 166 ms on; the first one is shown from 100 to 400 ms
    assert tracks(tmp_path / "out" / "videos" / "v.mkv", "subtitle") == [
        (0, b"one"),
        (pytest.approx(1.15 - 0.166, abs=0.0012), b"two"),
    ]


CHAPTERS = [(0, 120, "one"), (120, 500, "two"), (500, 1700, "three")]


def with_more(path: Path, source: Path, more: Callable[[av.container.OutputContainer], None]) -> Path:
    """The pictures of `source` beside what `more` adds."""
    with av.open(str(source)) as film, av.open(str(path), "w") as target:
        template = film.streams.video[0]
        video = target.add_stream_from_template(template, opaque=True)
        more(target)
        for packet in film.demux(template):
            if packet.size:
                packet.stream = video
                target.mux(packet)
    return path


def chapters(path: Path) -> list[tuple[float, float, str]]:
    with av.open(str(path)) as container:
        return [
            *(
                (float(one["start"] * one["time_base"]), float(one["end"] * one["time_base"]), one["metadata"]["title"])
                for one in container.chapters()
            )
        ]


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_chapters_are_copied(tmp_path: Path, name: str, ending: str) -> None:
    told = [
        {"id": number, "start": begin, "end": end, "time_base": MS, "metadata": {"title": title}}
        for number, (begin, end, title) in enumerate(CHAPTERS, 1)
    ]
    plain = timed(tmp_path / f"plain-{name}", PAUSES, MS, last=500)
    (source,) = list_clips(with_more(tmp_path / name, plain, lambda target: target.set_chapters(told)))
    written = tmp_path / "out" / "videos" / f"v.{ending}"
    assert copied(source, tmp_path / "out", ending).left_out == []
    expected = [(begin / 1000, end / 1000, title) for begin, end, title in CHAPTERS]
    assert chapters(written) == [(pytest.approx(a, abs=0.002), pytest.approx(b, abs=0.002), t) for a, b, t in expected]
    copied(source, tmp_path / "out", ending, 2, 6)  # from 66 to 1200 ms
    part = [(0, 0.054, "one"), (0.054, 0.434, "two"), (0.434, 1.134, "three")]
    assert chapters(written) == [(pytest.approx(a, abs=0.002), pytest.approx(b, abs=0.002), t) for a, b, t in part]
    copied(source, tmp_path / "out", ending, 4, 6)  # from 133 ms on, where the first one is over
    assert [title for _, _, title in chapters(written)] == ["two", "three"]


def test_attachments_are_copied_or_named(tmp_path: Path) -> None:
    def attach(target: av.container.OutputContainer) -> None:
        target.add_attachment("my font.ttf", "font/ttf", b"letters")

    plain = timed(tmp_path / "plain.mkv", PAUSES, MS, last=500)
    (source,) = list_clips(with_more(tmp_path / "v.mkv", plain, attach))
    assert copied(source, tmp_path / "out", "mkv").left_out == []
    with av.open(str(tmp_path / "out" / "videos" / "v.mkv")) as container:
        (found,) = container.streams.attachments
        assert (found.name, found.mimetype, found.data) == ("my font.ttf", "font/ttf", b"letters")
    assert copied(source, tmp_path / "out", "mp4").left_out == ["attachment (unknown, my font.ttf)"]


def cover(path: Path, source: Path) -> Path:
    """A film with a picture of itself, in front of it where the container lets that be."""
    with av.open(str(source)) as film, av.open(str(path), "w") as target:
        picture = target.add_stream("mjpeg", rate=1)
        picture.height, picture.width, picture.pix_fmt = 24, 24, "yuvj420p"
        picture.disposition = av.stream.Disposition.attached_pic
        video = target.add_stream_from_template(film.streams.video[0], opaque=True)
        frame = av.VideoFrame.from_ndarray(pictures(1, 24, 24)[0], format="rgb24").reformat(format="yuvj420p")
        target.mux([*picture.encode(frame), *picture.encode()])
        for packet in film.demux(video=0):
            if packet.size:
                packet.stream = video
                target.mux(packet)
    return path


def test_a_cover_picture_is_not_the_film(tmp_path: Path) -> None:
    plain = timed(tmp_path / "plain.mp4", PAUSES, MS, last=500)
    (source,) = list_clips(cover(tmp_path / "v.mp4", plain))
    assert len(source) == 7 and next(source.frames()).shape == (48, 64, 3)
    assert copied(source, tmp_path / "out", "mp4").left_out == ["cover picture (mjpeg)"]


def test_a_second_video_and_two_tracks_of_sound(tmp_path: Path) -> None:
    """Of two pictures the first is restored, and the other is named; of two languages both are there."""
    one = timed(tmp_path / "one.mkv", PAUSES, MS, last=500)
    two = with_sound(tmp_path / "two.mkv", one)
    remuxed(tmp_path / "v.mkv", two, (0, 0, 1, 1), ("und", "und", "eng", "ger"))
    (source,) = list_clips(tmp_path / "v.mkv")
    assert copied(source, tmp_path / "out", "mkv").left_out == ["second video (h264)"]
    with av.open(str(tmp_path / "out" / "videos" / "v.mkv")) as container:
        assert [one.metadata.get("language") for one in container.streams.audio] == ["eng", "ger"]
        assert len(container.streams.video) == 1
    assert len(tracks(tmp_path / "out" / "videos" / "v.mkv", "audio")) == 2 * len(tracks(two, "audio"))
