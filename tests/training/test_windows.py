"""Windows of training clips: which frames they are of, that these are what is recorded, and what is held of them."""

import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from training_fixture import count_calls, noise

from vsrlib.common.errors import UserError
from vsrlib.data import clips, video
from vsrlib.data.clips import Clip, write_clip
from vsrlib.data.frames import write_frame
from vsrlib.data.video import write_video
from vsrlib.training import samples
from vsrlib.training.samples import SampleStream, TrainingWindows


def test_every_five_consecutive_frames_are_a_window(tmp_path: Path) -> None:
    for index in range(2):
        write_clip(tmp_path / f"clip{index}", Clip(f"clip{index}", noise(6 + index, seed=index)))
    windows = TrainingWindows(tmp_path, patch_size=16)
    assert len(windows) == 2 + 3
    np.testing.assert_array_equal(windows.window(1), noise(6)[1:6])
    np.testing.assert_array_equal(windows.window(4), noise(7, seed=1)[2:7])


@pytest.mark.parametrize("most, count", [(5, 1), (6, 2), (8, 4), (9, 5), (10, 5)])
def test_long_clips_are_cut(tmp_path: Path, most: int, count: int) -> None:
    """The last window ends with the last frame that is used."""
    write_clip(tmp_path / "clip", Clip("clip", noise(9)))
    windows = TrainingWindows(tmp_path, 16, frames_per_clip=most)
    assert len(windows) == count
    np.testing.assert_array_equal(windows.window(count - 1)[-1], noise(9)[min(most, 9) - 1])


