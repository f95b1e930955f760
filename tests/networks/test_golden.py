"""Both frameworks against what the authors' network computed in float64.

A wrong dilation, mask, align_corners or channel order is orders of magnitude away from these bounds.
"""

import json
from functools import partial

import numpy as np
import pytest
from golden_weights import GOLDEN, frames, relative_error, weights

import vsrlib
from vsrlib.networks.losses import losses as losses_of
from vsrlib.networks.network import Network
from vsrlib.training.step import TrainingRestorer

INFER = np.load(GOLDEN / "infer_seed11_40x56.npz")
TRAIN = np.load(GOLDEN / "train_seed12_64x64_batch2.npz")


@pytest.fixture(scope="module")
def network(framework: str) -> Network:
    return vsrlib.load_network(framework, weights(11), device="cpu")


@pytest.fixture(scope="module", params=["published", "trained"])
def training(
    framework: str, request: pytest.FixtureRequest
) -> tuple[dict[str, float], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Losses, gradients and outputs, of the network's own formulation and of the one that training uses."""
    network = vsrlib.load_network(framework, weights(12), device="cpu")
    if request.param == "trained":
        restorer = TrainingRestorer(network)
        network.module.cycle = partial(network.module.cycle, rebuild=restorer.rebuild, restore=restorer.restore)
    batch = frames(TRAIN["frames_u8"])
    losses, gradients = network.losses_and_gradients(batch)
    with network.backend.no_grad():
        outputs = network.module.cycle(network.backend.tensor(batch, "cpu"))
    return losses, gradients, {name: network.download(value) for name, value in outputs.items()}


def test_restoration_and_kernel(network: Network) -> None:
    outputs = network.infer(frames(INFER["frames_u8"][0]))
    assert relative_error(outputs["recons"], INFER["recons"][0]) < 1e-5
    assert relative_error(outputs["kernel"], INFER["est_kernel"][0, 0]) < 1e-5
    assert outputs["recons"].dtype == np.float32


def test_flow(network: Network) -> None:
    window = frames(INFER["frames_u8"][0])
    flow = network.flow(window[2], window[0])
    assert relative_error(flow, INFER["flow_2_to_0"][0]) < 1e-5
    # what a grid_sample that defaults to align_corners=False would make of it, for scale
    assert relative_error(flow, INFER["flow_2_to_0_align_corners_false"][0]) > 1e-3


def test_feature_warp_and_its_mask(network: Network) -> None:
    backend = network.backend
    with backend.no_grad():
        warped, mask = network.module.warp(
            backend.tensor(frames(INFER["frames_u8"][:, 0]), "cpu"), backend.tensor(INFER["flow_2_to_0"], "cpu")
        )
    assert relative_error(backend.array(warped), INFER["warp_0_to_2"]) < 1e-5
    np.testing.assert_array_equal(backend.array(mask), INFER["warp_mask"][:, :1])


@pytest.mark.parametrize("name", ["down", "cycle", "boundaries", "sparse", "center", "total"])
def test_losses(training: tuple, name: str) -> None:
    assert training[0][name] == pytest.approx(float(TRAIN[f"loss_{name}"]), rel=1e-5)


@pytest.mark.parametrize("ours, golden", [("recons_down",) * 2, ("input_cycle",) * 2, ("kernel", "est_kernel")])
def test_training_outputs(training: tuple, ours: str, golden: str) -> None:
    assert relative_error(training[2][ours], TRAIN[golden]) < 1e-5


def gradient_errors(gradients: dict[str, np.ndarray]) -> list[float]:
    """Relative error of the norm of each parameter's gradient, where the authors' network has one."""
    truth = json.loads(TRAIN["grad_norm_json"].tobytes())
    norms = {name: float(np.linalg.norm(value.astype(np.float64))) for name, value in gradients.items()}
    assert set(norms) == set(truth)
    assert all(norms[name] == 0 for name in truth if truth[name] == 0)
    errors = [abs(norms[name] / truth[name] - 1) for name in truth if truth[name] > 0]
    assert len(errors) == 269  # one channel attention is wholly behind a shut ReLU
    return errors


def test_every_gradient_in_float64() -> None:
    import torch  # here, because the rest of this file also runs in Jittor's process

    network = vsrlib.load_network("torch", weights(12), device="cpu", correlation="pure")
    network.module.double()
    network.module.blur_down = network.backend.ops.blur_down  # the C++ one is float32's
    parameters = dict(network.module.named_parameters())
    batch = torch.from_numpy(frames(TRAIN["frames_u8"])).double()
    total = losses_of(network.module.cycle(batch), network.backend.ops)["total"]
    gradients = torch.autograd.grad(total, list(parameters.values()), allow_unused=True, materialize_grads=True)
    assert max(gradient_errors({name: value.numpy() for name, value in zip(parameters, gradients)})) < 1e-6


def test_every_gradient(training: tuple) -> None:
    # In float32 an activation that is nearly zero may lie on its other side, which moves the gradients before it by
    # up to per cents; which ones, if any, depends on the processor. The float64 test and the referee have no such room.
    errors = gradient_errors(training[1])
    assert max(errors) < 0.05
    assert np.quantile(errors, 0.9) < 1e-3
    assert np.median(errors) < 1e-4


def test_align_corners_false_is_the_fault_of_the_golden_vectors(framework: str) -> None:
    from dataclasses import replace

    from vsrlib.networks.network import Network as Facade

    right = vsrlib.load_network(framework, weights(11), device="cpu")
    wrong = Facade(framework, right.backend, replace(right.config, align_corners=False), "cpu", "auto")
    wrong.load(weights(11))
    outputs = wrong.infer(frames(INFER["frames_u8"][0]))
    assert relative_error(outputs["recons"], INFER["recons_align_corners_false"][0]) < 1e-5
    assert relative_error(outputs["recons"], INFER["recons"][0]) > 1e-5
