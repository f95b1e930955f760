"""Where results go: beside the input and never into it, one video where one is asked for, with a picture of it."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from stopping import stopped_at

from vsrlib import cli
from vsrlib.common.files import read_json
from vsrlib.data.clips import Clip, list_clips, write_clip
from vsrlib.data.comparison_picture import comparison, most_detailed
from vsrlib.data.degradation import bicubic_on_grid
from vsrlib.data.degrade import degrade_clips
from vsrlib.data.frames import read_frame, write_frame
from vsrlib.data.sets.check import check
from vsrlib.data.video import write_video
from vsrlib.restoration import segments

WEIGHTS = ("--weights", "study-gaussian")


def noise(count: int, height: int = 12, width: int = 16) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def infer(*arguments: object) -> int:
    return cli.main(["infer", *map(str, arguments), *WEIGHTS])


@pytest.fixture
def film(tmp_path: Path) -> Path:
    with write_video(tmp_path / "in.mkv", Fraction(12)) as add:
        for frame in noise(6):
            add(frame)
    return tmp_path / "in.mkv"


@pytest.mark.parametrize("output", ["clips", "clips/out", "clips/a", "clips/a/frames"])
@pytest.mark.parametrize("given", ["clips", "clips/a"])
def test_results_do_not_go_into_the_input(tmp_path: Path, output: str, given: str, capsys) -> None:
    write_clip(tmp_path / "clips" / "a", Clip("a", noise(5)))
    before = sorted(path for path in tmp_path.rglob("*"))
    inside = Path(output).is_relative_to(given)
    if inside:
        assert infer(tmp_path / given, tmp_path / output) == 2
        assert "is the input or lies in it" in capsys.readouterr().err
        assert sorted(path for path in tmp_path.rglob("*")) == before
    assert [clip.name for clip in list_clips(tmp_path / given)] == ["a"]


def test_results_do_not_go_into_the_ground_truth_either(tmp_path: Path, capsys) -> None:
    write_clip(tmp_path / "low" / "a", Clip("a", noise(5)))
    write_clip(tmp_path / "high" / "a", Clip("a", noise(5, 48, 64)))
    assert infer(tmp_path / "low", tmp_path / "high", "--gt", tmp_path / "high") == 2
    assert "is the input or lies in it" in capsys.readouterr().err


def test_the_folder_of_a_set_takes_results_beside_its_clips(tmp_path: Path) -> None:
    write_clip(tmp_path / "clips" / "a", Clip("a", noise(5, 48, 64)))
    degrade_clips(tmp_path / "clips", tmp_path / "set", "Gaussian", 0)
    for _ in range(2):  # and can be read again
        assert infer(tmp_path / "set", tmp_path / "set" / "results", "--gt", tmp_path / "set") == 0
    result = read_json(tmp_path / "set" / "results" / "inference.json")
    assert (result["blur"], [clip["name"] for clip in result["clips"]]) == ("Gaussian", ["a"])


def test_an_output_that_ends_as_a_video_is_that_video(film: Path, tmp_path: Path, capsys) -> None:
    folder = tmp_path / "new folder"
    for again in range(2):  # the second time over what was made here
        assert infer(film, folder / "out.mkv") == 0
        assert f"frames restored to {folder / 'out.mkv'}" in capsys.readouterr().out
        names = ["out.comparison.png", "out.inference.json", "out.mkv"]
        assert sorted(path.name for path in folder.iterdir()) == names, again
    assert infer(film, tmp_path / "as a folder", "--video", "mkv") == 0
    (one,), (other,) = list_clips(folder / "out.mkv"), list_clips(tmp_path / "as a folder" / "videos" / "in.mkv")
    assert np.array_equal(one.load().frames, other.load().frames) and one.rate == other.rate == 12
    result = read_json(folder / "out.inference.json")
    assert (result["images"], result["video"], result["comparison"]) == ("out.mkv", "mkv", "out.comparison.png")


@pytest.mark.parametrize(
    ("output", "more", "words"),
    [
        ("out.avi", (), "cannot be written: give .mp4 or .mkv"),
        ("out.mp4", ("--video", "mkv"), "give one of them"),
        ("out.mp4", ("--kernels",), "is one video; give a folder"),
        ("out.mp4", ("--shard", "1/2"), "is one video; give a folder"),
        ("in.mkv", (), "was not made here"),
        ("mine.mkv", (), "was not made here"),
        ("notes", (), "is a file; give the path of a folder"),
        ("notes/out", (), "which is a file; give another path"),
        ("notes/out.mkv", (), "which is a file; give another path"),
        ("frames", ("--fps", "30"), "Frames have no rate"),
        ("out.mkv", ("--fps", "30"), "has its own rate"),
        ("out.mkv", ("--fps", "0"), "from 1 to 1000"),
    ],
)
def test_what_one_video_cannot_be_is_refused_before_work(
    film: Path, output: str, more: tuple, words: str, capsys
) -> None:
    (film.parent / "mine.mkv").write_bytes(b"mine")
    (film.parent / "notes").touch()
    assert infer(film, film.parent / output, *more) == 2
    assert words in capsys.readouterr().err
    assert sorted(path.name for path in film.parent.iterdir()) == ["in.mkv", "mine.mkv", "notes"]
    assert (film.parent / "mine.mkv").read_bytes() == b"mine"


@pytest.mark.parametrize("others", ['{"images": "mine.mp4", "comparison": "mine.comparison.png"}', "[]", "no JSON"])
def test_a_film_of_the_user_beside_the_result_of_another_one_is_not_replaced(film: Path, others: str, capsys) -> None:
    """A.mp4 and A.mkv have one name for their result."""
    (film.parent / "mine.mkv").write_bytes(b"mine")
    (film.parent / "mine.inference.json").write_text(others)
    assert infer(film, film.parent / "mine.mkv") == 2
    assert "mine.mkv is there and was not made here" in capsys.readouterr().err
    assert (film.parent / "mine.mkv").read_bytes() == b"mine"
    assert (film.parent / "mine.inference.json").read_text() == others


def test_a_film_put_where_a_restoration_was_interrupted_is_not_replaced(
    film: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(segments, "LENGTH", 2)
        stopped_at(patch, 3, KeyboardInterrupt())
        assert infer(film, film.parent / "mine.mkv") == 130
    (film.parent / "mine.mkv").write_bytes(b"mine")
    assert infer(film, film.parent / "mine.mkv") == 2
    assert "mine.mkv is there and was not made here" in capsys.readouterr().err
    assert (film.parent / "mine.mkv").read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["out", "out.mkv"])
def test_a_picture_of_the_user_is_not_replaced(film: Path, tmp_path: Path, name: str, capsys) -> None:
    picture = tmp_path / ("out.comparison.png" if "." in name else "out/comparison.png")
    write_frame(picture, noise(1)[0])
    before = picture.read_bytes()
    assert infer(film, tmp_path / name) == 2
    assert f"{picture} is there and was not made here" in capsys.readouterr().err
    assert picture.read_bytes() == before and not (tmp_path / name / "frames").exists()


def test_several_clips_are_no_one_video(tmp_path: Path, capsys) -> None:
    for clip in ("a", "b"):
        write_clip(tmp_path / "clips" / clip, Clip(clip, noise(5)))
    assert infer(tmp_path / "clips", tmp_path / "out.mp4") == 2
    assert "holds 2 clips" in capsys.readouterr().err and not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(
    ("given", "rate"),
    [
        ("30", Fraction(30)),
        ("29.97", Fraction(30000, 1001)),
        ("23.976", Fraction(24000, 1001)),
        ("12.5", Fraction(25, 2)),
        ("5", Fraction(5)),  # as near to 5000/1001 as 29.97 is to 30000/1001
        ("1", Fraction(1)),
        ("1.001", Fraction(1001, 1000)),
    ],
)
def test_a_folder_of_frames_gets_the_rate_that_is_given(tmp_path: Path, given: str, rate: Fraction) -> None:
    write_clip(tmp_path / "a", Clip("a", noise(5)))
    assert infer(tmp_path / "a", tmp_path / "out.mp4", "--fps", given) == 0
    assert list_clips(tmp_path / "out.mp4")[0].rate == rate
    assert read_json(tmp_path / "out.inference.json")["fps"] == float(given)


@pytest.mark.parametrize("truth", [True, False])
def test_a_restoration_ends_with_a_picture_of_it(tmp_path: Path, truth: bool, capsys) -> None:
    write_clip(tmp_path / "clips" / "a", Clip("a", noise(7, 48, 64)))
    degrade_clips(tmp_path / "clips", tmp_path / "set", "Gaussian", 0)
    gt = ("--gt", tmp_path / "set" / "HR") if truth else ()
    assert infer(tmp_path / "set" / "LR_blurdown_x4", tmp_path / "out", *gt) == 0
    assert str(tmp_path / "out" / "comparison.png") in capsys.readouterr().out
    frames = read_json(tmp_path / "out" / "inference.json")["clips"][0]["frames"]
    name = frames[len(frames) // 2]["name"]
    low = read_frame(tmp_path / "set" / "LR_blurdown_x4" / "a" / f"{name}.png")
    restored = read_frame(tmp_path / "out" / "frames" / "a" / f"{name}.png")
    high = read_frame(tmp_path / "set" / "HR" / "a" / f"{name}.png") if truth else None
    picture = read_frame(tmp_path / "out" / "comparison.png")
    assert np.array_equal(picture, comparison(low, bicubic_on_grid(low), restored, high))
    top, left, tall, wide = most_detailed(restored if high is None else high)
    panels = [low.repeat(4, axis=0).repeat(4, axis=1), None, restored, *([high] if truth else [])]
    factor = -(-320 // min(tall, wide))
    assert picture.shape == (28 + factor * tall, len(panels) * (factor * wide + 8) - 8, 3)
    for index, image in enumerate(panels):
        shown = picture[28::factor, index * (factor * wide + 8) :][:, : factor * wide : factor]
        if image is not None:
            assert np.array_equal(shown, image[top : top + tall, left : left + wide])
        else:  # OpenCV's own bicubic, another implementation, on pixels moved to the network's grid
            move = np.array([[4, 0, 0], [0, 4, 0]], np.float64)
            other = cv2.warpAffine(low, move, (64, 48), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
            inner = (slice(max(top, 8), min(top + tall, 40)), slice(max(left, 8), min(left + wide, 56)))
            mine = np.zeros((48, 64, 3), np.uint8)
            mine[top : top + tall, left : left + wide] = shown
            assert np.abs(mine[inner].astype(int) - other[inner]).mean() < 6


def test_the_picture_is_no_frame(tmp_path: Path, film: Path, capsys) -> None:
    write_clip(tmp_path / "a", Clip("a", noise(5)))
    assert infer(tmp_path / "a", tmp_path / "out") == 0 and infer(film, tmp_path / "videos" / "out.mkv") == 0
    for folder, frames in ((tmp_path / "out", 5), (tmp_path / "videos", 6)):
        found = check(folder)
        assert found["faults"] == [] and [clip["frames"] for clip in found["clips"]] == [frames]
    capsys.readouterr()
    assert infer(tmp_path / "out", tmp_path / "more") == 2
    assert f"did you mean {tmp_path / 'out' / 'frames'}?" in capsys.readouterr().err
    write_frame(tmp_path / "b" / "comparison.png", noise(1)[0])  # alone it is a frame like others
    assert len(list_clips(tmp_path / "b")[0]) == 1


def test_the_detail_is_where_the_picture_changes_most() -> None:
    image = np.full((96, 120, 3), 128, np.uint8)
    image[40:64, 60:90] = noise(1, 24, 30)[0]
    top, left, tall, wide = most_detailed(image)
    assert top <= 44 and top + tall >= 60 and left <= 64 and left + wide >= 86
    assert most_detailed(image[:8, :8]) == (0, 0, 8, 8)


def test_an_old_picture_does_not_stay_beside_new_frames(tmp_path: Path) -> None:
    write_clip(tmp_path / "a", Clip("a", noise(5)))
    assert infer(tmp_path / "a", tmp_path / "out") == 0
    write_frame(tmp_path / "out" / "comparison.png", noise(1)[0])
    assert infer(tmp_path / "a", tmp_path / "out", "--shard", "1/2") == 0
    assert [path.name for path in (tmp_path / "out" / "shard_1_of_2").glob("*.png")] == ["comparison.png"]
    assert infer(tmp_path / "a", tmp_path / "out") == 0
    assert read_frame(tmp_path / "out" / "comparison.png").shape[0] > 300
