"""Experiment E8: faulty gradients against float64, paired trainings, and going on after an interruption."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from correlation_cases import maps, reference_gradients
from training_fixture import SMALL

from vsrlib.common import numbers
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, write_json
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.experiments import training as e8
from vsrlib.experiments.options import TrainingFaultsOptions
from vsrlib.kernels import torch_pure
from vsrlib.networks import architecture, load_network
from vsrlib.networks.torch_net import Decoder
from vsrlib.networks.weights import weights_file
from vsrlib.training.learning import NotFinite
from vsrlib.training.options import Schedule
from vsrlib.training.trainer import Trainer

SHAPE = (2, 3, 5, 7)
FOLDER = PROJECT_ROOT / "figures" / "experiments"
PUBLISHED = sorted(FOLDER.rglob(e8.RESULT))
TINY = {"steps": 2, "halve_every": 1, "batch_size": 1, "patch_size": 16, "clips": 1, "noise": 0.1, "device": "cpu"}


def gradients(correlation: e8.Correlation) -> tuple[np.ndarray, list[np.ndarray]]:
    """In float64: the volume, and the gradients for both maps, zeros where there is no way to a map."""
    first, second, gradient = (torch.tensor(value) for value in maps(SHAPE))
    for one in (first, second):
        one.requires_grad_()
    volume = correlation(first, second)
    ((volume * gradient).sum() + 0 * (first.sum() + second.sum())).backward()
    return volume.detach().numpy(), [one.grad.numpy() for one in (first, second)]


def test_each_fault_is_the_one_it_is_called_after() -> None:
    """Same values; right, none, and that of the definition with the displacement of the second map turned round."""
    first, second, gradient = maps(SHAPE)
    right = reference_gradients(first, second, gradient)
    turned = reference_gradients(first, second, gradient[:, ::-1])[1]
    assert np.abs(turned - right[1]).max() > 0.1
    expected = {
        torch_pure.correlation: right,
        e8.without_gradient(torch_pure.correlation): [np.zeros(SHAPE)] * 2,
        e8.mirrored(torch_pure.correlation): (right[0], turned),
    }
    volumes = []
    for correlation, wanted in expected.items():
        volume, found = gradients(correlation)
        volumes.append(volume)
        for ours, theirs in zip(found, wanted):
            np.testing.assert_allclose(ours, theirs, atol=1e-12)
    for volume in volumes[1:]:
        np.testing.assert_array_equal(volume, volumes[0])


def test_the_mirrored_gradient_is_that_of_the_formula_with_the_sign_turned() -> None:
    """Pixel by pixel: the second map's gradient at (y, x) reads (y + dy, x + dx) where it should read (y - dy, ...)."""
    first, second, gradient = maps((1, 2, 4, 3))
    expected = np.zeros_like(second)
    for dy, dx, y, x in np.ndindex(9, 9, 4, 3):
        row, column = y + dy - 4, x + dx - 4
        if 0 <= row < 4 and 0 <= column < 3:
            expected[0, :, y, x] += gradient[0, dy * 9 + dx, row, column] * first[0, :, row, column] / 2
    tensors = [torch.tensor(value) for value in (first, second, gradient)]
    tensors[1].requires_grad_()
    e8.mirrored(torch_pure.correlation)(*tensors[:2]).backward(tensors[2])
    np.testing.assert_allclose(tensors[1].grad.numpy(), expected, atol=1e-12)


def test_rates_halved_once_stay_where_they_are() -> None:
    usual = Schedule(10, 2, 0)
    once = e8.HalvedOnce(**vars(usual))
    assert [usual.factor(step) for step in range(1, 8)] == [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125]
    assert [once.factor(step) for step in range(1, 8)] == [1, 1, 0.5, 0.5, 0.5, 0.5, 0.5]
    assert e8.HalvedOnce(10, 0, 0).factor(9) == 1


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """Options of tiny trainings of a tiny network; small pairs and clips."""
    monkeypatch.setitem(architecture.PRESETS, "study", SMALL)
    weights_file.write(tmp_path / "w.safetensors", architecture.initial_values(SMALL, 0), {"preset": "study"})
    pairs, write = e8.heldout_pairs(count=1, size=(64, 64)), e8.write_clips
    monkeypatch.setattr(e8, "heldout_pairs", lambda: pairs)
    monkeypatch.setattr(
        e8, "write_clips", lambda root, asked: write(root, replace(asked, height=64, width=96, count=1, frames=5))
    )
    return {**TINY, "weights": str(tmp_path / "w.safetensors")}