def test_a_frame_that_is_not_used_changes_nothing(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip", Clip("clip", noise(7)))
    windows = TrainingWindows(tmp_path, 16, frames_per_clip=6)
    digest = windows.digest()
    write_frame(tmp_path / "clip" / "00000006.png", 255 - noise(7)[6])
    assert windows.digest() == digest == TrainingWindows(tmp_path, 16, frames_per_clip=6).digest()
    assert TrainingWindows(tmp_path, 16, frames_per_clip=7).digest() != digest


def test_a_damaged_frame_is_refused_when_it_is_first_read(tmp_path: Path) -> None:
    """Even where only a check sum tells: the pixels can still be decoded."""
    write_clip(tmp_path / "clip", Clip("clip", noise(6)))
    path = tmp_path / "clip" / "00000005.png"
    data = bytearray(path.read_bytes())
    data[-14] ^= 1  # of the check sum of the pixels, which lies before the last chunk of 12 bytes
    path.write_bytes(data)
    windows = TrainingWindows(tmp_path, 16)
    windows.window(0)
    with pytest.raises(UserError, match=r"00000005.png cannot be decoded .*the check sum"):
        windows.window(1)


def as_folder(root: Path, frames: np.ndarray) -> None:
    write_clip(root / "clip", Clip("clip", frames))


def as_video(root: Path, frames: np.ndarray) -> None:
    """Lossless, and always of the same name."""
    with write_video(root / "clip.mkv", Fraction(25)) as add:
        for frame in frames:
            add(frame)


def training(root: Path, write: Callable) -> Path:
    """Where the clips are that `write` wrote to `root`."""
    return root if write is as_folder else root / "clip.mkv"


written = pytest.mark.parametrize("write", [as_folder, as_video])


@written
def test_other_frames_of_the_same_names_are_learned_from(tmp_path: Path, write: Callable) -> None:
    """In one process: what is learned from is what the digest is of."""
    found = []
    for frames in (noise(5), 255 - noise(5)):
        write(tmp_path, frames)
        windows = TrainingWindows(training(tmp_path, write), 16)
        np.testing.assert_array_equal(windows.window(0), frames)
        stream = SampleStream(windows, "Realistic", 2, 16, seed=0)
        found.append((windows.digest(), next(stream).low.tobytes()))
    (digest, batch), (other_digest, other_batch) = found
    assert digest != other_digest and batch != other_batch


@written
@pytest.mark.parametrize("act", ["window", "digest"])
def test_a_file_that_changes_during_a_training_is_refused(tmp_path: Path, write: Callable, act: str) -> None:
    write(tmp_path, noise(5))
    windows = TrainingWindows(training(tmp_path, write), 16)
    write(tmp_path, 255 - noise(5))
    with pytest.raises(UserError, match="has changed since this training was begun"):
        windows.window(0) if act == "window" else windows.digest()


def test_a_frame_of_another_size_is_named_in_any_window(tmp_path: Path) -> None:
    """Also in one whose five frames are of one size, too small for the patch."""
    as_folder(tmp_path, noise(10))
    for index in range(5, 10):
        write_frame(tmp_path / "clip" / f"{index:08d}.png", noise(1, 40, 40)[0])
    windows = TrainingWindows(tmp_path, 16)
    for index in (1, 5):
        with pytest.raises(UserError, match="has frames of different sizes"):
            windows.window(index)


FRAMES, SIDE = 40, 128  # of a clip that takes 40 times 48 KiB


def peak(work: Callable[[], object]) -> float:
    """MiB that are held at most while it works, beside those held before."""
    tracemalloc.start()
    work()
    found = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return found


@written
def test_decoded_frames_take_no_more_memory_than_was_asked_for(
    tmp_path: Path, write: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside them there are a window, its copy and what is being decoded."""
    untouched = video.read_frames
    # FFmpeg's own memory is not traced; a copy in numpy's is.
    monkeypatch.setattr(video, "read_frames", lambda path, **how: (one.copy() for one in untouched(path, **how)))
    write(tmp_path, noise(FRAMES, SIDE, SIDE))
    last = noise(FRAMES, SIDE, SIDE)[4:]
    root, beside, peaks = training(tmp_path, write), 16 * SIDE * SIDE * 3 / 2**20, {}
    TrainingWindows(root, 16).window(0)  # loads whatever is loaded at first use

    def take(windows: TrainingWindows) -> None:
        for start in range(0, FRAMES, 5):
            np.testing.assert_array_equal(windows.window(start)[4], last[start])

    for mib in (0, 1, 2):
        windows = TrainingWindows(root, 16, cache_mib=mib)
        peaks[mib] = peak(lambda windows=windows: take(windows))
    beside += 1 / 32  # Python's own objects
    assert peaks[0] < beside and 0.9 < peaks[1] < 1 + beside and peaks[2] > 1.8


@written
def test_only_frames_that_are_used_are_held_or_decoded(
    tmp_path: Path, write: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven of forty frames for three windows; for the check of the size one frame, which is not held."""
    write(tmp_path, noise(FRAMES, SIDE, SIDE))
    decoded = []
    for module, name in ((clips, "read_frame"), (samples, "read_frame"), (samples, "decode_frame")):
        count_calls(monkeypatch, module, name, decoded)
    untouched = video.read_frames
    monkeypatch.setattr(
        video, "read_frames", lambda path, **given: (decoded.append(1) or frame for frame in untouched(path, **given))
    )
    windows = TrainingWindows(training(tmp_path, write), 16, frames_per_clip=7)
    assert len(decoded) == 1
    for index in (0, 1, 2):
        windows.window(index)
    assert len(windows) == 3 and len(decoded) <= 1 + (7 if write is as_folder else 5 + 6 + 7)
    done = len(decoded)
    for index in (2, 0, 1):  # none is decoded again, because all are held
        windows.window(index)
    assert len(decoded) == done


def test_the_frames_that_were_asked_for_last_are_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty-one frames of 48 KiB go into one MiB, those of four windows without common frames."""
    as_folder(tmp_path, noise(FRAMES, SIDE, SIDE))
    windows, decoded = TrainingWindows(tmp_path, 16, cache_mib=1), []
    for name in ("read_frame", "decode_frame"):
        count_calls(monkeypatch, samples, name, decoded)

    def read(start: int) -> int:
        before = len(decoded)
        windows.window(start)
        return len(decoded) - before

    assert [read(start) for start in (0, 5, 10, 15)] == [5] * 4
    assert [read(start) for start in (0, 7, 20, 0)] == [0, 0, 5, 0]
    # Frames 5, 6, 12 and 13 went, which nobody had asked for since; then 14 and 15.
    assert [read(start) for start in (5, 15, 0)] == [2, 1, 0]


def test_too_small_frames_are_named(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip", Clip("clip", noise(5, 40, 40)))
    with pytest.raises(UserError, match="needs 64; leave the clip out, because the smallest patch has 16"):
        TrainingWindows(tmp_path, patch_size=16)
    assert len(TrainingWindows(tmp_path, patch_size=10)) == 1  # 40 pixels are enough for it
    write_clip(tmp_path / "clip", Clip("clip", noise(5, 72, 90)))
    with pytest.raises(UserError, match="needs 96; give a patch_size of at most 16, or leave the clip out"):
        TrainingWindows(tmp_path, patch_size=24)
