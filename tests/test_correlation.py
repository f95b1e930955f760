"""Correlation kernels against the numpy judge, and their gradients against float64 finite differences."""

import importlib

import numpy as np
import pytest

from vsrlib.correlation import reference


def brute_force(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The definition, value by value."""
    batch, channels, height, width = first.shape
    volume = np.zeros((batch, 81, height, width))
    for b, dy, dx, y, x in np.ndindex(batch, 9, 9, height, width):
        row, column = y + dy - 4, x + dx - 4
        if 0 <= row < height and 0 <= column < width:
            volume[b, dy * 9 + dx, y, x] = first[b, :, y, x] @ second[b, :, row, column] / channels
    return volume


def maps(*shape: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.standard_normal(shape), rng.standard_normal(shape)


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (1, 4, 1, 1), (1, 2, 3, 12)])
def test_the_judge_is_the_definition(shape: tuple[int, ...]) -> None:
    first, second = maps(*shape)
    np.testing.assert_allclose(reference(first, second), brute_force(first, second), atol=1e-14)


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (1, 16, 1, 1), (1, 2, 12, 3)])
def test_kernel_equals_the_judge(framework: str, shape: tuple[int, ...]) -> None:
    backend = importlib.import_module(f"vsrlib.networks.{framework}_backend")
    first, second = maps(*shape)
    volume = backend.ops.correlation(backend.tensor(first, "cpu"), backend.tensor(second, "cpu"))
    np.testing.assert_allclose(backend.array(volume), reference(first, second), atol=1e-6)


def test_gradients_equal_finite_differences(framework: str) -> None:
    backend = importlib.import_module(f"vsrlib.networks.{framework}_backend")
    first, second = maps(2, 3, 4, 6)
    weight = np.random.default_rng(2).standard_normal((2, 81, 4, 6))
    ours = gradients(framework, backend, first, second, weight)

    def loss(a: np.ndarray, b: np.ndarray) -> float:
        return float((reference(a, b) * weight).sum())

    for which, (ours_one, values) in enumerate(zip(ours, (first, second))):
        numeric = np.empty_like(values)
        for index in np.ndindex(values.shape):
            step = np.zeros_like(values)
            step[index] = 0.5  # the volume is linear in either map, so the step may be large
            pair = [(first + step, second), (first - step, second)] if which == 0 else \
                [(first, second + step), (first, second - step)]
            numeric[index] = loss(*pair[0]) - loss(*pair[1])
        assert np.abs(numeric).max() > 1
        np.testing.assert_allclose(ours_one, numeric, atol=1e-5)


def gradients(framework: str, backend, first: np.ndarray, second: np.ndarray, weight: np.ndarray) -> list[np.ndarray]:
    a, b, w = (backend.tensor(values, "cpu") for values in (first, second, weight))
    if framework == "torch":
        a.requires_grad_()
        b.requires_grad_()
        (backend.ops.correlation(a, b) * w).sum().backward()
        return [a.grad.numpy(), b.grad.numpy()]
    grads = backend.ops.jt.grad((backend.ops.correlation(a, b) * w).sum(), [a, b])
    return [backend.array(value) for value in grads]
