"""Winograd convolutions against plain ones in float64, and the choice between them."""

import importlib
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
from scipy.signal import correlate

from vsrlib.common.errors import UserError
from vsrlib.kernels import winograd
from vsrlib.networks.backend import backend_of


def plain(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """x (h, w, C), weight (D, C, 3, 3) -> (h, w, D), zeros around."""
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    return np.stack([correlate(padded, one.transpose(1, 2, 0), "valid", "direct")[..., 0] for one in weight], -1) + bias


def ours(
    framework: str,
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    residual: np.ndarray | None = None,
    relu: bool = False,
) -> np.ndarray:
    backend = backend_of(framework)
    module: ModuleType = importlib.import_module(f"vsrlib.kernels.{framework}_cpp")
    tensors = [backend.tensor(value, "cpu") for value in (x, winograd.transformed(weight), bias)]
    return backend.array(module.convolve(*tensors, None if residual is None else backend.tensor(residual, "cpu"), relu))


@pytest.mark.parametrize("size", [(1, 1), (4, 4), (7, 9), (3, 50), (33, 18)])
@pytest.mark.parametrize("channels", [(16, 16), (48, 96), (32, 80)])
def test_equals_the_plain_convolution(framework: str, size: tuple[int, int], channels: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    x, residual = rng.standard_normal((*size, channels[0])), rng.standard_normal((*size, channels[1]))
    weight = rng.standard_normal((channels[1], channels[0], 3, 3)) / np.sqrt(9 * channels[0])
    bias = rng.standard_normal(channels[1])
    expected = plain(x, weight, bias)
    np.testing.assert_allclose(ours(framework, x, weight, bias), expected, atol=5e-5)
    with_both = ours(framework, x, weight, bias, residual, relu=True)
    np.testing.assert_allclose(with_both, np.maximum(expected + residual, 0), atol=5e-5)
    assert (with_both == 0).any() and (with_both > 0).any()


def test_channels_last_and_back(framework: str) -> None:
    backend = backend_of(framework)
    module = importlib.import_module(f"vsrlib.kernels.{framework}_cpp")
    values = np.random.default_rng(0).standard_normal((1, 16, 5, 7)).astype(np.float32)
    last = module.channels_last(backend.tensor(values, "cpu"))
    np.testing.assert_array_equal(backend.array(last), values[0].transpose(1, 2, 0))
    np.testing.assert_array_equal(backend.array(module.channels_first(last)), values)


def test_a_nan_stays_a_nan(framework: str) -> None:
    """The ReLU of a NaN must not be 0: a broken restoration would then look whole."""
    x = np.zeros((8, 8, 16))
    x[4, 4, 3] = np.nan
    result = ours(framework, x, np.ones((16, 16, 3, 3)), np.zeros(16), relu=True)
    assert np.isnan(result).any()


@pytest.mark.parametrize(
    "name, device, features, words",
    [("winograd", "cuda", 128, "for the CPU"), ("winograd", "cpu", 20, "multiples of 16")],
)
def test_a_choice_that_cannot_be_had_is_named(name: str, device: str, features: int, words: str) -> None:
    with pytest.raises(UserError, match=words):
        winograd.pick(name, device, features)
    assert winograd.pick("auto", device, features) == "framework"


def test_without_a_compiler(hide_compiler: Callable[[], None]) -> None:
    assert winograd.pick("auto", "cpu", 128) == "winograd"
    hide_compiler()
    assert winograd.pick("auto", "cpu", 128) == "framework"
    with pytest.raises(UserError, match="g\\+\\+ was not found.*framework"):
        winograd.pick("winograd", "cpu", 128)
