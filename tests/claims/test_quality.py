"""Quality by scene against hand computation: filmed and made apart, nothing counted by frames."""

import re
from pathlib import Path

import numpy as np
import pytest
import results_fixture as run

from vsrlib.claims import comparison, quality, results
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json

Files = tuple[list[Path], list[Path]]
KINDS = {"filmed": run.FILMED, "made": run.MADE}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return run.write_run(tmp_path / "run")


def compared(files: Files, tmp_path: Path) -> dict:
    """The quality of the Gaussian blur."""
    return comparison.compare(*files, tmp_path / "out")["blurs"]["Gaussian"]["quality"]


def clips(path: Path, kind: str) -> dict[str, list[dict]]:
    return {clip["name"]: clip["frames"] for clip in read_json(path)["clips"] if clip["kind"] == kind}


def set_scenes(path: Path, scene_of: dict[str, str]) -> None:
    changed = [{**clip, "scene": scene_of.get(clip["name"], clip["scene"])} for clip in read_json(path)["clips"]]
    run.edit(path, clips=changed)


def test_means_are_those_of_clips_and_of_scenes(files: Files, tmp_path: Path) -> None:
    found = compared(files, tmp_path)
    assert [clip["name"] for clip in found["clips"]] == list(run.CLIPS)
    for kind, names in KINDS.items():
        by_clip = {name: np.mean([one["psnr"] for one in frames]) for name, frames in clips(files[0][1], kind).items()}
        assert list(by_clip) == list(names)
        own = {clip["name"]: clip for clip in found["clips"] if clip["kind"] == kind}
        assert {name: clip["jittor"]["psnr"] for name, clip in own.items()} == pytest.approx(by_clip)
        total = found[kind]["total"]
        assert total["jittor"]["psnr"] == pytest.approx(np.mean(list(by_clip.values())))
        assert (total["scenes"], total["frames"]) == (len(names), len(names) * len(run.FRAMES))
        assert total["bicubic"]["psnr"] < total["torch"]["psnr"]


def test_a_scene_counts_once_however_many_clips_and_frames_it_has(files: Files, tmp_path: Path) -> None:
    """Two clips of one scene, and a clip with one frame: the mean is of scenes, each the mean of its clips."""
    for path in files[0][:2]:
        changed = read_json(path)["clips"]
        changed[3]["frames"] = changed[3]["frames"][:1]  # the first filmed one
        run.edit(path, clips=changed)
        set_scenes(path, {"street-5": "one street", "street-6": "one street"})
    found = compared(files, tmp_path)
    means = {name: np.mean([one["psnr"] for one in own]) for name, own in clips(files[0][0], "filmed").items()}
    scenes = [*(means[f"street-{i}"] for i in range(1, 5)), (means["street-5"] + means["street-6"]) / 2]
    assert found["filmed"]["total"]["torch"]["psnr"] == pytest.approx(np.mean(scenes))
    assert found["filmed"]["total"]["torch"]["psnr"] != pytest.approx(np.mean(list(means.values())))
    assert found["filmed"]["total"]["scenes"] == 5
    difference = found["filmed"]["difference"]["psnr"]
    assert (difference["n"], difference["unit"], difference["low"]) == (5, "scene", None)  # too few for an interval


def test_the_difference_is_jittor_minus_torch_paired_by_name(tmp_path: Path) -> None:
    inference, training = run.write_run(tmp_path / "run", gain=0.5)
    changed = read_json(inference[1])["clips"]
    run.edit(inference[1], clips=[{**clip, "frames": clip["frames"][::-1]} for clip in changed[::-1]])
    psnr = compared((inference, training), tmp_path)["filmed"]["difference"]["psnr"]
    # Paired: the difference is the same in every frame, so the interval has no width.
    assert (psnr["value"], psnr["low"], psnr["high"]) == pytest.approx((0.5, 0.5, 0.5))
    assert (psnr["n"], psnr["unit"]) == (len(run.FILMED), "scene")


def test_no_interval_is_over_frames(files: Files, tmp_path: Path) -> None:
    """Every filmed frame of one clip is 3 dB off: one scene of six, whatever the number of its frames."""

    runs = {f: read_json(path) for f, path in zip(("torch", "jittor"), files[0][:2])}
    for framework, run_of in runs.items():
        (clip,) = (clip for clip in run_of["clips"] if clip["name"] == "street-1")
        more = 3 if framework == "jittor" else 0
        repeated = [{**one, "name": f"{i}", "psnr": one["psnr"] + more} for i, one in enumerate(5 * clip["frames"])]
        clip["frames"] = repeated
    psnr = quality.of_runs(runs, np.random.default_rng(0))["filmed"]["difference"]["psnr"]
    assert psnr["value"] == pytest.approx(3 / 6) and psnr["n"] == 6
    assert psnr["low"] <= 0.01 and psnr["high"] > 1  # with frames as units it would lie round 1.5 and exclude zero


