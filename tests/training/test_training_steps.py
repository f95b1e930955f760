"""Single optimiser steps in both frameworks: what is not finite changes nothing, and clipping bounds the gradients."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from training_fixture import SMALL, log, make_clips, run

from vsrlib.common.errors import UserError
from vsrlib.data.degradation import blur_down_exact
from vsrlib.networks import architecture, load_network
from vsrlib.networks.distributed import Batch
from vsrlib.networks.weights import weights_file
from vsrlib.networks.weights.names import FLOW_PREFIX
from vsrlib.training import checkpoint, trainer
from vsrlib.training.samples import SampleStream
from vsrlib.training.step import Average, take_step, terms_of

RATE = 1e-3


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clips(tmp_path_factory.mktemp("clips"))


def batch(seed: int) -> Batch:
    return Batch(np.random.default_rng(seed).random((1, 5, 3, 16, 16), dtype=np.float32))


def prepared(framework: str, **options: Any) -> tuple[Any, Any]:
    network = load_network(framework, preset="study", seed=1, device="cpu")
    return network, network.backend.Optimiser(network.module, [(list(network.state()), RATE)], **options)


def same(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> bool:
    return list(ours) == list(theirs) and all(value.tobytes() == theirs[name].tobytes() for name, value in ours.items())


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_step_that_is_not_finite_leaves_no_trace(framework: str, bad: float) -> None:
    """After steps on batches 1, (not finite), 2 everything is as after steps on 1, 2, to the bit."""
    broken = batch(9)
    broken.low[0, 2, 1, 3, 4] = bad
    results = []
    for batches in ([batch(1), broken, batch(2)], [batch(1), batch(2)]):
        network, optimiser = prepared(framework)
        done = [take_step(network, optimiser, "self-supervised", one)[0] for one in batches]
        assert done == [one is not broken for one in batches]
        results.append((network.state(), *optimiser.state()))
    (values, moments, updates), (expected, moments_then, updates_then) = results
    assert updates == updates_then == 2
    assert same(values, expected) and same(moments, moments_then)


def test_a_gradient_that_is_not_finite_leaves_no_trace(framework: str) -> None:
    """The loss is 0 and the root's gradient 0/0."""
    network, _ = prepared(framework)
    start = network.state() | {"in_conv.0.bias": np.zeros(32, np.float32)}
    network.load(start)
    optimiser = network.backend.Optimiser(network.module, [(["in_conv.0.bias"], RATE)])
    value = dict(network.module.named_parameters())["in_conv.0.bias"]
    loss = (value * value).sum().sqrt()
    assert optimiser.step(loss) is False
    assert network.backend.array(loss).item() == 0
    assert same(network.state(), start)


def test_clipping_bounds_the_first_moment(framework: str) -> None:
    """After one step the first moment is a tenth of the gradient, which is what is bounded."""

    def first(**options: float) -> dict[str, np.ndarray]:
        network, optimiser = prepared(framework, **options)
        take_step(network, optimiser, "self-supervised", batch(1))
        return {name: value * 10 for name, value in optimiser.state()[0].items() if name.startswith("first.")}

    free = first()
    norm = np.sqrt(sum(float((value.astype(np.float64) ** 2).sum()) for value in free.values()))
    largest = max(np.abs(value).max() for value in free.values())
    by_norm, by_value, wide = first(clip_norm=norm / 4), first(clip_value=largest / 4), first(clip_norm=4 * norm)
    for name, value in free.items():
        np.testing.assert_allclose(by_norm[name], value / 4, rtol=1e-3, atol=1e-6 * largest)
        np.testing.assert_allclose(
            by_value[name], np.clip(value, -largest / 4, largest / 4), rtol=1e-4, atol=1e-6 * largest
        )
        np.testing.assert_allclose(wide[name], value, rtol=1e-4, atol=1e-6 * largest)


def test_a_share_of_a_batch_counts_with_its_weight(framework: str) -> None:
    """Losses and gradients alike; a whole batch has the weight 1, which need not be said."""
    found = []
    for weight in ({}, {"weight": 1.0}, {"weight": 0.25}):
        network, optimiser = prepared(framework)
        _, values = take_step(network, optimiser, "self-supervised", batch(1), **weight)
        found.append((values, {k: v for k, v in optimiser.state()[0].items() if k.startswith("first.")}))
    (values, moments), whole, (quarter, quarter_moments) = found
    assert values == whole[0] and same(moments, whole[1])
    assert quarter == pytest.approx({name: value / 4 for name, value in values.items()}, rel=1e-6)
    for name, value in moments.items():
        np.testing.assert_allclose(quarter_moments[name], value / 4, rtol=1e-3, atol=1e-6 * np.abs(value).max() + 1e-12)


