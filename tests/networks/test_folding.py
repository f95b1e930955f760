"""The folded tail against the four convolutions that it stands for."""

import numpy as np
import pytest

from vsrlib.networks import fast, load_network
from vsrlib.networks.fast import Ends, FoldedTail
from vsrlib.networks.network import Network


@pytest.fixture(scope="module")
def network(framework: str) -> Network:
    return load_network(framework, preset="study", device="cpu", seed=3)


def features(network: Network, *size: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((2, network.config.features, *size))


def both(network: Network, *size: int) -> tuple[np.ndarray, np.ndarray]:
    x = network.tensor(features(network, *size))
    tail = FoldedTail(network.state(), network.backend.ops, network.tensor)
    with network.backend.no_grad():
        return network.download(tail(x)), network.download(network.module.upsample(x))


@pytest.mark.parametrize("size", [(6, 7), (1, 1), (1, 5), (2, 3), (3, 2), (4, 9)])
def test_every_pixel_and_every_border(network: Network, size: tuple[int, int]) -> None:
    ours, expected = both(network, *size)
    assert ours.shape == (2, 3, 4 * size[0], 4 * size[1])
    np.testing.assert_allclose(ours, expected, atol=2e-6)


def test_without_its_border_kernels_the_border_is_wrong(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    original = fast.fold
    inside = Ends(False, False)
    monkeypatch.setattr(fast, "fold", lambda values: lambda rows, columns: original(values)(inside, inside))
    ours, expected = both(network, 6, 7)
    difference = np.abs(ours - expected)
    assert difference[:, :, 4:-4, 4:-4].max() <= 2e-6  # one LR pixel in, nothing is missing
    for edge in (difference[:, :, :4], difference[:, :, -4:], difference[..., :4], difference[..., -4:]):
        assert edge.max() > 1e-3
