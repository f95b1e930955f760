"""LR frames of an ordinary resize: what is restored of them lies on the pixels of the frames that they were made of."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from vsrlib import cli
from vsrlib.common.files import read_json
from vsrlib.data.clips import Clip, write_clip
from vsrlib.data.degradation import bicubic_on_grid
from vsrlib.data.degrade import degrade_clips
from vsrlib.data.synthetic.pictures import load_photograph
from vsrlib.restoration.sampling import bicubic, gain_of_other, placed

HEIGHT, WIDTH = 96, 128


def waves(lag: float) -> np.ndarray:
    """A picture (3, H, W) in [0, 1] of waves of 8 pixels and more, sampled `lag` pixels before each pixel."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] - lag
    planes = [np.sin(2 * np.pi * (x / a + y / b)) for a, b in ((9, 31), (8, 200), (50, 12))]
    return (0.5 + 0.4 * np.stack(planes)).astype(np.float32)


def test_a_frame_is_moved_by_one_and_a_half_pixels_in_both_directions() -> None:
    inner = (slice(None), slice(8, -8), slice(8, -8))
    assert np.abs(placed(waves(0), "centred") - waves(1.5))[inner].max() < 1e-4  # a fortieth of a level of 255
    assert np.abs(waves(0) - waves(1.5))[inner].max() > 0.5
    ramp = np.broadcast_to(np.arange(HEIGHT, dtype=np.float32)[:, None] / 128, (3, HEIGHT, WIDTH))
    assert np.allclose(placed(ramp, "centred")[inner], ramp[inner] - np.float32(1.5 / 128), atol=1e-6)
    assert placed(ramp, "decimated") is ramp
    flat = np.full((3, 8, 8), 0.25, np.float32)
    assert np.allclose(placed(flat, "centred"), flat, atol=1e-6)  # also at the border


def test_bicubic_upsampling_is_centred_as_pillow_has_it() -> None:
    low = load_photograph("astronaut.png")[100:124, 100:132].copy()
    theirs = np.asarray(Image.fromarray(low).resize((128, 96), Image.Resampling.BICUBIC))
    inner = (slice(12, -12), slice(12, -12))  # Pillow leaves samples beyond the border out
    assert np.abs(bicubic(low, "centred")[inner].astype(int) - theirs[inner]).max() <= 1
    assert np.array_equal(bicubic(low, "decimated"), bicubic_on_grid(low))
    assert np.array_equal(bicubic(low, "decimated")[::4, ::4], low)


def test_the_other_way_is_told_by_the_truth() -> None:
    first, second = (np.rint(waves(lag).transpose(1, 2, 0) * 255).astype(np.uint8) for lag in (0, 1.5))
    assert gain_of_other(first, second, "decimated") > 20 and gain_of_other(second, first, "centred") > 20
    assert gain_of_other(first, second, "centred") < 0 and gain_of_other(second, first, "decimated") < 0
    assert gain_of_other(first, first, "decimated") == 0
    assert gain_of_other(first[:16], second[:16], "decimated") == 0  # nothing is left to compare


def run(low: Path, high: Path, output: Path, sampling: str) -> tuple[float, float]:
    arguments = ["infer", str(low), str(output), "--gt", str(high), "--weights", "study-gaussian"]
    assert cli.main([*arguments, "--sampling", sampling]) == 0
    result = read_json(output / "inference.json")
    assert result["sampling"] == sampling
    frames = [frame for clip in result["clips"] for frame in clip["frames"]]
    mean = [float(np.mean([frame[key] for frame in frames])) for key in ("psnr", "bicubic_psnr")]
    return mean[0], mean[1]


@pytest.mark.parametrize("resize", ["centred", "decimated"])
def test_a_restoration_lies_on_the_pixels_of_its_truth(tmp_path: Path, resize: str, capsys) -> None:
    picture = load_photograph("astronaut.png")
    frames = np.stack([picture[60 + i : 60 + i + HEIGHT, 150 + i : 150 + i + WIDTH] for i in range(5)])
    write_clip(tmp_path / "HR" / "a", Clip("a", frames))
    if resize == "centred":
        low = [cv2.resize(frame, (WIDTH // 4, HEIGHT // 4), interpolation=cv2.INTER_AREA) for frame in frames]
        write_clip(tmp_path / "LR_blurdown_x4" / "a", Clip("a", np.stack(low)))
    else:
        degrade_clips(tmp_path / "HR", tmp_path, "Gaussian", 0)
    capsys.readouterr()
    found = {}
    for sampling in ("decimated", "centred"):
        found[sampling] = run(tmp_path / "LR_blurdown_x4", tmp_path / "HR", tmp_path / sampling, sampling)
        said = capsys.readouterr().err
        assert (f"restore them with --sampling {resize}." in said) == (sampling != resize)
    (wrong,) = {"decimated", "centred"} - {resize}
    assert found[resize][0] > found[wrong][0] + 3
    assert found[resize][0] > found[resize][1] + 0.5  # and is worth more than bicubic upsampling of its own kind
