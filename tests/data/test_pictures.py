"""Drawn training pictures, the clips made of them, and the command that writes such clips."""

import json
from pathlib import Path

import numpy as np
import pytest

from vsrlib import cli
from vsrlib.data.frames import read_frame, write_frame
from vsrlib.data.synthetic.clips import embedded_clips
from vsrlib.data.synthetic.pictures import SIDE, dead_leaves


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return dead_leaves(np.random.default_rng(3))


def test_a_picture_depends_on_its_generator_alone(picture: np.ndarray) -> None:
    assert picture.shape == (SIDE, SIDE, 3) and picture.dtype == np.uint8
    assert np.array_equal(picture, dead_leaves(np.random.default_rng(3)))
    assert not np.array_equal(picture, dead_leaves(np.random.default_rng(4)))


def test_a_picture_has_edges_at_every_scale(picture: np.ndarray) -> None:
    # The mark of the model and of photographs: the spectrum's amplitude falls about as 1 / frequency.
    grey = picture.mean(2) - picture.mean()
    power = np.abs(np.fft.fft2(grey * np.hanning(SIDE)[:, None] * np.hanning(SIDE))) ** 2
    radius = SIDE * np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE)))
    bands = np.geomspace(8, SIDE / 3, 8)
    means = [power[(radius >= low) & (radius < high)].mean() for low, high in zip(bands, bands[1:])]
    slope = np.polyfit(np.log(np.sqrt(bands[:-1] * bands[1:])), np.log(means), 1)[0]
    assert -3 < slope < -1.2  # of white noise 0, of discs of one size -3


def test_leaves_join_the_photographs_and_speeds_take_turns() -> None:
    clips = embedded_clips("validation", 5, (64, 64), 0, 4, leaves=1, speeds=(0.0, 4.0))
    assert [clip.name for clip in clips] == ["ihc", "leaves-1", "ihc-2", "leaves-1-2"]
    assert clips[0].photographs == ("ihc.png", "leaves-1")
    moved = [np.abs(clip.background.move(0, 4, np.full((2, 1, 1), 32.0)) - 32).max() for clip in clips]
    assert max(moved[0], moved[2]) < 3 < 5 < min(moved[1], moved[3])  # the still ones turn and zoom, as all do
    # Each clip is the same whatever else is made beside it.
    assert np.array_equal(
        embedded_clips("validation", 5, (64, 64), 0, 2, leaves=1, speeds=(0.0, 4.0))[1].frames, clips[1].frames
    )


def test_clips_of_ones_own_pictures(tmp_path: Path) -> None:
    """Of two sizes; each clip shows its own, as it is where nothing moves and nothing is in front."""
    for name, side, level in (("a", 200, 60), ("b", 240, 180)):
        write_frame(tmp_path / "own" / f"{name}.png", np.full((side, side, 3), level, np.uint8))
    small = ["--frames", "5", "--height", "64", "--width", "64", "--count", "2", "--leaves", "0"]
    assert cli.main(["clips", str(tmp_path / "set"), "--images", str(tmp_path / "own"), *small]) == 0
    manifest = json.loads((tmp_path / "set" / "manifest.json").read_text())
    assert sorted(manifest["clips"]) == ["a", "b"] == sorted(manifest["pictures"])
    assert manifest["photographs"]["a"] == ["a", "b"]
    for name, levels in (("a", {60, 180}), ("b", {180, 60})):
        corner = read_frame(tmp_path / "set" / "HR" / name / "00000000.png")[:4, :4]
        assert set(corner.ravel().tolist()) <= levels


def test_the_command_writes_a_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--frames", "5", "--height", "64", "--width", "64", "--count", "3", "--leaves", "1", "--speed", "2", "6"]
    assert cli.main(["clips", str(tmp_path / "set"), "--split", "validation", *small]) == 0
    manifest = json.loads((tmp_path / "set" / "manifest.json").read_text())
    assert sorted(manifest["clips"]) == ["ihc", "ihc-2", "leaves-1"] and manifest["speeds"] == [2, 6]
    assert len(list((tmp_path / "set" / "HR").glob("*/*.png"))) == 15
    assert cli.main(["clips", str(tmp_path / "other"), "--leaves", "-1"]) == 2
    assert cli.main(["clips", str(tmp_path / "other"), "--speed", "-1"]) == 2
    assert not (tmp_path / "other").exists()
    assert capsys.readouterr().err.count("error: ") == 2