def test_a_further_loss_is_added_with_its_gradient(framework: str) -> None:
    name, found = "in_conv.0.weight", []
    for further in (False, True):
        network, optimiser = prepared(framework)
        parameter = dict(network.module.named_parameters())[name]
        flow = 100 * network.backend.ops.mean(parameter) + 5 if further else None
        expected = 100 * network.state()[name].mean() + 5
        _, values = take_step(network, optimiser, "self-supervised", batch(1), flow=flow)
        found.append((values, optimiser.state()[0][f"first.{name}"]))
    (values, moment), (more, more_moment) = found
    assert more["flow"] == pytest.approx(expected, rel=1e-5) and "flow" not in values
    assert more["total"] == pytest.approx(values["total"] + expected, rel=1e-5)
    # (1 - beta 1) of the gradient of 100 times a mean
    np.testing.assert_allclose(more_moment - moment, 0.1 * 100 / moment.size, rtol=1e-3)


def test_the_flow_network_learns_unless_it_is_said_to_stay(framework: str) -> None:
    both = Batch(batch(1).low, np.random.default_rng(2).random((1, 3, 64, 64), np.float32))
    for told, learns in (({}, True), ({"fixed_flow": False}, True), ({"fixed_flow": True}, False)):
        network, optimiser = prepared(framework)
        take_step(network, optimiser, "self-supervised", batch(1), **told)
        moments = {name: value for name, value in optimiser.state()[0].items() if name.startswith("first.flow_net")}
        assert moments and any(value.any() for value in moments.values()) == learns
        terms = terms_of("supervised", network, both, **told)
        parameters = dict(network.module.named_parameters())
        names = ("in_conv.0.weight", "fusion_conv.0.weight", f"{FLOW_PREFIX}moduleTwo.moduleSix.0.bias")
        gradients = network.backend.gradients(terms["total"], [parameters[name] for name in names])
        assert [bool(network.backend.array(one).any()) for one in gradients] == [True, True, learns]


def test_adam_by_hand(framework: str) -> None:
    """Four updates of two groups with rates of their own, of gradients from far below epsilon to 1."""
    network = load_network(framework, preset="study", seed=1, device="cpu")
    names = ["in_conv.0.bias", "fusion_conv.0.bias"]
    network.load(network.state() | {name: np.zeros(32, np.float32) for name in names})
    optimiser = network.backend.Optimiser(network.module, [([name], 1.0) for name in names])
    parameters, rng = dict(network.module.named_parameters()), np.random.default_rng(0)
    value, first, second = np.zeros((3, 2, 32))
    for step, rates in enumerate(([1e-3, 1e-5], [1e-3, 1e-5], [5e-4, 3e-5], [5e-4, 3e-5]), 1):
        gradient = (np.geomspace(1e-11, 1, 32) * rng.uniform(-1, 2, (2, 32))).astype(np.float32)
        optimiser.set_rates(rates)
        loss = sum((parameters[name] * network.tensor(one)).sum() for name, one in zip(names, gradient))
        assert optimiser.step(loss)
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient.astype(np.float64) ** 2
        value -= np.array(rates)[:, None] * first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        state = network.state()
        for index, name in enumerate(names):
            np.testing.assert_allclose(state[name], value[index], rtol=2e-4, atol=2e-4 * rates[index])
            seen = np.abs(value[index]) > 2e-6 * rates[index]
            np.testing.assert_allclose(state[name][seen], value[index][seen], rtol=5e-3)


def test_supervised_losses_by_hand(framework: str) -> None:
    """The cycle is of the truth, by the definition of the blur; and either half of the losses trains its own half."""
    network = load_network(framework, preset="study", seed=1, device="cpu")
    low, rng = batch(1).low, np.random.default_rng(2)
    truth = rng.random((1, 3, 64, 64), dtype=np.float32)
    terms, found = terms_of("supervised", network, Batch(low, truth)), network.infer(low[0])
    again = blur_down_exact(truth[0].transpose(1, 2, 0), found["kernel"]).transpose(2, 0, 1)
    values = {name: network.backend.array(value).item() for name, value in terms.items()}
    assert values["cycle"] == pytest.approx(np.abs(again - low[0, 2]).mean(), rel=1e-5)
    assert values["restored"] == pytest.approx(np.abs(found["recons"] - truth[0]).mean(), rel=1e-4)
    inputs = [dict(network.module.named_parameters())[name] for name in ("out_conv.1.bias", "kernel_net.in_conv.bias")]
    for name, learns in (("restored", (True, False)), ("cycle", (False, True))):
        gradients = network.backend.gradients(terms[name], inputs, again=True)
        assert tuple(bool((network.backend.array(one) != 0).any()) for one in gradients) == learns


