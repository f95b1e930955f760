"""Adam in each framework on one small layer and with gradients that are known: a loss that is linear has them."""

from typing import Any

import numpy as np
import pytest

from vsrlib.networks.architecture import Linear
from vsrlib.networks.backend import Backend, Values, backend_of

SLOPES = {"weight": np.array([[0.5, -2, 0], [3, -0.25, 0.125]], np.float32), "bias": np.array([-4, 1], np.float32)}


class Trained:
    """A layer of eight numbers and its optimiser."""

    def __init__(self, framework: str, **options: float) -> None:
        self.backend: Backend = backend_of(framework)
        self.layer = self.backend.ops.linear(Linear(3, 2))
        self.backend.load(self.layer, {name: np.ones_like(value) for name, value in SLOPES.items()})
        self.optimiser = self.backend.Optimiser(self.layer, [(list(SLOPES), 0.01)], **options)

    def step(self, slopes: Values = SLOPES, more: float = 0.0) -> bool:
        """By a loss of which the slopes are the gradients."""
        return self.optimiser.step(self.linear(slopes) + more)

    def linear(self, slopes: Values) -> Any:
        parameters = dict(self.layer.named_parameters())
        return sum((parameters[name] * self.backend.tensor(value)).sum() for name, value in slopes.items())

    def root(self) -> Any:
        """A loss of 0 at weights of 1, whose gradient is not finite."""
        return ((dict(self.layer.named_parameters())["weight"] - 1) ** 2).sum().sqrt()

    def gradients(self) -> Values:
        """Those by which the only step was made."""
        moments, updates = self.optimiser.state()
        assert updates == 1
        return {name: moments[f"first.{name}"] / 0.1 for name in SLOPES}

    def everything(self) -> tuple[dict[str, list], int]:
        moments, updates = self.optimiser.state()
        values = moments | self.backend.state(self.layer)
        return {name: value.tolist() for name, value in values.items()}, updates


def test_what_a_step_leaves_behind_is_kept_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch alone gives it back to the system, page by page."""
    asked = []
    monkeypatch.setattr("vsrlib.common.memory.keep_blocks", lambda: asked.append("kept"))
    Trained("torch")
    assert asked == ["kept"]


def test_gradients_are_those_of_the_loss_unless_they_are_bounded(framework: str) -> None:
    norm = np.sqrt(sum((slope.astype(float) ** 2).sum() for slope in SLOPES.values()))
    clipped = {name: np.clip(slope, -2.5, 2.5) for name, slope in SLOPES.items()}
    rest = np.sqrt(sum((slope.astype(float) ** 2).sum() for slope in clipped.values()))
    for options, expected, factor in (
        ({}, SLOPES, 1),
        ({"clip_value": 5.0, "clip_norm": 6.0}, SLOPES, 1),
        ({"clip_value": 2.5}, clipped, 1),
        ({"clip_norm": 3.0}, SLOPES, 3 / norm),
        ({"clip_value": 2.5, "clip_norm": 3.0}, clipped, 3 / rest),
    ):
        trained = Trained(framework, **options)
        assert trained.step() is True
        for name, found in trained.gradients().items():
            np.testing.assert_allclose(found, expected[name] * factor, rtol=1e-5, err_msg=f"{name} {options}")


def test_what_is_not_finite_leaves_no_trace(framework: str) -> None:
    """A loss, its gradients or both; between two steps that count, and before the first."""
    alone, disturbed = Trained(framework), Trained(framework)
    infinite = {name: np.full_like(slope, np.inf) for name, slope in SLOPES.items()}
    assert disturbed.optimiser.step(disturbed.root()) is False
    assert disturbed.everything() == alone.everything() and alone.everything()[1] == 0
    assert [alone.step(), disturbed.step()] == [True, True]
    assert [disturbed.step(more=np.inf), disturbed.step(more=np.nan), disturbed.step(infinite)] == [False] * 3
    assert disturbed.everything() == alone.everything()
    assert [alone.step(), disturbed.step()] == [True, True]
    assert disturbed.everything() == alone.everything() and alone.everything()[1] == 2


def test_an_optimiser_goes_on_from_the_state_of_another(framework: str) -> None:
    """To the bit: with its moments, its parameters and its number of updates."""
    first, second, later = (
        {name: (slope * factor).astype(np.float32) for name, slope in SLOPES.items()} for factor in (1, -0.5, 2)
    )
    whole, begun, resumed = Trained(framework), Trained(framework), Trained(framework)
    for trained in (whole, begun):
        assert trained.step(first) and trained.step(second)
    moments, updates = begun.optimiser.state()
    copies = {name: value.copy() for name, value in moments.items()}
    resumed.backend.load(resumed.layer, begun.backend.state(begun.layer))
    resumed.optimiser.load(moments, updates)
    assert resumed.everything() == whole.everything() and updates == 2
    assert whole.step(later) and begun.step(later) and resumed.step(later)
    assert resumed.everything() == whole.everything() == begun.everything()
    for name, value in copies.items():  # a state is of its time
        np.testing.assert_array_equal(moments[name], value)
