"""What the notebook of frames shows of a run, and what it says where something is missing."""

import base64
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vsrlib
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, sha256_array, write_json
from vsrlib.common.names import NAMES as NAMES_OF
from vsrlib.data.clips import Clip, write_clip
from vsrlib.data.degradation import bicubic_on_grid
from vsrlib.data.degrade import degrade_clips
from vsrlib.data.frames import read_frame, write_frame
from vsrlib.data.synthetic.pictures import load_photograph
from vsrlib.networks.weights import weights_file
from vsrlib.networks.weights.weights_file import entry
from vsrlib.report import frames, show
from vsrlib.restoration.metrics import psnr

NAMES = [f"{index:08d}" for index in range(7)]
RESTORED = NAMES[2:-2]
GONE = {"path": "x", "sha256": "0"}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A test set of two clips, and a run whose frames are bicubic; Jittor's differ by 3 in one value."""
    photograph = load_photograph("coffee.png")
    for name in ("city", "walk"):
        frames = np.stack([photograph[20:116, 2 * i : 2 * i + 128] for i in range(len(NAMES))])
        write_clip(tmp_path / "clips" / name, Clip(name, frames))
    degrade_clips(tmp_path / "clips", tmp_path / "set", "Gaussian", 3)
    weights = weights_file.path_of("study-gaussian")
    for framework in ("torch", "jittor"):
        folder = tmp_path / f"04_{framework}"
        for clip in ("city", "walk"):
            for name in RESTORED:
                frame = bicubic_on_grid(read_frame(tmp_path / "set" / "LR_blurdown_x4" / clip / f"{name}.png"))
                if framework == "jittor":
                    frame[7, 9, 1] += 3 if frame[7, 9, 1] < 200 else -3
                write_frame(folder / "frames" / clip / f"{name}.png", frame)
        clips = [{"name": clip, "frames": [{"name": name} for name in RESTORED]} for clip in ("city", "walk")]
        result = {"framework": framework, "blur": "Gaussian", "preset": "study", "weights": entry(weights, folder)}
        result |= {"clips": clips, "images": "frames", "border": False, "input_digest": "0"}
        write_json(folder / "inference.json", result)
    return tmp_path


def chosen(run: Path, truth: bool = True, **names: str) -> frames.Chosen:
    files = sorted(run.glob("04_*/inference.json"))
    return show.choose(files, "Gaussian", run / "set/LR_blurdown_x4", run / "set/HR" if truth else None, **names)


def skip(run: Path, framework: str) -> None:
    stub = {"framework": framework, "blur": "Gaussian", "skipped": "because <it> is not installed"}
    write_json(run / f"04_{framework}" / "inference.json", stub)


def test_the_first_clip_and_its_middle_are_shown_unless_others_are_named(run: Path) -> None:
    first = chosen(run)
    assert (first.clip, first.frame, first.names) == ("city", NAMES[3], tuple(RESTORED))
    other = chosen(run, clip="walk", frame=f"{NAMES[2]}.png")
    assert (other.clip, other.frame) == ("walk", NAMES[2])
    low = [read_frame(run / "set/LR_blurdown_x4/walk" / f"{name}.png") for name in NAMES[:5]]
    assert np.array_equal(other.window, low) and np.array_equal(other.low, low[2])
    assert np.array_equal(other.truth, read_frame(run / "set/HR/walk" / f"{NAMES[2]}.png"))
    assert other.kernel.shape == (9, 9) and other.weights == weights_file.path_of("study-gaussian")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda run: chosen(run, clip="sea"), "clip is 'sea'; choose one of: city, walk"),
        (lambda run: chosen(run, frame=NAMES[0]), f"has {RESTORED[0]} to {RESTORED[-1]}"),
        (lambda run: (skip(run, "torch"), skip(run, "jittor"), chosen(run)), "No Gaussian frames were restored"),
        (lambda run: (edit(run, images="videos"), chosen(run)), "wrote videos and no frames"),
        (
            lambda run: ([edit(run, f"04_{one}", weights=GONE) for one in ("torch", "jittor")], chosen(run)),
            "are not those that restored",
        ),
    ],
)
def test_what_cannot_be_shown_is_said(run: Path, change, words: str) -> None:
    with pytest.raises(UserError, match=re.escape(words)):
        change(run)


def edit(run: Path, folder: str = "04_torch", **values) -> None:
    path = run / folder / "inference.json"
    write_json(path, read_json(path) | values)


def test_crops_say_what_the_frames_are(run: Path) -> None:
    one = chosen(run)
    page = show.crops(one)
    decibels = psnr(one.bicubic, one.truth)
    for words in (
        f"bicubic, {decibels:.2f} dB",
        f"PyTorch, {decibels:.2f} dB",
        "Jittor, ",
        "truth",
        "at most 3 of 255",
    ):
        assert words in page.html and words in page.text
    assert "differ, by 3 at most" in page.text and page.html.count("<img") == 6
    *_, height, width = one.box
    assert np.count_nonzero(show.difference(one)) == 1 and (height, width) == (32, 40)


