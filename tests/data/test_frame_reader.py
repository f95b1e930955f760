"""Frames by index: in order, forgotten in time, and never the whole clip."""

import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vsrlib.common.errors import UserError
from vsrlib.data.clips import Clip, FrameReader, list_clips, read_through, write_clip
from vsrlib.data.video import write_video


@pytest.fixture(params=["folder", "video"])
def source(request: pytest.FixtureRequest, tmp_path: Path):
    frames = np.random.default_rng(0).integers(0, 256, (9, 16, 20, 3), dtype=np.uint8)
    if request.param == "folder":
        write_clip(tmp_path / "clip", Clip("clip", frames))
        return list_clips(tmp_path / "clip")[0], frames
    with write_video(tmp_path / "clip.mkv", Fraction(25)) as add:
        for frame in frames:
            add(frame)
    return list_clips(tmp_path / "clip.mkv")[0], frames


def test_windows_are_the_clip_s(source) -> None:
    clip, frames = source
    reader = FrameReader(clip)
    for start in range(5):
        reader.forget_before(start)
        np.testing.assert_array_equal(reader.stack(range(start, start + 5)), frames[start : start + 5])


def test_the_files_of_a_clip(source, tmp_path: Path) -> None:
    assert list(source[0].files) == sorted(path for path in tmp_path.rglob("*") if path.is_file())


def test_what_was_forgotten_is_not_to_be_had(source) -> None:
    reader = FrameReader(source[0])
    reader[3]
    reader.forget_before(3)
    np.testing.assert_array_equal(reader[3], source[1][3])
    with pytest.raises(KeyError):
        reader[2]


def test_the_digest_is_of_the_pixels(source, tmp_path: Path) -> None:
    clip, frames = source
    size, digest = read_through(clip)
    write_clip(tmp_path / "same", Clip("same", frames))
    frames[8, 0, 0, 0] ^= 1
    write_clip(tmp_path / "other", Clip("other", frames))
    assert size == (16, 20)
    assert read_through(list_clips(tmp_path / "same")[0]) == (size, digest)
    assert read_through(list_clips(tmp_path / "other")[0])[1] != digest


def test_a_frame_in_the_middle_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip", Clip("clip", np.zeros((6, 16, 16, 3), np.uint8)))
    path = tmp_path / "clip" / "00000003.png"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(UserError, match="00000003.png"):
        read_through(list_clips(tmp_path / "clip")[0])


def test_memory_does_not_grow_with_the_clip(tmp_path: Path) -> None:
    frame = np.zeros((64, 64, 3), np.uint8)
    write_clip(tmp_path / "clip", Clip("clip", np.repeat(frame[None], 120, 0)))
    reader = FrameReader(list_clips(tmp_path / "clip")[0])
    tracemalloc.start()
    for start in range(116):
        reader.forget_before(start)
        reader.stack(range(start, start + 5))
    largest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert largest < 30 * frame.nbytes