def test_the_average_by_hand() -> None:
    start = np.array([1.0, 2.0], np.float32)
    average = Average(0.75, {"x": start})
    for value in ([3.0, 2.0], [3.0, 6.0]):
        average.update({"x": np.array(value, np.float32)})
    assert average.values["x"].tolist() == [0.75 * (0.75 * 1 + 0.25 * 3) + 0.25 * 3, 0.75 * 2 + 0.25 * 6]
    assert start.tolist() == [1, 2]


@pytest.mark.parametrize("option", ["clip_norm", "clip_value"])
def test_a_training_clips_as_it_was_asked_to(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    """By the first moments of its checkpoint, which are a tenth of the gradients."""
    monkeypatch.setitem(architecture.PRESETS, "study", SMALL)
    run("torch", clips, tmp_path, steps=1, **{option: 1e-5})
    moments = [value for name, value in checkpoint.read(tmp_path)[0].items() if name.startswith("first.")]
    gradients = 10 * np.concatenate([value.ravel() for value in moments])
    size = np.linalg.norm(gradients) if option == "clip_norm" else np.abs(gradients).max()
    assert size == pytest.approx(1e-5, rel=1e-2)


def spoil(monkeypatch: pytest.MonkeyPatch, numbers: set[int]) -> None:
    """Put a NaN into the batches of these steps."""
    untouched, taken = SampleStream.__next__, []

    def draw(stream: SampleStream) -> Batch:
        found = untouched(stream)
        taken.append(1)
        if len(taken) in numbers:
            found.low[...] = np.nan
        return found

    monkeypatch.setattr(SampleStream, "__next__", draw)


def test_bad_batches_are_skipped_and_counted(
    framework: str, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, {2, 3, 5})
    result = run(framework, clips, tmp_path, steps=6, validate_every=3)
    assert result["skipped_steps"] == [2, 3, 5]
    assert [(entry["step"], entry["skipped_steps"]) for entry in log(tmp_path)] == [(1, 0), (4, 2), (6, 3)]
    assert all(np.isfinite(value).all() for value in weights_file.read(tmp_path / "weights.safetensors").values())
    assert checkpoint.read(tmp_path)[1]["skipped_steps"] == [2, 3, 5]


def test_the_time_of_a_step_has_the_waiting_for_its_samples_in_it(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that goes on while samples are made, two seconds, and while a step is taken, half of one."""
    clock, draw, take = [0.0], SampleStream.__next__, trainer.take_step

    def after(seconds: float, work: Callable) -> Callable:
        def done(*given: Any) -> Any:
            clock[0] += seconds
            return work(*given)

        return done

    monkeypatch.setattr(trainer, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr(SampleStream, "__next__", after(2, draw))
    monkeypatch.setattr(trainer, "take_step", after(0.5, take))
    result = run("torch", clips, tmp_path, steps=4)
    assert [result[name] for name in ("seconds", "wait_seconds", "seconds_per_step")] == [10, 8, 0.5]
    assert [(entry["seconds"], entry["wait_seconds"]) for entry in log(tmp_path)] == [(2.5, 2)] * 4


def test_three_bad_batches_in_a_row_end_the_training(
    framework: str, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, {2, 4, 5, 6})
    with pytest.raises(UserError, match="steps 4 to 6 were not finite, which is 3 in a row"):
        run(framework, clips, tmp_path, steps=9, checkpoint_every=1)
    assert not (tmp_path / "train.json").exists() and not (tmp_path / "weights.safetensors").exists()
    arrays, facts = checkpoint.read(tmp_path)
    assert facts["step"] == 5 and facts["updates"] == 2
    assert all(np.isfinite(value).all() for value in arrays.values())


def test_a_training_without_any_good_step_writes_no_weights(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, {1, 2})
    with pytest.raises(UserError, match="None of the 2 steps"):
        run("torch", clips, tmp_path, steps=2)
    assert not (tmp_path / "weights.safetensors").exists()