@pytest.mark.parametrize("third", ["paddle", "onnx"])
def test_a_third_framework_is_shown_and_the_furthest_from_the_first_counts(run: Path, third: str) -> None:
    shutil.copytree(run / "04_torch", run / f"04_{third}")
    edit(run, f"04_{third}", framework=third)
    picture = run / f"04_{third}" / "frames/city" / f"{NAMES[3]}.png"
    frame = read_frame(picture)
    frame[11, 5, 0] += 9 if frame[11, 5, 0] < 200 else -9
    write_frame(picture, frame)
    one = chosen(run)
    assert list(one.folders) == ["torch", "jittor", third]
    values = show.difference(one)
    assert values.max() == 9 and sorted(values[values > 0]) == [3, 9]
    page = show.crops(one)
    assert f"{NAMES_OF[third]}, " in page.text and f"PyTorch minus Jittor or {NAMES_OF[third]}" in page.html
    assert page.html.count("<img") == 7
    alone = show.inference(run / f"04_{third}" / "inference.json", run / "set/LR_blurdown_x4", run / "set/HR")
    assert re.findall(r"<figcaption>([^,<]*)", alone.html) == [NAMES_OF[third], "bicubic", "input", "truth"]


def test_a_skipped_framework_is_named_with_its_reason(run: Path) -> None:
    skip(run, "jittor")
    page = show.crops(chosen(run))
    assert "Jittor: skipped, because <it> is not installed" in page.text and "<it>" not in page.html
    assert page.html.count("<img") == 4 and "difference" not in page.html


def test_the_inference_shows_its_own_frame(run: Path) -> None:
    file = run / "04_jittor" / "inference.json"
    one = chosen(run)
    page = show.inference(file, run / "set/LR_blurdown_x4", run / "set/HR")
    jittor, bicubic = (f"{psnr(image, one.truth):.2f} dB" for image in (one.restored("jittor"), one.bicubic))
    captions = [f"Jittor, {jittor}", f"bicubic, {bicubic}", "input, 32 x 24", "truth"]
    assert re.findall(r"<figcaption>([^<]*)", page.html) == captions and "skipped" not in page.text
    write_frame(run / "set/HR/city" / f"{NAMES[3]}.png", one.restored("jittor"))
    assert "Jittor, equal to the truth: the " in show.inference(file, run / "set/LR_blurdown_x4", run / "set/HR").text
    assert "dB" not in show.inference(file, run / "set/LR_blurdown_x4").text
    skip(run, "jittor")
    page = show.inference(file, run / "set/LR_blurdown_x4")
    assert repr(page) == "Jittor: skipped, because <it> is not installed" and "&lt;it&gt;" in page.html


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"weights": GONE}, "restored with other weights than PyTorch"),
        ({"input_digest": "1"}, "restored other frames than PyTorch"),
        ({"sampling": "centred"}, "restored with another sampling than PyTorch"),
        ({"border": True}, "restored with another border than PyTorch"),
    ],
)
def test_what_another_framework_made_of_something_else_is_set_beside_nothing(run: Path, other: dict, why: str) -> None:
    edit(run, "04_jittor", **other)
    one = chosen(run)
    assert list(one.folders) == ["torch"] and list(one.skipped) == ["jittor"]
    page = show.crops(one)
    assert f"Jittor: skipped, because it {why}." in page.text and "difference" not in page.html


def test_the_baseline_lies_where_the_frames_of_the_run_do(run: Path) -> None:
    for framework in ("torch", "jittor"):
        edit(run, f"04_{framework}", sampling="centred")
    one = chosen(run)
    assert np.array_equal(one.bicubic, bicubic_on_grid(one.low, lag=1.5))
    assert not np.array_equal(one.bicubic, bicubic_on_grid(one.low))
    left = show.strip(one, 1)[0][:, : one.bicubic.shape[1]]
    assert np.array_equal(left, chosen(run, frame=RESTORED[0]).bicubic)


def scored(run: Path) -> None:
    """Give the clips of the run's result what bicubic upsampling of their frames scores."""
    path = run / "04_torch" / "inference.json"
    record = read_json(path)
    for clip in record["clips"]:
        for frame in clip["frames"]:
            one = chosen(run, clip=clip["name"], frame=frame["name"])
            found = psnr(one.bicubic, one.truth)
            frame |= {"bicubic_psnr": None if np.isinf(found) else found, "bicubic_identical": bool(np.isinf(found))}
    write_json(path, record)


@pytest.mark.parametrize("changed", ["set/LR_blurdown_x4", "set/HR"])
@pytest.mark.parametrize("black", [False, True])
def test_frames_of_a_run_are_not_shown_beside_clips_that_have_changed(run: Path, changed: str, black: bool) -> None:
    if black:  # the baseline equals the truth, and has no PSNR
        for folder in ("set/LR_blurdown_x4", "set/HR"):
            for path in (run / folder / "city").iterdir():
                write_frame(path, np.zeros_like(read_frame(path)))
    scored(run)
    assert chosen(run).frame == NAMES[3]
    path = run / changed / "city" / f"{NAMES[3]}.png"
    write_frame(path, np.roll(read_frame(path), 4, axis=0) + np.uint8(black))
    with pytest.raises(UserError, match=r"Clip city or its truth is not what the run read: it has changed since"):
        chosen(run)
    assert chosen(run, truth=False).truth is None and chosen(run, clip="walk").clip == "walk"


