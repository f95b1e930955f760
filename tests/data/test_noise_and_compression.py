"""Noise and compression of LR, off by default; workers; and what a set holds beside its frames."""

import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vsrlib import cli
from vsrlib.common.errors import UserError
from vsrlib.common.files import sha256_array
from vsrlib.data.clips import Clip, list_clips, write_clip
from vsrlib.data.degradation import Further
from vsrlib.data.degrade import blur_down, degrade_clips
from vsrlib.data.frames import read_frame
from vsrlib.data.sets.check import check
from vsrlib.data.sets.tree import read_kernel
from vsrlib.data.synthetic.pictures import load_photograph
from vsrlib.data.video import read_frames, write_video


@pytest.fixture(scope="module")
def hr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("in")
    for name in ("astronaut", "coffee"):
        photograph = load_photograph(f"{name}.png")
        write_clip(root / name, Clip(name, np.stack([photograph[30:158, 3 * i : 3 * i + 192] for i in range(5)])))
    return root


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }


def low(root: Path) -> np.ndarray:
    return np.stack([clip.load().frames for clip in list_clips(root / "LR_blurdown_x4")])


@pytest.mark.parametrize("further", [Further(), Further(noise=5, jpeg=40, video=30)])
def test_any_number_of_workers_gives_the_same_bytes(hr: Path, tmp_path: Path, further: Further) -> None:
    for workers in (1, 2, 5):
        degrade_clips(hr, tmp_path / str(workers), "Realistic", 3, further, workers=workers)
    assert contents(tmp_path / "1") == contents(tmp_path / "2") == contents(tmp_path / "5")
    assert check(tmp_path / "1")["digest"] == check(tmp_path / "5", workers=3)["digest"]


def test_kernels_and_their_pictures(hr: Path, tmp_path: Path) -> None:
    manifest = degrade_clips(hr, tmp_path / "out", "Realistic", 3)
    for name, clip in manifest["clips"].items():
        folder = tmp_path / "out" / "kernel" / name
        kernel = np.load(folder / "kernel.npy")
        assert sha256_array(kernel) == clip["kernel"]["sha256"]
        assert all(np.array_equal(read_kernel(folder / f"{frame}.mat"), kernel) for frame in clip["frames"])
        picture = read_frame(folder / "kernel.png")
        assert picture.shape == (208, 208, 3) and picture.min() == 0
        row, column = np.unravel_index(kernel.argmax(), kernel.shape)
        assert (picture[16 * row : 16 * row + 16, 16 * column : 16 * column + 16] == 0).all()


def test_nothing_further_by_default(hr: Path, tmp_path: Path) -> None:
    manifest = degrade_clips(hr, tmp_path / "out", "Gaussian", 3)
    kernel = np.load(tmp_path / "out" / "kernel" / "coffee" / "kernel.npy")
    high = list_clips(hr)[1].load().frames
    assert "further" not in manifest and Further().described() == {}
    assert np.array_equal(low(tmp_path / "out")[1], np.stack([blur_down(frame, kernel) for frame in high]))


def test_each_does_what_it_says(hr: Path, tmp_path: Path) -> None:
    degrade_clips(hr, tmp_path / "plain", "Gaussian", 3)
    plain = low(tmp_path / "plain").astype(float)

    def changed(**values: float) -> np.ndarray:
        name = str(values)
        manifest = degrade_clips(hr, tmp_path / name, "Gaussian", 3, Further(**values))
        assert manifest["further"] == values
        result = check(tmp_path / name)
        assert not result["faults"] and "degraded further" in result["pairs"][0]["notes"][0]
        return low(tmp_path / name) - plain

    noise = changed(noise=5.0)
    middle = (plain > 30) & (plain < 225)
    assert noise[middle].std() == pytest.approx(5, rel=0.05) and abs(noise[middle].mean()) < 0.2
    assert (
        np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]
        < 0.05
        > np.corrcoef(noise[0, 0].ravel(), noise[0, 1].ravel())[0, 1]
    )
    fine, coarse = (np.abs(changed(jpeg=quality)).mean() for quality in (95, 20))
    assert 0 < fine < coarse < 20
    fine, coarse = (np.abs(changed(video=crf)).mean() for crf in (10, 40))
    assert 0 < fine < coarse < 20
    assert changed(video=0).any()  # half the colour resolution even so


