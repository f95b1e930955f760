"""The flow network's training: that it gets going, that a seed decides it, that its weights fit a whole network."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json
from vsrlib.data.frames import to_float
from vsrlib.data.synthetic.pictures import load_photograph
from vsrlib.networks import architecture, load_network
from vsrlib.networks.backend import Adam
from vsrlib.networks.weights import weights_file
from vsrlib.networks.weights.names import FLOW_PREFIX
from vsrlib.training.flow import batches as flow_batches
from vsrlib.training.flow import losses, train
from vsrlib.training.flow.batches import batches, draw_batch, embedded_textures
from vsrlib.training.flow.evaluation import FlowPair, dis_flow
from vsrlib.training.flow.options import FlowOptions, rate_factor
from vsrlib.training.flow.parameters import flow_names, flow_only, initial_flow_values, matcher_names
from vsrlib.training.flow.scenes import Sample
from vsrlib.training.flow.train import train_flow

STUDY = architecture.preset("study")
FIRST = f"{FLOW_PREFIX}moduleExtractor.moduleOne.0"
TINY = {"match_steps": 3, "flow_steps": 3, "batch_size": 2}
ERRORS = {"pairs": {"pairs": 1, "known": {"zero": 1.0}, "visible": None}}


@pytest.fixture(autouse=True)
def no_final_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The errors have tests of their own, and take longer than these steps."""
    monkeypatch.setattr(train, "flow_error", lambda network: ERRORS)
    monkeypatch.setattr(train, "heldout_pairs", list)
    monkeypatch.setattr(train, "errors_of", lambda network, pairs: ERRORS["pairs"])


def run(output: Path, **changes) -> dict:
    return train_flow(output, FlowOptions(**{"device": "cpu", **TINY, **changes}), progress=False)


def log(output: Path) -> list[dict]:
    return [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]


def without_times(records: list[dict]) -> list[dict]:
    return [{name: value for name, value in record.items() if "seconds" not in name} for record in records]


