"""`vsrlib infer` as a user runs it: folders and videos in and out, published tests by name, and every way to fail."""

import os
import resource
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from stopping import stopped_at

from vsrlib import cli
from vsrlib.common.files import read_json
from vsrlib.common.names import BLURS
from vsrlib.data.clips import Clip, list_clips, write_clip
from vsrlib.data.frames import read_frame
from vsrlib.data.video import write_video
from vsrlib.networks import architecture
from vsrlib.networks.weights import weights_file
from vsrlib.restoration import infer as restoration_infer
from vsrlib.restoration.options import InferOptions


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    weights_file.write(path, architecture.initial_values(architecture.preset("study"), 0))
    return path


def frames(count: int, height: int = 16, width: int = 20) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def video(path: Path, values: np.ndarray) -> Path:
    with write_video(path, Fraction(12)) as add:
        for frame in values:
            add(frame)
    return path


def infer(*arguments: object) -> int:
    return cli.main(["infer", *map(str, arguments)])


@pytest.mark.parametrize("engine", ["streaming", "cached", "reference"])
def test_folder_of_frames_and_video_give_the_same_pictures(weights: Path, tmp_path: Path, engine: str) -> None:
    write_clip(tmp_path / "clip", Clip("clip", frames(6)))
    source = video(tmp_path / "clip.mkv", frames(6))
    options = ("--weights", weights, "--engine", engine)
    assert infer(tmp_path / "clip", tmp_path / "a", *options) == 0
    assert infer(source, tmp_path / "b", "--video", "mkv", *options) == 0
    written = list_clips(tmp_path / "b" / "videos" / "clip.mkv")[0]
    assert written.rate == 12
    expected = [read_frame(path) for path in sorted((tmp_path / "a" / "frames" / "clip").glob("*.png"))]
    np.testing.assert_array_equal(written.load().frames, np.stack(expected))
    assert expected[0].shape == (64, 80, 3)
    result = read_json(tmp_path / "b" / "inference.json")
    assert (result["engine"], result["images"], result["video"], result["set"]) == (engine, "videos", "mkv", "clip")
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["comparison.png", "inference.json", "videos"]


def test_pictures_of_before_do_not_stay_beside_a_video(weights: Path, tmp_path: Path) -> None:
    write_clip(tmp_path / "clip", Clip("clip", frames(5)))
    for more in ((), ("--video", "mp4")):
        assert infer(tmp_path / "clip", tmp_path / "out", "--weights", weights, *more) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["comparison.png", "inference.json", "videos"]


