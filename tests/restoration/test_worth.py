"""`vsrlib weights`: the list of those that ship, and what weights are worth on clips with truth."""

from pathlib import Path

import numpy as np
import pytest
from training_fixture import SMALL, noise

from vsrlib import cli
from vsrlib.common.files import read_json, sha256_file
from vsrlib.data.clips import Clip, list_clips, write_clip
from vsrlib.data.degradation import bicubic_on_grid
from vsrlib.data.degrade import degrade_clips
from vsrlib.data.frames import read_frame
from vsrlib.networks import architecture, load_network
from vsrlib.networks.weights import weights_file
from vsrlib.restoration.infer import infer
from vsrlib.restoration.options import InferOptions
from vsrlib.restoration.worth import CLIP_BY_CLIP, gain, table


def test_the_list_has_every_name_with_its_digest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["weights"]) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    assert [line.split(" | ")[0].strip("| ") for line in lines] == list(weights_file.NAMES)
    for name, line in zip(weights_file.NAMES, lines):
        assert weights_file.digest(weights_file.read(name)) in line and weights_file.metadata(name)["preset"] in line


def test_worth_is_the_difference_from_bicubic_upsampling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(architecture.PRESETS, "study", SMALL)
    frames = noise(6, 64, 80).reshape(6, 16, 4, 20, 4, 3).mean((2, 4)).astype(np.uint8).repeat(4, 1).repeat(4, 2)
    write_clip(tmp_path / "HR" / "a", Clip("a", frames))
    degrade_clips(tmp_path / "HR", tmp_path / "Set", "Gaussian", 0)
    weights = tmp_path / "mine.safetensors"
    weights_file.write(weights, architecture.initial_values(SMALL, 0), {"preset": "study"})
    low, high, output = tmp_path / "Set" / "LR_blurdown_x4", tmp_path / "HR", tmp_path / "worth.json"
    command = ["weights", str(low), str(high), "--weights", str(weights), "--output", str(output), "--device", "cpu"]
    assert cli.main(command) == 0
    result = read_json(output)
    clip = result["weights"]["mine"]["clips"]["a"]
    assert result["weights"]["mine"]["sha256"] == sha256_file(weights) and clip["frames"] == 2
    network, small, found = load_network("torch", weights, device="cpu"), list_clips(low)[0].load().frames, []
    for index in (2, 3):
        window = np.ascontiguousarray(small[index - 2 : index + 3].transpose(0, 3, 1, 2), np.float32) / 255
        restored = np.rint(np.clip(network.infer(window)["recons"].transpose(1, 2, 0) * 255, 0, 255))
        scores = []
        for picture in (restored, bicubic_on_grid(small[index])):
            error = (picture.astype(float) - frames[index])[4:-4, 4:-4]
            scores.append(10 * np.log10(255**2 / np.mean(error**2)))
        found.append(scores)
    assert [clip["psnr"], clip["bicubic_psnr"]] == pytest.approx(np.mean(found, 0).tolist(), abs=2e-3)
    gain = np.mean(found, 0) @ [1, -1]
    said = capsys.readouterr().out
    assert said.rstrip("\n") == table(result) and f"| mine | {gain:.2f} | {gain:.2f} |" in said
    assert cli.main(["weights", str(low)]) == 2
    assert "give the HR frames" in capsys.readouterr().err


def test_one_restored_frame_and_one_that_equals_the_truth_have_no_value_and_break_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(architecture.PRESETS, "study", SMALL)
    weights, low, high, output = (tmp_path / name for name in ("mine.safetensors", "LR", "HR", "worth.json"))
    weights_file.write(weights, architecture.initial_values(SMALL, 0), {"preset": "study"})
    truths = {"few": noise(5, 64, 80), "same": noise(5, 64, 80)}
    for name, frames in truths.items():
        write_clip(low / name, Clip(name, np.ascontiguousarray(frames[:, ::4, ::4])))
    infer(low, tmp_path / "out", None, InferOptions(weights=str(weights), preset="study", device="cpu"), progress=False)
    truths["same"][2] = read_frame(next((tmp_path / "out").rglob("same/00000002.png")))
    for name, frames in truths.items():
        write_clip(high / name, Clip(name, frames))
    command = ["weights", str(low), str(high), "--weights", str(weights), "--output", str(output), "--device", "cpu"]
    assert cli.main(command) == 0
    clips = read_json(output)["weights"]["mine"]["clips"]
    assert clips["few"]["tof_norm"] is None and clips["few"]["psnr"] > 0 and clips["few"]["frames"] == 1
    assert clips["same"]["psnr"] is None and clips["same"]["ssim"] == pytest.approx(1)
    of_few, ssim = gain(clips["few"]), np.mean([clip["ssim"] - clip["bicubic_ssim"] for clip in clips.values()])
    shown = f"| mine | {of_few:.2f} | {of_few:.2f} | - | {ssim:.3f} | - |"
    assert shown in capsys.readouterr().out


@pytest.mark.parametrize("without", [False, True])
def test_the_least_and_the_most_are_of_the_clips_that_have_a_gain(without: bool) -> None:
    scores = {"bicubic_psnr": 20.0, "ssim": 0.9, "bicubic_ssim": 0.8, "tof_norm": None, "seconds": 0.25}
    count = CLIP_BY_CLIP + 1
    clips = {f"clip {at}": {"psnr": None if at in (3, 5) or without else 20.0 + at, **scores} for at in range(count)}
    row = table({"weights": {"mine": {"clips": clips}}}).splitlines()[-1]
    mean = np.mean([at for at in range(count) if at not in (3, 5)])
    ends = "- | - | -" if without else f"{mean:.2f} | 0.00 (clip 0) | {count - 1:.2f} (clip {count - 1})"
    assert row == f"| mine | {ends} | 0.100 | - | 0.25 |"


@pytest.mark.parametrize("count", [CLIP_BY_CLIP, CLIP_BY_CLIP + 1])
def test_of_many_clips_the_table_has_the_least_and_the_most(count: int) -> None:
    gains = np.random.default_rng(count).normal(1, 2, count)
    scores = {"bicubic_psnr": 20.0, "ssim": 0.9, "bicubic_ssim": 0.8, "tof_norm": 0.5, "seconds": 0.25}
    clips = {f"clip {at}": {"psnr": 20 + gain, **scores} for at, gain in enumerate(gains)}
    head, _, row = table({"weights": {"mine": {"clips": clips}}}).splitlines()
    if count == CLIP_BY_CLIP:
        shown, columns = " | ".join(f"{gain:.2f}" for gain in gains), " | ".join(clips)
    else:
        ends = (gains.argmin(), gains.argmax())
        shown, columns = " | ".join(f"{gains[at]:.2f} (clip {at})" for at in ends), "least | most"
    assert row == f"| mine | {gains.mean():.2f} | {shown} | 0.100 | 0.50 | 0.25 |"
    assert head == f"| gain over bicubic, dB | mean | {columns} | SSIM gain | tOF | seconds a frame |"
