"""The operations of a port one by one, on small arrays, against numpy and scipy in float64; no network is built."""

import itertools
import math

import numpy as np
import pytest
from scipy import ndimage

from vsrlib.networks.architecture import Conv, Deconv, Linear
from vsrlib.networks.backend import Backend, backend_of

SHAPE = (2, 3, 5, 7)  # no two are alike, so that no axis can stand for another


@pytest.fixture(scope="module")
def backend(framework: str) -> Backend:
    return backend_of(framework)


def drawn(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).uniform(-1, 1, shape).astype(np.float32)


def applied(backend: Backend, operation: str, x: np.ndarray, *arguments: object) -> np.ndarray:
    return backend.array(getattr(backend.ops, operation)(backend.tensor(x), *arguments))


def gradient(backend: Backend, operation: str, x: np.ndarray, *arguments: object) -> np.ndarray:
    """Of the operation's sum."""
    leaf = backend.leaf(backend.tensor(x))
    return backend.array(backend.gradients(getattr(backend.ops, operation)(leaf, *arguments).sum(), [leaf])[0])


def correlated(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, padding: tuple[int, int], mode: str) -> np.ndarray:
    """Each image's windows times the weights (D, C, k, l), in float64."""
    (up, left), size = padding, weight.shape[2:]
    padded = np.pad(x.astype(float), ((0, 0), (0, 0), (up, up), (left, left)), mode)
    windows = np.lib.stride_tricks.sliding_window_view(padded, size, (2, 3))
    return np.einsum("bchwkl,dckl->bdhw", windows, weight.astype(float)) + bias[:, None, None]


def layer_applied(backend: Backend, layer: object, weight: np.ndarray, bias: np.ndarray, x: np.ndarray) -> np.ndarray:
    backend.load(layer, {"weight": weight, "bias": bias})
    return backend.array(layer(backend.tensor(x)))


def test_a_convolution_has_the_numbers_of_its_description(backend: Backend) -> None:
    layer = backend.ops.conv(Conv(3, 4, kernel=3, stride=2, padding=2, dilation=3))
    x, weight, bias = drawn(*SHAPE), drawn(4, 3, 3, 3), drawn(4)
    dilated = np.zeros((4, 3, 7, 7))
    dilated[..., ::3, ::3] = weight
    expected = correlated(x, dilated, bias, (2, 2), "constant")[..., ::2, ::2]
    np.testing.assert_allclose(layer_applied(backend, layer, weight, bias, x), expected, atol=1e-5)


def test_a_transposed_convolution_has_the_numbers_of_its_description(backend: Backend) -> None:
    """Each pixel leaves a copy of the weights, `stride` from the next; so does a correlation with the turned ones."""
    layer = backend.ops.deconv(Deconv(3, 4, kernel=5, stride=3, padding=2))
    x, weight, bias = drawn(*SHAPE), drawn(3, 4, 5, 5), drawn(4)
    apart = np.zeros((2, 3, 13, 19))
    apart[..., ::3, ::3] = x
    expected = correlated(apart, weight.swapaxes(0, 1)[..., ::-1, ::-1], bias, (2, 2), "constant")
    np.testing.assert_allclose(layer_applied(backend, layer, weight, bias, x), expected, atol=1e-5)


def test_a_fully_connected_layer_mixes_the_last_axis(backend: Backend) -> None:
    x, weight, bias = drawn(5, 7), drawn(4, 7), drawn(4)
    found = layer_applied(backend, backend.ops.linear(Linear(7, 4)), weight, bias, x)
    np.testing.assert_allclose(found, x.astype(float) @ weight.T + bias, atol=1e-5)


def test_convolution_has_zeros_around(backend: Backend) -> None:
    weight, bias = drawn(4, 3, 3, 5), drawn(4)
    found = applied(backend, "conv2d", drawn(*SHAPE), backend.tensor(weight), backend.tensor(bias), (1, 2))
    np.testing.assert_allclose(found, correlated(drawn(*SHAPE), weight, bias, (1, 2), "constant"), atol=1e-5)