def test_only_the_planted_copy_is_faulty(small: dict[str, Any]) -> None:
    """The right arm's correlation is the kernel itself, and so is that of a network loaded after a faulty one."""

    class Stub:
        def __init__(self) -> None:
            self.network = load_network("torch", small["weights"], device="cpu")
            self.options: dict[str, Any] = {}
            self.schedule = Schedule(4, 1, 0)

    def kernels(trainer: Any) -> set[Any]:
        return {one.correlation for one in trainer.network.module.modules() if isinstance(one, Decoder)}

    trainers: dict[str, Any] = {arm: Stub() for arm in e8.ARMS}
    for arm, trainer in trainers.items():
        e8.planted(arm, trainer)
    own = kernels(Stub())
    assert len(own) == 1
    assert {arm for arm, trainer in trainers.items() if kernels(trainer) == own} == {"right", "once"}
    assert {arm for arm, trainer in trainers.items() if trainer.schedule.factor(3) == 0.5} == {"once"}
    assert all(trainer.options == {"arm": arm} for arm, trainer in trainers.items())


def test_the_arms_of_a_seed_share_start_and_batches(small: dict[str, Any], tmp_path: Path) -> None:
    result = e8.training(tmp_path / "out", TrainingFaultsOptions(**small, seeds=[1, 2]), progress=False)
    networks = {(one["arm"], one["seed"]): one for one in result["networks"]}
    assert len(networks) == 8 and result["unit"] == "trained network" and result["n"] == 2
    for seed in (1, 2):
        own = [networks[arm, seed] for arm in e8.ARMS]
        for shared in ("initial_weights", "batches", "clips"):
            assert len({str(one[shared]) for one in own}) == 1
        # Rates that are halved once differ from the third rate on, and there are two here.
        assert len({one["values_sha256"] for one in own}) == 3
        assert networks["once", seed]["values_sha256"] == networks["right", seed]["values_sha256"]
    for differing in ("initial_weights", "batches"):
        assert networks["right", 1][differing] != networks["right", 2][differing]
    by_hand = networks["zero", 2]["end_point_error"] / networks["right", 2]["end_point_error"] - 1
    assert result["contrasts"][0]["by_seed"]["2"] == pytest.approx(by_hand, rel=1e-12)
    assert result["contrasts"][0]["effect"]["low"] is None  # fewer than six have no interval
    assert e8.table(result).count("validation PSNR (dB)") == 4


