"""The blur kernels against the reference's values, OpenCV, their own definition, and another kind of CPU."""

import math
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
from scipy import ndimage

from vsrlib.data import degrade
from vsrlib.data.blur_kernels import (
    centre,
    centre_error,
    gaussian_kernel,
    kernel_picture,
    kernel_psnr,
    realistic_kernel,
    realistic_kernel_from_draws,
    scale_realistic,
    sums_exactly,
)

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "degradation_metrics.npz")


def golden_draws(number: int) -> tuple[float, float, float, np.ndarray]:
    return (*GOLDEN[f"draws_{number}_lambda1_lambda2_theta"].tolist(), GOLDEN[f"draws_{number}_noise31"])


def test_golden_gaussian() -> None:
    assert np.abs(gaussian_kernel() - GOLDEN["gaussian_kernel"]).max() < 1e-12


@pytest.mark.parametrize("number", [7, 8])
def test_golden_realistic(number: int) -> None:
    expected = GOLDEN[f"realistic_kernel_{number}"]
    lambda1, lambda2, theta, noise = golden_draws(number)
    assert np.abs(realistic_kernel_from_draws(lambda1, lambda2, theta, noise) - expected).max() < 1e-12
    # The comparison sees each of the draws.
    for faulty in (
        (lambda2, lambda1, theta, noise),
        (lambda1, lambda2, 1 - theta, noise),
        (lambda1, lambda2, theta, noise.T),
    ):
        assert np.abs(realistic_kernel_from_draws(*faulty) - expected).max() > 1e-4


def test_the_public_names_are_in_degrade() -> None:
    assert degrade.gaussian_kernel is gaussian_kernel and degrade.realistic_kernel is realistic_kernel
    assert degrade.realistic_kernel_from_draws is realistic_kernel_from_draws


@pytest.mark.parametrize("sigma, size", [(0.4, 5), (1.2, 9), (2.0, 13)])
def test_opencv_agrees_on_the_gaussian(sigma: float, size: int) -> None:
    line = cv2.getGaussianKernel(size, sigma, cv2.CV_64F)
    assert np.abs(gaussian_kernel(sigma) - line @ line.T).max() < 1e-12


def test_a_very_narrow_gaussian_is_an_impulse() -> None:
    assert np.array_equal(gaussian_kernel(0.1), np.pad([[1.0]], 1))


@pytest.mark.parametrize("sigma", [0, -1, float("nan"), float("inf")])
def test_a_gaussian_needs_a_width(sigma: float) -> None:
    with pytest.raises(ValueError, match="sigma"):
        gaussian_kernel(sigma)


def test_order_of_the_draws() -> None:
    rng = np.random.default_rng(5)
    draws = rng.random(), rng.random(), rng.random(), rng.random((31, 31))
    other = np.random.default_rng(5)
    assert np.array_equal(realistic_kernel(other), realistic_kernel_from_draws(*draws))
    assert other.random() == rng.random()  # neither more nor fewer numbers were taken


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_properties_of_a_realistic_kernel(seed: int) -> None:
    kernel = realistic_kernel(np.random.default_rng(seed))
    assert kernel.shape == (13, 13) and kernel.dtype == np.float64
    assert (kernel >= 0).all() and kernel.sum() == pytest.approx(1, abs=kernel.size * 2.0**-41)
    assert np.array_equal(kernel * 2.0**40 % 1, np.zeros((13, 13)))  # on the grid
    # The recipe's known offset of about 0.21 pixels from the middle, 6.
    assert ndimage.center_of_mass(kernel) == pytest.approx((6.21, 6.21), abs=0.12)


MADE = """
import hashlib, numpy as np
from numpy._core._multiarray_umath import __cpu_features__
from vsrlib.data.blur_kernels import gaussian_kernel, realistic_kernel
made = [gaussian_kernel(0.4 + 0.1 * i) for i in range(17)]
made += [realistic_kernel(np.random.default_rng(seed)) for seed in range(40)]
print(hashlib.sha256(b"".join(kernel.tobytes() for kernel in made)).hexdigest())
print(*(name for name, there in __cpu_features__.items() if there))
"""