@pytest.mark.parametrize("sides", [(5, 7), (4, 6)])
@pytest.mark.parametrize("size", [(8, 14), (3, 11), (5, 7), (1, 2), (2, 1)])
def test_resizing_keeps_the_centres_at_half_integers(
    backend: Backend, sides: tuple[int, int], size: tuple[int, int]
) -> None:
    x = drawn(2, 3, *sides)
    places = [(np.arange(out) + 0.5) * (side / out) - 0.5 for out, side in zip(size, sides)]
    grid = np.meshgrid(*places, indexing="ij")
    found = applied(backend, "resize", x, size)
    for ours, channel in zip(found.reshape(6, *size), x.reshape(6, *sides).astype(float), strict=True):
        np.testing.assert_allclose(ours, ndimage.map_coordinates(channel, grid, order=1, mode="nearest"), atol=2e-6)


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize(("padding", "mode"), [("border", "nearest"), ("zeros", "grid-constant")])
@pytest.mark.parametrize("size", [(5, 7), (1, 6), (6, 1), (2, 3), (3, 2), (2, 2)])
def test_samples_are_scipys(
    backend: Backend, size: tuple[int, int], padding: str, mode: str, align_corners: bool
) -> None:
    """At places inside, outside and between; x is the first part of a flow. Without `align_corners` all are shifted."""
    rng = np.random.default_rng(6)
    x, flow = rng.random((2, 3, *size), np.float32), rng.uniform(-3, 3, (2, 2, *size)).astype(np.float32)
    found = applied(backend, "sample", x, backend.tensor(flow), padding, align_corners)
    across, down = flow.astype(float).swapaxes(0, 1)
    place = np.indices(size)[:, None] + np.stack([down, across])
    # The grid is in units of (size - 1), and read in those of size where the corners are not aligned. With them
    # a side of one pixel has no size, and every place is that pixel's.
    sides = np.array(size).reshape(2, 1, 1, 1)
    place = place * (sides - align_corners) / np.maximum(sides - 1, 1) - 0.5 * (not align_corners)
    for image, *pixels, ours in zip(x.astype(float), *place, found):
        expected = [ndimage.map_coordinates(channel, pixels, order=1, mode=mode) for channel in image]
        np.testing.assert_allclose(ours, expected, atol=3e-6)


def test_parts_follow_one_another(backend: Backend) -> None:
    parts = [drawn(2, channels, 5, 7) for channels in (3, 1, 2)]
    found = backend.ops.concat([backend.tensor(part) for part in parts], 1)
    np.testing.assert_array_equal(backend.array(found), np.concatenate(parts, 1))


def test_shuffled_channels_become_the_pixels_of_a_cell(backend: Backend) -> None:
    x, factor = drawn(2, 18, 2, 5), 3
    found = applied(backend, "pixel_shuffle", x, factor)
    assert found.shape == (2, 2, 6, 15)
    for c, i, j in itertools.product(range(2), range(factor), range(factor)):
        np.testing.assert_array_equal(found[:, c, i::factor, j::factor], x[:, 9 * c + factor * i + j])


def test_ones_are_one_channel_of_every_image(backend: Backend) -> None:
    np.testing.assert_array_equal(applied(backend, "ones", drawn(*SHAPE)), np.ones((2, 1, 5, 7)))


@pytest.mark.parametrize(("operation", "seen"), [("at_least", [0, 1, 1]), ("above", [0, 0, 1])])
def test_a_threshold_is_reached_or_exceeded(backend: Backend, operation: str, seen: list[int]) -> None:
    x = np.array([0.25, 0.5, 0.75], np.float32)
    np.testing.assert_array_equal(applied(backend, operation, x, 0.5), seen)
    leaf = backend.leaf(backend.tensor(x))
    masked = (leaf * getattr(backend.ops, operation)(leaf, 0.5)).sum()
    np.testing.assert_array_equal(backend.array(backend.gradients(masked, [leaf])[0]), seen)


