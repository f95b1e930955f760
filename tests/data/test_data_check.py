"""`vsrlib data check`: one fault at a time, each named, and nothing said of what is whole."""

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from vsrlib import cli
from vsrlib.common.errors import UserError
from vsrlib.common.files import sha256_array
from vsrlib.data.clips import Clip, write_clip
from vsrlib.data.degrade import blur_down, degrade_clips, gaussian_kernel, write_set
from vsrlib.data.frame_names import numbering
from vsrlib.data.frames import Map, read_frame, write_frame
from vsrlib.data.sets import check as check_module
from vsrlib.data.sets.check import check
from vsrlib.data.sets.pairs import AGREES, CENTRED, fit, rounding_error
from vsrlib.data.sets.tree import read_kernel
from vsrlib.data.synthetic.pictures import load_photograph
from vsrlib.data.video import write_video


def moving(name: str, count: int = 4, size: tuple[int, int] = (96, 128)) -> Clip:
    """A photograph that passes by, two pixels a frame."""
    photograph = load_photograph(name)
    return Clip(name, np.stack([photograph[40 : 40 + size[0], 2 * i : 2 * i + size[1]] for i in range(count)]))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    for name, photograph in (("a", "astronaut.png"), ("b", "coffee.png")):
        write_clip(root / "in" / name, moving(photograph))
    degrade_clips(root / "in", root / "Set", "Realistic", 1)
    return root / "Set"


@pytest.fixture
def whole(made: Path, tmp_path: Path) -> Path:
    """A data set as `vsrlib degrade` writes it, to be spoiled."""
    return Path(shutil.copytree(made, tmp_path / "Set"))


def faults(root: Path, **options) -> list[str]:
    return [f"{fault['path']} {fault['what']}" for fault in check(root, **options)["faults"]]


def only_fault(root: Path, **options) -> str:
    (fault,) = faults(root, **options)
    return fault


def without_manifest(root: Path) -> Path:
    (root / "manifest.json").unlink()
    return root


def test_a_whole_set_passes(whole: Path) -> None:
    result = check(whole)
    assert not result["faults"] and not result["missing"] and result["set"] is None
    assert result["notes"] == ["the pixels are those recorded in manifest.json"]
    assert [(clip["name"], clip["role"], clip["frames"], clip["sizes"]) for clip in result["clips"]] == [
        ("HR/a", "HR", 4, [(96, 128)]),
        ("HR/b", "HR", 4, [(96, 128)]),
        ("LR_blurdown_x4/a", "LR", 4, [(24, 32)]),
        ("LR_blurdown_x4/b", "LR", 4, [(24, 32)]),
    ]
    words = "LR is HR blurred with the stored kernel, within rounding"
    assert [pair["notes"] for pair in result["pairs"]] == [[words]] * 2
    assert result["frames"]["HR/a/00000002"]["pixels"] == sha256_array(read_frame(whole / "HR/a/00000002.png"))


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_result_does_not_hang_on_the_number_of_workers(made: Path, workers: int) -> None:
    assert check(made, workers=workers) == check(made)


def test_the_digest_is_of_pixels_not_of_files(tmp_path: Path) -> None:
    clip = moving("chelsea.png")
    for folder, level in (("a", 0), ("b", 9)):
        (tmp_path / folder).mkdir()
        for index, frame in enumerate(clip.frames):
            Image.fromarray(frame).save(tmp_path / folder / f"{index}.png", compress_level=level)
    first, second = (check(tmp_path / folder) for folder in "ab")
    assert first["digest"] == second["digest"]
    assert first["frames"]["0"]["file"] != second["frames"]["0"]["file"]
    spoiled = clip.frames[3].copy()
    spoiled[5, 6, 1] ^= 1
    write_frame(tmp_path / "b" / "3.png", spoiled)
    assert check(tmp_path / "b")["digest"] != first["digest"]
    (tmp_path / "a" / "3.png").rename(tmp_path / "a" / "4.png")
    assert check(tmp_path / "a")["digest"] != first["digest"]


