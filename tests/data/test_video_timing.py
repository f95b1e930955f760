"""The clock of a video: rate, pauses and length are those of the video that frames come from."""

from fractions import Fraction
from numbers import Rational
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from films import PAUSES, pictures, timed, times

from vsrlib.data import video, video_integrity
from vsrlib.data.clips import ClipSource, list_clips
from vsrlib.restoration import loop

MS = Fraction(1, 1000)


def copied(source: ClipSource, folder: Path, ending: str, first: int = 0, last: int | None = None) -> Path:
    """The frames written as a restoration writes them."""
    indices = range(len(source))[first:last]
    with loop.Output(folder, ending, False, True).writer(source, indices) as write:
        for index in indices:
            write(source.frame_names[index], pictures(1, 32, 48)[0])
    return folder / "videos" / f"{source.name}.{ending}"


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
@pytest.mark.parametrize("name, codec", [("v.mkv", "libx264"), ("v.mp4", "libx264"), ("v.webm", "libvpx-vp9")])
@pytest.mark.parametrize("last", [0, 3000])
def test_pauses_are_kept(tmp_path: Path, name: str, codec: str, ending: str, last: int) -> None:
    path = timed(tmp_path / name, PAUSES, MS, codec, last=last)
    written = copied(list_clips(path)[0], tmp_path / "out", ending)
    assert times(written) == pytest.approx(times(path), abs=0.0011)
    assert times(written)[:-1] == pytest.approx(np.array(PAUSES) / 1000, abs=0.0006)
    assert last == 0 or times(written)[-1] == pytest.approx(4.2, abs=0.0006)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
@pytest.mark.parametrize("rate", ["30000/1001", "24000/1001", "25", "60", "1000", "1/2"])
def test_the_rate_is_kept(tmp_path: Path, name: str, rate: str, ending: str) -> None:
    wanted = Fraction(rate)
    path = timed(tmp_path / name, range(0, 3 * 9, 3), 1 / wanted / 3, last=3, rate=wanted)
    (source,) = list_clips(path)
    written = copied(source, tmp_path / "out", ending)
    assert source.rate == wanted == list_clips(written)[0].rate
    assert times(written) == pytest.approx([float(index / wanted) for index in range(10)], abs=0.0011)


@pytest.mark.parametrize("name", ["v.flv", "v.ts"])
def test_frames_without_durations_come_evenly(tmp_path: Path, name: str) -> None:
    """An .flv says no duration, and a rate of 1000 frames a second: its last frame was shown for a millisecond."""
    path = timed(tmp_path / name, range(0, 240, 40), MS, rate=Fraction(25))
    written = copied(list_clips(path)[0], tmp_path / "out", "mp4")
    assert times(written) == pytest.approx([index / 25 for index in range(7)], abs=0.0011)


def test_a_rate_that_matroska_rounds_is_written_evenly(tmp_path: Path) -> None:
    # 29.97 frames a second are 33, 34, 33, 33 ... ms in Matroska: in the .mp4 they are even again.
    path = timed(tmp_path / "v.mkv", range(12), Fraction(1001, 30000), last=1, rate=Fraction(30000, 1001))
    steps = np.diff(times(copied(list_clips(path)[0], tmp_path / "out", "mp4")))
    assert len(set(np.diff(times(path)).round(6))) > 1 and np.ptp(steps) < 1e-9


@pytest.mark.parametrize("first, last", [(2, -2), (0, 4), (3, None)])
def test_a_part_begins_at_zero_and_keeps_its_pauses(tmp_path: Path, first: int, last: int | None) -> None:
    (source,) = list_clips(timed(tmp_path / "v.mkv", PAUSES, MS, last=500))
    written = copied(source, tmp_path / "out", "mp4", first, last)
    ends = [*PAUSES, 1700]
    expected = np.array(ends[first : (len(ends) - 1 if last is None else range(7)[last]) + 1])
    assert times(written) == pytest.approx((expected - expected[0]) / 1000, abs=0.0006)


def test_a_clock_that_stands_still_is_left_for_the_rate(tmp_path: Path) -> None:
    # Raw pictures in an AVI have no stamps of their own; and a clock of whole seconds says nothing of 25 a second.
    path = timed(tmp_path / "v.avi", range(8), Fraction(1, 12), "mjpeg", "yuvj420p")
    shown = video.examine(path).picture
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert video.film_of(container, stream, progress(stream), [0, 1, 1, 2], shown).rate == stream.average_rate
        assert video.film_of(container, stream, progress(stream), [None] * 4, shown).rate == stream.average_rate


def progress(stream: av.VideoStream) -> video.Progress:
    return video.Progress(Path("v.avi"), stream.container, stream)


class Rounded:
    """A ratio as PyAV has them from version 19 on: a number of its own kind, false where a file states none."""

    def __init__(self, numerator: int, denominator: int) -> None:
        self.numerator, self.denominator = numerator, denominator

    def __bool__(self) -> bool:
        return self.numerator != 0 and self.denominator != 0


Rational.register(Rounded)


@pytest.mark.parametrize(
    ("ratio", "found"),
    [
        (Rounded(30000, 1001), Fraction(30000, 1001)),
        (Fraction(1, 3), Fraction(1, 3)),
        *((none, None) for none in (Rounded(0, 1), Rounded(1, 0), Rounded(0, 0), None)),
    ],
)
def test_ratios_of_every_pyav_are_exact(ratio: Rational | None, found: Fraction | None) -> None:
    read = video_integrity.fraction_of(ratio)
    assert read == found and type(read) is type(found)


@pytest.mark.parametrize(("version", "given"), [("18.1.0", {"metadata_errors": "replace"}), ("19.0.1", {})])
def test_every_pyav_is_asked_as_it_wants(version: str, given: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    av = SimpleNamespace(__version__=version, open=lambda path, **settings: settings)
    monkeypatch.setattr(video_integrity, "load_av", lambda: av)
    assert video_integrity.opened(Path("film.mp4")) == given