def test_results(framework: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates, set_rates = [], Adam.set_rates
    monkeypatch.setattr(Adam, "set_rates", lambda adam, now: rates.append(now) or set_rates(adam, now))
    result = run(tmp_path, framework=framework)
    # three steps: two in the first half, and the last at a tenth
    expected = [1e-3, 1e-3, 1e-4, 5e-4, 5e-4, 5e-5]
    assert [rate for (rate,) in rates] == pytest.approx(expected)
    assert [record["learning_rate"] for record in log(tmp_path)] == pytest.approx(expected)
    assert result == read_json(tmp_path / "train_flow.json")
    records = log(tmp_path)
    assert [(record["stage"], record["step"]) for record in records] == [
        (stage, step) for stage in ("match", "flow") for step in (1, 2, 3)
    ]
    weights = {6: 0.25, 5: 0.25, 4: 0.25, 3: 0.5, 2: 1}
    total = 0.1 * records[-1]["match"] + sum(weight * records[-1][f"epe_{level}"] for level, weight in weights.items())
    assert records[-1]["total"] == pytest.approx(total, rel=1e-5)
    start = initial_flow_values(STUDY, seed=1)
    matched, trained = (weights_file.read(tmp_path / f"{name}.safetensors") for name in ("matched", "flow"))
    assert set(trained) == set(flow_names(STUDY))
    assert weights_file.metadata(tmp_path / "flow.safetensors") == {"preset": "study", "align_corners": "true"}
    moved = {name for name in start if (start[name] != matched[name]).any()}
    assert moved == set(matcher_names(STUDY))
    assert (matched["matching_temperatures"] != 10).all()
    still = [name for name in start if (matched[name] == trained[name]).all()]
    assert len(still) < 0.1 * len(start)


def test_same_seed_same_weights_and_another_seed_others(tmp_path: Path) -> None:
    digests = [run(tmp_path / str(index), seed=seed)["values_sha256"] for index, seed in enumerate((1, 1, 2))]
    assert digests[0] == digests[1] != digests[2]


def test_a_resumed_training_ends_as_an_uninterrupted_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(losses, "flows_by_level", lambda *_: 1 / 0)  # breaks off in the second stage
        with pytest.raises(ZeroDivisionError):
            run(tmp_path / "cut")
    assert not (tmp_path / "cut" / "train_flow.json").exists()
    monkeypatch.setattr(train, "matcher_names", lambda config: 1 / 0)  # the first stage is not trained again
    resumed = run(tmp_path / "cut", resume=True)
    assert resumed["values_sha256"] == whole["values_sha256"]
    assert without_times(log(tmp_path / "cut")) == without_times(log(tmp_path / "whole"))


def test_the_second_stage_goes_on_from_its_checkpoint(
    framework: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in step 4, with the checkpoint of step 2: the same weights, log and batches as without a break."""
    asked = {"framework": framework, "match_steps": 1, "flow_steps": 5, "checkpoint_every": 2}
    whole = run(tmp_path / "whole", **asked)
    losses_of, taken = train.step_losses, []

    def broken(*given: Any) -> Any:
        taken.append(given)
        return 1 / 0 if len(taken) == 5 else losses_of(*given)

    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(train, "step_losses", broken)
        run(tmp_path / "cut", **asked)
    assert len(log(tmp_path / "cut")) == 4 and (tmp_path / "cut" / "checkpoint.safetensors").exists()
    monkeypatch.setattr(train, "step_losses", lambda *given: taken.append(given) or losses_of(*given))
    resumed = run(tmp_path / "cut", resume=True, **asked)
    assert len(taken) == 5 + 3
    assert resumed["values_sha256"] == whole["values_sha256"]
    assert without_times(log(tmp_path / "cut")) == without_times(log(tmp_path / "whole"))
    for stage in ("match", "flow"):
        ours, theirs = (without_times([one["stages"][stage]]) for one in (resumed, whole))
        assert ours == theirs
    assert not list((tmp_path / "cut").glob("*checkpoint*"))


@pytest.mark.slow
def test_the_pyramid_learns_to_match(tmp_path: Path) -> None:
    """81 displacements are ln 81 = 4.39 nats."""
    summary = run(tmp_path, match_steps=60, flow_steps=0, batch_size=4)["stages"]["match"]
    assert summary["last_loss"] < 0.8 * 4.39


def test_a_loss_that_explodes_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, flow_steps=1)
    batch = draw_batch(np.random.default_rng(0), embedded_textures("validation"), FlowOptions(batch_size=2))
    batch["first"] = np.full_like(batch["first"], np.nan)
    monkeypatch.setattr(train, "batches", lambda *_: (one for one in [batch]))
    with pytest.raises(UserError, match="no longer finite at step 1 of the stage match"):
        run(tmp_path)
    assert not list(tmp_path.glob("*.safetensors")) and not (tmp_path / "train_flow.json").exists()


@pytest.mark.parametrize("side", [64, 128])
def test_batches_are_true_of_what_the_network_sees(side: int) -> None:
    rng, textures = np.random.default_rng(0), embedded_textures("train")
    settings = FlowOptions(batch_size=1, patch_size=side, max_shift=4.0)
    network = load_network("torch", preset="study", device="cpu")
    shapes = set()
    for _ in range(8):
        batch = draw_batch(rng, textures, settings)
        shapes.add(batch["first"].shape[2:])
        assert batch["flow"].shape == (1, 2, side, side) and batch["visible"].shape == (1, side, side)
        assert network.module.flow_net.pyramid(network.tensor(batch["first"]))[1].shape[2:] == (side // 2, side // 2)
    assert (side, side) in shapes and len(shapes) > 2


def test_a_flow_is_in_pixels_of_what_the_network_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame that is stretched to a patch stretches its flow by as much, each way by its own."""
    sizes = []

    def constant(rng: np.random.Generator, textures: list, size: tuple[int, int], *_: Any, **__: Any) -> list[Sample]:
        sizes.append(size)
        frame, flow = np.zeros((3, *size), np.float32), np.ones((2, *size), np.float32)
        flow[1] = -3
        return [Sample(frame, frame, flow, np.ones(size, bool))] * 2

    monkeypatch.setattr(flow_batches, "draw_samples", constant)
    rng = np.random.default_rng(1)
    for _ in range(6):
        flow = draw_batch(rng, [], FlowOptions(batch_size=1))["flow"]
        height, width = sizes[-1]
        np.testing.assert_allclose(flow[0, 0], 64 / width, rtol=1e-6)
        np.testing.assert_allclose(flow[0, 1], -3 * 64 / height, rtol=1e-6)
    assert any(height != width for height, width in sizes) and (64, 64) in sizes


def test_stretched_flow_is_that_of_the_stretched_frames() -> None:
    """OpenCV's DIS, which knows nothing of the training, on frames resized as the network resizes them."""
    rng, settings, ratios = np.random.default_rng(5), FlowOptions(batch_size=6, patch_size=128, max_shift=4.0), []
    network = load_network("torch", preset="study", device="cpu")
    for _ in range(4):
        batch = draw_batch(rng, embedded_textures("test"), settings)
        first, second = (
            network.download(network.backend.ops.resize(network.tensor(batch[name]), (128, 128)))
            for name in ("first", "second")
        )
        for index in range(settings.batch_size):
            found = dis_flow(training_pair(first[index], second[index]))
            where, truth = batch["visible"][index], batch["flow"][index]
            error = [np.hypot(*(found - flow))[where].mean() for flow in (truth, np.zeros_like(truth))]
            ratios.append(error[0] / error[1])
    assert np.median(ratios) < 0.4


def training_pair(first: np.ndarray, second: np.ndarray) -> FlowPair:
    frames = [np.rint(np.clip(frame, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0) for frame in (first, second)]
    return FlowPair("", *(np.ascontiguousarray(frame) for frame in frames), np.zeros(0), np.zeros(0))


@pytest.mark.slow
def test_workers_draw_the_same_batches() -> None:
    textures, settings = embedded_textures("validation"), FlowOptions(batch_size=3)
    alone, together = (list(batches(textures, settings, 1, 5, workers)) for workers in (0, 2))
    assert len(alone) == 5 and not np.array_equal(alone[0]["first"], alone[1]["first"])
    for one, other in zip(alone, together, strict=True):
        assert all(np.array_equal(one[name], other[name]) for name in one)


def test_a_training_draws_with_its_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*given: Any) -> None:
        assert given[4] == 3
        raise InterruptedError

    monkeypatch.setattr(train, "batches", stopped)
    with pytest.raises(InterruptedError):
        run(tmp_path, workers=3)


def test_rates_fall_in_the_second_half() -> None:
    factors = [rate_factor(step, 101) for step in (1, 51, 76, 101)]
    assert factors == pytest.approx([1, 1, 0.55, 0.1])
    assert rate_factor(1, 1) == 1 and rate_factor(2, 2) == pytest.approx(0.1)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"patch_size": 96}, "multiple of 64"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"preset": "x"}, "preset"),
        ({"max_shift": float("nan")}, "max_shift"),
        ({"seed": "1"}, "seed"),
    ],
)
def test_bad_settings_are_named(changes: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        FlowOptions(**changes)


def test_the_start_is_the_plain_one_but_for_what_is_said() -> None:
    """Before a leaky ReLU of slope 0.1 He's uniform bound, sqrt(6 / (1.01 fan in)), where the plain is 1/sqrt(fan in);
    a tenth in the layers that give a flow; the first layer has its own test."""
    plain, start = flow_only(architecture.initial_values(STUDY, 3)), initial_flow_values(STUDY, 3)
    assert list(start) == flow_names(STUDY)
    heads = {"moduleTwo.moduleSix.0", "moduleThr.moduleSix.0", "moduleFou.moduleSix.0", "moduleFiv.moduleSix.0"}
    heads |= {"moduleSix.moduleSix.0", "moduleRefiner.moduleMain.12"}
    factors = {}
    for name in start:
        if not name.startswith(FIRST):
            layer, _, kind = name.removeprefix(FLOW_PREFIX).rpartition(".")
            factors[name] = 0.1 if layer in heads else 1.0
            if kind == "weight" and layer not in heads and "Upflow" not in layer and "Upfeat" not in layer:
                factors[name] = (6 / 1.01) ** 0.5
            np.testing.assert_allclose(start[name], plain[name] * factors[name], rtol=1e-6, err_msg=name)
    assert len(set(factors.values())) == 3


def test_the_first_layer_hears_nothing_of_grey_and_four_times_a_contrast() -> None:
    plain, start = flow_only(architecture.initial_values(STUDY, 3)), initial_flow_values(STUDY, 3)
    weight, bias = start[f"{FIRST}.weight"], start[f"{FIRST}.bias"]
    np.testing.assert_allclose(weight, plain[f"{FIRST}.weight"] * (6 / 1.01) ** 0.5 * 4, rtol=1e-6)
    grey = np.full((3, 3, 3), 0.45)
    np.testing.assert_allclose(np.tensordot(weight, grey, 3) + bias, 0, atol=1e-6)
    assert (np.abs(bias) > 1e-3).all()


def test_the_start_hears_the_frame_at_every_level() -> None:
    """How much level 6 differs between two frames, over how much the frames do: of the order of 1.

    PyTorch's own start is a thousand times deafer, so that nothing but the biases is left up there.
    """
    frame = to_float(load_photograph("astronaut.png")[:128, :128])
    frames = np.stack([frame, frame[:, ::-1]])
    heard = {}
    starts = {"ours": initial_flow_values(STUDY, 0), "plain": flow_only(architecture.initial_values(STUDY, 0))}
    for name, values in starts.items():
        network = load_network("torch", None, "study", "cpu", flow_weights=values)
        six = network.download(network.module.flow_net.pyramid(network.tensor(frames))[6])
        heard[name] = np.std(six[0] - six[1]) / np.std(frames[0] - frames[1])
    assert 1 / 30 < heard["ours"] < 30 and heard["plain"] < heard["ours"] / 1000


def test_the_weights_get_into_a_whole_network(tmp_path: Path) -> None:
    run(tmp_path, match_steps=1, flow_steps=1)
    trained = weights_file.read(tmp_path / "flow.safetensors")
    whole = architecture.initial_values(STUDY, 7)
    weights_file.write(tmp_path / "whole.safetensors", whole)
    for weights in (None, tmp_path / "whole.safetensors"):
        state = load_network("torch", weights, "study", "cpu", 7, flow_weights=tmp_path / "flow.safetensors").state()
        for name, value in state.items():
            np.testing.assert_array_equal(value, trained[name] if name in trained else whole[name])
    with pytest.raises(UserError, match="does not fit"):
        load_network("torch", preset="published", device="cpu", flow_weights=tmp_path / "flow.safetensors")


def test_the_control_is_trained_with_align_corners_false(tmp_path: Path) -> None:
    for value in (True, False):
        run(tmp_path / str(value), align_corners=value)
    trained, control = (weights_file.read(tmp_path / name / "flow.safetensors") for name in ("True", "False"))
    assert any((trained[name] != control[name]).any() for name in trained)
    assert weights_file.metadata(tmp_path / "False" / "flow.safetensors")["align_corners"] == "false"
