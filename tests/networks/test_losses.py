"""The losses against their definitions in numpy; the golden vectors test their values inside the network."""

import sys
from collections.abc import Callable

import numpy as np
import pytest

from vsrlib.common.errors import UserError
from vsrlib.networks import load_network, losses
from vsrlib.networks.backend import Backend, backend_of
from vsrlib.training.flow.losses import endpoint_error

KERNEL = np.random.default_rng(0).random((2, 1, 13, 13)) / 80


def value(framework: str, loss: str, *arrays: np.ndarray) -> float:
    backend = backend_of(framework)
    tensors = [backend.tensor(array, "cpu") for array in arrays]
    return backend.array(getattr(losses, loss)(*tensors, backend.ops)).item()


def test_l1(framework: str) -> None:
    a, b = np.random.default_rng(1).random((2, 2, 3, 40, 50))
    assert value(framework, "l1", a, b) == pytest.approx(np.abs(a - b).mean(), rel=1e-6)


def test_unlike_shapes_are_not_compared(framework: str) -> None:
    """The frameworks would repeat one pixel, or one frame, until it fits."""
    frame = np.ones((2, 3, 4, 4))
    for other in (np.ones((2, 3, 1, 1)), np.ones((1, 3, 4, 4)), np.ones((3, 4, 4))):
        with pytest.raises(ValueError, match=r"shapes \(2, 3, 4, 4\) and \("):
            value(framework, "l1", frame, other)
    backend = backend_of(framework)
    flow, point = (backend.tensor(np.ones(shape), "cpu") for shape in ((1, 2, 4, 4), (1, 2, 1, 1)))
    with pytest.raises(ValueError, match="shapes"):
        endpoint_error(flow, point, backend.ops)


@pytest.mark.parametrize("size", [(1, 1), (16, 18), (17, 16)])
def test_windows_that_a_quarter_does_not_rebuild_are_said(framework: str, size: tuple[int, int]) -> None:
    network = load_network(framework, preset="study", device="cpu")
    batch = np.zeros((1, 5, 3, *size), np.float32)
    with pytest.raises(UserError, match=rf"windows of {size[0]}x{size[1]} pixels; give multiples of 4"):
        network.losses_and_gradients(batch)


def test_center_of_a_shifted_point(framework: str) -> None:
    kernel = np.zeros((1, 1, 13, 13))
    kernel[0, 0, 9, 4] = 0.5  # 3 below the middle, 2 left of it; the mass cancels out
    assert value(framework, "center", kernel) == pytest.approx((3**2 + 2**2) / 2, rel=1e-6)


def test_center_of_any_kernel(framework: str) -> None:
    index = np.arange(13)
    mass = KERNEL.sum((1, 2, 3))
    rows = (KERNEL.sum(3) * index).sum((1, 2)) / mass
    columns = (KERNEL.sum(2) * index).sum((1, 2)) / mass
    expected = (((rows - 6) ** 2 + (columns - 6) ** 2) / 2).mean()
    assert value(framework, "center", KERNEL) == pytest.approx(expected, rel=1e-5)


def test_sparse_counts_zeros_as_zero(framework: str) -> None:
    kernel = KERNEL.copy()
    kernel[0, 0, :5] = 0
    assert value(framework, "sparse", kernel) == pytest.approx(np.sqrt(np.abs(kernel)).mean(), rel=1e-6)


def test_sparse_of_small_values_and_its_gradient(framework: str) -> None:
    """A compiler that reassociates sums may lose them: the loss is then too small and its gradient infinite."""
    backend = backend_of(framework)
    kernel = np.geomspace(1e-30, 1, 169).astype(np.float32).reshape(1, 1, 13, 13)
    assert value(framework, "sparse", kernel) == pytest.approx(np.sqrt(kernel.astype(float)).mean(), rel=1e-6)
    gradient = _gradient(backend, losses.sparse, kernel)
    np.testing.assert_allclose(gradient, 0.5 / np.sqrt(kernel.astype(float)) / 169, rtol=1e-5)


def test_boundary_penalty_is_a_ring_of_two_pixels() -> None:
    penalty = losses.boundary_penalty(13)
    assert np.count_nonzero(penalty) == 88
    assert penalty[0, 0] == pytest.approx(5.756, abs=5e-4)
    assert penalty[0, 6] == pytest.approx(3.031, abs=5e-4)
    assert not penalty[2:-2, 2:-2].any()


