"""Which frames and clips a folder holds, and what a source says of itself."""

import os
import unicodedata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from vsrlib.common.errors import UserError
from vsrlib.data.clips import ClipSource, holds_frames, list_clips
from vsrlib.data.sets.layouts import HR_ROLE, clips_in
from vsrlib.data.video_picture import AS_IT_SAYS, Reading

DEEP = Reading(deep=True)


def frames(folder: Path, *names: str, dtype: type = np.uint8) -> Path:
    """A folder with frames of 4x6 pixels of these names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        assert cv2.imwrite(str(folder / name), np.zeros((4, 6, 3), dtype))
    return folder


def names_of(root: Path) -> dict[str, tuple[str, ...]]:
    return {clip.name: clip.frame_names for clip in list_clips(root)}


def film(bits: int) -> Any:
    return SimpleNamespace(picture=SimpleNamespace(bits=bits))


@pytest.mark.parametrize(("reading", "some", "all_eight"), [(AS_IT_SAYS, 8, 8), (DEEP, 16, 8)])
def test_the_bits_of_frame_files(tmp_path: Path, reading: Reading, some: int, all_eight: int) -> None:
    frames(tmp_path / "eight", "a.png", "b.png")
    frames(frames(tmp_path / "some", "a.png"), "b.png", dtype=np.uint16)
    found = {name: list_clips(tmp_path / name, reading)[0].bits for name in ("eight", "some")}
    assert found == {"eight": all_eight, "some": some}


@pytest.mark.parametrize(("bits", "expected"), [(5, 8), (8, 8), (10, 10)])
def test_the_bits_of_a_video(bits: int, expected: int) -> None:
    source = ClipSource("a", ("0",), video=Path("a.mkv"), film=film(bits), reading=DEEP)
    assert source.bits == expected and ClipSource("a", ("0",), video=Path("a.mkv"), film=film(bits)).bits == 8


def test_two_looks_at_one_video_are_equal() -> None:
    """What its container says is looked up anew each time, and is no part of where it lies."""
    one, other = (ClipSource("a", ("0",), video=Path("a.mkv"), film=film(bits)) for bits in (8, 10))
    assert one == other != ClipSource("b", ("0",), video=Path("a.mkv"), film=film(8))


def test_one_name_in_two_spellings_is_refused(tmp_path: Path) -> None:
    for form in ("NFC", "NFD"):
        frames(tmp_path / unicodedata.normalize(form, "caf\N{LATIN SMALL LETTER E WITH ACUTE}"), "0.png")
    with pytest.raises(UserError, match="two folders named caf., spelt with other bytes"):
        list_clips(tmp_path)


def test_the_picture_that_a_restoration_ends_with_is_no_frame(tmp_path: Path) -> None:
    """Beside its result file alone; and what comes after it in the alphabet is."""
    folder = frames(tmp_path / "out", "a.png", "comparison.png", "d.png", "film.comparison.png", "inference.png")
    assert names_of(folder)["out"] == ("a", "comparison", "d", "film.comparison", "inference")
    (folder / "inference.json").touch()
    assert names_of(folder)["out"] == ("a", "d", "film.comparison", "inference")
    (folder / "film.inference.json").touch()
    assert names_of(folder)["out"] == ("a", "d", "inference")


def test_what_holds_frames(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").touch()
    (tmp_path / "named" / "a.png").mkdir(parents=True)
    frames(tmp_path / "beside", "._a.png")  # what a Mac writes on another system's disk
    result = frames(tmp_path / "result", "comparison.png")
    assert holds_frames(result) and holds_frames(frames(tmp_path / "clip", "a.PNG"))
    (result / "inference.json").touch()
    assert not any(holds_frames(tmp_path / name) for name in ("empty", "notes", "named", "beside", "result"))


def test_two_levels_of_numbers_are_clips_of_both(tmp_path: Path) -> None:
    for name in ("00001/0001", "00001/0002", "00002/0001"):
        frames(tmp_path / name, "im1.png")
    assert list(names_of(tmp_path)) == ["00001_0001", "00001_0002", "00002_0001"]


@pytest.mark.parametrize(
    ("folders", "words"),
    [
        (("00001/0001", "street/0001"), "00001 holds no frames: did you mean .*00001"),
        (("00001/0001", "00002/b"), "00001 holds no frames: did you mean .*00001"),
        (("a/HR/0001", "b/HR/0001"), "a holds no frames: did you mean .*HR"),
    ],
)
def test_what_is_not_both_levels_of_numbers_is_not_guessed(
    tmp_path: Path, folders: tuple[str, ...], words: str
) -> None:
    for name in folders:
        frames(tmp_path / name, "im1.png")
    with pytest.raises(UserError, match=words):
        list_clips(tmp_path)


def test_numbered_clips_with_folders_of_notes_are_clips(tmp_path: Path) -> None:
    """Frames of their own make them the clips, whatever lies beside the frames."""
    for name in ("00001", "00002"):
        frames(tmp_path / name, "im1.png")
        (tmp_path / name / "notes").mkdir()
    assert list(names_of(tmp_path)) == ["00001", "00002"]


def test_frames_and_folders_of_frames_side_by_side_are_refused(tmp_path: Path) -> None:
    frames(tmp_path / "a", "0.png")
    frames(tmp_path / "a" / "inner", "0.png")
    with pytest.raises(UserError, match="a holds frames and the folder inner side by side"):
        list_clips(tmp_path)


@pytest.mark.parametrize("place", ["clips/a/1.png", "clips/b", "set/a/truth/1.png", "set/b", "HR/HR/b"])
def test_a_link_to_what_is_not_there_is_named(tmp_path: Path, place: str) -> None:
    """A frame, or a whole clip, would be left out in silence; a note that is gone is no loss."""
    for name in ("clips/a", "set/a/truth", "HR/HR/a"):
        frames(tmp_path / name, "0.png")
    root, link = tmp_path / place.partition("/")[0], tmp_path / place
    (root / "notes.txt").symlink_to(tmp_path / "gone")
    assert [clip.frame_names for clip in clips_in(root, HR_ROLE)] == [("0",)]
    link.symlink_to(tmp_path / "gone")
    with pytest.raises(UserError, match=f"{place} is a link to what is not there"):
        clips_in(root, HR_ROLE)


def test_what_is_neither_file_nor_folder_is_named(tmp_path: Path) -> None:
    frames(tmp_path, "0.png")
    os.mkfifo(tmp_path / "1.png")
    with pytest.raises(UserError, match="1.png is neither a file nor a folder"):
        list_clips(tmp_path)


def test_pictures_need_no_order(tmp_path: Path) -> None:
    frames(tmp_path, "a9.png", "a10.png", "b.png")
    with pytest.raises(UserError, match="order is not clear"):
        list_clips(tmp_path)
    assert list_clips(tmp_path, sequence=False)[0].frame_names == ("a10", "a9", "b")
