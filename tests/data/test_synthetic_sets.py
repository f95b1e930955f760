"""The embedded data sets on disk."""

from pathlib import Path

import numpy as np
import pytest
from scipy import io as scipy_io

from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, sha256_array
from vsrlib.data.clips import list_clips
from vsrlib.data.degrade import blur_down, degrade_clips
from vsrlib.data.frames import write_frame
from vsrlib.data.sets.manifest import LR, origins
from vsrlib.data.synthetic.clips import embedded_clips
from vsrlib.data.synthetic.sets import ClipsOptions, SetsOptions, embedded_set, write_clips, write_embedded_sets


def write(root: Path, seed: int = 4) -> dict:
    options = SetsOptions(
        test_frames=3, train_frames=2, validation_frames=2, height=32, width=48, test_clips=2, train_clips=2, seed=seed,
        filmed_frames=0,
    )  # fmt: skip
    return write_embedded_sets(root, options)


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    root = tmp_path_factory.mktemp("data")
    return root, write(root)


def test_layout_and_manifests(sets) -> None:
    root, manifests = sets
    assert (
        sorted(p.name for p in root.iterdir())
        == sorted(manifests)
        == ["Embedded_BlurDown_Gaussian", "Embedded_BlurDown_Realistic", "Embedded_Train", "Embedded_Validation"]
    )
    for name, manifest in manifests.items():
        assert read_json(root / name / "manifest.json") == manifest
        for source in list_clips(root / name / "HR"):
            entry = manifest["clips"][source.name]
            assert entry["hr_sha256"] == sha256_array(source.load().frames)
            assert entry["frames"] == list(source.frame_names)
            assert manifest["photographs"][source.name][0].startswith(source.name)


def test_both_test_sets_show_the_same_clips(sets) -> None:
    root, _ = sets
    expected = embedded_clips("test", 3, (32, 48), 4, 2)
    for blur in ("Gaussian", "Realistic"):
        folder = root / embedded_set(blur)
        hr_clips, lr_clips = list_clips(folder / "HR"), list_clips(folder / "LR_blurdown_x4")
        for clip, hr, lr in zip(expected, hr_clips, lr_clips, strict=True):
            assert np.array_equal(hr.load().frames, clip.frames)
            kernel = scipy_io.loadmat(folder / "kernel" / lr.name / "00000001.mat")["kernel"]
            assert kernel.shape == ((9, 9) if blur == "Gaussian" else (13, 13))
            assert np.array_equal(lr.load().frames[1], blur_down(clip.frames[1], kernel))


def test_a_second_call_gives_the_same_bytes_and_another_seed_others(sets, tmp_path: Path) -> None:
    root, _ = sets

    def contents() -> dict[Path, bytes]:
        return {p: p.read_bytes() for p in root.rglob("*") if p.is_file()}

    before = contents()
    write(root)
    assert contents() == before
    frames = {p.relative_to(root): data for p, data in before.items() if p.suffix == ".png" and p.parts[-3] == "HR"}
    write(tmp_path, seed=5)
    assert all((tmp_path / path).read_bytes() != data for path, data in frames.items())


def test_clips_and_what_is_made_of_them_say_that_they_are_made(tmp_path: Path) -> None:
    """What no manifest tells of counts as filmed, and a scene of its own."""
    for name in ("shot.1", "shot.2"):
        write_frame(tmp_path / f"pictures/{name}.png", np.full((200, 200, 3), 40, np.uint8))
    options = {"height": 64, "width": 64, "frames": 1, "leaves": 0, "speed": [1.0]}
    for images, scenes in ((None, {"astronaut", "chelsea"}), (str(tmp_path / "pictures"), {"shot.1", "shot.2"})):
        write_clips(tmp_path / "clips", ClipsOptions(split="test", count=2, images=images, **options))
        degrade_clips(tmp_path / "clips" / "HR", tmp_path / "set", "Gaussian", 0)
        for root in (tmp_path / "clips" / "HR", tmp_path / "set" / LR):
            found = origins(root, [clip.name for clip in list_clips(root)]).values()
            assert {one.scene for one in found} == scenes and [one.kind for one in found] == ["made"] * 2


def test_frames_of_others_are_never_overwritten(tmp_path: Path) -> None:
    write_frame(tmp_path / "Embedded_Train" / "HR" / "mine" / "0.png", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(UserError, match="not made here"):
        write(tmp_path)
    assert (tmp_path / "Embedded_Train" / "HR" / "mine" / "0.png").exists()


@pytest.mark.parametrize(
    ("names", "clips"),
    [
        (("shot.1", "shot.2"), ["shot.1", "shot.1-2", "shot.2", "shot.2-2"]),
        (("walk", "walk-2"), ["walk", "walk-2", "walk-2-2", "walk-2_"]),
        (("a/1", "b/1"), ["a_1", "a_1-2", "b_1", "b_1-2"]),
        (("a/1", "b/2"), ["1", "1-2", "2", "2-2"]),
        (("img9", "img10", "photo"), ["img10", "img10-2", "img9", "photo"]),  # in whatever order they come
    ],
)
def test_no_two_clips_of_pictures_have_one_name(tmp_path: Path, names: tuple[str, ...], clips: list[str]) -> None:
    for level, name in enumerate(names):
        write_frame(tmp_path / f"pictures/{name}.png", np.full((200, 200, 3), 40 * level, np.uint8))
    options = {"height": 16, "width": 16, "frames": 1, "count": 4, "leaves": 0, "speed": [1.0]}
    manifest = write_clips(tmp_path / "set", ClipsOptions(images=str(tmp_path / "pictures"), **options))
    found = {clip.name: clip.load().frames for clip in list_clips(tmp_path / "set/HR")}
    assert list(found) == sorted(manifest["clips"]) == clips
    assert {int(np.median(frames)) for frames in found.values()} == {40 * level for level in range(len(names))}
    assert len(set(manifest["pictures"].values())) == len(names)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("leaves-1", "x"), "a picture is called leaves-1, as one of the drawn ones is"),
        (("a/1", "b/1", "c/a_1"), "holds two pictures that would both be called a_1: rename one"),
    ],
)
def test_pictures_that_cannot_be_told_apart_are_refused(tmp_path: Path, names: tuple[str, ...], words: str) -> None:
    for name in names:
        write_frame(tmp_path / f"pictures/{name}.png", np.zeros((200, 200, 3), np.uint8))
    with pytest.raises(UserError, match=words):
        write_clips(tmp_path / "set", ClipsOptions(images=str(tmp_path / "pictures"), height=16, width=16, leaves=1))


@pytest.mark.parametrize("output", [".", "set"])
def test_no_clips_are_written_among_the_pictures_that_they_are_made_of(tmp_path: Path, output: str) -> None:
    write_frame(tmp_path / "a.png", np.zeros((200, 200, 3), np.uint8))
    with pytest.raises(UserError, match="is the input or lies in it"):
        write_clips(tmp_path / output, ClipsOptions(images=str(tmp_path), height=16, width=16, frames=1))
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