def test_another_cpu_gives_the_same_bytes() -> None:
    fast = [name for name in __cpu_dispatch__ if "AVX512" in name or name in ("AVX2", "FMA3")]
    fast = [name for name in fast if __cpu_features__[name]]
    if not fast:
        pytest.skip("this CPU has neither AVX512 nor AVX2, so that NumPy has nothing faster to leave out")
    # The same for NumPy, its BLAS, OpenCV and the IPP in it.
    plain = {
        "NPY_DISABLE_CPU_FEATURES": " ".join(fast),
        "OPENBLAS_CORETYPE": "Nehalem",
        "OPENCV_CPU_DISABLE": "AVX2,AVX",
        "OPENCV_IPP": "sse42",
    }
    made, made_plain = (
        subprocess.run(
            [sys.executable, "-c", MADE], env=os.environ | more, check=True, capture_output=True, text=True
        ).stdout.splitlines()
        for more in ({}, plain)
    )
    assert {*fast} <= {*made[1].split()} and not {*fast} & {*made_plain[1].split()}
    assert made[0] == made_plain[0]


def test_theta_turns_the_long_axis_from_x_towards_y() -> None:
    still = np.full((31, 31), 0.5)  # no noise at all
    offset = np.arange(13) - 6.2
    for theta, sign in ((0.25, 1), (0.75, -1)):
        kernel = realistic_kernel_from_draws(0.99, 0.0, theta, still)
        assert np.sign((kernel * np.outer(offset, offset)).sum()) == sign
    wide = realistic_kernel_from_draws(0.99, 0.0, 0.0, still)
    assert (wide * offset[None, :] ** 2).sum() > 2 * (wide * offset[:, None] ** 2).sum()


def test_ranges_of_the_parameters() -> None:
    assert scale_realistic(0, 0.5, 0) == pytest.approx((2.4, 11.2, 0))
    assert scale_realistic(1, 1, 1) == pytest.approx((20, 20, np.pi))


def test_wrong_draws() -> None:
    noise = np.zeros((31, 31))
    with pytest.raises(ValueError, match="31x31"):
        realistic_kernel_from_draws(0, 0, 0, noise[:30])
    for draws in ((1.0, 0, 0, noise), (0, -0.1, 0, noise), (0, 0, np.nan, noise), (0, 0, 0, noise + 1)):
        with pytest.raises(ValueError, match=r"\[0, 1\)"):
            realistic_kernel_from_draws(*draws)


def test_kernel_psnr() -> None:
    truth = realistic_kernel(np.random.default_rng(0))
    assert kernel_psnr(truth, truth) == math.inf
    off = truth + 0.01
    assert kernel_psnr(off, truth) == pytest.approx(20 * math.log10(truth.max() / 0.01), abs=1e-9)
    small = gaussian_kernel(1.2)
    padded = np.pad(small, 2)
    assert kernel_psnr(small, truth) == kernel_psnr(padded, truth) and kernel_psnr(small, padded) == math.inf
    for bad in (np.ones((4, 4)), np.ones((3, 5))):
        with pytest.raises(ValueError, match="odd side"):
            kernel_psnr(bad, truth)
    with pytest.raises(ValueError, match="no positive value"):
        kernel_psnr(truth, np.zeros((3, 3)))


def test_centre_error() -> None:
    kernel = realistic_kernel(np.random.default_rng(3))
    assert centre(kernel) == pytest.approx(np.array(ndimage.center_of_mass(kernel)) - 6, abs=1e-12)
    assert np.allclose(centre(gaussian_kernel(2.0)), 0, atol=1e-12)
    impulse, moved = np.zeros((13, 13)), np.zeros((13, 13))
    impulse[6, 6] = moved[3, 10] = 1
    assert centre(moved).tolist() == [-3, 4] and centre_error(moved, impulse) == 5
    assert centre_error(np.pad(moved, 2), impulse) == 5
    assert centre_error(moved, moved) == 0 and centre(3 * moved).tolist() == [-3, 4]
    with pytest.raises(ValueError, match="sum to 0"):
        centre(np.zeros((3, 3)))


def test_a_picture_shows_the_largest_weight_black_and_zero_white() -> None:
    kernel = np.array([[0, 0.1, 0], [0.2, 0.4, 0.1], [0, 0.1, 0.05]])
    picture = kernel_picture(kernel)
    assert picture.shape == (3, 3, 3) and picture.dtype == np.uint8
    assert picture[..., 0].tolist() == [[255, 191, 255], [128, 0, 191], [255, 191, 223]]
    assert np.array_equal(kernel_picture(kernel, 2), picture.repeat(2, 0).repeat(2, 1))


def test_kernels_of_ours_are_summed_without_rounding() -> None:
    assert sums_exactly(gaussian_kernel()) and sums_exactly(realistic_kernel(np.random.default_rng(0)))
    assert sums_exactly(np.array([[2.0]])) and sums_exactly(np.array([[-2.0]]))
    assert not sums_exactly(np.array([[2.5]])) and not sums_exactly(np.full((3, 3), -0.25))
    assert sums_exactly(np.array([[2.0**-40]])) and not sums_exactly(np.array([[2.0**-41]]))