@pytest.mark.parametrize(
    "name, blur",
    [
        ("Gaussian_REDS4", "Gaussian"),
        ("Gaussian_Vid4", "Gaussian"),
        ("Gaussian_SPMCS", "Gaussian"),
        ("Realistic_REDS4", "Realistic"),
    ],
)
def test_published_tests_by_name(name: str, blur: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    def record(input_path: Path, output: Path, gt_path: Path, options: InferOptions, **more: bool) -> dict:
        asked.update(input=input_path, output=output, gt=gt_path)
        asked.update({name: getattr(options, name) for name in ("weights", "preset", "blur", "border")})
        return {
            "clips": [{"frames": [{"ssim": None, "pre": 1, "forward": 1}]}],
            "shard": None,
            "images": "frames",
            "border": options.border,
        }

    monkeypatch.setattr(restoration_infer, "infer", record)
    assert infer("--quick-test", name, "--data", tmp_path) == 0
    folder = tmp_path / f"{name.split('_')[1]}_BlurDown_{blur}"
    assert asked.pop("output").parts[-4:] == ("infer", folder.name, blur, "torch")
    assert asked == {
        "input": folder / "LR_blurdown_x4",
        "gt": folder / "HR",
        "preset": "published",
        "blur": blur,
        "border": False,
        "weights": str(tmp_path / "pretrain_models" / f"self_blind_vsr_{blur.lower()}.pt"),
    }
    assert infer("--quick-test", name, tmp_path / "there") == 0 and asked["output"] == tmp_path / "there"
    other = next(one for one in BLURS if one != blur)
    assert infer("--quick-test", name, "--preset", "study", "--blur", other, "--weights", "w.pt") == 0
    assert (asked["preset"], asked["blur"], asked["weights"]) == ("study", other, "w.pt")
    noted = weights_file.metadata("medium-realistic")["preset"]
    for weights, preset in (("w.pt", "published"), ("medium-realistic", noted)):  # what the weights note, if they do
        assert infer("--quick-test", name, "--weights", weights) == 0 and asked["preset"] == preset


@pytest.mark.parametrize(
    "more, left, said",
    [
        ((), range(7), "The ends of each clip are repeated, so that all frames are restored."),
        (("--border",), range(7), "all frames are restored."),
        (("--published-border",), range(2, 5), "The first two and the last two frames of each clip are left out"),
    ],
)
def test_all_frames_come_out_unless_the_published_border_is_asked_for(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture, more: tuple[str, ...], left: range, said: str
) -> None:
    write_clip(tmp_path / "clip", Clip("clip", frames(7)))
    for source in (tmp_path / "clip", video(tmp_path / "film.mkv", frames(7))):
        assert infer(source, tmp_path / "out", "--weights", weights, *more) == 0
        written = sorted(path.stem for path in (tmp_path / "out" / "frames").glob("*/*.png"))
        assert [int(name) for name in written] == [*left] and said in capsys.readouterr().out


def test_the_blur_comes_from_the_set_s_manifest(tmp_path: Path, weights: Path) -> None:
    write_clip(tmp_path / "HR" / "clip", Clip("clip", frames(5, 64, 80)))
    assert cli.main(["degrade", str(tmp_path / "HR"), str(tmp_path / "Set"), "--blur", "Realistic"]) == 0
    assert infer(tmp_path / "Set" / "LR_blurdown_x4", tmp_path / "out", "--weights", weights) == 0
    assert read_json(tmp_path / "out" / "inference.json")["blur"] == "Realistic"


@pytest.mark.parametrize("others", ["[1, 2]", '{"blur": ["Gaussian"]}', '"text"', "no JSON", b"\xff\xfe"])
@pytest.mark.parametrize("beside", [True, False])
def test_a_manifest_of_others_says_nothing(tmp_path: Path, weights: Path, others: str | bytes, beside: bool) -> None:
    """Beside a video, as many a program has one, or in the folder."""
    write_clip(tmp_path / "in" / "clip", Clip("clip", frames(5)))
    source = video(tmp_path / "in" / "film.mkv", frames(5)) if beside else tmp_path / "in"
    if not beside:
        (tmp_path / "manifest.json").write_text("[]")
    (tmp_path / "in" / "manifest.json").write_bytes(others if isinstance(others, bytes) else others.encode())
    assert infer(source, tmp_path / "out", "--weights", weights) == 0
    assert read_json(tmp_path / "out" / "inference.json")["blur"] is None


@pytest.mark.parametrize("name, more", [("frames", ()), ("videos", ("--video", "mkv"))])
def test_a_folder_of_results_may_be_called_as_its_part(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture, name: str, more: tuple[str, ...]
) -> None:
    write_clip(tmp_path / "clip", Clip("clip", frames(5)))
    assert infer(tmp_path / "clip", tmp_path / "out" / name, "--weights", weights, *more) == 0
    said = capsys.readouterr().out
    assert f"frames restored to {tmp_path / 'out' / name / name}," in said
    assert str(tmp_path / "out" / name / "comparison.png") in said


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--quick-test", "Gaussian_Vid4", "in", "out"], "not both"),
        (["in", "out", "--tile", "-1"], "tile is -1"),
        (["in", "out", "--engine", "reference", "--tile", "32"], "knows no tiles"),
        (["in", "out", "--engine", "cached", "--convolution", "winograd"], "with --engine streaming only"),
        (["in", "out", "--shard", "4/3"], "i/n"),
        (["in", "out", "--border", "--published-border"], "not both"),
        (["in", "out", "--all-metrics"], "give --gt"),
        (["in", "out", "--all-metrics", "--gt", "in", "--shard", "1/2"], "without --shard"),
        (["in", "out", "--correlation", "cuda"], "cuda"),
        (["in", "out", "--framework", "jittor", "--device", "cuda"], "runs on the CPU only"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    weights: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "in", Clip("in", frames(5)))
    assert infer(*arguments, "--weights", weights) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("error: ") and words in said and not (tmp_path / "out").exists()


@pytest.mark.parametrize("share", [0.95, 0.6, 0.2])
def test_a_truncated_video_is_refused(
    weights: Path, tmp_path: Path, share: float, capsys: pytest.CaptureFixture
) -> None:
    source = video(tmp_path / "clip.mkv", frames(12, 32, 40))
    source.write_bytes(source.read_bytes()[: int(share * source.stat().st_size)])
    assert infer(source, tmp_path / "out", "--weights", weights) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and "clip.mkv" in said[0] and "Traceback" not in said[0]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("after", "words"), [(1, "1 of them was there"), (2, "2 of them were there")])
