"""A restoration with a network that enlarges in place of one that computes: all that `infer` does about frames."""

import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from lazy_network import Enlarging
from stopping import TIMES, stopped_at

from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, sha256_joined
from vsrlib.data.clips import Clip, ClipSource, list_clips, read_through, write_clip
from vsrlib.data.frames import read_frame, write_frame
from vsrlib.data.sets.manifest import Origin
from vsrlib.data.video import write_video
from vsrlib.networks.weights import weights_file
from vsrlib.restoration import beforehand, infer, segments
from vsrlib.restoration.destination import Destination
from vsrlib.restoration.inputs import GivenClip
from vsrlib.restoration.loop import Job
from vsrlib.restoration.options import InferOptions
from vsrlib.restoration.sampling import bicubic
from vsrlib.restoration.temporal import DEFAULT_FLOW

HEIGHT, WIDTH = 12, 16
CLIPS = {"a": 5, "b": 6}
"""Frames of each; without a border one and two of them are restored."""


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LR clips of one size, and truths that are three lines and two columns larger than four times that."""
    root, rng = tmp_path_factory.mktemp("clips") / "Set", np.random.default_rng(0)
    for name, count in CLIPS.items():
        low = rng.integers(0, 256, (count, HEIGHT, WIDTH, 3), dtype=np.uint8)
        write_clip(root / "LR" / name, Clip(name, low))
        high = np.pad(low.repeat(4, 1).repeat(4, 2), ((0, 0), (0, 3), (0, 2), (0, 0)))
        write_clip(root / "HR" / name, Clip(name, high // 2))
    return root


@pytest.fixture(autouse=True)
def network(monkeypatch: pytest.MonkeyPatch) -> Enlarging:
    found = Enlarging()
    monkeypatch.setattr(infer, "load_restorer", lambda *given: found)
    monkeypatch.setattr(infer, "engine_of", lambda *given: found)
    monkeypatch.setattr(infer, "program", lambda: "this one")
    monkeypatch.setattr(infer.provenance, "collect", lambda **given: given)
    return found


def run(clips: Path, output: Path, gt: bool = False, resume: bool = False, **changes: Any) -> dict[str, Any]:
    """clips: the folder of LR and HR, or what is to be restored."""
    options = InferOptions(**{"device": "cpu", **changes})
    low = clips / "LR" if (clips / "LR").is_dir() else clips
    return infer.infer(low, output, clips / "HR" if gt else None, options, progress=False, resume=resume)


def interrupted(patch: pytest.MonkeyPatch, after: int, *given: Any, **changes: Any) -> None:
    """Ctrl-C before frame number `after` is written."""
    with patch.context() as here:
        stopped_at(here, after, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            run(*given, **{"resume": True, **changes})


def untimed(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The results of the clips without seconds."""
    return [
        {**clip, "frames": [{**frame, **dict.fromkeys(TIMES)} for frame in clip["frames"]]} for clip in result["clips"]
    ]


def pictures(output: Path) -> dict[str, bytes]:
    return {str(path.relative_to(output)): path.read_bytes() for path in output.glob("frames/*/*.png")}