def test_the_folder_of_a_set_is_taken_as_the_restoration_takes_it(run: Path) -> None:
    files = sorted(run.glob("04_*/inference.json"))
    one, other = chosen(run), show.choose(files, "Gaussian", run / "set", run / "set")
    assert np.array_equal(one.window, other.window) and np.array_equal(one.truth, other.truth)
    assert other.kernel is not None and np.array_equal(one.kernel, other.kernel)


def test_without_truth_there_is_no_psnr_and_no_kernel(run: Path) -> None:
    (run / "set" / "kernel").rename(run / "elsewhere")
    one = chosen(run, truth=False)
    page = show.crops(one)
    assert "dB" not in page.html and "truth" not in page.html
    found = frames.Estimate(np.full((13, 13), 1 / 169), np.zeros((24, 32, 2)))
    page = show.kernels(one, found)
    assert "not known" in page.text and page.html.count("<img") == 1


def test_kernels_share_one_scale_of_greys(run: Path) -> None:
    one = chosen(run)
    flat = frames.Estimate(np.full((13, 13), 1 / 169), np.zeros((24, 32, 2)))
    truth, estimated = pictures_of(show.kernels(one, flat))
    assert truth.shape == estimated.shape == (13, 13, 3) and truth.min() == 0 and truth[0, 0, 0] == 255
    assert abs(255 - int(estimated[0, 0, 0]) - 255 / 169 / one.kernel.max()) <= 1


def pictures_of(page) -> list[np.ndarray]:
    sources = re.findall(r"data:image/png;base64,([^\"]+)", page.html)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(source))).convert("RGB")) for source in sources]


def test_the_wheel_shows_the_colour_of_each_direction(run: Path) -> None:
    flow = np.zeros((24, 32, 2), np.float32)
    flow[..., 0], flow[:12, :, 1] = 2.0, 2.0
    low, moving, wheel = pictures_of(show.flow(chosen(run), frames.Estimate(np.ones((13, 13)), flow)))
    assert low.shape == moving.shape == (24, 32, 3)
    middle = len(wheel) // 2
    assert wheel[middle, middle].tolist() == [255, 255, 255] == wheel[0, 0].tolist()
    reach = round(middle * 2 / np.hypot(2, 2))
    assert np.abs(wheel[middle, middle + reach].astype(int) - moving[20, 5]).max() <= 6
    assert np.abs(wheel[middle + reach - 1, middle + reach - 1].astype(int) - moving[5, 5]).max() <= 12
    assert show.full_colour(flow) == pytest.approx(np.hypot(2, 2))
    assert np.array_equal(moving, frames.flow_picture(flow, show.full_colour(flow)))


def test_the_animation_ends_within_five_seconds_and_can_be_declined(run: Path) -> None:
    one = chosen(run)
    strip = show.strip(one, 3)
    assert np.array_equal(strip[1], np.concatenate([one.bicubic, np.full((96, 8, 3), 255, np.uint8), one.bicubic], 1))
    with Image.open(io.BytesIO(show.animation(strip, 150))) as image:
        assert (image.n_frames, image.info["loop"]) == (3, 3)
        image.seek(1)
        image.load()
        assert image.info["duration"] == 150
    assert show.TIMES * 100 * min(200, 4800 // (show.TIMES * 100)) <= 5000
    page = show.moving(one, 3)
    assert "prefers-reduced-motion: reduce" in page.html and 'alt="3 frames of clip city' in page.html


def test_the_estimate_is_the_networks_own_and_everything_is_recorded(run: Path) -> None:
    one = chosen(run)
    found = show.estimate(one)
    network = vsrlib.load_network("torch", "study-gaussian", device="cpu")
    window = one.window.transpose(0, 3, 1, 2).astype(np.float32) / 255
    assert np.array_equal(found.kernel, network.infer(window)["kernel"]) and found.flow.shape == (24, 32, 2)
    show.record(one, found, run / "12")
    result = json.loads((run / "12" / "show.json").read_text())
    assert (result["clip"], result["frame"], result["absent"]) == ("city", NAMES[3], {})
    assert result["difference"]["largest"] == 3 and result["difference"]["share"] == pytest.approx(1 / (96 * 128 * 3))
    for name in ("torch", "jittor"):
        path = (run / "12" / result["restored"][name]["path"]).resolve()
        assert sha256_array(read_frame(path)) == result["restored"][name]["sha256"]
    assert result["kernel"]["estimated_sha256"] == sha256_array(found.kernel) and result["kernel"]["psnr"] > 10
    assert result["provenance"]["versions"]["torch"]
