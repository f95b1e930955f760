"""The order of a clip's frames is one, wherever they are read, and no two spellings of a name are two names."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from vsrlib import cli
from vsrlib.common.errors import UserError
from vsrlib.data.clips import FrameReader, list_clips
from vsrlib.data.degrade import degrade_clips
from vsrlib.data.frame_names import Ambiguous, in_order
from vsrlib.data.frames import write_frame
from vsrlib.data.sets.check import check
from vsrlib.data.sets.layouts import clips_of
from vsrlib.training.samples import TrainingWindows

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
COUNT = 12


def picture(level: int) -> np.ndarray:
    """48x64 pixels of one level, which tells the frame."""
    return np.full((48, 64, 3), level, np.uint8)


def levels(frames) -> list[int]:
    return [int(frame[0, 0, 0]) for frame in frames]


@pytest.fixture
def unpadded(tmp_path: Path) -> Path:
    """A clip whose frames are 1.png, 2.png, ... 12.png, of the levels 1, 2, ... 12."""
    for number in range(1, COUNT + 1):
        write_frame(tmp_path / "HR" / "clip" / f"{number}.png", picture(number))
    return tmp_path / "HR"


@pytest.mark.parametrize(
    "names",
    [
        ["1", "2", "9", "10", "11", "100"],
        ["frame_1", "frame_2", "frame_10"],
        ["take2_8", "take2_9", "take2_10"],
        ["shot.9", "shot.10"],
        ["1 (9)", "1 (10)"],
        ["im1", "im2", "im7"],
        ["0007", "0008", "0010"],
        ["9999", "10000", "10001"],
        ["moon", "sun"],  # as text, where numbers say nothing else
        ["a_01_1", "a_01_2", "b_02_1"],
        ["1.05", "1.10"],
        ["٣", "1"][::-1],
    ],
)
def test_natural_order_where_it_is_clear(names: list[str]) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        assert in_order(rng.permutation(names).tolist()) == names


@pytest.mark.parametrize(
    "names, words",
    [
        (["1", "2", "10", "intro"], "more than a number"),
        (["a9", "b10", "a10"], "more than a number"),
        (["1_10", "1_9", "2_1"], "more than one number"),
        (["0.5", "0.25"], "decimal"),
        (["1", "2", "10", "010"], "the same number"),
    ],
)
def test_order_that_is_not_clear_is_refused(tmp_path: Path, names: list[str], words: str) -> None:
    with pytest.raises(Ambiguous, match=words):
        in_order(names)
    for name in names:
        write_frame(tmp_path / "clip" / f"{name}.png", picture(1))
    with pytest.raises(UserError, match=r"clip holds frames whose order is not clear .* leading zeros"):
        list_clips(tmp_path)
    assert any("order is not clear" in fault["what"] for fault in check(tmp_path)["faults"])


def test_the_order_is_the_same_everywhere(unpadded: Path, tmp_path: Path) -> None:
    expected = list(range(1, COUNT + 1))
    (clip,) = list_clips(unpadded)
    assert levels(clip.frames()) == levels(clip.load().frames) == expected
    reader = FrameReader(clip)
    assert levels(reader[index] for index in range(COUNT)) == expected
    assert levels(clips_of(unpadded)[0].frames()) == expected
    windows = TrainingWindows(unpadded, 8)
    assert [levels(windows.window(i)) for i in range(len(windows))] == [
        expected[i : i + 5] for i in range(len(windows))
    ]
    manifest = degrade_clips(unpadded, tmp_path / "set", "Gaussian", 0)
    assert manifest["clips"]["clip"]["frames"] == [str(number) for number in expected]
    (low,) = list_clips(tmp_path / "set" / "LR_blurdown_x4")
    assert levels(low.frames()) == expected
    found = check(tmp_path / "set")
    assert found["faults"] == []  # also not against the manifest, whose digest is of the frames in their order
    assert any("the pixels are those recorded" in note for note in found["notes"])


def test_two_spellings_of_one_name_are_one_name(tmp_path: Path) -> None:
    assert COMPOSED != DECOMPOSED
    for index in range(5):
        write_frame(tmp_path / "low" / DECOMPOSED / f"{DECOMPOSED}{index}.png", picture(index)[::4, ::4].copy())
        write_frame(tmp_path / "high" / COMPOSED / f"{COMPOSED}{index}.png", picture(index))
    low, high = list_clips(tmp_path / "low")[0], list_clips(tmp_path / "high")[0]
    assert (low.name, low.frame_names) == (high.name, high.frame_names)
    assert [clip.name for clip in clips_of(tmp_path / "high", [DECOMPOSED])] == [COMPOSED]
    (tmp_path / "low").rename(tmp_path / "LR_blurdown_x4")
    (tmp_path / "high").rename(tmp_path / "HR")
    found = check(tmp_path)
    assert [pair["frames"] for pair in found["pairs"]] == [5] and found["faults"] == []


def test_two_spellings_side_by_side_are_refused(tmp_path: Path) -> None:
    for name in (COMPOSED, DECOMPOSED):
        write_frame(tmp_path / "clips" / name / "0.png", picture(1))
        write_frame(tmp_path / "frames" / f"{name}.png", picture(1))
    with pytest.raises(UserError, match="two folders named café"):
        list_clips(tmp_path / "clips")
    with pytest.raises(UserError, match="two frames named café"):
        list_clips(tmp_path / "frames")


def test_frames_of_the_odd_size_are_named(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for index in range(9):
        write_frame(tmp_path / "clip" / f"{index}.png", picture(index)[: 40 if index in (3, 5) else 48].copy())
    assert cli.main(["data", "check", str(tmp_path)]) == 2
    assert "FAULT clip mixes sizes: 3, 5 are 64x40, and the others are 64x48" in capsys.readouterr().out