def test_made_clips_change_nothing_of_the_filmed_ones(files: Files, tmp_path: Path) -> None:
    before = compared(files, tmp_path)
    for path in files[0][1::2]:
        changed = read_json(path)["clips"]
        for clip in changed:
            if clip["kind"] == "made":
                clip["frames"] = [{**one, "psnr": one["psnr"] + 5} for one in clip["frames"]]
        run.edit(path, clips=changed)
    after = compared(files, tmp_path)
    assert after["filmed"] == before["filmed"]
    assert after["made"]["difference"]["psnr"]["value"] == pytest.approx(5)


def test_clips_that_are_all_of_one_kind(files: Files, tmp_path: Path) -> None:
    for path in files[0]:
        run.edit(path, clips=[{**clip, "kind": "made"} for clip in read_json(path)["clips"]])
    found = compared(files, tmp_path)
    assert found["filmed"] == {"skipped": "because no clip is filmed"}
    assert quality.decisive(found) == "made" and quality.totals_of(found)["scenes"] == 9
    assert quality.difference_of(found)["psnr"]["n"] == 9
    assert quality.difference_of(found, "filmed") == found["filmed"]
    text = (tmp_path / "out" / "comparison.md").read_text()
    assert "Made clips, Jittor minus PyTorch" in text and "Filmed scenes," not in text


def test_the_tables_say_units_and_kinds(files: Files, tmp_path: Path) -> None:
    compared(files, tmp_path)
    text = (tmp_path / "out" / "comparison.md").read_text().split("## Realistic")[0]
    assert re.search(r"Filmed scenes, Jittor minus PyTorch, paired by frame: \S+ \[.*\] dB PSNR \(6 scenes\)", text)
    assert re.search(r"Made clips, Jittor minus PyTorch, paired by frame: \S+ dB PSNR \(3 scenes\)", text)
    assert "intervals over scenes" in text and " frames)" not in text
    assert text.index("| street-1 | street-1 | 4 |") < text.index("| **filmed, mean over scenes** | 6 scenes | 24 |")
    assert text.index("6 scenes | 24") < text.index("| astronaut |") < text.index("| 3 scenes | 12 |")


def test_results_that_do_not_say_their_scenes_are_refused(files: Files, tmp_path: Path) -> None:
    comparison.compare(*files, tmp_path / "out")
    changed = read_json(files[0][2])["clips"]
    del changed[0]["scene"]
    run.edit(files[0][2], clips=changed)
    with pytest.raises(UserError, match="torch_Realistic/inference.json does not say the scenes of its clips; run"):
        comparison.compare(*files, tmp_path / "out")
    found = read_json(tmp_path / "out" / "comparison.json")
    del found["blurs"]["Gaussian"]["quality"]["filmed"]
    run.edit(tmp_path / "out" / "comparison.json", blurs=found["blurs"])
    with pytest.raises(UserError, match="is a comparison of an earlier version"):
        results.read_comparison(tmp_path / "out" / "comparison.json")


def test_another_truth_gives_no_difference_in_quality(files: Files, tmp_path: Path) -> None:
    run.edit(files[0][1], gt_digest="b8" * 32)
    found = compared(files, tmp_path)
    for kind in KINDS:
        words = "ground truth (digest): torch a7a7a7a7a7a7, jittor b8b8b8b8b8b8"
        assert words in found[kind]["difference"]["skipped"]
        assert found[kind]["gain_over_bicubic"]["jittor"]["psnr"]["value"] > 0


def test_filmed_clips_decide_where_there_are_any(files: Files, tmp_path: Path) -> None:
    found = compared(files, tmp_path)
    skipped = {"skipped": "because there is none"}
    assert quality.decisive(found) == "filmed" == quality.decisive({**found, "filmed": skipped, "made": skipped})
    for kind in KINDS:
        assert quality.gains_of(found, kind) == found[kind]["gain_over_bicubic"]
        assert quality.difference_of(found, kind) == found[kind]["difference"]
    assert quality.gains_of(found) == found["filmed"]["gain_over_bicubic"] != found["made"]["gain_over_bicubic"]
    assert quality.gains_of({**found, "filmed": skipped, "made": skipped}) == {}


def test_scores_of_bicubic_may_differ_by_rounding(files: Files, tmp_path: Path) -> None:
    def scored(path: Path, ssim: float) -> None:
        run.edit_frames(path, lambda frame: {**frame, "bicubic_ssim": ssim})

    scored(files[0][0], 0.0)
    for factor, alike in ((0.5, True), (1, True), (1.5, False)):
        scored(files[0][1], factor * quality.SAME_SCORE)
        assert ("psnr" in compared(files, tmp_path)["filmed"]["difference"]) == alike


