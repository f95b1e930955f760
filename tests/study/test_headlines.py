from pathlib import Path

import pytest

from vsrlib.common.files import write_json
from vsrlib.study.headlines import headline
from vsrlib.study.settings import NOTEBOOKS, DataSettings, FigureSettings

FRAMES = [
    {"name": "a", "psnr": 24.0, "bicubic_psnr": 22.0},
    {"name": "b", "psnr": 26.0, "bicubic_psnr": 23.0},
    {"name": "c", "psnr": 31.0, "bicubic_psnr": 27.0},
]


def both(section: dict) -> dict:
    """A quality whose kinds of clips have the same."""
    return {"filmed": section, "made": section}


def every_pair(*outputs: dict) -> dict:
    """Three frameworks, of one blur, with how far the pictures of each two differ."""
    pairs = [("torch", "jittor"), ("torch", "paddle"), ("jittor", "paddle")]
    of_two = [{"pair": list(pair), "outputs": one} for pair, one in zip(pairs, outputs, strict=True)]
    return {"frameworks": ["torch", "jittor", "paddle"], "blurs": {"Gaussian": {"pairs": of_two}}}


DIVERGED = {"first_loss": 0.5, "last_loss": 0.125, "validation": [{"step": 0, "psnr": 20.0}, {"step": 9, "psnr": None}]}
TRAIN = {"first_loss": 0.5, "last_loss": 0.125, "validation": [{"step": 0, "psnr": 20.0}, {"step": 9, "psnr": 21.256}]}


@pytest.mark.parametrize(
    ("notebook", "file", "result", "words"),
    [
        (
            "01_check_environment",
            "environment.json",
            {
                "torch": {"usable": True, "version": "2.1", "device": "cuda"},
                "jittor": {"usable": False, "reason": "no compiler"},
                "provenance": {"commit": None},
            },
            "torch 2.1 on cuda, no jittor",
        ),
        ("03_train_network", "train.json", TRAIN, "loss 0.5000 -> 0.1250, validation 21.26 dB"),
        ("03_train_network", "train.json", {**TRAIN, "validation": []}, "loss 0.5000 -> 0.1250"),
        ("03_train_network", "train.json", DIVERGED, "loss 0.5000 -> 0.1250, validation not finite"),
        ("03_train_network", "train.json", {"skipped": "because of rain"}, "skipped, because of rain"),
        # The mean is over frames, not over the means of clips.
        (
            "04_infer_clips",
            "inference.json",
            {"clips": [{"kind": "filmed", "frames": FRAMES[:1]}, {"kind": "filmed", "frames": FRAMES[1:]}]},
            "27.00 dB (bicubic 24.00)",
        ),
        # A bicubic frame that equals the truth has no finite PSNR; the frame counts in neither mean.
        (
            "04_infer_clips",
            "inference.json",
            {"clips": [{"kind": "made", "frames": [*FRAMES, {"name": "d", "psnr": 40.0, "bicubic_psnr": None}]}]},
            "27.00 dB (bicubic 24.00)",
        ),
        # Made clips stand in no headline beside filmed ones.
        (
            "04_infer_clips",
            "inference.json",
            {"clips": [{"kind": "made", "frames": FRAMES[:2]}, {"kind": "filmed", "frames": FRAMES[2:]}]},
            "31.00 dB (bicubic 27.00) on filmed clips",
        ),
        (
            "04_infer_clips",
            "inference.json",
            {"clips": [{"kind": "filmed", "frames": [{"name": "a", "psnr": None}]}]},
            "1 frames, no ground truth",
        ),
        (
            "05_compare_frameworks",
            "comparison.json",
            {
                "blurs": {
                    "Gaussian": {"quality": both({"skipped": "because"})},
                    "Realistic": {"quality": both({"difference": {"psnr": {"value": -0.00012}}})},
                }
            },
            "Jittor minus PyTorch: Realistic -0.0001 dB",
        ),
        (
            "05_compare_frameworks",
            "comparison.json",
            {"blurs": {"Realistic": {"quality": both({"skipped": "because"})}}},
            "one framework only",
        ),
        # Both are there, but of other frames.
        (
            "05_compare_frameworks",
            "comparison.json",
            {"blurs": {"Realistic": {"quality": both({"skipped": "because"}), "runs": {"torch": {}, "jittor": {}}}}},
            "the frameworks are not compared",
        ),
        (
            "14_compare_every_pair",
            "every_pair.json",
            every_pair({"largest": 1}, {"largest": 2}, {"largest": 0}),
            "PyTorch, Jittor, PaddlePaddle: no two differ by more than 2 of 255",
        ),
        (
            "14_compare_every_pair",
            "every_pair.json",
            every_pair({"skipped": "because"}, {"largest": 1}, {"skipped": "because"}),
            "PyTorch and PaddlePaddle (Gaussian): differ by no more than 1 of 255, no others were compared",
        ),
        (
            "14_compare_every_pair",
            "every_pair.json",
            every_pair(*[{"skipped": "because"}] * 3),
            "PyTorch, Jittor, PaddlePaddle: no two were compared",
        ),
        (
            "09_judge_claims",
            "claims.json",
            {"claims": [{"verdict": "refuted"}, {"verdict": "undecided"}, {"verdict": "refuted"}]},
            "2 refuted, 1 undecided",
        ),
    ],
)
def test_the_key_number_comes_from_the_result(
    tmp_path: Path, notebook: str, file: str, result: dict, words: str
) -> None:
    settings = NOTEBOOKS[notebook](output=str(tmp_path))
    assert headline(notebook, settings) == ""
    write_json(tmp_path / file, result)
    assert headline(notebook, settings) == words


def test_files_are_counted(tmp_path: Path) -> None:
    for name in ("Embedded_Train/HR/a/0.png", "Embedded_BlurDown_Gaussian/HR/b/0.png", "Embedded_Train/HR/a/1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert headline("02_generate_data", DataSettings(data_root=str(tmp_path))) == "3 frames in 4 sets"
    (tmp_path / "chart_a.svg").touch()
    assert headline("10_draw_figures", FigureSettings(output=str(tmp_path))) == "1 charts"
