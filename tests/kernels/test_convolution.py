"""Winograd convolutions against plain ones in float64, and the choice between them."""

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import map_coordinates
from scipy.signal import correlate

from vsrlib.common.errors import UserError
from vsrlib.kernels import winograd
from vsrlib.networks.backend import backend_of


def plain(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, dilation: int = 1) -> np.ndarray:
    """x (B, h, w, C), weight (D, C, 3, 3) -> (B, h, w, D), zeros around."""
    spread = np.zeros((*weight.shape[:2], 2 * dilation + 1, 2 * dilation + 1))
    spread[..., ::dilation, ::dilation] = weight
    padded = np.pad(x, ((0, 0), (dilation, dilation), (dilation, dilation), (0, 0)))
    return bias + np.stack(
        [
            np.stack([correlate(image, one.transpose(1, 2, 0), "valid", "direct")[..., 0] for one in spread], -1)
            for image in padded
        ]
    )


def native_of(framework: str) -> ModuleType:
    return importlib.import_module(f"vsrlib.kernels.{framework}_cpp")


def ours(
    framework: str,
    parts: list[np.ndarray],
    weight: np.ndarray,
    bias: np.ndarray,
    residual: np.ndarray | None = None,
    **options: float,
) -> np.ndarray:
    """Of parts of any number of channels; what was filled up with zeros is left out of the result."""
    backend, native = backend_of(framework), native_of(framework)
    widths = [part.shape[3] for part in parts]
    last = [native.channels_last(backend.tensor(part.transpose(0, 3, 1, 2))) for part in parts]
    tensors = [backend.tensor(one) for one in (winograd.transformed(weight, widths), winograd.filled(bias))]
    given = None if residual is None else backend.tensor(winograd.filled(residual, 3))
    result = backend.array(native.convolve(last, *tensors, given, **options))
    assert not result[..., len(bias) :].any()
    return result[..., : len(bias)]


