"""What the referee reads off a live network, on faults that one window, one group or a start at zero would hide."""

from collections.abc import Callable
from typing import Any

import pytest

from vsrlib.networks.backend import backend_of
from vsrlib.networks.network import Network
from vsrlib.parity import structure, worker
from vsrlib.parity.comparison import compare_structure
from vsrlib.parity.network import TINY, random_values

torch = pytest.importorskip("torch")
Groups = list[dict[str, Any]]


@pytest.fixture
def network() -> Network:
    made = Network("torch", backend_of("torch"), TINY, "cpu", "pure")
    made.load(random_values(TINY, 0))
    return made


def _weights_alone_decay(groups: Groups) -> Any:
    decays = [group | {"weight_decay": 0.01 if group["params"][0].ndim > 1 else 0.0} for group in groups]
    return torch.optim.AdamW(decays)


def _one_rate(groups: Groups) -> Any:
    return torch.optim.Adam([group | {"lr": groups[0]["lr"]} for group in groups])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (torch.optim.AdamW, "way of the first group's values without gradient, as made is 0.0 and 0.0025"),
        (_weights_alone_decay, "way of the second group's values without gradient, as made is 0.0 and 0.005"),
        (_one_rate, "rate of the second group, as made is 0.5 and 0.25"),
    ],
)
def test_decay_and_rates_of_groups_are_seen(
    network: Network, make: Callable[[Groups], Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = structure.optimiser_groups(network)
    monkeypatch.setattr(network.backend.Optimiser, "_make", lambda self, groups: make(groups))
    found = compare_structure(sound, sound, structure.optimiser_groups(network))
    assert any(words in one["says"] for one in found)


def test_rates_that_cannot_be_set_anew_are_seen(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = structure.optimiser_groups(network)
    monkeypatch.setattr(network.backend.Optimiser, "set_rates", lambda self, rates: None)
    found = compare_structure(sound, sound, structure.optimiser_groups(network))
    assert [one["says"].split(" is ")[0] for one in found] == [
        f"rate of the {which} group, set anew" for which in ("first", "second")
    ]


def _first_kernel_for_all(network: Network) -> None:
    own = network.module.blur_down
    network.module.blur_down = lambda x, kernel, scale: own(x, kernel[:1].expand_as(kernel), scale)


def _mean_kernel_for_all(network: Network) -> None:
    own = network.module.kernel
    network.module.kernel = lambda frames: own(frames).mean(0, keepdim=True).expand(len(frames), -1, -1, -1)


def _frames_before_windows(network: Network) -> None:
    own = network.module.reconstruct
    network.module.reconstruct = lambda frames: own(
        frames.transpose(0, 1).reshape(-1, *frames.shape[2:]).reshape(frames.shape)
    )


@pytest.mark.parametrize(
    ("plant", "place"),
    [(_first_kernel_for_all, "blur_down"), (_mean_kernel_for_all, "cycle"), (_frames_before_windows, "cycle")],
)
def test_windows_that_are_mixed_up_in_a_batch_are_seen(
    network: Network, plant: Callable[[Network], None], place: str
) -> None:
    sound = structure.windows_of_a_batch(network)
    assert all(sound.values())
    plant(network)
    found = compare_structure(sound, sound, structure.windows_of_a_batch(network))
    assert found and found[0]["place"] == place


def test_the_atlas_asks_for_the_blur_that_the_network_has(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the framework's own formulation of it, which stands behind the compiled one."""
    taken: list[Any] = []
    monkeypatch.setattr(worker.operations, "run_all", lambda tools, seed: taken.append(tools) or {})
    monkeypatch.setattr(worker.np, "savez", lambda *_, **__: None)
    worker.atlas(network, {"seed": 0, "output": "unwritten"})
    assert taken[0].blur_down is network.module.blur_down