def test_an_interrupted_training_goes_on_to_the_same_weights(
    small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = TrainingFaultsOptions(**{**small, "steps": 3}, seeds=[1], checkpoint_every=1)
    whole = e8.training(tmp_path / "whole", options, progress=False)
    advance, taken = Trainer._advance, []

    def interrupted(trainer: Trainer) -> Any:
        taken.append(trainer.options["arm"])
        if len(taken) == 6:  # the second arm's last step
            raise KeyboardInterrupt
        return advance(trainer)

    monkeypatch.setattr(Trainer, "_advance", interrupted)
    with pytest.raises(KeyboardInterrupt):
        e8.training(tmp_path / "cut", options, progress=False)
    cut = e8.training(tmp_path / "cut", options, progress=False)
    assert taken == ["right"] * 3 + ["zero"] * 4 + ["sign"] * 3 + ["once"] * 3
    digests = [[one["values_sha256"] for one in result["networks"]] for result in (whole, cut)]
    assert digests[0] == digests[1] and len(set(digests[0])) == 4
    assert cut["contrasts"] == whole["contrasts"]
    assert not list((tmp_path / "cut" / "networks").rglob("checkpoint*"))  # of what is evaluated
    with pytest.raises(UserError, match="steps"):
        e8.training(tmp_path / "cut", replace(options, steps=4), progress=False)


def test_a_checkpoint_of_another_arm_is_refused(small: dict[str, Any], tmp_path: Path) -> None:
    clips = e8.made_clips(tmp_path, e8.ClipsOptions(count=1))
    trained = TrainingFaultsOptions(**small, seeds=[1]).trained
    options = [replace(trained, weights=small["weights"], seed=1, resume=resume) for resume in (False, True)]
    e8.train(*clips, tmp_path / "one", options[0], False, altered=partial(e8.planted, "right"))
    with pytest.raises(UserError, match="arm was 'right' and is 'zero'"):
        e8.train(*clips, tmp_path / "one", options[1], False, altered=partial(e8.planted, "zero"))


def network(arm: str, seed: int, error: float, psnr: float) -> dict[str, Any]:
    return {
        "arm": arm,
        "seed": seed,
        "end_point_error": error,
        "psnr": psnr,
        "start": {"end_point_error": 2.0, "psnr": 23.0},
        "initial_weights": f"start {seed}",
        "batches": f"batches {seed}",
    }


def test_contrasts_are_paired_by_seed_and_corrected_for_six() -> None:
    seeds = list(range(1, 9))
    arms = {"right": (1, 0), "zero": (1.3, -0.2), "sign": (1.1, 0), "once": (1, 0.1)}
    networks = [
        network(arm, seed, seed * factor, 20 + seed + gain) for arm, (factor, gain) in arms.items() for seed in seeds
    ]
    found = e8.summary(networks, seeds)
    contrasts = {(one["arm"], one["measure"]): one for one in found["contrasts"]}
    assert len(contrasts) == 6
    zero = contrasts["zero", "end_point_error"]
    assert zero["effect"]["value"] == pytest.approx(0.3) and zero["effect"]["n"] == 8
    assert zero["effect"]["unit"] == "trained network"
    assert zero["p"] == pytest.approx(2 / 2**8) and zero["p_holm"] == pytest.approx(6 * 2 / 2**8)
    assert contrasts["zero", "psnr"]["effect"]["value"] == pytest.approx(-0.2)
    assert contrasts["once", "end_point_error"]["p_holm"] == 1
    assert [one["p_holm"] for one in found["contrasts"]] == numbers.holm([one["p"] for one in found["contrasts"]])


def test_a_training_that_fails_is_named_and_left_out() -> None:
    networks = [network(arm, seed, 1.0 + seed, 20.0) for arm in e8.ARMS for seed in (1, 2)]
    networks[2] = {"arm": "zero", "seed": 1, "failed": "not finite"}
    found = e8.summary(networks, [1, 2])
    assert found["failed"] == {"zero_1": "not finite"}
    assert [len(one["by_seed"]) for one in found["contrasts"]] == [1, 1, 2, 2, 2, 2]


def test_losses_that_are_not_finite_end_one_training_alone(
    small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = e8.train

    def failing(*given: Any, **named: Any) -> Any:
        if given[2].name == "sign_1":
            raise NotFinite("The losses were not finite.")
        return train(*given, **named)

    monkeypatch.setattr(e8, "train", failing)
    result = e8.training(tmp_path / "out", TrainingFaultsOptions(**small, seeds=[1]), progress=False)
    assert result["failed"] == {"sign_1": "The losses were not finite."}
    assert "sign_1" in e8.table(result)


def test_a_run_in_which_every_training_fails_is_written_and_says_so(
    small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*given: Any, **named: Any) -> Any:
        raise NotFinite("The losses were not finite.")

    monkeypatch.setattr(e8, "train", failing)
    result = e8.training(tmp_path / "out", TrainingFaultsOptions(**small, seeds=[1]), progress=False)
    assert read_json(tmp_path / "out" / e8.RESULT)["start"] == {"end_point_error": None, "psnr": None}
    assert list(result["failed"]) == [f"{arm}_1" for arm in e8.ARMS]
    assert all(one["effect"]["value"] is None and one["p_holm"] == 1 for one in result["contrasts"])
    text = e8.table(result)
    assert "disturbed by 10%. The error" in text and "right_1, zero_1, sign_1, once_1" in text


def test_the_page_speaks_of_intervals_where_there_are_some(small: dict[str, Any], tmp_path: Path) -> None:
    result = e8.training(tmp_path / "out", TrainingFaultsOptions(**small, seeds=[1]), progress=False)
    assert "There is no interval of fewer than 6 trained networks." in e8.table(result)
    assert "95 %" not in e8.table(result)
    networks = [network(arm, seed, 1.0 + seed, 20.0) for arm in e8.ARMS for seed in range(6)]
    enough = result | {"n": 6} | e8.summary(networks, list(range(6)))
    assert "Intervals: 95 %, over the trained networks." in e8.table(enough)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"learning_rate": 2.0}, "learning_rate is 2.0"),
        ({"flow_learning_rate": -1.0}, "flow_learning_rate is -1.0"),
        ({"patch_size": 15}, "patch_size is 15"),
        ({"noise": float("nan")}, "noise is nan"),
        ({"noise": float("inf")}, "noise is inf"),
    ],
)
def test_what_no_training_takes_is_refused_before_anything_is_made(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        TrainingFaultsOptions(**changes)


def test_weights_of_another_network_are_refused_before_anything_is_made(small: dict[str, Any], tmp_path: Path) -> None:
    other = replace(SMALL, features=2 * SMALL.features)
    weights_file.write(tmp_path / "w.safetensors", architecture.initial_values(other, 0), {"preset": "study"})
    with pytest.raises(UserError, match="do not fit the network"):
        e8.training(tmp_path / "out", TrainingFaultsOptions(**small, seeds=[1]), progress=False)
    assert not (tmp_path / "out").exists()


def test_a_run_on_another_device_is_not_gone_on_with(
    small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever `auto` means by then: the arms of a seed are compared, and were to be made in one way."""
    options = TrainingFaultsOptions(**small, seeds=[1])
    e8.training(tmp_path / "out", options, progress=False)

    def elsewhere(*given: Any, **named: Any) -> Any:
        network = load_network(*given, **named)
        network.device = "cuda"
        return network

    monkeypatch.setattr(e8, "load_network", elsewhere)
    with pytest.raises(UserError, match="device cpu, not cuda; give another folder"):
        e8.training(tmp_path / "out", options, progress=False)


def test_the_commits_are_those_of_the_networks_of_this_result(small: dict[str, Any], tmp_path: Path) -> None:
    """And not of other seeds, which an earlier call left in the same folder."""
    e8.training(tmp_path / "out", TrainingFaultsOptions(**small, seeds=[1]), progress=False)
    for path in (tmp_path / "out" / "parts").glob("*_1.json"):
        write_json(path, read_json(path) | {"commit": "an earlier one", "dirty": False})
    result = e8.training(tmp_path / "out", TrainingFaultsOptions(**small, seeds=[2]), progress=False)
    commits = {str(one["commit"]) + (" changed" if one["dirty"] else "") for one in result["networks"]}
    assert result["provenance"]["measured_at"] == sorted(commits) and "an earlier one" not in commits


def test_arms_that_are_not_paired_are_refused() -> None:
    networks = [network(arm, 1, 1.0, 20.0) for arm in e8.ARMS]
    networks[3]["batches"] = "others"
    with pytest.raises(ValueError, match="not paired"):
        e8.summary(networks, [1])


def test_the_flow_network_alone_is_disturbed() -> None:
    values = architecture.initial_values(SMALL, 0)
    one, again, other = (e8.disturbed(values, 0.3, seed) for seed in (1, 1, 2))
    flow = [name for name in values if name.startswith("flow_net.")]
    shares = np.concatenate([(one[name] / values[name] - 1).ravel() for name in flow])
    assert shares.std() == pytest.approx(0.3, rel=0.05) and abs(shares.mean()) < 0.01
    assert all(np.array_equal(one[name], value) for name, value in values.items() if name not in flow)
    assert all(np.array_equal(one[name], again[name]) and not np.array_equal(one[name], other[name]) for name in flow)
    turned = e8.disturbed(dict(reversed(values.items())), 0.3, 1)  # as another reading of the same file may have them
    assert all(np.array_equal(one[name], turned[name]) for name in values)


@pytest.mark.parametrize("seeds", [[], [1, 1], [-1]])
def test_seeds_that_make_no_sense_are_refused(seeds: list[int]) -> None:
    with pytest.raises(UserError, match="each once"):
        TrainingFaultsOptions(seeds=seeds)


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_published_result_follows_from_its_networks(path: Path) -> None:
    """All networks are there, of a clean commit, paired, each seed with a start of its own; the figures are theirs."""
    found = read_json(path)
    seeds, networks = found["options"]["seeds"], found["networks"]
    assert [(one["seed"], one["arm"]) for one in networks] == [(seed, arm) for seed in seeds for arm in e8.ARMS]
    assert found["n"] == len(seeds) >= numbers.FEWEST and not found["failed"]
    assert not found["provenance"]["dirty"] and not any(one["dirty"] for one in networks)
    assert found["provenance"]["measured_at"] == sorted({one["commit"] for one in networks})
    assert len({one["initial_weights"] for one in networks}) == len(seeds)
    assert len({one["values_sha256"] for one in networks}) == len(networks)
    assert {name: found[name] for name in ("contrasts", "means", "start", "failed")} == e8.summary(networks, seeds)
    one = next(one for one in found["contrasts"] if (one["arm"], one["measure"]) == ("sign", "end_point_error"))
    errors = {arm: [own["end_point_error"] for own in networks if own["arm"] == arm] for arm in ("right", "sign")}
    by_hand = np.mean([wrong / right - 1 for wrong, right in zip(errors["sign"], errors["right"])])
    assert one["effect"]["value"] == pytest.approx(by_hand)
    assert path.with_suffix(".md").read_text(encoding="utf-8") == e8.table(found)
    assert not any(place in path.read_text() for place in ("/tmp", "/home", "/work", str(Path.home())))


def test_there_is_a_published_result() -> None:
    assert FOLDER / e8.RESULT in PUBLISHED