def test_noise_is_that_of_the_clip_and_the_frame(hr: Path) -> None:
    frames = list_clips(hr)[1].load().frames
    for index, noisy in enumerate(Further(noise=5.0).apply(frames, "coffee", 7)):
        noise = np.random.default_rng([7, zlib.crc32(b"coffee"), 1, index]).normal(0, 5, frames[index].shape)
        assert np.array_equal(noisy, np.rint(np.clip(frames[index] + noise, 0, 255)))


def test_video_is_of_25_frames_a_second(hr: Path, tmp_path: Path) -> None:
    """On which what x264 makes of a quality depends."""
    frames = list_clips(hr)[1].load().frames[:, ::2, ::2]
    made = {}
    for rate in (25, 50):
        with write_video(tmp_path / f"{rate}.mp4", Fraction(rate), 30) as add:
            for frame in frames:
                add(frame)
        made[rate] = np.stack(list(read_frames(tmp_path / f"{rate}.mp4")))
    found = np.stack(list(Further(video=30).apply(frames, "a", 0)))
    assert np.array_equal(found, made[25]) and not np.array_equal(found, made[50])


def test_the_ends_of_what_can_be_asked_for_can_be_asked_for() -> None:
    for values in ({"noise": 255.0}, {"jpeg": 1}, {"jpeg": 100}, {"video": 0}, {"video": 51}):
        assert Further(**values).described() == {"further": values}


def test_the_check_sees_what_the_manifest_does_not_admit(hr: Path, tmp_path: Path) -> None:
    degrade_clips(hr, tmp_path / "out", "Gaussian", 3, Further(noise=5.0))
    (tmp_path / "out" / "manifest.json").unlink()
    assert len(check(tmp_path / "out")["faults"]) == 10


@pytest.mark.parametrize(
    "values, words",
    [
        ({"noise": -1}, "noise is -1"),
        ({"noise": float("nan")}, "noise is nan"),
        ({"noise": 255.5}, "noise is 255.5"),
        ({"jpeg": 0}, "jpeg is 0"),
        ({"jpeg": 101}, "jpeg is 101"),
        ({"video": 52}, "video is 52"),
        ({"video": -1}, "video is -1"),
    ],
)
def test_wrong_values(values: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        Further(**values)


def test_the_command(hr: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    arguments = ["--clips", "coffee", "--workers", "2", "--noise", "3", "--jpeg", "60", "--video", "25"]
    assert cli.main(["degrade", str(hr), str(tmp_path / "out"), *arguments]) == 0
    assert "5 frames of 1 clip written" in capsys.readouterr().out
    for wrong, words in (
        (["--clips", "none"], "holds no clip none"),
        (["--workers", "0"], "workers is 0"),
        (["--jpeg", "0"], "jpeg is 0"),
    ):
        assert cli.main(["degrade", str(hr), str(tmp_path / "new"), *wrong]) == 2
        assert words in capsys.readouterr().err and not (tmp_path / "new").exists()


@pytest.mark.parametrize("height, width, said", [(36, 40, "10x9"), (40, 36, "9x10")])
def test_video_needs_even_sides(tmp_path: Path, height: int, width: int, said: str) -> None:
    write_clip(tmp_path / "in" / "a", Clip("a", np.zeros((2, height, width, 3), np.uint8)))
    with pytest.raises(UserError, match=f"clip a has LR frames of {said} pixels"):
        degrade_clips(tmp_path / "in", tmp_path / "out", "Gaussian", 3, Further(video=20))
    assert not (tmp_path / "out").exists()


def test_hr_may_be_named_by_its_set(hr: Path, tmp_path: Path) -> None:
    degrade_clips(hr, tmp_path / "Set", "Gaussian", 3)
    first = contents(tmp_path / "Set")
    manifest = degrade_clips(tmp_path / "Set", tmp_path / "Set", "Gaussian", 3)
    assert manifest["hr_written"] is False and contents(tmp_path / "Set") == first
