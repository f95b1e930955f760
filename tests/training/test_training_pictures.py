"""Training on pictures in motion, with a flow network that is held to the truth or not trained at all."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from training_fixture import SMALL, TINY, make_clips, noise, outcome, run, same_weights

from vsrlib.common.errors import UserError
from vsrlib.common.files import write_json
from vsrlib.data.clips import Clip, write_clip
from vsrlib.data.frames import write_frame
from vsrlib.networks import architecture, load_network
from vsrlib.networks.weights import weights_file
from vsrlib.networks.weights.names import FLOW
from vsrlib.training import made, trainer
from vsrlib.training.adapt import adapt
from vsrlib.training.flow import losses, supervision
from vsrlib.training.flow import train as flow_train
from vsrlib.training.flow.options import FlowOptions
from vsrlib.training.flow.supervision import FlowSupervision
from vsrlib.training.made import MadeWindows
from vsrlib.training.options import AdaptOptions, TrainOptions
from vsrlib.training.train import train


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `make_clips`, and two pictures of coloured squares below "pictures"."""
    root, rng = make_clips(tmp_path_factory.mktemp("clips")), np.random.default_rng(0)
    for index in range(2):
        blocks = rng.integers(0, 256, (5, 6, 3), dtype=np.uint8).repeat(40, 0).repeat(40, 1)
        write_frame(root / "pictures" / f"{index}.png", blocks)
    return root


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(architecture.PRESETS, "study", SMALL)


def test_a_window_depends_on_the_seed_and_its_number_alone(clips: Path) -> None:
    windows = MadeWindows(clips / "pictures", 16, seed=1)
    window = windows.window(7)
    assert window.shape == (5, 64, 64, 3) and window.dtype == np.uint8
    windows.window(8)
    assert np.array_equal(window, windows.window(7))
    assert np.array_equal(window, MadeWindows(clips / "pictures", 16, seed=1).window(7))
    assert not np.array_equal(window, windows.window(8))
    assert not np.array_equal(window, MadeWindows(clips / "pictures", 16, seed=2).window(7))
    assert len(windows) > 10_000 and windows.digest() == MadeWindows(clips / "pictures", 99, seed=3).digest()