def drawn(
    size: tuple[int, ...], widths: tuple[int, ...], outputs: int, seed: int = 0
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Parts (*size, C) of these widths, a weight and a bias, such that the outputs are of the size of the inputs."""
    rng = np.random.default_rng(seed)
    parts = [rng.standard_normal((*size, width)) for width in widths]
    weight = rng.standard_normal((outputs, sum(widths), 3, 3)) / np.sqrt(9 * sum(widths))
    return parts, weight, rng.standard_normal(outputs)


@pytest.mark.parametrize("size", [(1, 1), (4, 4), (7, 9), (3, 50), (33, 18)])
@pytest.mark.parametrize("channels", [(16, 16), (48, 48), (48, 96), (32, 80), (144, 32), (64, 112)])
def test_equals_the_plain_convolution(framework: str, size: tuple[int, int], channels: tuple[int, int]) -> None:
    parts, weight, bias = drawn((1, *size), channels[:1], channels[1])
    residual = np.random.default_rng(1).standard_normal((1, *size, channels[1]))
    expected = plain(parts[0], weight, bias)
    np.testing.assert_allclose(ours(framework, parts, weight, bias), expected, atol=5e-5)
    with_both = ours(framework, parts, weight, bias, residual, slope=winograd.RELU)
    np.testing.assert_allclose(with_both, np.maximum(expected + residual, 0), atol=5e-5)
    assert (with_both == 0).any() and (with_both > 0).any()


@pytest.mark.parametrize("widths", [(16, 32), (8, 24, 81), (1, 2, 3, 4, 5, 65)])
def test_parts_are_as_though_they_were_joined(framework: str, widths: tuple[int, ...]) -> None:
    parts, weight, bias = drawn((2, 9, 6), widths, 20)
    expected = plain(np.concatenate(parts, 3), weight, bias)
    np.testing.assert_allclose(ours(framework, parts, weight, bias), expected, atol=5e-5)


@pytest.mark.parametrize("dilation", [2, 3, 8, 16])
def test_a_dilated_convolution_is_one_on_each_grid(framework: str, dilation: int) -> None:
    """Of several images, each with zeros around it, and a leaky ReLU."""
    parts, weight, bias = drawn((3, 21, 13), (16,), 16)
    expected = plain(parts[0], weight, bias, dilation)
    found = ours(framework, parts, weight, bias, slope=0.1, dilation=dilation)
    np.testing.assert_allclose(found, np.where(expected < 0, 0.1 * expected, expected), atol=5e-5)


def test_one_image_does_not_see_another(framework: str) -> None:
    parts, weight, bias = drawn((2, 5, 6), (16,), 16)
    alone = [ours(framework, [image[None]], weight, bias) for image in parts[0]]
    np.testing.assert_array_equal(ours(framework, parts, weight, bias), np.concatenate(alone))


def test_threads_change_nothing() -> None:
    import torch

    parts, weight, bias = drawn((1, 40, 41), (80,), 48)
    before, found = torch.get_num_threads(), []
    try:
        for count in (1, 2, 5):
            torch.set_num_threads(count)
            found.append(ours("torch", parts, weight, bias))
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(found[1:], [found[0]] * 2)


@pytest.mark.parametrize("align_corners", [True, False])
def test_the_warp_is_bilinear_and_repeats_borders(framework: str, align_corners: bool) -> None:
    """Within the frame, beyond each border, between pixels and on them, masked and not."""
    rng = np.random.default_rng(0)
    x, sides = rng.standard_normal((2, 9, 11, 16)), np.array([11, 9]).reshape(1, 2, 1, 1)
    flow = np.concatenate([rng.uniform(-14, 14, (1, 2, 9, 11)), rng.integers(-2, 3, (1, 2, 9, 11))])
    mask = (rng.random((2, 1, 9, 11)) < 0.7).astype(float)
    places = flow + np.stack(np.meshgrid(np.arange(11), np.arange(9)))
    if not align_corners:  # a grid normalised by (size - 1) and read as though by size
        places = places * sides / (sides - 1) - 0.5
    places = np.clip(places, 0, sides - 1)
    expected = np.stack(
        [
            np.stack([map_coordinates(image[..., c], [y, x], order=1) for c in range(16)], -1) * seen[0][..., None]
            for image, (x, y), seen in zip(x, places, mask)
        ]
    )
    backend, native = backend_of(framework), native_of(framework)
    found = native.warp(*(backend.tensor(value) for value in (x, flow, mask)), align_corners)
    np.testing.assert_allclose(backend.array(found), expected, atol=2e-5)


def test_channels_last_and_back(framework: str) -> None:
    backend, native = backend_of(framework), native_of(framework)
    for channels in (16, 21):
        values = np.random.default_rng(0).standard_normal((2, channels, 5, 7)).astype(np.float32)
        last = native.channels_last(backend.tensor(values))
        expected = np.zeros((2, 5, 7, -channels % 16 + channels), np.float32)
        expected[..., :channels] = values.transpose(0, 2, 3, 1)
        np.testing.assert_array_equal(backend.array(last), expected)
        np.testing.assert_array_equal(backend.array(native.channels_first(last, channels)), values)


def test_a_nan_stays_a_nan(framework: str) -> None:
    """The ReLU of a NaN must not be 0: a broken restoration would then look whole."""
    x = np.zeros((1, 8, 8, 16))
    x[0, 4, 4, 3] = np.nan
    result = ours(framework, [x], np.ones((16, 16, 3, 3)), np.zeros(16), slope=winograd.RELU)
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


def test_a_layer_that_gives_channels_last(framework: str) -> None:
    """Of three channels, as the first has, and of a number that is filled up."""
    backend, native = backend_of(framework), native_of(framework)
    rng = np.random.default_rng(0)
    frames, weight = rng.standard_normal((2, 3, 9, 14)), rng.standard_normal((21, 3, 3, 3))
    expected = plain(frames.transpose(0, 2, 3, 1), weight, np.zeros(21))

    def conv(x: Any) -> Any:
        return backend.ops.conv2d(x, *map(backend.tensor, (weight, np.zeros(21))), (1, 1))

    found = backend.array(native.channels_last_of(conv, backend.tensor(frames)))
    np.testing.assert_allclose(found[..., :21], expected, atol=5e-5)
    assert found.shape == (2, 9, 14, 32) and not found[..., 21:].any()
