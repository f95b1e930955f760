"""Sound and subtitles of a video: in the output as they were, in step, or named."""

from fractions import Fraction
from pathlib import Path

import pytest
from films import PAUSES, SUBTITLES, pictures, timed, tracks, with_sound

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


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_sound_is_copied_as_it_is(tmp_path: Path, name: str, ending: str) -> None:
    source = film(tmp_path, name)
    assert copied(source, tmp_path / "out", ending).left_out == []
    before, after = tracks(source.video, "audio"), tracks(tmp_path / "out" / "videos" / f"v.{ending}", "audio")
    assert [data for _, data in after] == [data for _, data in before] and len(after) > 90
    # Where sound begins before the first picture does, an .mkv, which has no negative times, moves both.
    assert max(abs((a - after[0][0]) - (b - before[0][0])) for (a, _), (b, _) in zip(after, before)) < 0.0012


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
