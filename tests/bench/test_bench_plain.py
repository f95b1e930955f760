"""The plain formulations that ours are timed against compute the same, values and gradients; and the suites' inputs."""

import importlib

import numpy as np
import oracles
import pytest
from conftest import FRAMEWORKS

from vsrlib.bench import blur, output
from vsrlib.bench.correlation import level_shapes
from vsrlib.bench.inputs import MovingTexture
from vsrlib.data import degrade
from vsrlib.kernels import correlation
from vsrlib.networks.backend import backend_of
from vsrlib.restoration import metrics

PAIR = pytest.mark.parametrize("pair", FRAMEWORKS[:2])  # the two that `vsrlib bench` measures


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def tools(framework: str):
    """The plain formulations, and the framework's backend."""
    return importlib.import_module(f"vsrlib.bench.plain_{framework}"), backend_of(framework)


@PAIR
def test_plain_correlation(pair: str, rng: np.random.Generator) -> None:
    plain, backend = tools(pair)
    first, second, step = (rng.standard_normal((2, 5, 6, 11)).astype(np.float32) for _ in range(3))
    weight = rng.standard_normal((2, 81, 6, 11)).astype(np.float32)
    a, b = (backend.leaf(backend.tensor(value, "cpu")) for value in (first, second))
    volume = plain.correlation(a, b)
    np.testing.assert_allclose(backend.array(volume), correlation.reference(first, second), atol=1e-6)
    grad_a, grad_b = (backend.array(value) for value in backend.vjp([volume], [backend.tensor(weight)], [a, b]))
    # the volume is linear in either map, so a gradient times a step is the weighted volume of that step
    for gradient, maps in ((grad_a, (step, second)), (grad_b, (first, step))):
        expected = np.vdot(weight, correlation.reference(*maps))
        assert np.vdot(gradient, step) == pytest.approx(expected, rel=1e-4, abs=1e-4)
    _, ours = correlation.pick(pair, "auto", "cpu")
    for theirs, mine in zip((grad_a, grad_b), backend.vjp([ours(a, b)], [backend.tensor(weight)], [a, b])):
        np.testing.assert_allclose(backend.array(mine), theirs, atol=1e-5)


@PAIR
def test_plain_blur_down(pair: str, rng: np.random.Generator) -> None:
    plain, backend = tools(pair)
    x, kernel = rng.random((2, 3, 18, 21)), rng.random((2, 1, 5, 5))
    weight = backend.tensor(rng.standard_normal((2, 3, 5, 6)), "cpu")
    leaves = [backend.leaf(backend.tensor(value, "cpu")) for value in (x, kernel)]
    theirs, ours = plain.blur_down(*leaves, 4), backend.ops.blur_down(*leaves, 4)
    assert theirs.shape == ours.shape == weight.shape
    expected = degrade.blur_down_exact(x[1].transpose(1, 2, 0), kernel[1, 0])
    np.testing.assert_allclose(backend.array(theirs)[1].transpose(1, 2, 0), expected, rtol=1e-5)
    np.testing.assert_allclose(backend.array(ours), backend.array(theirs), rtol=1e-5)
    for a, b in zip(backend.vjp([ours], [weight], leaves), backend.vjp([theirs], [weight], leaves)):
        np.testing.assert_allclose(backend.array(a), backend.array(b), atol=2e-5)


@pytest.mark.parametrize("size", [(20, 32), (19, 33)])
def test_plain_data_generation(size: tuple[int, int], rng: np.random.Generator) -> None:
    frame = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    kernel = rng.random((13, 13))  # neither symmetric nor of sum 1: turned or shifted, it would show
    kernel /= 0.55 * kernel.sum()
    theirs = blur.blur_all(frame, kernel)
    np.testing.assert_array_equal(theirs, degrade.blur_down(frame, kernel))
    assert (theirs == 255).any() and (theirs < 255).any()


def test_plain_ssim(rng: np.random.Generator) -> None:
    a = MovingTexture((40, 56)).frame(0)
    b = np.clip(a + rng.normal(0, 12, a.shape), 0, 255).astype(np.uint8)
    ours = metrics.ssim(a, b)
    assert output.ssim_three_times(a, b) == pytest.approx(ours, abs=1e-12)
    assert ours == pytest.approx(oracles.ssim(a[4:-4, 4:-4], b[4:-4, 4:-4]), abs=1e-6) and 0.1 < ours < 0.99


def test_the_texture_moves_and_a_window_goes_on_where_the_last_one_was() -> None:
    clip = MovingTexture((20, 30))
    indices, frames = clip.window(7)
    assert indices == [7, 8, 9, 10, 11] and list(frames) == indices
    assert frames[7].shape == (20, 30, 3) and frames[7].dtype == np.uint8
    assert (frames[7].min(), frames[7].max()) == (0, 255)
    np.testing.assert_array_equal(frames[8][1:, 2:], frames[7][:-1, :-2])
    assert (frames[8] != frames[7]).mean() > 0.9
    np.testing.assert_array_equal(clip.window(8)[1][8], frames[8])
    neighbours = np.abs(np.diff(frames[7].astype(int), axis=1)).mean()
    assert neighbours < 0.5 * frames[7].std(), "smooth"


def test_level_shapes_are_those_that_the_flow_network_correlates() -> None:
    import torch

    from vsrlib.networks import load_network

    network = load_network("torch", preset="study", device="cpu", correlation="pure")
    with torch.no_grad():
        pyramid = network.module.flow_net.pyramid(torch.zeros(1, 3, 70, 100))
    shapes = level_shapes(network.config.pyramid, (70, 100))
    assert shapes == {level: tuple(pyramid[level].shape[1:]) for level in (2, 3, 4, 5, 6)}