@pytest.mark.parametrize("change", [{"bicubic_psnr": 20.0}, {"bicubic_ssim": 0.1}, {"bicubic_psnr": None}])
def test_unequal_scores_of_bicubic_give_no_difference_in_quality(files: Files, tmp_path: Path, change: dict) -> None:
    run.edit_frames(files[0][1], lambda frame: {**frame, **(change if frame["name"] == run.FRAMES[2] else {})})
    difference = compared(files, tmp_path)["filmed"]["difference"]
    assert set(difference) == {"skipped"}
    assert f"9 of 36 frames, the first of them astronaut/{run.FRAMES[2]}" in difference["skipped"]


def identical(frame: dict, prefix: str = "") -> dict:
    """A frame that equals the truth, as inference writes it."""
    return {**frame, f"{prefix}psnr": None, f"{prefix}ssim": 1.0, f"{prefix}identical": True}


def test_frames_identical_to_the_truth_are_left_out_of_psnr_and_counted(files: Files, tmp_path: Path) -> None:
    run.edit_frames(files[0][0], lambda frame: identical(frame) if frame["name"] in run.FRAMES[:2] else frame)
    run.edit_frames(files[0][1], lambda frame: identical(frame) if frame["name"] in run.FRAMES[:3] else frame)
    found = compared(files, tmp_path)["filmed"]
    frames = [frame for own in clips(files[0][1], "filmed").values() for frame in own]
    finite = [frame["psnr"] for frame in frames if frame["psnr"] is not None]  # as many of each clip
    assert found["total"]["jittor"]["psnr"] == pytest.approx(np.mean(finite)) and len(finite) == 6
    assert found["total"]["jittor"]["ssim"] == pytest.approx(np.mean([frame["ssim"] for frame in frames]))
    assert [found["total"][m]["identical"] for m in ("torch", "jittor", "bicubic")] == [12, 18, 0]
    assert (found["difference"]["psnr"]["n"], found["difference"]["left_out"]) == (6, 18)
    assert found["difference"]["left_out_in_one"] == 6
    text = (tmp_path / "out" / "comparison.md").read_text()
    assert "left out of it: PyTorch 18, Jittor 27." in text and not re.search(r"\b(inf|nan)\b", text)


def test_frames_that_do_not_say_whether_they_equal_the_truth_do_not(files: Files, tmp_path: Path) -> None:
    for path in files[0]:
        run.edit_frames(path, lambda frame: {k: value for k, value in frame.items() if not k.endswith("identical")})
    total = compared(files, tmp_path)["filmed"]["total"]
    assert [total[m]["identical"] for m in ("torch", "jittor", "bicubic")] == [0, 0, 0]


def test_every_frame_identical_to_the_truth(files: Files, tmp_path: Path) -> None:
    for path in files[0]:
        run.edit_frames(path, lambda frame: identical(identical(frame), "bicubic_"))
    found = compared(files, tmp_path)["filmed"]
    assert found["difference"]["psnr"] == {"value": None, "low": None, "high": None, "n": 0, "unit": "scene"}
    assert found["difference"]["ssim"]["value"] == 0
    assert found["total"]["bicubic"] == {"psnr": None, "ssim": 1.0, "identical": 24}


def test_a_clip_whose_frames_all_equal_the_truth_counts_in_ssim_alone(files: Files, tmp_path: Path) -> None:
    for path in files[0][:2]:
        changed = read_json(path)["clips"]
        changed[-1]["frames"] = [identical(frame) for frame in changed[-1]["frames"]]
        run.edit(path, clips=changed)
    difference = compared(files, tmp_path)["filmed"]["difference"]
    assert (difference["psnr"]["n"], difference["ssim"]["n"], difference["left_out"]) == (5, 6, 4)


def test_the_gain_over_bicubic_is_shown(files: Files, tmp_path: Path) -> None:
    run.edit_frames(files[0][1], lambda frame: {**frame, "psnr": frame["bicubic_psnr"] - 1.5})
    gain = compared(files, tmp_path)["filmed"]["gain_over_bicubic"]
    frames = [frame for own in clips(files[0][0], "filmed").values() for frame in own]
    expected = np.mean([frame["psnr"] - frame["bicubic_psnr"] for frame in frames])
    assert gain["torch"]["psnr"]["value"] == pytest.approx(expected)
    assert gain["torch"]["ssim"]["value"] == pytest.approx(0.012)
    text = (tmp_path / "out" / "comparison.md").read_text()
    assert f"Filmed scenes, PyTorch minus bicubic: +{expected:.3f} [" in text
    assert "Jittor minus bicubic: -1.500 [-1.500, -1.500] dB PSNR, worse than bicubic." in text