def test_a_record_tells_what_differs(whole: Path, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    assert cli.main(["data", "check", str(whole), "--json", str(record)]) == 0
    assert json.loads(record.read_text())["provenance"]["versions"]["numpy"]
    assert not faults(whole, against=record)
    without_manifest(whole)
    kernel = whole / "kernel/a/00000001.mat"
    kernel.unlink()
    Image.fromarray(read_frame(whole / "HR/b/00000000.png")).save(whole / "HR/b/00000000.png", compress_level=0)
    write_frame(whole / "HR/b/00000003.png", np.zeros((96, 128, 3), np.uint8))
    told = check(whole, against=record)
    said = [f"{fault['path']} {fault['what']}" for fault in told["faults"]]
    assert "kernel/a/00000001 is in the record and not here" in said
    assert "HR/b/00000003 has other pixels than in the record" in said
    assert "HR/b/00000000 has the recorded pixels in another file" in told["notes"]
    for text in ("{}", "[1]", "no JSON", '{"frames": {"HR/a/00000000": 3}}', '{"frames": {"HR/a/00000000": {}}}'):
        (tmp_path / "none.json").write_text(text)
        with pytest.raises(UserError, match="none.json is no record of a check"):
            check(whole, against=tmp_path / "none.json")


def test_frames_that_cannot_be_read(whole: Path) -> None:
    path = without_manifest(whole) / "HR/a/00000001.png"
    path.write_bytes(path.read_bytes()[:-20])
    (whole / "HR/b/00000002.png").unlink()
    (whole / "HR/b/00000002.png").symlink_to("nowhere.png")
    Image.new("RGBA", (128, 96), (1, 2, 3, 200)).save(whole / "HR/b/00000003.png")
    first, second, third = faults(whole)
    assert first.startswith("HR/a/00000001.png is damaged: it is cut short")
    assert second == "HR/b/00000002.png cannot be read (No such file or directory)"
    assert third.startswith("HR/b/00000003.png is transparent")


def test_files_and_folders_that_do_not_belong(whole: Path) -> None:
    (whole / "HR/a/00000004.tiff").write_bytes(b"x")
    (whole / "more.zip").write_bytes(b"x")
    (whole / "HR/c").mkdir()
    (whole / "HR/a/inside").symlink_to(whole / "HR")
    (whole / "notes.txt").write_text("beside")
    said = faults(whole)
    assert said == [
        "HR/a/00000004.tiff is neither a frame, a video, a kernel nor a note",
        "HR/a/inside is a link to a folder that it lies in",
        "HR/c is an empty folder",
        "more.zip is an archive: unpack it",
    ]
    assert check(whole)["beside"][".txt"] == 1


def test_mixed_sizes_and_names(tmp_path: Path) -> None:
    write_clip(tmp_path / "a", moving("astronaut.png"))
    write_frame(tmp_path / "a" / "00000002.png", np.zeros((96, 130, 3), np.uint8))
    assert only_fault(tmp_path) == "a mixes sizes: 00000002 is 130x96, and the others are 128x96"
    write_clip(tmp_path / "a", moving("astronaut.png"))
    Image.fromarray(moving("astronaut.png").frames[0]).save(tmp_path / "a" / "00000001.jpg")
    assert only_fault(tmp_path) == "a has two frames named 00000001 with different endings"


@pytest.mark.parametrize(
    "names, fault, note",
    [
        (["00", "01", "02"], "", ""),
        (["7"], "", ""),
        (["im1", "im2"], "", ""),
        (["x1_a", "x2_a"], "", ""),
        (["00", "02", "04"], "", "steps of 2"),
        (["00", "01", "03"], "gaps in its numbers: 2 missing", ""),
        (["0", "1", "5", "6", "9"], "gaps in its numbers: 2 to 4, 7 to 8 missing", ""),
        (["01", "1"], "two frames with the number 1", ""),
        (["sun", "moon"], "", "do not share a pattern"),
        (["a1", "b2"], "", "do not share a pattern"),
        ([f"{n:03d}" for n in range(40) if n % 4], "and 4 more gaps", ""),
    ],
)
def test_numbering(names: list[str], fault: str, note: str) -> None:
    found, notes = numbering(names)
    assert (fault in found[0]) if fault else not found
    assert (note in notes[0]) if note else not notes


def test_lr_frames_in_another_order(whole: Path) -> None:
    lr = without_manifest(whole) / "LR_blurdown_x4/a"
    swapped = [read_frame(lr / f"0000000{i}.png") for i in (2, 1)]
    for i, frame in zip((1, 2), swapped):
        write_frame(lr / f"0000000{i}.png", frame)
    first, second = faults(whole)
    assert first.startswith("LR_blurdown_x4/a/00000001.png is not its HR frame blurred with the stored kernel")
    assert second.startswith("LR_blurdown_x4/a/00000002.png is not")


def test_another_kernel(whole: Path) -> None:
    shutil.rmtree(without_manifest(whole) / "kernel/a")
    shutil.copytree(whole / "kernel/b", whole / "kernel/a")
    said = faults(whole)
    assert len(said) == 4 and all("LR_blurdown_x4/a/" in one and "stored kernel" in one for one in said)


def test_the_manifest_decides_on_pixels(whole: Path) -> None:
    path = whole / "HR/a/00000001.png"
    frame = read_frame(path)
    frame[50, 50] ^= 1  # too little to show in LR beyond rounding
    write_frame(path, frame)
    assert only_fault(whole) == "HR/a has other pixels than those recorded in manifest.json"
    (whole / "manifest.json").write_text("{")
    assert only_fault(whole) == "manifest.json is damaged: it is no manifest of a data set"


@pytest.mark.parametrize("text", ["[]", "3", "{}", '{"name": "my web app"}', '{"clips": ["a"]}'])
def test_a_manifest_that_is_none_is_one_fault(whole: Path, text: str) -> None:
    (whole / "manifest.json").write_text(text)
    assert only_fault(whole) == "manifest.json is damaged: it is no manifest of a data set"


@pytest.mark.parametrize("size", [None, [96], ["96", "128"], [0, 128], "96x128"])
def test_an_entry_without_a_size_does_not_end_the_check(whole: Path, size: object) -> None:
    manifest = json.loads((whole / "manifest.json").read_text())
    manifest["clips"]["a"]["hr_size"] = size
    if size is None:
        del manifest["clips"]["a"]["hr_size"]
    manifest["clips"]["b"]["lr_sha256"] = "0" * 64
    (whole / "manifest.json").write_text(json.dumps(manifest))
    assert faults(whole) == [
        "LR_blurdown_x4/b has other pixels than those recorded in manifest.json",
        "manifest.json is damaged: what it says of the clip a is no record of one",
    ]


def test_an_entry_that_is_none_does_not_end_the_check(whole: Path) -> None:
    manifest = json.loads((whole / "manifest.json").read_text())
    manifest["clips"]["b"] = 3
    (whole / "manifest.json").write_text(json.dumps(manifest))
    assert only_fault(whole) == "manifest.json is damaged: what it says of the clip b is no record of one"


def test_the_manifest_of_pictures_is_no_fault(tmp_path: Path) -> None:
    write_set(tmp_path, ("train",), lambda staging: _one_picture(staging / "train" / "a.png"), seed=0)
    assert not faults(tmp_path)


def _one_picture(path: Path) -> dict[str, dict]:
    write_frame(path, np.zeros((32, 32, 3), np.uint8))
    return {"pictures": {"train/a": {"author": "me"}}}


def test_counts_and_clips_of_hr_and_lr(whole: Path) -> None:
    (without_manifest(whole) / "LR_blurdown_x4/a/00000003.png").unlink()
    shutil.rmtree(whole / "LR_blurdown_x4/b")
    assert faults(whole) == [
        "HR/b has no clip of the same name in LR_blurdown_x4",
        "LR_blurdown_x4/a has 3 frames and HR/a has 4: 00000003 is missing in LR",
    ]
    shutil.rmtree(whole / "HR/b")
    shutil.copytree(whole / "LR_blurdown_x4/a", whole / "LR_blurdown_x4/c")
    assert "LR_blurdown_x4/c has no HR clip of the same name" in faults(whole)


def test_lr_of_another_size(whole: Path) -> None:
    for path in (without_manifest(whole) / "LR_blurdown_x4/a").iterdir():
        write_frame(path, read_frame(path)[:, :30])
    assert only_fault(whole) == ("LR_blurdown_x4/a is 30x24 pixels and HR/a is 128x96: that is not a quarter of it")


def test_frames_paired_in_their_order(whole: Path) -> None:
    for path in sorted((without_manifest(whole) / "LR_blurdown_x4/a").iterdir()):
        path.rename(path.with_name(f"f{path.name}"))
    result = check(whole)
    assert "were paired in their order" in result["pairs"][0]["notes"][0]


@pytest.mark.parametrize(
    "spoil, words",
    [
        (lambda path: path.write_bytes(path.read_bytes()[:150]), 'holds no array "kernel"'),
        (lambda path: path.write_bytes(b""), 'holds no array "kernel"'),
        (lambda path: np.save(path.with_suffix(".npy"), np.ones((3, 3))) or path.unlink(), "sum to 9"),
        (lambda path: np.save(path.with_suffix(".npy"), np.ones((2, 3))) or path.unlink(), "(2, 3) values"),
        (lambda path: np.save(path.with_suffix(".npy"), np.full((3, 3), np.nan)) or path.unlink(), "not finite"),
    ],
)
def test_kernels_at_fault(whole: Path, spoil, words: str) -> None:
    path = without_manifest(whole) / "kernel/a/00000001.mat"
    spoil(path)
    assert any(words in one and "kernel/a/00000001" in one for one in faults(whole))


def test_the_kernel_of_a_clip_serves_all_its_frames(whole: Path) -> None:
    for clip in "ab":
        kernel = read_kernel(whole / f"kernel/{clip}/00000000.mat")
        shutil.rmtree(whole / f"kernel/{clip}")
        np.save(whole / f"kernel/{clip}.npy", kernel)
    result = check(whole)
    assert not result["faults"] and "with the stored kernel" in result["pairs"][1]["notes"][0]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set without kernels and manifest."""
    root = tmp_path_factory.mktemp("large")
    for name, photograph in (("a", "astronaut.png"), ("b", "coffee.png")):
        pixels = load_photograph(photograph)
        frames = np.stack([pixels[30 * i :][:200, 35 * i :][:, :264] for i in range(4)])
        write_clip(root / "in" / name, Clip(name, frames))
    degrade_clips(root / "in", root / "Set", "Realistic", 1)
    shutil.rmtree(root / "Set" / "kernel")
    return without_manifest(root / "Set")


class TestWithoutKernels:
    """Frames large enough to fit a kernel to, each with another part of a photograph."""

    @pytest.fixture
    def whole(self, large: Path, tmp_path: Path) -> Path:
        return Path(shutil.copytree(large, tmp_path / "Set"))

    def test_agreement(self, whole: Path) -> None:
        result = check(whole)
        assert not result["faults"]
        assert [pair["notes"] for pair in result["pairs"]] == [
            ["no kernel is stored; one that was fitted explains LR, so that HR and LR agree (3 of 4 frames compared)"]
        ] * 2

    def test_frames_that_are_one_late(self, whole: Path) -> None:
        lr = whole / "LR_blurdown_x4/a"
        for i in range(3):
            shutil.copyfile(lr / f"0000000{i + 1}.png", lr / f"0000000{i}.png")
        words = "LR_blurdown_x4/a/00000000.png shows 00000001.png of its HR clip rather than 00000000.png"
        assert words in faults(whole)

    def test_another_clip(self, whole: Path) -> None:
        for path in sorted((whole / "LR_blurdown_x4/a").iterdir()):
            shutil.copyfile(whole / "LR_blurdown_x4/b" / path.name, path)
        assert len([one for one in faults(whole) if "does not show what its HR frame shows" in one]) == 3

    def test_noise_is_said_to_leave_it_open(self, whole: Path) -> None:
        for path in sorted((whole / "LR_blurdown_x4").rglob("*.png")):
            noise = np.random.default_rng(0).normal(0, 4, (50, 66, 3))
            write_frame(path, np.clip(read_frame(path) + noise, 0, 255).astype(np.uint8))
        result = check(whole)
        assert not result["faults"] and "could not be confirmed" in result["pairs"][0]["notes"][0]

    def test_bicubic_decimation_agrees_and_a_shift_shows(self) -> None:
        hr = load_photograph("coffee.png")[:400, :600]
        lr = np.asarray(Image.fromarray(hr).resize((150, 100), Image.Resampling.BICUBIC))
        found = fit(hr, lr)
        assert found.levels < AGREES / 2 and found.share < 1e-3 and found.off_centre < CENTRED / 4
        assert fit(np.roll(hr, 5, axis=1), lr).off_centre == pytest.approx(5, abs=2) and CENTRED < 3
        assert fit(np.roll(hr, 40, axis=1), lr).levels > AGREES
        assert fit(hr[:80, :80], lr[:20, :20]) is None


def test_small_frames_without_kernels_are_said_to_be_unchecked(whole: Path) -> None:
    shutil.rmtree(without_manifest(whole) / "kernel")
    assert "too small to fit one" in check(whole)["pairs"][0]["notes"][0]


def test_rounding_error_is_a_half_at_most() -> None:
    hr = load_photograph("chelsea.png")[:99, :98]
    whole, cropped = blur_down(hr, gaussian_kernel()), blur_down(hr[:96, :96], gaussian_kernel())
    assert rounding_error(hr, whole, gaussian_kernel()) <= 0.5 >= rounding_error(hr, cropped, gaussian_kernel())
    whole[7, 9, 2] += 2
    assert rounding_error(hr, whole, gaussian_kernel()) > 1


def test_notes_on_what_is_converted(tmp_path: Path) -> None:
    frames = moving("astronaut.png", 3).frames
    for index, frame in enumerate(frames):
        (tmp_path / "a").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "a" / f"{index}.png"), frame[..., ::-1] * np.uint16(257))
        write_frame(tmp_path / "b" / f"{index}.png", frames[0] if index < 2 else frame)
        (tmp_path / "c").mkdir(exist_ok=True)
        Image.fromarray(frame).convert("RGBA").save(tmp_path / "c" / f"{index}.png")
    result = check(tmp_path)
    assert not result["faults"] and result["notes"] == [
        "a: 16 bits a channel are read as the nearest of 8",
        "b: 1 frames are the same as the frame before",
        "c: an alpha channel that is opaque everywhere is left out",
    ]
    digests = {name: entry["pixels"] for name, entry in result["frames"].items()}
    assert digests["a/2"] == digests["b/2"] == digests["c/2"]


def test_a_video_and_a_damaged_one(tmp_path: Path) -> None:
    with write_video(tmp_path / "v.mkv", 25) as add:
        for frame in moving("astronaut.png").frames:
            add(frame)
    result = check(tmp_path / "v.mkv")
    assert not result["faults"] and result["clips"][0]["frames"] == 4
    data = (tmp_path / "v.mkv").read_bytes()
    (tmp_path / "w.mkv").write_bytes(data[: len(data) // 2])
    assert only_fault(tmp_path).startswith("w.mkv is cut short")


@pytest.mark.parametrize(
    "paths, name, missing",
    [
        (
            ["Vid4/GT/city", "Vid4/BIx4/city"],
            "Vid4",
            ["clip calendar", "33 of the 34 frames of clip city", "clip foliage", "clip walk"],
        ),
        (
            ["REDS4_BlurDown_Gaussian/HR/000", "REDS4_BlurDown_Gaussian/HR/011"],
            "REDS4",
            ["99 of the 100 frames of clip 000", "99 of the 100 frames of clip 011", "clip 015", "clip 020"],
        ),
        (["SPMCS/car05_001/truth", "SPMCS/hdclub_003_001/truth"], "SPMCS", ["28 of 30 clips"]),
    ],
)
def test_what_is_missing_of_a_published_set(tmp_path: Path, paths: list[str], name: str, missing: list[str]) -> None:
    for path in paths:
        size = (24, 32) if "BIx4" in path else (96, 128)
        write_frame(tmp_path / path / "00000000.png", np.zeros((*size, 3), np.uint8))
    result = check(tmp_path / paths[0].split("/")[0])
    assert (result["set"], result["missing"]) == (name, missing) and not result["faults"]


def test_reds_in_two_parts(tmp_path: Path) -> None:
    root = tmp_path / "REDS"
    for path, size in (
        ("train/train_sharp/000", (96, 128)),
        ("train/train_sharp_bicubic/X4/000", (24, 32)),
        ("val/val_sharp/000", (96, 128)),
    ):
        write_frame(root / path / "00000000.png", np.zeros((*size, 3), np.uint8))
    result = check(root)
    assert not result["faults"] and [pair["hr"] for pair in result["pairs"]] == ["train/train_sharp/000"]
    assert len(result["missing"]) == 270 and "clip 240" not in result["missing"] and "clip 241" in result["missing"]


def test_the_command(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert cli.main(["data", "check", str(whole), "--workers", "2"]) == 0
    said = capsys.readouterr().out
    assert "no faults in 16 frames of 4 clips" in said
    assert "2 clips in HR: 4 frames each, 128x96, PNG, 8 bit RGB" in said
    (whole / "HR/a/00000000.png").write_bytes(b"")
    assert cli.main(["data", "check", str(whole)]) == 2
    assert "FAULT HR/a/00000000.png is damaged: it is empty" in capsys.readouterr().out
    for arguments, words in (
        ([str(tmp_path / "none")], "does not exist"),
        ([str(whole), "--workers", "0"], "workers is 0"),
        ([str(tmp_path / "none"), "--json", str(tmp_path)], "is a folder; give the path of a file"),  # before the work
        ([str(tmp_path / "void")], "holds no frames"),
    ):
        (tmp_path / "void").mkdir(exist_ok=True)
        (tmp_path / "void" / "a.txt").touch()
        assert cli.main(["data", "check", *arguments]) == 2
        assert words in capsys.readouterr().err


def test_few_files_wait_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parallel map holds a task for each file that it is given; the memory does not grow with a clip's length."""
    for index in range(150):
        write_frame(tmp_path / f"{index:03d}.png", np.full((8, 8, 3), index, np.uint8))
    waiting = []

    @contextlib.contextmanager
    def watched(workers: int) -> Iterator[Map]:
        yield lambda work, items: waiting.append(len(items)) or map(work, items)

    monkeypatch.setattr(check_module, "in_threads", watched)
    assert check(tmp_path)["clips"][0]["frames"] == sum(waiting) == 150 and max(waiting) <= 64


def test_links_in_a_circle_of_several_folders(tmp_path: Path) -> None:
    """Neither of the two folders lies in the other."""
    for name, other in (("a", "b"), ("b", "a")):
        write_frame(tmp_path / name / "c" / "0.png", np.zeros((8, 8, 3), np.uint8))
        (tmp_path / name / "to").symlink_to(tmp_path / other)
    result = check(tmp_path)
    assert [clip["name"] for clip in result["clips"]] == ["a/c", "a/to/c", "b/c", "b/to/c"]
    assert [fault["path"] for fault in result["faults"]] == ["a/to/to", "b/to/to"]


def test_the_folder_that_one_is_in_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_frame(tmp_path / "walk" / "0.png", np.zeros((8, 8, 3), np.uint8))
    monkeypatch.chdir(tmp_path / "walk")
    assert [clip["name"] for clip in check(Path())["clips"]] == ["walk"]


def test_two_videos_that_differ_in_their_ending_are_both_in_the_record(tmp_path: Path) -> None:
    for ending, level in (("mkv", 10), ("mp4", 20)):
        with write_video(tmp_path / f"v.{ending}", 25) as add:
            add(np.full((8, 8, 3), level, np.uint8))
    assert list(check(tmp_path)["frames"]) == ["v", "v.mp4"]