def test_what_was_there_from_before_is_counted(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, after: int, words: str
) -> None:
    write_clip(tmp_path / "clip", Clip("clip", frames(5)))
    with monkeypatch.context() as patch:
        stopped_at(patch, after, KeyboardInterrupt())
        assert infer(tmp_path / "clip", tmp_path / "out", "--weights", weights) == 130
    assert infer(tmp_path / "clip", tmp_path / "out", "--weights", weights) == 0
    assert words in capsys.readouterr().out


def command(*arguments: object, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "vsrlib", "infer", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.slow
@pytest.mark.parametrize("written", ["frames", "videos"])
def test_ctrl_c_leaves_the_results_of_before(weights: Path, tmp_path: Path, written: str) -> None:
    write_clip(tmp_path / "short", Clip("short", frames(5)))
    write_clip(tmp_path / "long", Clip("long", frames(400, 48, 64)))
    assert infer(tmp_path / "short", tmp_path / "out", "--weights", weights) == 0
    before = (tmp_path / "out" / "inference.json").read_bytes()
    more = ("--video", "mkv") if written == "videos" else ()
    process = command(tmp_path / "long", tmp_path / "out", "--weights", weights, *more)
    started = {"frames": ".unfinished/frames/long/*.png", "videos": ".resume/segments/long/[!.]*"}[written]
    while not any((tmp_path / "out").glob(started)) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130, said
    assert said.strip().splitlines()[-1].startswith("error: interrupted") and "Traceback" not in said
    left = {".resume", ".unfinished"}  # for the same command to go on with
    now = {path.name for path in (tmp_path / "out").iterdir()}
    assert now == {"comparison.png", "frames", "inference.json", *left}
    assert (tmp_path / "out" / "inference.json").read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--video", "mp4"), ("--video", "mkv")])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(weights: Path, tmp_path: Path, more: tuple[str, ...]) -> None:
    write_clip(tmp_path / "clip", Clip("clip", frames(9, 48, 64)))

    def no_more_than_20_kilobytes() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    # what measures coverage writes a file of its own, which such a disk would not hold either
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    process = command(
        tmp_path / "clip",
        tmp_path / "out",
        "--weights",
        weights,
        *more,
        preexec_fn=no_more_than_20_kilobytes,
        env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    _, said = process.communicate(timeout=300)
    assert process.returncode == 2, said
    assert said.strip().splitlines()[-1].startswith("error: ") and "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_the_size_of_the_network_is_what_the_weights_note(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "w.safetensors"
    weights_file.write(path, architecture.initial_values(architecture.preset("medium"), 0), {"preset": "medium"})
    write_clip(tmp_path / "clip", Clip("clip", frames(5)))
    assert infer(tmp_path / "clip", tmp_path / "out", "--weights", path) == 0
    assert read_json(tmp_path / "out" / "inference.json")["preset"] == "medium"
    assert infer(tmp_path / "clip", tmp_path / "out", "--weights", path, "--preset", "study") == 2
    assert "check the preset" in capsys.readouterr().err