def test_boundaries(framework: str) -> None:
    expected = np.abs(KERNEL * losses.boundary_penalty(13)).mean()
    assert value(framework, "boundaries", KERNEL) == pytest.approx(expected, rel=1e-6)


def test_the_gradient_of_the_leaky_relu_at_zero_is_its_slope(framework: str) -> None:
    """A correlation is exactly 0 beyond the second map, so that it matters; PaddlePaddle's own has 1 there."""
    network = load_network(framework, preset="study", device="cpu")
    backend, file = network.backend, sys.modules[type(network.module).__module__]
    values = np.array([-2, -0.0, 0, 1e-30, 3], np.float32)
    layer = dict(network.module.named_modules())["flow_net.moduleNetwork.moduleExtractor.moduleOne.1"]
    for function in (lambda x: getattr(file, backend.functions).leaky_relu(x, 0.1), layer):
        x = backend.leaf(backend.tensor(values))
        found = backend.array(backend.gradients(function(x).sum(), [x])[0])
        np.testing.assert_allclose(found, [0.1, 0.1, 0.1, 1, 1], rtol=1e-6)
        np.testing.assert_allclose(backend.array(function(backend.tensor(values))), np.maximum(values, 0.1 * values))


def test_ties_and_zeros_have_no_gradient(framework: str) -> None:
    """Where two values are equal, |x| has gradient 0; at 0 the square root's, which would be infinite, is left out."""
    backend = backend_of(framework)
    values = np.zeros((1, 1, 13, 13))
    values[0, 0, 6, 6] = 0.25
    for loss, expected in (("sparse", 1 / 169), ("boundaries", 0.0)):
        gradient = _gradient(backend, getattr(losses, loss), values)
        assert gradient[0, 0, 6, 6] == pytest.approx(expected, abs=1e-7)
        gradient[0, 0, 6, 6] = 0
        assert not gradient.any()


def test_supervised_losses_keep_the_kernel_apart(framework: str) -> None:
    """The total is the weighted sum, and the restoration's term has no gradient for the kernel."""
    backend = backend_of(framework)
    rng = np.random.default_rng(4)
    arrays = {
        "recons": rng.random((2, 3, 16, 16)),
        "truth": rng.random((2, 3, 16, 16)),
        "input": rng.random((2, 3, 4, 4)),
        "input_cycle": rng.random((2, 3, 4, 4)),
        "kernel": KERNEL,
    }
    tensors = {name: backend.tensor(array, "cpu") for name, array in arrays.items()}
    found = {name: backend.array(one).item() for name, one in losses.supervised_losses(tensors, backend.ops).items()}
    assert list(found) == ["restored", "cycle", "boundaries", "sparse", "center", "total"]
    assert found["restored"] == pytest.approx(np.abs(arrays["recons"] - arrays["truth"]).mean(), rel=1e-5)
    assert found["cycle"] == pytest.approx(np.abs(arrays["input_cycle"] - arrays["input"]).mean(), rel=1e-5)
    weighted = found["restored"] + found["cycle"] + found["boundaries"] / 2 + 0.04 * found["sparse"] + found["center"]
    assert found["total"] == pytest.approx(weighted, rel=1e-5)


def test_the_total_is_the_papers_weighted_sum(framework: str) -> None:
    backend = backend_of(framework)
    rng = np.random.default_rng(5)
    arrays = {name: rng.random((2, 3, 4, 4)) for name in ("input", "recons_down", "input_cycle")} | {"kernel": KERNEL}
    tensors = {name: backend.tensor(array, "cpu") for name, array in arrays.items()}
    found = {name: backend.array(one).item() for name, one in losses.losses(tensors, backend.ops).items()}
    assert list(found) == ["down", "cycle", "boundaries", "sparse", "center", "total"]
    assert found["down"] == pytest.approx(np.abs(arrays["recons_down"] - arrays["input"]).mean(), rel=1e-5)
    weighted = found["down"] + found["cycle"] + found["boundaries"] / 2 + 0.04 * found["sparse"] + found["center"]
    assert found["total"] == pytest.approx(weighted, rel=1e-5)


def _gradient(backend: Backend, loss: Callable, values: np.ndarray) -> np.ndarray:
    tensor = backend.leaf(backend.tensor(values))
    return backend.copied(*backend.gradients(loss(tensor, backend.ops), [tensor]))
