"""Bicubic upsampling on the decimation's grid."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vsrlib.data.degradation import bicubic_on_grid, keys_weights
from vsrlib.data.degrade import blur_down, gaussian_kernel
from vsrlib.data.synthetic.pictures import load_photograph
from vsrlib.restoration.metrics import psnr


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def keys(x: float) -> float:
    """Keys' kernel with a = -1/2, piecewise as published."""
    x = abs(x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


@settings(max_examples=25, deadline=None)
@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    scale=st.integers(1, 4),
    seed=st.integers(0, 99),
    lag=st.sampled_from([0.0, 0.5, 1.0, 1.5]),
)
def test_brute_force_agrees(height: int, width: int, scale: int, seed: int, lag: float) -> None:
    lag = min(lag, scale)
    lr = noise(height, width, seed)

    def matrix(size: int) -> np.ndarray:
        m = np.zeros((size * scale, size))
        for big in range(size * scale):
            for small in range(-4, size + 4):
                m[big, min(max(small, 0), size - 1)] += keys((big - lag) / scale - small)
        return m

    exact = np.einsum("yi,xj,ijc->yxc", matrix(height), matrix(width), lr.astype(float))
    result = bicubic_on_grid(lr, scale, lag)
    assert result.shape == (height * scale, width * scale, 3) and result.dtype == np.uint8
    assert np.abs(result - np.clip(exact, 0, 255)).max() <= 0.5 + 1e-9


def test_the_kept_pixels_are_the_input() -> None:
    lr = noise(12, 17)
    assert np.array_equal(bicubic_on_grid(lr)[::4, ::4], lr)


def test_a_ramp_stays_a_ramp_from_the_first_pixel() -> None:
    lr = np.broadcast_to((np.arange(20) * 8)[:, None, None], (20, 6, 3)).astype(np.uint8)
    rows = bicubic_on_grid(lr)[:, 0, 0]
    # HR row y lies at LR row y / 4; beside the border the replication bends the ramp.
    assert np.array_equal(rows[4:73], np.arange(4, 73) * 2)


def test_a_constant_stays_constant() -> None:
    assert (bicubic_on_grid(np.full((5, 6, 3), 77, np.uint8)) == 77).all()


@given(st.floats(0, 1, exclude_max=True))
def test_weights_sum_to_one_and_keep_position(fraction: float) -> None:
    weights = keys_weights(fraction)
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    assert weights @ [-1, 0, 1, 2] == pytest.approx(fraction, abs=1e-12)


@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png"])
def test_it_beats_the_displaced_resize_on_a_photograph(name: str) -> None:
    hr = load_photograph(name)[:256, :256]
    lr = blur_down(hr, gaussian_kernel())
    displaced = cv2.resize(lr, (256, 256), interpolation=cv2.INTER_CUBIC)
    assert psnr(bicubic_on_grid(lr), hr) > psnr(displaced, hr) + 1


def test_wrong_input() -> None:
    for lr in (np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(ValueError, match="uint8"):
            bicubic_on_grid(lr)
    with pytest.raises(ValueError, match="scale"):
        bicubic_on_grid(noise(4, 4), 0)