def test_a_windows_frames_are_one_scene_in_their_order(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neighbours differ less than the first and the last; the middle one is where nothing has moved."""
    monkeypatch.setattr(made, "_WOBBLE", 0.0)
    windows, near, far, middles = MadeWindows(clips / "pictures", 16, seed=1), [], [], []
    for index in range(20):
        frames = windows.window(index).astype(float)
        steps = [np.abs(a - b).mean() for a, b in zip(frames, frames[1:])]
        near.append(np.mean(steps))
        far.append(np.abs(frames[0] - frames[-1]).mean())
        middles.append(np.abs(frames[2] - frames[1]).mean() - np.abs(frames[3] - frames[2]).mean())
    assert np.mean(near) < 0.8 * np.mean(far)
    assert abs(np.mean(middles)) < 2  # levels: as far behind as before


def test_windows_are_no_darker_than_the_pictures(tmp_path: Path) -> None:
    """White stays as white as it was in one channel, whatever it is coloured with, but where two colours meet."""
    write_frame(tmp_path / "white.png", np.full((200, 240, 3), 200, np.uint8))
    for index in range(4):
        assert MadeWindows(tmp_path, 16, seed=1).window(index).max(axis=3).mean() > 195


def test_the_asked_share_of_the_windows_is_soft_and_the_rest_as_ever(clips: Path) -> None:
    """Soft: without what only a sharp frame has, as strongly in each of the five, and otherwise the same scene."""
    sharp, some, all_soft = (MadeWindows(clips / "pictures", 16, 1, soft) for soft in (0.0, 0.5, 1.0))
    unchanged = 0
    for index in range(30):
        plain, mixed, soft = (one.window(index) for one in (sharp, some, all_soft))
        detail, left = ([cv2.Laplacian(frame, cv2.CV_64F).std() for frame in frames] for frames in (plain, soft))
        assert (np.array(left) < 0.75 * np.array(detail)).all() and soft.dtype == np.uint8
        assert np.abs(soft.mean((1, 2)) - plain.mean((1, 2))).max() < 3
        assert np.array_equal(mixed, plain) or np.array_equal(mixed, soft)
        unchanged += np.array_equal(mixed, plain)
    assert 8 <= unchanged <= 22


def test_pictures_that_show_nothing_are_drawn_again(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    monkeypatch.setattr(made, "gradient_strength", lambda centre: drawn.append(1) or 0.0)
    MadeWindows(clips / "pictures", 16, seed=1).window(0)
    assert len(drawn) == 5


def with_pictures(framework: str, clips: Path, output: Path, **changes: Any) -> dict[str, Any]:
    """A supervised training on the pictures, of four steps."""
    (clips / "both").mkdir(exist_ok=True)
    for name, target in (("train", "pictures"), ("validation", "validation")):
        if not (clips / "both" / name).exists():
            (clips / "both" / name).symlink_to(clips / target)
    asked = {"objective": "supervised", "pictures": True, "flow_supervision": 0.1, "validate_every": 0, "steps": 3}
    return run(framework, clips / "both", output, **(asked | changes))


def test_a_resumed_training_with_supervision_equals_an_uninterrupted_one(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "PAIRS", FlowOptions(batch_size=1))
    whole = with_pictures("torch", clips, tmp_path / "whole")
    assert whole["pictures"] is True and whole["flow_supervision"] == 0.1
    assert whole["training_clips"] == MadeWindows(clips / "pictures", 16, 1).digest()
    take, taken = trainer.take_step, []
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(
            trainer, "take_step", lambda *given: 1 / 0 if len(taken) == 2 else taken.append(1) or take(*given)
        )
        with_pictures("torch", clips, tmp_path / "cut", checkpoint_every=1)
    with_pictures("torch", clips, tmp_path / "cut", resume=True)
    same_weights(tmp_path / "cut", tmp_path / "whole")
    ours, theirs = outcome(tmp_path / "cut"), outcome(tmp_path / "whole")
    assert ours["lines"] == theirs["lines"] and all(line["flow"] > 0 for line in ours["lines"])


def test_supervision_is_the_weighted_error_of_the_flow_that_the_network_gives(
    framework: str, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand, of pairs whose sides need no stretching: the sum over the levels, of which the last is the network's."""
    network = load_network(framework, preset="study", device="cpu", seed=4)
    monkeypatch.setattr(losses, "LEVEL_WEIGHTS", {6: 0, 5: 0, 4: 0, 3: 0, 2: 1.0})
    given, draw = [], supervision.draw_batch
    monkeypatch.setattr(supervision, "draw_batch", lambda *asked: given.append(draw(*asked)) or given[-1])
    textures = MadeWindows(clips / "pictures", 16, 1).pictures
    term = FlowSupervision(network, textures, 0.5, seed=3)
    values = [network.backend.array(term.loss(step)).item() for step in (1, 2, 1)]
    assert values[0] == values[2] != values[1]
    (batch, _, _), errors = given, []
    for index in range(2):
        with network.backend.no_grad():
            pair = [network.tensor(batch[name][index : index + 1]) for name in ("first", "second")]
            pyramids = [network.module.flow_net.pyramid(one) for one in pair]
            coarse = losses.flows_by_level(network.module.flow_net.moduleNetwork, *pyramids)[2]
        flow = network.backend.array(coarse)[0]
        truth = batch["flow"][index].reshape(2, 16, 4, 16, 4).mean((2, 4))
        errors.append(np.hypot(*(flow - truth)).mean())
    assert values[0] == pytest.approx(0.5 * np.mean(errors), rel=1e-4)


def test_weights_note_whose_pictures_they_learned_from(clips: Path, tmp_path: Path) -> None:
    manifest = clips / "manifest.json"
    options = {"objective": "supervised", "steps": 1, "validate_every": 0}
    entries = {
        "pictures/0": {"author": "A. B.", "licence": "CC0"},
        "pictures/1": {"author": "C", "licence": "CC BY 4.0"},
    }
    for said, noted in ((entries, "A. B. (CC0), C (CC BY 4.0)"), ({}, "")):
        write_json(manifest, {"pictures": said})
        options_of = TrainOptions(**(TINY | options), pictures=True)
        result = train(clips / "pictures", clips / "validation", tmp_path, options_of, progress=False)
        assert result["credits"] == noted
        assert weights_file.metadata(tmp_path / "weights.safetensors").get("credits", "") == noted
    manifest.unlink()
    assert "credits" not in run("torch", clips, tmp_path, **options)


def test_weights_go_on_noting_whose_pictures_they_began_with(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever comes of them: a training on clips, on other pictures, of the flow network, and an adaptation."""
    monkeypatch.setattr(flow_train, "flow_error", lambda network: {})
    monkeypatch.setattr(flow_train, "heldout_pairs", list)
    monkeypatch.setattr(flow_train, "errors_of", lambda network, pairs: {})
    values = architecture.initial_values(SMALL, 1)
    weights, flow = tmp_path / "weights.safetensors", tmp_path / "flow.safetensors"
    notes = {"preset": "study", "align_corners": "true"}
    weights_file.write(weights, values, notes | {"credits": "C (CC BY 4.0), Z, Inc. (CC0)"})
    only = {name: value for name, value in values.items() if name.startswith(FLOW)}
    weights_file.write(flow, only, notes | {"credits": "B (CC0)"})
    asked = {"objective": "supervised", "steps": 1, "validate_every": 0, "weights": str(weights)}

    def noted(file: str) -> str | None:
        return weights_file.metadata(tmp_path / file).get("credits")

    assert run("torch", clips, tmp_path / "a", **asked)["credits"] == noted("a/weights.safetensors")
    assert noted("a/weights.safetensors") == "C (CC BY 4.0), Z, Inc. (CC0)"
    write_json(clips / "manifest.json", {"pictures": {"pictures/0": {"author": "A", "licence": "CC0"}}})
    options = TrainOptions(**(TINY | asked | {"flow_weights": str(flow)}), pictures=True)
    train(clips / "pictures", clips / "validation", tmp_path / "b", options, progress=False)
    assert noted("b/weights.safetensors") == "A (CC0), C (CC BY 4.0), Z, Inc. (CC0), B (CC0)"
    of_flow = {"match_steps": 0, "flow_steps": 1, "patch_size": 64, "batch_size": 1, "device": "cpu"}
    flow_train.train_flow(
        tmp_path / "c", FlowOptions(weights=str(flow), images=str(clips / "pictures"), **of_flow), False
    )
    assert noted("c/flow.safetensors") == "A (CC0), B (CC0)"
    write_clip(tmp_path / "low" / "a", Clip("a", noise(5, 24, 32)))
    asked = AdaptOptions(weights=str(weights), steps=1, patch_size=16, batch_size=1, device="cpu")
    adapt(tmp_path / "low", tmp_path / "d", asked, progress=False)
    assert noted("d/weights.safetensors") == "C (CC BY 4.0), Z, Inc. (CC0)"
    (clips / "manifest.json").unlink()


def test_a_fixed_flow_network_stays_as_it_is_and_the_rest_learns(framework: str, clips: Path, tmp_path: Path) -> None:
    start = architecture.initial_values(SMALL, 1)
    result = run(framework, clips, tmp_path, objective="supervised", flow_learning_rate=0.0, steps=2, validate_every=0)
    trained = weights_file.read(tmp_path / "weights.safetensors")
    moved = {name for name in start if (start[name] != trained[name]).any()}
    assert not any(name.startswith(FLOW) for name in moved) and "in_conv.0.weight" in moved
    assert result["flow_learning_rate"] == 0


def test_with_a_fixed_flow_the_losses_and_the_other_gradients_are_the_same(framework: str) -> None:
    from vsrlib.networks.distributed import Batch
    from vsrlib.training.step import terms_of

    network = load_network(framework, preset="study", device="cpu", seed=4)
    rng = np.random.default_rng(0)
    batch = Batch(rng.random((1, 5, 3, 16, 16), np.float32), rng.random((1, 3, 64, 64), np.float32))
    names = ["in_conv.0.weight", "fusion_conv.0.weight", f"{FLOW}moduleNetwork.moduleTwo.moduleSix.0.bias"]
    inputs = [dict(network.module.named_parameters())[name] for name in names]
    found = []
    for fixed in (False, True):
        terms = terms_of("supervised", network, batch, fixed)
        gradients = network.backend.gradients(terms["total"], inputs)
        found.append([network.backend.array(one).copy() for one in (terms["total"], *gradients)])
    for free, fixed in zip(found[0][:3], found[1][:3]):
        np.testing.assert_allclose(fixed, free, rtol=1e-5, atol=1e-7)
    assert found[0][3].any() and not found[1][3].any()


def test_pictures_below_64_pixels_are_named(tmp_path: Path) -> None:
    write_frame(tmp_path / "x.png", np.zeros((40, 80, 3), np.uint8))
    with pytest.raises(UserError, match="80x40"):
        MadeWindows(tmp_path, 16, seed=1)
