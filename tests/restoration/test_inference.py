"""Restoring clips: which frames, what is written, and what is refused."""

import shutil
import weakref
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import oracles
import pytest
from skimage.io import imread

from vsrlib.common import memory
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, write_json
from vsrlib.data import video
from vsrlib.data.clips import Clip, FrameReader, list_clips, windows, write_clip
from vsrlib.data.degradation import bicubic_on_grid
from vsrlib.data.degrade import degrade_clips
from vsrlib.data.frames import read_frame, to_float, to_uint8, write_frame
from vsrlib.data.video_integrity import DEFAULT_RATE
from vsrlib.networks import load_network
from vsrlib.restoration import engines, infer, loop, metrics
from vsrlib.restoration.options import InferOptions
from vsrlib.restoration.temporal import tof, warping_error

TIMES = ("pre", "forward", "post")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sets")
    rng = np.random.default_rng(0)
    for name, count in (("one", 6), ("two", 5)):
        smooth = rng.integers(60, 200, (count, 8, 12, 3), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
        write_clip(root / "source" / name, Clip(name, smooth))
    degrade_clips(root / "source", root / "Set", "Gaussian", 0)
    return root / "Set"


def run(framework: str, dataset: Path, output: Path, **changes) -> dict:
    gt_path = changes.pop("gt_path", dataset / "HR")
    options = InferOptions(**{"framework": framework, "timing_repeats": 2, **changes})
    return infer.infer(dataset / "LR_blurdown_x4", output, gt_path, options, progress=False)


def test_frames_and_scores(framework: str, dataset: Path, tmp_path: Path) -> None:
    result = run(framework, dataset, tmp_path)
    assert result == read_json(tmp_path / "inference.json")
    assert {clip["name"]: [frame["name"] for frame in clip["frames"]] for clip in result["clips"]} == {
        "one": ["00000002", "00000003"],
        "two": ["00000002"],
    }
    assert result["set"] == "Set"
    network = load_network(framework, preset="study")
    low = list_clips(dataset / "LR_blurdown_x4")[0].load().frames
    expected = to_uint8(network.infer(to_float(low[1:6]))["recons"])
    written = read_frame(tmp_path / "frames" / "one" / "00000003.png")
    np.testing.assert_array_equal(written, expected)
    high = read_frame(dataset / "HR" / "one" / "00000003.png")
    frame = result["clips"][0]["frames"][1]
    assert frame["psnr"] == metrics.psnr(written, high)
    assert frame["ssim"] == metrics.ssim(written, high)
    assert frame["bicubic_psnr"] == metrics.psnr(bicubic_on_grid(low[3]), high)
    for protocol in ("synchronised", "as_reported"):
        assert all(len(result["timing"][protocol][part]) == 2 for part in ("pre", "forward", "post"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["comparison.png", "frames", "inference.json"]


def test_scene_and_kind_are_those_of_the_set_s_manifest(dataset: Path, tmp_path: Path) -> None:
    shutil.copytree(dataset, tmp_path / "Set")
    manifest = read_json(dataset / "manifest.json")
    manifest["clips"]["one"] |= {"scene": "street", "kind": "made"}
    write_json(tmp_path / "Set" / "manifest.json", manifest)
    found = run("torch", tmp_path / "Set", tmp_path / "out", timing_repeats=0)["clips"]
    assert [(clip["scene"], clip["kind"]) for clip in found] == [("street", "made"), ("two", "filmed")]


@pytest.mark.parametrize("engine", ["streaming", "cached", "reference"])
def test_a_clip_is_restored_as_if_it_were_the_only_one(tmp_path: Path, engine: str) -> None:
    """Clips of one size and of unlike contents: nothing that an engine keeps of one may reach the next."""
    rng = np.random.default_rng(0)
    clips = {name: rng.integers(0, 256, (5, 12, 16, 3), dtype=np.uint8) for name in ("a", "b")}
    options = InferOptions(engine=engine, device="cpu")
    for name, frames in clips.items():
        write_clip(tmp_path / "all" / name, Clip(name, frames))
        write_clip(tmp_path / "alone" / name / name, Clip(name, frames))
    infer.infer(tmp_path / "all", tmp_path / "together", None, options, progress=False)
    for name in clips:
        infer.infer(tmp_path / "alone" / name, tmp_path / "by_itself" / name, None, options, progress=False)
        together, by_itself = (
            list_clips(folder / "frames" / name)[0].load().frames
            for folder in (tmp_path / "together", tmp_path / "by_itself" / name)
        )
        assert len(together) == 1
        np.testing.assert_array_equal(together, by_itself)


def test_every_frame_is_measured_against_its_own_truth(dataset: Path, tmp_path: Path) -> None:
    """PSNR and SSIM from the files, without the library's reader, border or metrics; no two frames are alike."""
    result = run("torch", dataset, tmp_path, border=True, timing_repeats=0)
    seen = []
    for clip in result["clips"]:
        for frame in clip["frames"]:
            place = Path(clip["name"]) / f"{frame['name']}.png"
            written, high = (imread(folder / place)[4:-4, 4:-4] for folder in (tmp_path / "frames", dataset / "HR"))
            error = np.mean((written.astype(float) - high) ** 2)
            assert frame["psnr"] == pytest.approx(10 * np.log10(255**2 / error), abs=1e-9)
            assert frame["ssim"] == pytest.approx(oracles.ssim(written, high), abs=1e-6)
            seen.append(round(frame["psnr"], 6))
    assert len(seen) == len(set(seen)) == 11


def test_all_metrics_are_those_of_the_frames(dataset: Path, tmp_path: Path) -> None:
    plain = run("torch", dataset, tmp_path / "plain", border=True)
    result = run("torch", dataset, tmp_path / "all", border=True, all_metrics=True)
    assert result == read_json(tmp_path / "all" / "inference.json")
    assert {*result} - {*plain} == {"flow"} and result["flow"] == {"tof_norm": "farneback", "warping_error": "dis"}
    for clip, without in zip(result["clips"], plain["clips"]):
        restored = list_clips(tmp_path / "all" / "frames" / clip["name"])[0].load().frames
        high = list_clips(dataset / "HR" / clip["name"])[0].load().frames
        pairs = list(zip(restored, high))
        assert {name: value for name, value in clip.items() if name not in without} == {
            "psnr_y": np.mean([metrics.psnr_y(*pair) for pair in pairs]),
            "ssim_y": np.mean([metrics.ssim_y(*pair) for pair in pairs]),
            "tof_norm": tof(restored, high),
            "warping_error": warping_error(restored, high),
        }
        assert [{**frame, **dict.fromkeys(TIMES)} for frame in clip["frames"]] == [
            {**frame, **dict.fromkeys(TIMES)} for frame in without["frames"]
        ]


def test_all_metrics_of_a_single_frame_have_no_motion(dataset: Path, tmp_path: Path) -> None:
    two = run("torch", dataset, tmp_path, all_metrics=True)["clips"][1]
    assert two["psnr_y"] > 0 and two["ssim_y"] > 0 and two["tof_norm"] is None and two["warping_error"] is None


def test_all_metrics_hold_one_frame_of_a_clip(dataset: Path) -> None:
    truth = list_clips(dataset / "HR" / "one")[0].load().frames
    scores, alive = loop.ClipScores(), []
    for frame in truth:
        image = frame.copy()
        alive.append(weakref.ref(image))
        scores.add(image, frame)
        del image
    assert [one() is not None for one in alive] == [False] * (len(truth) - 1) + [True]
    assert scores.result()["psnr_y"] is None and scores.result()["ssim_y"] == 1  # equal to their truth


def test_border_restores_every_frame(dataset: Path, tmp_path: Path) -> None:
    result = run("torch", dataset, tmp_path, border=True, gt_path=None)
    assert [len(clip["frames"]) for clip in result["clips"]] == [6, 5]
    assert result["clips"][0]["frames"][0]["psnr"] is None


def test_windows_repeat_the_ends_and_do_not_mirror_them(dataset: Path) -> None:
    source = list_clips(dataset / "HR")[0]
    assert windows(source, False) == [(2, [0, 1, 2, 3, 4]), (3, [1, 2, 3, 4, 5])]
    bordered = dict(windows(source, True))
    assert bordered[0] == [0, 1, 0, 1, 2]
    assert bordered[1] == [1, 0, 1, 2, 3]
    assert bordered[5] == [3, 4, 5, 4, 5]


def test_a_video_has_the_rate_of_what_it_is_made_from(dataset: Path, tmp_path: Path) -> None:
    (frames, _), image = list_clips(dataset / "LR_blurdown_x4"), np.full((16, 24, 3), 90, np.uint8)
    with video.write_video(tmp_path / "slow.mkv", Fraction(7)) as add:
        add(image)
        add(image)
    (slow,) = list_clips(tmp_path / "slow.mkv")
    for source, rate in ((frames, DEFAULT_RATE), (slow, 7)):
        with loop.Output(tmp_path, "mkv", False, True).writer(source, [0, 1]) as write:
            write("00000000", image)
            write("00000001", image)
        assert video.examine(tmp_path / "videos" / f"{source.name}.mkv").rate == rate


def test_too_short_a_clip_is_refused(tmp_path: Path) -> None:
    write_clip(tmp_path / "in" / "short", Clip("short", np.zeros((4, 16, 16, 3), np.uint8)))
    with pytest.raises(UserError, match="short.*5|5.*short"):
        infer.infer(tmp_path / "in", tmp_path / "out", None, InferOptions(), progress=False)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "spoil, words",
    [
        (lambda root: shutil.rmtree(root / "two"), "two has no ground truth"),
        (lambda root: (root / "one" / "00000005.png").unlink(), "6 frames and its ground truth 5"),
    ],
)
def test_ground_truth_that_does_not_fit_is_named(dataset: Path, tmp_path: Path, spoil, words: str) -> None:
    shutil.copytree(dataset / "HR", tmp_path / "HR")
    spoil(tmp_path / "HR")
    with pytest.raises(UserError, match=words):
        run("torch", dataset, tmp_path / "out", gt_path=tmp_path / "HR")
    assert not (tmp_path / "out").exists()


def test_ground_truth_of_another_size_is_named(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="four times"):
        run("torch", dataset, tmp_path, gt_path=dataset / "LR_blurdown_x4")
    assert not (tmp_path / "inference.json").exists() and not (tmp_path / "frames").exists()


def test_an_interrupted_run_leaves_nothing_that_looks_finished(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("torch", dataset, tmp_path)
    calls = []

    def stop(*arguments) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop.deep_frames, "write", stop)
    with pytest.raises(KeyboardInterrupt):
        run("torch", dataset, tmp_path)
    # the results of the run before it are still whole, and nothing else is there
    assert sorted(path.name for path in tmp_path.iterdir()) == ["comparison.png", "frames", "inference.json"]
    assert len(list((tmp_path / "frames").glob("*/*.png"))) == 3


@pytest.mark.parametrize("repeats", [0, 2])
def test_frames_are_restored_for_nothing_only_where_something_is_compiled_or_timed(
    framework: str, repeats: int, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, untouched = [], engines.Streaming.run
    monkeypatch.setattr(engines.Streaming, "run", lambda engine: (runs.append(1), untouched(engine))[1])
    result = run(framework, dataset, tmp_path, device="cpu", timing_repeats=repeats)
    before = 2 if framework == "jittor" or repeats else 0
    assert len(runs) == 3 + before and (result["warm_up_seconds"] > 0) == (before > 0)


@pytest.mark.parametrize("engine, kept", [("streaming", 64), ("reference", 0)])
def test_the_memory_that_is_said_to_be_kept_is_what_the_c_library_agreed_to(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, kept: int
) -> None:
    """Half of the 128 MiB that are asked for; the sliding window asks for none."""
    monkeypatch.setattr(memory, "keep_blocks", lambda asked: asked // 2)
    result = run("torch", dataset, tmp_path, engine=engine, device="cpu", timing_repeats=0)
    assert result["kept_memory_mib"] == kept


@pytest.mark.parametrize("folder", ["LR_blurdown_x4", "HR"])
def test_a_frame_that_changes_meanwhile_ends_the_run(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    """The digests of the result are of the frames before, and the frames after are what would have been restored."""
    shutil.copytree(dataset, tmp_path / "Set")
    changed = tmp_path / "Set" / folder / "one" / "00000003.png"

    def changing(*arguments: Any) -> Any:
        write_frame(changed, 255 - read_frame(changed))
        return loading(*arguments)

    loading = infer.load_restorer
    monkeypatch.setattr(infer, "load_restorer", changing)
    with pytest.raises(UserError, match="00000003.png has changed while its clip was restored"):
        run("torch", tmp_path / "Set", tmp_path / "out")
    assert not (tmp_path / "out" / "inference.json").exists() and not (tmp_path / "out" / "frames").exists()


def test_files_that_were_not_made_here_are_not_replaced(dataset: Path, tmp_path: Path) -> None:
    """Not even when the input itself is called frames."""
    shutil.copytree(dataset / "LR_blurdown_x4", tmp_path / "frames")
    (tmp_path / "frames" / ".vsrlib").unlink()
    with pytest.raises(UserError, match="not made here"):
        infer.infer(tmp_path / "frames", tmp_path, None, InferOptions(), progress=False)
    assert len(list((tmp_path / "frames").glob("*/*.png"))) == 11


def test_a_frame_equal_to_its_truth_has_no_psnr_and_says_so(tmp_path: Path) -> None:
    write_clip(tmp_path / "HR" / "black", Clip("black", np.zeros((5, 64, 64, 3), np.uint8)))
    degrade_clips(tmp_path / "HR", tmp_path / "Set", "Gaussian", 0)
    frame = run("torch", tmp_path / "Set", tmp_path / "out", gt_path=tmp_path / "HR")["clips"][0]["frames"][0]
    assert frame["bicubic_psnr"] is None and frame["bicubic_identical"] and frame["bicubic_ssim"] == 1


def test_frames_of_other_names_are_not_compared(dataset: Path, tmp_path: Path) -> None:
    shutil.copytree(dataset / "HR", tmp_path / "HR")
    for path in sorted((tmp_path / "HR" / "one").glob("*.png"), reverse=True):
        path.rename(path.with_name(f"{int(path.stem) + 1:08d}.png"))
    with pytest.raises(UserError, match="00000000 where its ground truth has 00000001"):
        run("torch", dataset, tmp_path / "out", gt_path=tmp_path / "HR")


def test_unknown_engine(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="warp9"):
        run("torch", dataset, tmp_path, engine="warp9")


@pytest.mark.parametrize(
    "given, frames",
    [
        ({"video": "mp4"}, 25),
        ({"shard": "4/4", "timing_repeats": 1}, 7),  # far into the video
        ({"batch": 4, "timing_repeats": 1}, 25),  # the last one, of fewer frames, is tried beforehand
    ],
)
def test_a_few_frames_are_held_however_long_a_clip_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], frames: int
) -> None:
    held, get = [], FrameReader.__getitem__

    def watched(self: FrameReader, index: int) -> np.ndarray:
        frame = get(self, index)
        held.append(len(self._held))
        return frame

    monkeypatch.setattr(FrameReader, "__getitem__", watched)
    with (
        video.write_video(tmp_path / "in.mkv", Fraction(25)) as low,
        video.write_video(tmp_path / "hr.mkv", 25) as high,
    ):
        for index in range(25):
            low(np.full((12, 16, 3), index, np.uint8))
            high(np.full((48, 64, 3), index, np.uint8))
    options = InferOptions(border=True, device="cpu", **given)
    result = infer.infer(tmp_path / "in.mkv", tmp_path / "out", tmp_path / "hr.mkv", options, progress=False)
    assert len(result["clips"][0]["frames"]) == frames and max(held) <= 4 + 2 * options.batch
