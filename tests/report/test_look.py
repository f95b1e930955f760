"""What the data notebook shows, and that it runs."""

import json
import re
from pathlib import Path

import numpy as np
import papermill
import pytest

from vsrlib.common.errors import UserError
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.data.clips import Clip, list_clips, write_clip
from vsrlib.data.degrade import degrade_clips
from vsrlib.data.synthetic.pictures import load_photograph
from vsrlib.report import look, said
from vsrlib.report.frames import flow_picture
from vsrlib.restoration.metrics import psnr


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Vid4 as it is passed on, of two clips."""
    root = tmp_path_factory.mktemp("Vid4")
    for name in ("city", "walk"):
        photograph = load_photograph("coffee.png")
        frames = np.stack([photograph[20:149, 2 * i : 2 * i + 162] for i in range(4)])
        write_clip(root / "GT" / name, Clip(name, frames))
    return root


def test_the_degradations_are_those_of_the_command(root: Path, tmp_path: Path) -> None:
    seen = look.degrade(str(root), "walk", 3, 7)
    degrade_clips(root, tmp_path / "out", "Realistic", 7, names=["walk"])
    assert np.array_equal(seen.low["Realistic"], list_clips(tmp_path / "out" / "LR_blurdown_x4")[0].load().frames[:3])
    assert seen.clip.frames.shape == (3, 128, 160, 3) and look.degrade(str(root), None, 2, 7).clip.name == "city"
    with pytest.raises(UserError, match="has 4 frame"):
        look.degrade(str(root), "walk", 5, 7)


def test_frames_too_small_for_their_motion_are_refused_before_anything_is_drawn(tmp_path: Path) -> None:
    write_clip(tmp_path / "small", Clip("small", np.zeros((2, 51, 47, 3), np.uint8)))  # 48x44 when cropped
    with pytest.raises(UserError, match="small has frames of 44x48 pixels, and its motion needs 48 a side"):
        look.degrade(str(tmp_path), None, 2, 7)
    write_clip(tmp_path / "small", Clip("small", np.zeros((2, 51, 48, 3), np.uint8)))
    assert look.degrade(str(tmp_path), None, 2, 7).clip.frames.shape == (2, 48, 48, 3)


def test_what_is_shown_and_measured(root: Path, tmp_path: Path) -> None:
    seen = look.degrade(str(root), "walk", 3, 7)
    for page in (look.show_frames(seen), look.show_kernels(seen), look.show_flow(seen)):
        shown = re.findall(r'<img src="data:image/png;base64,[^"]+" alt="[^"]*Realistic[^"]*walk[^"]*"', page.html)
        assert len(shown) == 1 and "Realistic" in page.text
    page = look.measure(seen, tmp_path)
    result = json.loads((tmp_path / "look.json").read_text())
    gaussian, realistic = result["bicubic"]["Gaussian"], result["bicubic"]["Realistic"]
    assert 15 < realistic["psnr"] < gaussian["psnr"] < 45 and 0 < realistic["ssim_y"] < gaussian["ssim_y"] < 1
    assert 0 < gaussian["tof_norm"] < 2 and 0.1 < result["realistic_beside_gaussian_kernel"]["centre_error"] < 1
    assert f"{gaussian['psnr']:.2f}" in page.text and f"{realistic['tof_norm']:.3f}" in page.html
    assert result["provenance"]["seed"] == 7
    assert (
        "Realistic blur costs" in said.look(tmp_path).text and " more than Gaussian blur " in said.look(tmp_path).text
    )


@pytest.mark.parametrize(("black", "words"), [(1, "Realistic blur costs"), (3, "equals the truth in every frame")])
def test_black_frames_equal_their_truth_and_count_for_no_mean(
    root: Path, tmp_path: Path, black: int, words: str
) -> None:
    frames = look.degrade(str(root), "walk", 3, 7).clip.frames
    shown, whole = tmp_path / "clips" / "opening", tmp_path / "whole" / "opening"
    write_clip(shown, Clip("opening", np.concatenate([np.zeros_like(frames[:black]), frames[black:]])))
    write_clip(whole, Clip("opening", frames))
    seen, other = (look.degrade(str(path.parent), None, 3, 7) for path in (shown, whole))
    page = look.measure(seen, tmp_path)
    assert words in said.look(tmp_path).text and ("| equal |" in page.text) == (black == 3)
    for blur, row in json.loads((tmp_path / "look.json").read_text())["bicubic"].items():
        left = [psnr(a, b) for a, b in zip(other.upsampled(blur)[black:], frames[black:])]
        assert row["psnr"] == (pytest.approx(np.mean(left)) if left else None)


def test_flow_picture() -> None:
    flow = np.zeros((2, 3, 2), np.float32)
    flow[0, 1], flow[0, 2], flow[1, 1] = (4, 0), (-4, 0), (9, 0)
    picture = flow_picture(flow, 4.0)
    assert picture[0, 0].tolist() == [255, 255, 255] and picture[0, 1].tolist() == [255, 0, 0]
    assert picture[0, 2].tolist() == [0, 255, 255] and picture[1, 1].tolist() == [255, 0, 0]


@pytest.mark.slow
def test_the_notebook_runs(root: Path, tmp_path: Path) -> None:
    parameters = {"hr_root": str(root), "frames": 3, "output": str(tmp_path / "out")}
    notebook = PROJECT_ROOT / "notebooks" / "11_look_at_data.ipynb"
    papermill.execute_notebook(notebook, tmp_path / "done.ipynb", parameters, progress_bar=False)
    assert (tmp_path / "out" / "look.json").is_file()
