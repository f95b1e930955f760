"""The fast blur and decimation gives the bytes of the definition, ties included."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vsrlib.data import degradation
from vsrlib.data.blur_kernels import gaussian_kernel, realistic_kernel
from vsrlib.data.degradation import blur_down, blur_down_exact, blur_down_float, cropped
from vsrlib.data.synthetic.pictures import load_photograph


def defined(frame: np.ndarray, kernel: np.ndarray, scale: int = 4) -> np.ndarray:
    return np.rint(np.clip(blur_down_exact(frame, kernel, scale), 0, 255)).astype(np.uint8)


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    radius=st.integers(0, 23),
    scale=st.integers(1, 6),
    seed=st.integers(0, 999),
    kind=st.sampled_from(["normal", "positive", "eighths"]),
)
def test_every_byte_is_that_of_the_definition(
    height: int, width: int, radius: int, scale: int, seed: int, kind: str
) -> None:
    rng = np.random.default_rng(seed)
    frame = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    side = 2 * radius + 1
    kernel = {
        "normal": rng.normal(size=(side, side)),
        "positive": rng.dirichlet(np.ones(side**2)).reshape(side, side),
        "eighths": rng.integers(-4, 5, (side, side)) / 8,
    }[kind]  # many sums end in exactly a half
    assert np.array_equal(blur_down(frame, kernel, scale), defined(frame, kernel, scale))


@pytest.mark.parametrize(
    "kernel",
    [
        gaussian_kernel(),
        gaussian_kernel(2.0),
        gaussian_kernel(0.1),
        *(realistic_kernel(np.random.default_rng(seed)) for seed in range(4)),
    ],
)
@pytest.mark.parametrize("name", ["coffee.png", "astronaut.png"])
def test_photographs(kernel: np.ndarray, name: str) -> None:
    frame = load_photograph(name)[:399, :510]
    assert np.array_equal(blur_down(frame, kernel), defined(frame, kernel))


def test_halves_are_where_float32_alone_goes_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    frame, kernel = rng.integers(0, 256, (200, 300, 3), dtype=np.uint8), rng.dirichlet(np.ones(169)).reshape(13, 13)
    kernel = np.where(rng.random((13, 13)) < 0.5, kernel, 0)
    kernel[6, 6], kernel[6, 7] = 0.5, 0.5 + 1e-9  # next to a tie, on the one side of it that float32 does not see
    kernel[:6] = kernel[7:] = 0
    kernel[6, :6] = kernel[6, 8:] = 0
    assert np.array_equal(blur_down(frame, kernel), defined(frame, kernel))
    monkeypatch.setattr(
        degradation,
        "_exact_at",
        lambda padded, kernel, scale, where: degradation._phases(padded, kernel, scale, np.float32)[where],
    )
    assert not np.array_equal(blur_down(frame, kernel), defined(frame, kernel))


@pytest.mark.parametrize("minus", [0, 24])
def test_float32_alone_is_wrong_somewhere_in_a_large_picture(minus: float) -> None:
    """And the more so the larger the kernel's values are."""
    rng = np.random.default_rng(0)
    frame = rng.integers(200, 256, (1200, 1200, 3), dtype=np.uint8)
    plus, other = (rng.dirichlet(np.ones(169)).reshape(13, 13) for _ in range(2))
    kernel = (1 + minus) * plus - minus * other
    expected = defined(frame, kernel)
    padded = degradation._padded(frame, 6, 4)
    alone = degradation._phases(padded, kernel, 4, np.float32)[:300, :300]
    assert (np.rint(np.clip(alone, 0, 255)) != expected).sum() > 3
    assert np.array_equal(blur_down(frame, kernel), expected)


@pytest.mark.parametrize("shape", [(1, 1), (3, 17), (40, 38), (64, 64), (61, 130)])
@pytest.mark.parametrize("scale", [1, 2, 4])
def test_unrounded_sums_are_the_definitions_to_the_byte(shape: tuple[int, int], scale: int) -> None:
    """Of small and large kernels of ours, and of one whose sums are rounded, in which the order matters."""
    rng = np.random.default_rng(shape[1])
    frame = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    ours = [gaussian_kernel(sigma) for sigma in (0.1, 0.4, 1.2, 2.0, 4.6, 9.0)] + [realistic_kernel(rng)]
    for kernel in [*ours, rng.dirichlet(np.ones(169)).reshape(13, 13)]:
        found, expected = blur_down_float(frame, kernel, scale), blur_down_exact(frame, kernel, scale)
        assert found.shape == expected.shape and found.tobytes() == expected.tobytes()
    with pytest.raises(ValueError, match="uint8"):
        blur_down_float(frame.astype(float), ours[0], scale)


@pytest.mark.parametrize("sides, left", [((8, 12), (8, 12)), ((9, 15), (8, 12)), ((11, 13), (8, 12)), ((3, 4), (0, 4))])
def test_what_is_over_at_the_right_and_below_is_cut(sides: tuple[int, int], left: tuple[int, int]) -> None:
    frames = np.arange(2 * sides[0] * sides[1] * 3).reshape(2, *sides, 3)
    found = cropped(frames)
    assert found.shape == (2, *left, 3) and np.array_equal(found, frames[:, : left[0], : left[1]])