def test_the_smallest_value_has_no_gradient_below_it(backend: Backend) -> None:
    x = np.array([-3, 0.25, 0.75], np.float32)
    np.testing.assert_array_equal(applied(backend, "floored", x, 0.5), [0.5, 0.5, 0.75])
    np.testing.assert_array_equal(gradient(backend, "floored", x, 0.5), [0, 0, 1])


def test_the_absolute_value_has_no_gradient_at_zero(backend: Backend) -> None:
    x = np.array([-3, -0.5, 0, 0.5, 3], np.float32)
    np.testing.assert_array_equal(applied(backend, "absolute", x), [3, 0.5, 0, 0.5, 3])
    np.testing.assert_array_equal(gradient(backend, "absolute", x), [-1, -1, 0, 1, 1])


@pytest.mark.parametrize("shape", [SHAPE, (5, 7), (7,)])
def test_means_of_few_values(backend: Backend, shape: tuple[int, ...]) -> None:
    x = drawn(*shape)
    assert applied(backend, "mean", x).item() == pytest.approx(x.mean(dtype=float), abs=1e-7)
    np.testing.assert_allclose(gradient(backend, "mean", x), np.full(shape, 1 / x.size), rtol=1e-6)


@pytest.mark.parametrize("shape", [(1, 2, 720, 960), (1500, 1500)])
def test_means_of_many_values(backend: Backend, shape: tuple[int, ...]) -> None:
    """Added one after the other in float32, as some frameworks do, these are off by some thousandths."""
    values = np.full(shape, 0.1)
    assert applied(backend, "mean", values).item() == pytest.approx(0.1, rel=5e-5)
    if len(shape) == 4:
        np.testing.assert_allclose(applied(backend, "global_mean", values).ravel(), 0.1, rtol=5e-5)


def test_the_mean_of_each_channel(backend: Backend) -> None:
    x = drawn(*SHAPE)
    found = applied(backend, "global_mean", x)
    assert found.shape == (2, 3, 1, 1)
    np.testing.assert_allclose(found, x.mean((2, 3), keepdims=True, dtype=float), atol=1e-6)


@pytest.mark.parametrize(("size", "bins"), [((5, 7), 3), ((4, 9), 4), ((5, 7), 6), ((6, 1), 2)])
def test_bins_cover_all_pixels_and_may_overlap(backend: Backend, size: tuple[int, int], bins: int) -> None:
    x = drawn(2, 3, *size)
    found = applied(backend, "adaptive_mean", x, bins)
    assert found.shape == (2, 3, bins, bins)
    height, width = size
    for i, j in itertools.product(range(bins), range(bins)):
        rows = slice(i * height // bins, math.ceil((i + 1) * height / bins))
        columns = slice(j * width // bins, math.ceil((j + 1) * width / bins))
        np.testing.assert_allclose(found[:, :, i, j], x[:, :, rows, columns].mean((2, 3)), atol=1e-6)


@pytest.mark.parametrize(("side", "scale"), [(5, 2), (3, 4), (1, 1)])
def test_each_image_is_blurred_by_its_own_kernel(backend: Backend, side: int, scale: int) -> None:
    x, kernel = drawn(*SHAPE), drawn(2, 1, side, side)
    found = applied(backend, "blur_down", x, backend.tensor(kernel), scale)
    for ours, image, one in zip(found, x[:, :, None], kernel):
        blurred = correlated(image, one[None], np.zeros(1), (side // 2,) * 2, "edge")[:, 0]
        np.testing.assert_allclose(ours, blurred[:, ::scale, ::scale], atol=1e-5)


def test_a_constant_is_of_the_others_type(backend: Backend) -> None:
    values = np.arange(6.0).reshape(2, 3).T  # float64, its columns one after the other
    found = backend.array(backend.ops.constant(values, backend.tensor(np.ones(1))))
    np.testing.assert_array_equal(found, values)
    assert found.dtype == np.float32
