"""The reconstructions of a training step against the published one; the golden test holds both to the same truth."""

import numpy as np
import pytest

from vsrlib.kernels import native
from vsrlib.networks import load_network
from vsrlib.networks.architecture import parameter_shapes
from vsrlib.networks.distributed import Batch
from vsrlib.networks.losses import losses
from vsrlib.networks.network import Network
from vsrlib.networks.weights.names import FLOW_PREFIX
from vsrlib.training.step import TrainingRestorer, terms_of

WINDOWS = np.random.default_rng(1).random((2, 5, 3, 18, 23), dtype=np.float32)


@pytest.fixture
def network(framework: str) -> Network:
    network = load_network(framework, preset="study", device="cpu")
    network.load(weights(network, 1))
    return network


def weights(network: Network, seed: int) -> dict[str, np.ndarray]:
    """Every layer's output is of the size of its input, so that every layer counts."""
    rng = np.random.default_rng(seed)
    values = {}
    for name, shape in parameter_shapes(network.config).items():
        spread = np.sqrt(np.prod(shape[1:]) if len(shape) > 1 else 400)
        values[name] = (rng.standard_normal(shape) / spread).astype(np.float32)
    return values


def differences(network: Network, restorer: TrainingRestorer) -> tuple[float, float]:
    """Largest differences of `rebuild` and of `restore` from the published reconstruction, relative to its residual."""
    frames = network.tensor(WINDOWS)
    with network.backend.no_grad():
        expected, *ours = (
            network.download(function(frames))
            for function in (network.module.reconstruct, restorer.rebuild, restorer.restore)
        )
        size = np.abs(expected - network.download(network.module.base(frames[:, 2]))).max()
    return tuple(float(np.abs(one - expected).max() / size) for one in ours)


@pytest.mark.parametrize("compiler", [True, False])
def test_both_restore_as_published(network: Network, compiler: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not compiler:
        monkeypatch.setattr(native, "compiler", lambda: None)
    restorer = TrainingRestorer(network)
    wanted = "winograd" if native.compiler() else "framework"
    assert restorer.convolution == wanted
    assert max(differences(network, restorer)) < 1e-5


@pytest.mark.parametrize(("told", "learns"), [((), True), ((False,), True), ((True,), False)])
def test_gradients_pass_the_flow_network_unless_it_is_fixed(
    network: Network, told: tuple[bool, ...], learns: bool
) -> None:
    parameters = dict(network.module.named_parameters())
    names = ("in_conv.0.weight", "fusion_conv.0.weight", f"{FLOW_PREFIX}moduleTwo.moduleSix.0.bias")
    restored = TrainingRestorer(network, *told).rebuild(network.tensor(WINDOWS))
    gradients = network.backend.gradients(network.backend.ops.mean(restored), [parameters[name] for name in names])
    assert [bool(network.backend.array(one).any()) for one in gradients] == [True, True, learns]


def test_the_weights_of_the_moment_count(network: Network) -> None:
    restorer = TrainingRestorer(network)
    before = network.download(restorer.restore(network.tensor(WINDOWS)))
    network.load(weights(network, 2))
    assert max(differences(network, restorer)) < 1e-5
    assert np.abs(before - network.download(restorer.restore(network.tensor(WINDOWS)))).max() > 0.1


def test_a_neighbour_in_anothers_place_would_be_seen(network: Network) -> None:
    """The planted fault: flows and features of one neighbour exchanged with the next's."""
    restorer = TrainingRestorer(network)
    untouched = restorer._pyramids
    restorer._pyramids = lambda frames: [untouched(frames)[i] for i in (1, 0, 2, 3, 4)]
    assert min(differences(network, restorer)) > 1e-4


def test_the_losses_are_the_published(network: Network) -> None:
    low = WINDOWS[..., :16, :16]
    ours = terms_of("self-supervised", network, Batch(low))
    expected = losses(network.module.cycle(network.tensor(low)), network.backend.ops)
    for name, value in expected.items():
        assert network.download(ours[name]).item() == pytest.approx(network.download(value).item(), rel=1e-5), name