def test_the_result_says_what_was_done_and_with_what(clips: Path, tmp_path: Path) -> None:
    result = run(clips, tmp_path / "out", seed=3)
    assert result == read_json(tmp_path / "out" / "inference.json")
    nothing = ("shard", "timing", "kernels", "gt_digest", "video", "fps")
    assert {name: result[name] for name in nothing} == dict.fromkeys(nothing)
    assert (result["set"], result["warm_up_seconds"], result["resumed"], result["images"]) == ("Set", 0, 0, "frames")
    assert result["weights"] == {"path": "initial values of seed 3", "sha256": None, "bytes": 12}
    assert result["provenance"] == {"seed": 3} and "flow" not in result
    assert [(clip["name"], len(clip["frames"])) for clip in result["clips"]] == [("a", 1), ("b", 2)]
    assert all(clip.keys() == {"name", "scene", "kind", "bits", "frames"} for clip in result["clips"])
    assert result["input_digest"] == sha256_joined(read_through(one)[1] for one in list_clips(clips / "LR"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["comparison.png", "frames", "inference.json"]
    low = read_frame(clips / "LR" / "b" / "00000003.png")
    restored = read_frame(tmp_path / "out" / "frames" / "b" / "00000003.png")
    np.testing.assert_array_equal(restored, low.repeat(4, 0).repeat(4, 1))


def test_what_was_asked_for_is_there(clips: Path, tmp_path: Path) -> None:
    result = run(clips, tmp_path, gt=True, all_metrics=True, kernels=True, weights="study-gaussian")
    assert result["gt_digest"] == sha256_joined(read_through(one)[1] for one in list_clips(clips / "HR"))
    assert (result["flow"], result["kernels"]) == (DEFAULT_FLOW, "kernels")
    digest = weights_file.entry(weights_file.path_of("study-gaussian"), tmp_path)["sha256"]
    assert result["weights"]["sha256"] == digest
    assert len(list(tmp_path.glob("kernels/*/*.npy"))) == 3
    for clip in result["clips"]:
        assert clip["psnr_y"] > 0 and 0 < clip["ssim_y"] < 1


def test_of_weights_the_digest_is_that_of_what_was_loaded(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is computed once: another file may have taken their place when all is done."""
    told = iter([{"path": "those", "sha256": "theirs", "bytes": 1}])
    monkeypatch.setattr(infer, "entry", lambda weights, folder: next(told))
    result = run(clips, tmp_path, weights="study-gaussian")
    assert result["weights"] == {"path": "those", "sha256": "theirs", "bytes": 1}


def test_a_bar_is_shown_and_no_frame_kept_unless_something_else_is_said(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def plain(**given: Any) -> dict[str, Any]:
        return infer.infer(clips / "LR", tmp_path / "out", None, InferOptions(device="cpu"), **given)

    plain()
    assert "infer torch" in capsys.readouterr().err
    (tmp_path / "out" / "inference.json").unlink()  # as if the last move had not been made
    plain(progress=False)
    assert capsys.readouterr().err == ""
    for given, resumed in (({}, 0), ({"resume": True}, 2), ({"resume": True, "restart": True}, 0)):
        with monkeypatch.context() as patch:
            stopped_at(patch, 2, KeyboardInterrupt())
            with pytest.raises(KeyboardInterrupt):
                plain(**{**given, "restart": False} if given else {})
        assert (tmp_path / "out" / ".resume").exists() == ("resume" in given)
        assert plain(**given)["resumed"] == resumed


def test_all_that_frames_depend_on_is_noted(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(monkeypatch, 1, clips, tmp_path / "plain")
    interrupted(monkeypatch, 1, clips, tmp_path / "measured", gt=True)
    plain, measured = (read_json(tmp_path / name / ".resume" / "asked.json") for name in ("plain", "measured"))
    network = {"device": "cpu", "correlation": "pure", "convolution": "framework", "weights": None}
    inputs = {"input": sha256_joined(read_through(one)[1] for one in list_clips(clips / "LR")), "ground truth": None}
    assert plain == {**InferOptions(device="cpu").to_json(), **network, **inputs, "the program": "this one"}
    truth = sha256_joined(read_through(one)[1] for one in list_clips(clips / "HR"))
    assert measured == {**plain, "ground truth": truth}


@pytest.mark.parametrize("given", [{}, {"gt": True}, {"gt": True, "all_metrics": True}])
@pytest.mark.parametrize("after", [1, 2])
def test_an_interrupted_restoration_goes_on(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: Enlarging, given: dict[str, Any], after: int
) -> None:
    whole = run(clips, tmp_path / "whole", **given)
    interrupted(monkeypatch, after, clips, tmp_path / "out", **given)
    network.calls.clear()
    result = run(clips, tmp_path / "out", resume=True, **given)
    assert result["resumed"] == after and len(network.told("run")) == 3 - after
    assert untimed(result) == untimed(whole)
    assert pictures(tmp_path / "out") == pictures(tmp_path / "whole") and len(pictures(tmp_path / "out")) == 3
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"comparison.png", "frames", "inference.json"}


@pytest.mark.parametrize("given, resumed", [({}, 1), ({"gt": True}, 1), ({"gt": True, "all_metrics": True}, 0)])
def test_a_video_goes_on_unless_its_frames_are_measured(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], resumed: int
) -> None:
    """A video does not hold the frames that a clip's metrics are of."""
    monkeypatch.setattr(segments, "LENGTH", 1)
    interrupted(monkeypatch, 1, clips, tmp_path, video="mkv", **given)
    result = run(clips, tmp_path, resume=True, video="mkv", **given)
    assert result["resumed"] == resumed and not list(tmp_path.glob(".*"))
    assert [len(list_clips(tmp_path / "videos" / f"{name}.mkv")[0]) for name in CLIPS] == [1, 2]
    assert all("left_out" not in clip and "film" not in clip for clip in result["clips"])


def test_of_a_film_its_clock_is_told_and_of_the_video_made_of_it_what_it_lacks(tmp_path: Path) -> None:
    with write_video(tmp_path / "film.mkv", Fraction(12)) as add:
        for value in range(5):
            add(np.full((HEIGHT, WIDTH, 3), 40 * value, np.uint8))
    (pictures,) = run(tmp_path / "film.mkv", tmp_path / "frames")["clips"]
    assert (pictures["film"]["rate"], pictures["film"]["bits"]) == ("12", 8) and "left_out" not in pictures
    result = run(tmp_path / "film.mkv", tmp_path / "out.mkv", border=True)
    assert (result["set"], result["images"], result["video"]) == ("film", "out.mkv", "mkv")
    assert result["clips"][0]["film"] == pictures["film"] and result["clips"][0]["left_out"] == []
    (made,) = list_clips(tmp_path / "out.mkv")
    assert (made.rate, len(made)) == (12, 5)
    with pytest.raises(UserError, match="film.mkv has its own rate, which is kept; give --fps for a folder of frames"):
        run(tmp_path / "film.mkv", tmp_path / "other.mkv", fps=25.0)


def test_frames_of_16_bits_stay_such(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    low = np.random.default_rng(0).integers(0, 2**16, (5, HEIGHT, WIDTH, 3), dtype=np.uint16)
    for index, frame in enumerate(low):
        cv2.imwrite(str(tmp_path / "a" / f"{index}.png"), frame)
    assert run(tmp_path / "a", tmp_path / "out")["clips"][0]["bits"] == [16, 16]
    restored = cv2.imread(str(tmp_path / "out" / "frames" / "a" / "2.png"), cv2.IMREAD_UNCHANGED)
    assert restored.dtype == np.uint16 and np.abs(restored[::4, ::4].astype(int) - low[2]).max() <= 1


@pytest.mark.parametrize("name", ["LR", "HR"])
@pytest.mark.parametrize("gone", [False, True])
def test_frames_that_change_meanwhile_are_told_from_those_that_were_read(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, gone: bool
) -> None:
    shutil.copytree(clips, tmp_path / "Set")
    path, restoring = tmp_path / "Set" / name / "b" / "00000005.png", infer.restore_clip

    def changing(*given: Any) -> list[dict[str, Any]]:
        done = restoring(*given)
        if given[2].name != "b":
            return done
        if gone:
            path.unlink()
        else:
            write_frame(path, np.zeros((5, 7, 3), np.uint8))
        return done

    monkeypatch.setattr(infer, "restore_clip", changing)
    with pytest.raises(UserError, match="b/00000005.png has changed while its clip was restored, and no result says"):
        run(tmp_path / "Set", tmp_path / "out", gt=True, resume=True)
    assert not (tmp_path / "out").exists()  # what was done is not kept either


@pytest.mark.parametrize(
    "engine, precision, asked, meant",
    [
        ("streaming", "float32", "auto", "auto"),
        ("streaming", "float32", "framework", "framework"),
        ("streaming", "float32", "winograd", "winograd"),
        ("streaming", "bfloat16", "auto", "framework"),
        ("cached", "float32", "auto", "framework"),
        ("reference", "float32", "auto", "framework"),
    ],
)
def test_whose_convolutions_auto_stands_for(
    clips: Path, tmp_path: Path, network: Enlarging, engine: str, precision: str, asked: str, meant: str
) -> None:
    """A baseline takes those of the framework, and what is rounded has no others."""
    result = run(clips, tmp_path, engine=engine, precision=precision, convolution=asked)
    assert network.told("convolution") == [meant] and result["convolution"] == "framework"


@pytest.fixture
def warmed(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The windows that are restored to get warm, which takes 2 s each time."""
    found: list[list[int]] = []

    def warm_up(
        network: Enlarging, engine: Enlarging, windows: list[list[int]], frames: dict[int, np.ndarray], kernels: bool
    ) -> float:
        assert set(frames) == {index for window in windows for index in window} and not kernels
        found.extend(windows)
        return 2.0

    monkeypatch.setattr(beforehand, "warm_up", warm_up)
    return found


def test_one_frame_is_timed_and_every_size_gets_warm_once(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warmed: list[list[int]]
) -> None:
    timings: list[tuple[Any, ...]] = []

    def time_both_ways(*given: Any) -> dict[str, Any]:
        timings.append(given)
        return {"warm_up_seconds": 0.5}

    monkeypatch.setattr(beforehand, "time_both_ways", time_both_ways)
    shutil.copytree(clips, tmp_path / "Set")
    wider = np.zeros((6, HEIGHT, WIDTH + 4, 3), np.uint8)
    for folder, frames in (("LR", wider), ("HR", wider.repeat(4, 1).repeat(4, 2))):
        write_clip(tmp_path / "Set" / folder / "c", Clip("c", frames))
    result = run(tmp_path / "Set", tmp_path / "measured", gt=True, timing_repeats=1)
    assert warmed == [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4], [1, 2, 3, 4, 5]]  # a's one, and of c, which is wider, both
    assert result["timing"] == {"engine": "reference", "warm_up_seconds": 0.5} and result["warm_up_seconds"] == 4.5
    ((_, window, high, repeats),) = timings
    np.testing.assert_array_equal(window, list_clips(clips / "LR")[0].load().frames)
    np.testing.assert_array_equal(high, read_frame(clips / "HR" / "a" / "00000002.png")[: 4 * HEIGHT, : 4 * WIDTH])
    assert repeats == 1
    run(tmp_path / "Set", tmp_path / "plain", timing_repeats=2)
    assert timings[1][2:] == (None, 2)


@pytest.mark.parametrize(
    "after, sizes", [(0, [3, 3, 1]), (2, [3, 3, 1]), (3, [3, 3, 1]), (6, [3, 1]), (9, [1]), (10, [])]
)
def test_what_gets_warm_are_the_batches_that_follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warmed: list[list[int]], after: int, sizes: list[int]
) -> None:
    """Two of them, and the last one where it is smaller: another size may be another kernel to compile."""
    frames = np.random.default_rng(0).integers(0, 256, (10, HEIGHT, WIDTH, 3), dtype=np.uint8)
    write_clip(tmp_path / "a", Clip("a", frames))
    given = {"border": True, "batch": 3}
    if after == 10:
        monkeypatch.setattr(infer, "_look", lambda *given: 1 / 0)
        with pytest.raises(ZeroDivisionError):  # all are in place, and the result file is missing
            run(tmp_path / "a", tmp_path / "out", resume=True, **given)
        monkeypatch.setattr(infer, "_look", lambda *given: None)
    elif after:
        interrupted(monkeypatch, after, tmp_path / "a", tmp_path / "out", **given)
    monkeypatch.setattr(beforehand, "_gets_warm", lambda network, options: True)
    assert run(tmp_path / "a", tmp_path / "out", resume=True, **given)["resumed"] == after
    assert [len(window) / 5 for window in warmed] == sizes


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the picture of the result is made of, in place of making it."""
    found: list[tuple[Any, ...]] = []
    monkeypatch.setattr(infer, "write_comparison", lambda *given: found.append(given))
    return found


@pytest.mark.parametrize("gain, said", [(0.49, False), (0.5, True), (3.25, True)])
@pytest.mark.parametrize("sampling, other", [("decimated", "centred"), ("centred", "decimated")])
def test_of_every_clip_it_is_said_where_the_other_sampling_fits_better(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looks: list[tuple[Any, ...]],
    capsys: pytest.CaptureFixture[str], gain: float, said: bool, sampling: str, other: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(infer, "gain_of_other", lambda restored, high, given: gain if given == sampling else 9.0)
    run(clips, tmp_path / "measured", gt=True, sampling=sampling)
    note = (
        "note: the ground truth of {} fits {:.1f} dB better where the LR frames are taken as {}; "
        "restore them with --sampling {}.\n"
    )
    expected = [note.format(name, gain, other, other) for name in CLIPS] if said else []
    assert capsys.readouterr().err == "".join(expected)
    run(clips, tmp_path / "plain", sampling=sampling)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("gt", [False, True])
def test_the_picture_is_of_the_first_clip_s_middle(
    clips: Path, tmp_path: Path, looks: list[tuple[Any, ...]], gt: bool
) -> None:
    run(clips, tmp_path / "out", gt=gt)
    ((path, low, usual, restored, high),) = looks
    assert path == tmp_path / "out" / "comparison.png"
    np.testing.assert_array_equal(low, read_frame(clips / "LR" / "a" / "00000002.png"))
    np.testing.assert_array_equal(usual, bicubic(low, "decimated"))
    np.testing.assert_array_equal(restored, low.repeat(4, 0).repeat(4, 1))
    if gt:
        np.testing.assert_array_equal(high, read_frame(clips / "HR" / "a" / "00000002.png"))
    else:
        assert high is None


@pytest.mark.parametrize("count, number", [(1, 0), (2, 1), (5, 2), (6, 3), (201, 100), (202, 100), (900, 100)])
@pytest.mark.parametrize("video", [None, "mkv"])
def test_of_a_long_clip_it_is_frame_100_of_those_that_were_restored(
    monkeypatch: pytest.MonkeyPatch, looks: list[tuple[Any, ...]], video: str | None, count: int, number: int
) -> None:
    names = tuple(f"frame {index}" for index in range(1000))
    monkeypatch.setattr(infer, "frames_at", lambda source, indices: {index: np.uint8(index % 7) for index in indices})
    monkeypatch.setattr(infer, "bicubic", lambda low, sampling: None)
    monkeypatch.setattr(infer, "read_frame", lambda path: (path, None))
    monkeypatch.setattr(infer, "video_frames", lambda path, first: iter([(path, first)]))
    target = Destination(Path("out"), None, video)
    jobs = [Job(0, index, []) for index in range(50, 50 + count)]
    clip = GivenClip(ClipSource("a", names), None, Origin("a", "filmed"), (HEIGHT, WIDTH), "digest", None, jobs)
    infer._look(target, clip, "decimated", True)
    ((_, low, _, restored, _),) = looks
    path = Path("out/frames/a") / f"frame {50 + number}.png" if video is None else Path("out/videos/a.mkv")
    assert restored == (path, number if video else None) and low == (50 + number) % 7


def test_of_a_part_only_the_clips_that_it_has_frames_of_are_looked_at(
    clips: Path, tmp_path: Path, looks: list[tuple[Any, ...]]
) -> None:
    first, *others = (run(clips, tmp_path, gt=True, shard=f"{number}/3") for number in (1, 2, 3))
    assert [result["shard"] for result in (first, *others)] == ["1/3", "2/3", "3/3"]
    assert [[clip["name"] for clip in result["clips"]] for result in (first, *others)] == [["a"], ["b"], ["b"]]
    assert [path.parent.name for path, *_ in looks] == ["shard_1_of_3", "shard_2_of_3", "shard_3_of_3"]
    middles = (("a", "00000002"), ("b", "00000002"), ("b", "00000003"))
    for (_, low, *_), (clip, frame) in zip(looks, middles):
        np.testing.assert_array_equal(low, read_frame(clips / "LR" / clip / f"{frame}.png"))
    with pytest.raises(UserError, match="shard 1/4 holds no frame, because fewer than 4 are restored in all"):
        run(clips, tmp_path, shard="1/4")


def test_what_cannot_be_is_refused_before_anything_is_read(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Metrics need the clips in high resolution; give --gt"):
        run(clips, tmp_path / "out", all_metrics=True)
    with pytest.raises(UserError, match="no such weights"):
        run(tmp_path / "no clips", tmp_path / "out", weights="no such weights.safetensors")
    for folder in ("LR", "HR"):
        with pytest.raises(UserError, match="is the input or lies in it"):
            run(clips, clips / folder / "out", gt=True)
    assert not (tmp_path / "out").exists()
