"""HR clips out of the layouts that data sets come in."""

from pathlib import Path

import numpy as np
import pytest

from vsrlib.common.errors import UserError
from vsrlib.data.clips import list_clips
from vsrlib.data.degrade import degrade_clips
from vsrlib.data.frames import write_frame
from vsrlib.data.sets.layouts import HR_ROLE, KERNEL_ROLE, LR_ROLE, clips_in, clips_of, place, published_set, reds_name
from vsrlib.training.options import TrainOptions
from vsrlib.training.samples import TrainingWindows
from vsrlib.training.train import train


def frame(path: Path, value: int = 0) -> None:
    write_frame(path / "00000000.png", np.full((8, 8, 3), value, np.uint8))


def names(root: Path, wanted: list[str] | None = None) -> list[str]:
    return [clip.name for clip in clips_of(root, wanted)]


@pytest.fixture(scope="module")
def reds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All 270 clips, one frame each, as the archives have them."""
    root = tmp_path_factory.mktemp("REDS")
    for part, count in (("train", 240), ("val", 30)):
        for clip in range(count):
            folder = root / part / f"{part}_sharp" / f"{clip:03d}"
            folder.mkdir(parents=True)
            (folder / "00000000.png").touch()
    return root


def test_reds_is_regrouped_into_266_training_clips(reds: Path) -> None:
    found = clips_of(reds)
    assert len(found) == 266 and [clip.name for clip in found] == sorted(
        {f"{n:03d}" for n in range(270)} - {"000", "011", "015", "020"}
    )
    by_name = {clip.name: clip.paths[0] for clip in found}
    assert by_name["239"].parts[-3:] == ("train_sharp", "239", "00000000.png")
    assert by_name["240"].parts[-3:] == ("val_sharp", "000", "00000000.png")
    assert by_name["269"].parts[-3:] == ("val_sharp", "029", "00000000.png")
    assert len(clips_of(reds / "train")) == len(clips_of(reds / "train" / "train_sharp")) == 236


def test_reds4_by_name(reds: Path) -> None:
    assert names(reds, ["REDS4"]) == ["000", "011", "015", "020"]
    assert names(reds / "train" / "train_sharp", ["REDS4"]) == ["000", "011", "015", "020"]
    assert names(reds, ["240", "REDS4", "000"]) == ["000", "011", "015", "020", "240"]
    with pytest.raises(UserError, match="holds no clip 270"):
        clips_of(reds, ["270"])


def test_reds_that_was_regrouped_on_disk(tmp_path: Path) -> None:
    for clip in ("000", "001", "239", "240", "241"):
        frame(tmp_path / "train_sharp" / clip, 1)
    frame(tmp_path / "val_sharp" / "000", 2)  # copied to 240, not moved
    frame(tmp_path / "val_sharp" / "029", 2)
    assert names(tmp_path) == ["001", "239", "240", "241", "269"]
    assert clips_of(tmp_path)[2].load().frames[0, 0, 0, 0] == 1


def test_training_leaves_reds4_out(tmp_path: Path) -> None:
    for clip in ("000", "001", "011"):
        for index in range(5):
            write_frame(tmp_path / "train_sharp" / clip / f"{index:08d}.png", np.zeros((64, 64, 3), np.uint8))
    assert [source.name for source in TrainingWindows(tmp_path, 16).sources] == ["001"]


@pytest.mark.parametrize("folder", ["GT", "HR", "gt", "original"])
def test_vid4_as_it_is_passed_on(tmp_path: Path, folder: str) -> None:
    for clip in ("walk", "city", "calendar", "foliage"):
        for part in (folder, "BIx4", "BDx4"):
            frame(tmp_path / part / clip)
    assert names(tmp_path) == names(tmp_path, ["Vid4"]) == ["calendar", "city", "foliage", "walk"]
    assert clips_of(tmp_path)[0].paths[0].parts[-3] == folder


def test_spmcs_as_its_authors_publish_it(tmp_path: Path) -> None:
    for index in range(30):
        for part in ("truth", "input2", "input3", "input4"):
            frame(tmp_path / f"clip_{index:03d}" / part)
    found = clips_of(tmp_path)
    assert len(found) == 30 and found[7].name == "clip_007" and found[7].paths[0].parent.name == "truth"


@pytest.mark.parametrize("name", ["original", "hr", "gt", "truth", "sharp", "target", "HR"])
def test_a_clip_may_be_called_as_a_layout_is(tmp_path: Path, name: str) -> None:
    """Three clips that a user has in a folder, one of them with such a name: none is left out."""
    for clip in ("beach", name, "street"):
        for index in range(5):
            write_frame(tmp_path / clip / f"{index:08d}.png", np.zeros((64, 64, 3), np.uint8))
    assert sorted(names(tmp_path)) == sorted(["beach", name, "street"])
    assert len(TrainingWindows(tmp_path, 16).sources) == 3
    assert len(degrade_clips(tmp_path, tmp_path.parent / f"set of {name}", "Gaussian", 0)["clips"]) == 3
    assert len(clips_in(tmp_path, LR_ROLE)) == 3


@pytest.mark.parametrize("name", ["original", "lr"])
def test_a_clip_alone_may_be_called_as_a_layout_is(tmp_path: Path, name: str) -> None:
    frame(tmp_path / name)
    assert [clip.name for clip in clips_in(tmp_path, HR_ROLE)] == [name] == names(tmp_path)


@pytest.mark.parametrize(
    "folders",
    [
        ("beach", "original/a", "street"),  # the clips are in `original`, or are the others
        ("beach", "original", "lr"),
        ("HR/a", "HR/b", "LR_blurdown_x4/a", "more/c"),
    ],
)
def test_what_would_be_left_out_is_named(tmp_path: Path, folders: tuple[str, ...]) -> None:
    for folder in folders:
        frame(tmp_path / folder)
    left = "more" if "more/c" in folders else "beach"
    with pytest.raises(UserError, match=f"holds {left} beside (original|HR), and it is not clear"):
        clips_of(tmp_path)


def test_frames_in_a_folder_of_a_clip_are_not_passed_over(tmp_path: Path) -> None:
    for folder in ("beach", "beach/masks", "street"):
        frame(tmp_path / folder)
    with pytest.raises(UserError, match="beach holds frames and the folder masks side by side"):
        clips_of(tmp_path)


def test_variants_of_the_same_clips_are_a_layout(tmp_path: Path) -> None:
    for folder in ("GT", "BIx4", "noisy"):
        for clip in ("walk", "city"):
            frame(tmp_path / folder / clip)
    (tmp_path / "notes").mkdir()
    assert names(tmp_path) == ["city", "walk"] == [clip.name for clip in clips_in(tmp_path, LR_ROLE)]


@pytest.mark.parametrize("output", ["", "set", "beach/set"])
def test_nothing_is_written_among_the_clips_that_are_read(tmp_path: Path, output: str) -> None:
    for index in range(5):
        write_frame(tmp_path / "clips" / "beach" / f"{index}.png", np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(UserError, match="is the input or lies in it"):
        degrade_clips(tmp_path / "clips", tmp_path / "clips" / output, "Gaussian", 0)
    (tmp_path / "other").symlink_to(tmp_path / "clips")
    with pytest.raises(UserError, match="is the input or lies in it"):
        train(tmp_path / "clips", tmp_path / "clips", tmp_path / "other" / output, TrainOptions(patch_size=16, steps=1))
    with pytest.raises(UserError, match="is the input or lies in it"):
        degrade_clips(tmp_path / "other", tmp_path / "clips" / output, "Gaussian", 0)
    assert [path.name for path in (tmp_path / "clips").iterdir()] == ["beach"]
    assert len(list((tmp_path / "clips" / "beach").iterdir())) == 5


def test_nothing_is_written_where_a_link_to_a_clip_leads(tmp_path: Path) -> None:
    frame(tmp_path / "beach")
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "linked").symlink_to(tmp_path / "beach")
    with pytest.raises(UserError, match="is the input or lies in it"):
        degrade_clips(tmp_path / "clips", tmp_path / "beach" / "set", "Gaussian", 0)
    degrade_clips(tmp_path / "clips", tmp_path / "set", "Gaussian", 0)
    assert [path.name for path in (tmp_path / "beach").iterdir()] == ["00000000.png"]


def test_vid4_with_both_resolutions_below_each_clip(tmp_path: Path) -> None:
    for clip in ("calendar", "city"):
        frame(tmp_path / clip / "original", 1)
        frame(tmp_path / clip / "input", 2)
    high, low = clips_of(tmp_path), clips_in(tmp_path, LR_ROLE)
    assert [clip.name for clip in high] == [clip.name for clip in low] == ["calendar", "city"]
    assert [clip.load().frames.max() for clip in (high[0], low[0])] == [1, 2]
    assert place(("city", "input")) == (LR_ROLE, "input", ("city",))


def test_vimeo_has_two_levels(tmp_path: Path) -> None:
    for group, clip in (("00001", "0001"), ("00001", "0266"), ("00096", "0001")):
        for index in range(1, 8):
            write_frame(tmp_path / "sequences" / group / clip / f"im{index}.png", np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "sep_trainlist.txt").write_text("00001/0001\n")
    for root in (tmp_path, tmp_path / "sequences"):
        for found in (clips_of(root), clips_in(root, LR_ROLE)):
            assert [clip.name for clip in found] == ["00001_0001", "00001_0266", "00096_0001"]
            assert found[0].frame_names == tuple(f"im{index}" for index in range(1, 8))
    (tmp_path / "sequences" / "00096" / "0002").mkdir()
    with pytest.raises(UserError, match="0002 holds no frames"):
        clips_of(tmp_path)


def test_a_folder_of_a_set_in_place_of_its_clips_gets_a_hint(tmp_path: Path) -> None:
    frame(tmp_path / "set" / "HR" / "a")
    with pytest.raises(UserError, match="did you mean .*set/HR") as caught:
        list_clips(tmp_path / "set")
    assert "remove" not in str(caught.value)


def test_what_list_clips_takes(tmp_path: Path) -> None:
    for clip in ("b", "a"):
        frame(tmp_path / clip)
    assert clips_of(tmp_path) == list_clips(tmp_path) and clips_of(tmp_path / "a") == list_clips(tmp_path / "a")
    assert names(tmp_path, ["b"]) == ["b"]
    with pytest.raises(UserError, match="does not exist"):
        clips_of(tmp_path / "none")


def test_two_folders_that_may_both_be_hr(tmp_path: Path) -> None:
    for part in ("GT", "HR"):
        frame(tmp_path / part / "a")
    with pytest.raises(UserError, match="holds GT, HR, each of which may be the HR clips"):
        clips_of(tmp_path)


@pytest.mark.parametrize(
    "path, role, key",
    [
        ("HR/a", HR_ROLE, "a"),
        ("LR_blurdown_x4/a", LR_ROLE, "a"),
        ("kernel/a", KERNEL_ROLE, "a"),
        ("GT/city", HR_ROLE, "city"),
        ("BIx4/city", LR_ROLE, "city"),
        ("hk004_001/truth", HR_ROLE, "hk004_001"),
        ("hk004_001/input4", LR_ROLE, "hk004_001"),
        ("train_sharp/000", HR_ROLE, "train/000"),
        ("train_sharp_bicubic/X4/000", LR_ROLE, "train/000"),
        ("val/val_sharp/000", HR_ROLE, "val/val/000"),
        ("val/val_sharp_bicubic/X4/000", LR_ROLE, "val/val/000"),
        ("walk", "", "walk"),
        ("davis/walk", "", "davis/walk"),
        ("train_sharp_bicubic/X2/000", "", "train_sharp_bicubic/X2/000"),
    ],
)
def test_places(path: str, role: str, key: str) -> None:
    found = place(tuple(path.split("/")))
    assert (found.role, "/".join(found.key)) == (role, key)


def test_names() -> None:
    assert [reds_name(key) for key in (("val", "000"), ("val", "29"), ("train", "000"), ("val", "030"))] == [
        "240",
        "269",
        "000",
        "030",
    ]
    assert published_set(("data", "REDS4_BlurDown_Gaussian")) == "REDS4"
    assert published_set(("VID4", "GT")) == "Vid4" and published_set(("Redshift", "x")) is None
