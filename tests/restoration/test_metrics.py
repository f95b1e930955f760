"""PSNR and SSIM against the reference's values, scikit-image and the definition written out."""

import math
from pathlib import Path

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio

from vsrlib.common.errors import UserError
from vsrlib.data.frames import to_uint8
from vsrlib.restoration.metrics import luma, psnr, psnr_y, ssim, ssim_y

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "degradation_metrics.npz")


def pair(seed: int, height: int = 40, width: int = 56) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return a, np.clip(a + rng.normal(0, 20, a.shape), 0, 255).astype(np.uint8)


def test_golden_values() -> None:
    a, b = GOLDEN["metric_noisy_u8"], GOLDEN["hr_u8"]
    assert psnr(a, b) == pytest.approx(float(GOLDEN["psnr"]), abs=1e-9)
    assert ssim(a, b) == pytest.approx(float(GOLDEN["ssim"]), abs=1e-9)
    # Without the border's crop both would be others: the golden values do pin it.
    assert abs(psnr(a, b, crop_border=0) - float(GOLDEN["psnr"])) > 1e-4
    assert abs(ssim(a, b, crop_border=0) - float(GOLDEN["ssim"])) > 1e-6


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), border=st.integers(0, 6), height=st.integers(23, 50), width=st.integers(23, 50))
def test_scikit_image_agrees(seed: int, border: int, height: int, width: int) -> None:
    a, b = pair(seed, height, width)
    inside = (slice(border, height - border), slice(border, width - border))
    assert psnr(a, b, border) == pytest.approx(peak_signal_noise_ratio(b[inside], a[inside], data_range=255), abs=1e-6)
    assert ssim(a, b, border) == pytest.approx(oracles.ssim(a[inside], b[inside]), abs=1e-6)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), border=st.integers(0, 6), height=st.integers(23, 50), width=st.integers(23, 50))
def test_scikit_image_agrees_on_luma(seed: int, border: int, height: int, width: int) -> None:
    a, b = pair(seed, height, width)
    inside = (slice(border, height - border), slice(border, width - border))
    x, y = (rgb2ycbcr(image)[inside][..., 0] for image in (a, b))
    assert np.allclose(luma(a)[inside], x, atol=1e-9)
    assert psnr_y(a, b, border) == pytest.approx(peak_signal_noise_ratio(y, x, data_range=255), abs=1e-6)
    assert ssim_y(a, b, border) == pytest.approx(oracles.ssim(x, y, channel_axis=None), abs=1e-6)
    assert psnr_y(a, a) == math.inf and ssim_y(a, a) == 1.0


def test_one_window_by_the_definition() -> None:
    a, b = (image[:11, :11].copy() for image in pair(3))
    line = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    window = np.outer(line, line)[..., None] / line.sum() ** 2
    x, y = a.astype(float), b.astype(float)
    mean_x, mean_y = (window * x).sum((0, 1)), (window * y).sum((0, 1))
    var_x, var_y = (window * (x - mean_x) ** 2).sum((0, 1)), (window * (y - mean_y) ** 2).sum((0, 1))
    cov = (window * (x - mean_x) * (y - mean_y)).sum((0, 1))
    c1, c2 = 2.55**2, 7.65**2
    value = (2 * mean_x * mean_y + c1) * (2 * cov + c2) / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
    assert ssim(a, b, crop_border=0) == pytest.approx(value.mean(), abs=1e-12)


def test_equal_images() -> None:
    a, _ = pair(0)
    assert psnr(a, a) == math.inf
    assert ssim(a, a) == 1.0


def test_the_error_is_joint_over_channels() -> None:
    a = np.zeros((16, 16, 3), np.uint8)
    b = a.copy()
    b[..., 0] = 30
    assert psnr(a, b) == pytest.approx(10 * math.log10(255**2 / 300), abs=1e-12)


@pytest.mark.parametrize("metric", [psnr, ssim, psnr_y, ssim_y])
def test_the_border_does_not_count(metric) -> None:
    a, b = pair(1)
    spoiled = b.copy()
    for edge in (np.s_[:4], np.s_[-4:], np.s_[:, :4], np.s_[:, -4:]):
        spoiled[edge] = 0
    assert metric(a, spoiled) == metric(a, b)
    spoiled[4, 4] ^= 128
    assert metric(a, spoiled) != metric(a, b)


@pytest.mark.parametrize("metric", [psnr, ssim, psnr_y, ssim_y])
def test_wrong_input(metric) -> None:
    a, b = pair(2)
    with pytest.raises(UserError, match="same size"):
        metric(a, b[:-1])
    with pytest.raises(UserError, match="too small"):
        metric(a[:8, :8], b[:8, :8])
    with pytest.raises(ValueError, match="uint8"):
        metric(a.astype(np.float32), b)
    with pytest.raises(ValueError, match="uint8"):
        metric(a[..., 0], b[..., 0])
    with pytest.raises(ValueError, match="crop_border"):
        metric(a, b, -1)


@pytest.mark.parametrize("metric", [psnr, psnr_y])
def test_one_pixel_is_enough_for_psnr(metric) -> None:
    a, b = pair(4)
    assert metric(a[:9, :9], b[:9, :9]) == pytest.approx(metric(a[4:5, 4:5], b[4:5, 4:5], crop_border=0))
    with pytest.raises(UserError, match="at least 9"):
        metric(a[:9, :8], b[:9, :8])


def test_smallest_image_for_ssim() -> None:
    a, b = pair(4)
    assert math.isfinite(ssim(a[:19, :19], b[:19, :19]))
    with pytest.raises(UserError, match="at least 19"):
        ssim(a[:18, :19], b[:18, :19])


def test_to_uint8_clamps_and_rounds_half_to_even() -> None:
    values = np.array([-0.5, 0.0, 0.5, 1.5, 2.5, 2.51, 254.5, 255.0, 300.0]) / 255
    assert (values * 255)[2:5].tolist() == [0.5, 1.5, 2.5]  # the halves survive the division, so they do test rounding
    image = np.broadcast_to(values, (3, 1, 9))
    assert to_uint8(image)[0, :, 0].tolist() == [0, 0, 0, 2, 2, 3, 254, 255, 255]


def test_to_uint8_puts_channels_last() -> None:
    image = np.random.default_rng(0).integers(0, 256, (3, 4, 5))
    result = to_uint8((image / 255).astype(np.float32))
    assert result.dtype == np.uint8 and np.array_equal(result, image.transpose(1, 2, 0))


def test_to_uint8_refuses() -> None:
    for image in (np.zeros((4, 4, 3)), np.zeros((1, 3, 4, 4)), np.zeros((3, 4, 4), np.uint8)):
        with pytest.raises(ValueError, match="float"):
            to_uint8(image)
    with pytest.raises(ValueError, match="NaN"):
        to_uint8(np.full((3, 2, 2), np.nan))
