"""What must hold for any input: of blur and decimation, metrics, windows and tiles, and weights in files."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vsrlib.data.clips import WINDOW, ClipSource, windows
from vsrlib.data.degradation import blur_down_exact
from vsrlib.networks.architecture import preset
from vsrlib.networks.weights import weights_file
from vsrlib.restoration.engines import halo, tiles
from vsrlib.restoration.metrics import psnr, ssim

SIZES = {"height": st.integers(1, 24), "width": st.integers(1, 24), "radius": st.integers(0, 6)}


def adjoint(low: np.ndarray, kernel: np.ndarray, shape: tuple[int, int], scale: int) -> np.ndarray:
    """The transposed blur and decimation: every product of the definition goes back to the pixel that it came from."""
    high, radius = np.zeros((*shape, 3)), len(kernel) // 2
    rows, columns = (np.arange(side) * scale for side in low.shape[:2])
    for row, column in np.ndindex(kernel.shape):
        y = np.clip(rows + row - radius, 0, shape[0] - 1)
        x = np.clip(columns + column - radius, 0, shape[1] - 1)
        np.add.at(high, (y[:, None], x[None]), kernel[row, column] * low)
    return high


@settings(max_examples=40, deadline=None)
@given(**SIZES, scale=st.integers(1, 5), seed=st.integers(0, 999))
def test_blur_and_decimation_are_linear_and_have_the_adjoint(
    height: int, width: int, radius: int, scale: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    kernel = rng.normal(size=(2 * radius + 1, 2 * radius + 1))
    a, b = rng.normal(size=(2, height, width, 3))
    low_a, low_b = blur_down_exact(a, kernel, scale), blur_down_exact(b, kernel, scale)
    assert np.allclose(blur_down_exact(2 * a - 3 * b, kernel, scale), 2 * low_a - 3 * low_b, atol=1e-10)
    y = rng.normal(size=low_a.shape)
    there, back = float((low_a * y).sum()), float((a * adjoint(y, kernel, (height, width), scale)).sum())
    assert there == pytest.approx(back, abs=1e-9 * max(1, np.abs(y).sum() * np.abs(kernel).sum()))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), height=st.integers(19, 40), width=st.integers(19, 40))
def test_metrics_know_equal_images_are_symmetric_and_fall_with_noise(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(60, 196, (height, width, 3), dtype=np.uint8)
    noise = rng.choice([-1, 1], image.shape)
    worse = [(image + step * noise).astype(np.uint8) for step in (1, 4, 16, 60)]
    assert psnr(image, image) == math.inf and ssim(image, image) == 1.0
    for metric in (psnr, ssim):
        assert metric(image, worse[1]) == pytest.approx(metric(worse[1], image), abs=1e-12)
        values = [metric(image, one) for one in worse]
        assert values == sorted(values, reverse=True) and len(set(values)) == len(values)


@settings(deadline=None)
@given(count=st.integers(WINDOW, 200), border=st.booleans())
def test_windows_restore_every_frame_once(count: int, border: bool) -> None:
    source = ClipSource("clip", tuple(map(str, range(count))))
    found = windows(source, border)
    assert [index for index, _ in found] == list(range(count) if border else range(2, count - 2))
    for index, window in found:
        assert len(window) == WINDOW and window[WINDOW // 2] == index
        inside = [index + step for step in range(-2, 3)]
        # At either end the first two frames and the last two stand once more, in their order.
        before, after = {-2: 0, -1: 1}, {count: count - 2, count + 1: count - 1}
        assert window == [(before | after).get(one, one) for one in inside]


@settings(deadline=None)
@given(side=st.integers(1, 500), tile=st.integers(1, 300), name=st.sampled_from(["study", "published"]))
def test_tiles_cover_a_side_exactly(side: int, tile: int, name: str) -> None:
    config = preset(name)
    kept: list[int] = []
    for one in tiles(side, tile, config):
        assert 0 <= one.read.start < one.read.stop <= side
        begin, end = (config.scale * one.read.start + place for place in (one.keep.start, one.keep.stop))
        kept += range(begin, end)
        # As much of the frame is read round it as the network looks at, but for the frame's own edges.
        assert one.read.start == max(0, begin // config.scale - halo(config))
        assert one.read.stop == min(side, end // config.scale + halo(config))
    assert kept == list(range(config.scale * side))


NAMES = st.text("abcdefghij_0123456789", min_size=1, max_size=12).map(lambda text: f"layer.{text}")
SHAPES = st.lists(st.integers(0, 4), max_size=4).map(tuple)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shapes=st.dictionaries(NAMES, SHAPES, min_size=1, max_size=6),
    ending=st.sampled_from([".safetensors", ".npz", ".pkl", ".pt"]),
    seed=st.integers(0, 99),
)
def test_weights_come_back_from_a_file_to_the_bit(tmp_path: Path, shapes: dict, ending: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    path = tmp_path / f"w{ending}"
    weights_file.write(path, values)
    found = weights_file.read(path)
    assert found.keys() == values.keys()
    assert all(
        found[name].shape == value.shape and found[name].tobytes() == value.tobytes() for name, value in values.items()
    )
