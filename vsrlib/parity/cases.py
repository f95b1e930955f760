"""Inputs that bring out how an operation differs between frameworks: odd sizes, ties, borders, extreme magnitudes."""

from collections.abc import Iterator

import numpy as np

from vsrlib.parity.network import away_from_kinks

Inputs = list[np.ndarray]
Case = tuple[str, Inputs]
AT_PIXELS = "at whole pixels"
"""In the name of a case where the gradient for the last input has two right values, one from either side."""


def maps(rng: np.random.Generator, channels: int = 4) -> Iterator[Case]:
    """Feature maps (B, C, h, w)."""
    for height, width in ((7, 9), (16, 16), (13, 17), (1, 1), (2, 31)):
        yield f"{height}x{width}", [_normal(rng, (2, channels, height, width))]
    for words, factor in (("small", 1e-6), ("large", 1e6)):
        yield f"{words} values", [_normal(rng, (1, channels, 9, 11)) * np.float32(factor)]
    yield "far from zero", [_normal(rng, (1, channels, 9, 11)) + np.float32(1000)]
    yield "zeros and ties", [rng.integers(-1, 2, (1, channels, 9, 11)).astype(np.float32)]


def moderate(rng: np.random.Generator) -> Iterator[Case]:
    """Feature maps between -8 and 8."""
    for name, (x,) in maps(rng):
        yield name, [8 * np.tanh(x / 8)]


def saturated(rng: np.random.Generator) -> Iterator[Case]:
    """Feature maps of values below -40, where a sigmoid is next to nothing."""
    yield "below -40", [-40 - 40 * rng.random((1, 4, 9, 11), dtype=np.float32)]


def layer(rng: np.random.Generator, weight: tuple[int, ...], outputs: int) -> Iterator[Case]:
    """Maps with a layer's weight and bias."""
    inputs = weight[1] if weight[0] == outputs else weight[0]
    for name, (x,) in maps(rng, inputs):
        yield name, [x, _normal(rng, weight) / np.float32(np.sqrt(inputs)), _normal(rng, (outputs,))]


def rows(rng: np.random.Generator) -> Iterator[Case]:
    """Rows (B, 169), as the kernel network's last layers have them."""
    yield "random", [_normal(rng, (3, 169))]
    yield "small values", [_normal(rng, (2, 169)) * np.float32(1e-6)]
    yield "large values", [_normal(rng, (2, 169)) * np.float32(4)]
    yield "all alike", [np.full((2, 169), 3, np.float32)]


def dense(rng: np.random.Generator) -> Iterator[Case]:
    """Rows with the weight and bias of a fully connected layer."""
    for name, (x,) in rows(rng):
        yield name, [x, _normal(rng, (100, 169)) / np.float32(13), _normal(rng, (100,))]


def thresholds(rng: np.random.Generator) -> Iterator[Case]:
    """Values round the mask's threshold, 0.999, down to one unit in the last place."""
    near = np.float32(0.999) + np.arange(-40, 40, dtype=np.float32) * np.spacing(np.float32(0.999))
    yield "round the threshold", [near.reshape(1, 1, 8, 10)]
    yield "random", [rng.random((1, 2, 9, 11), dtype=np.float32)]


def flows(rng: np.random.Generator, align_corners: bool) -> Iterator[Case]:
    """Maps with a flow (B, 2, h, w) in pixels: between pixels, at pixels, at and beyond the border, very far."""
    for height, width in ((9, 11), (16, 24), (1, 7)):
        x = _normal(rng, (2, 3, height, width))
        for words, flow in (
            ("", _normal(rng, (2, 2, height, width)) * np.float32(2)),
            (", one way out", np.full((2, 2, height, width), 0.4 * width, np.float32)),
            (", very far", _normal(rng, (2, 2, height, width)) * np.float32(1e4)),
        ):
            yield f"{height}x{width}{words}", away_from_kinks("sample", [x, flow], [str(align_corners)])
        yield f"{height}x{width}, no flow, {AT_PIXELS}", [x, np.zeros((2, 2, height, width), np.float32)]
        whole = rng.integers(-4, 5, (2, 2, height, width)).astype(np.float32)
        yield f"{height}x{width}, {AT_PIXELS}", [x, whole]


def pairs(rng: np.random.Generator) -> Iterator[Case]:
    """Two feature maps each."""
    for name, (x,) in maps(rng, 16):
        yield name, [x, _normal(rng, x.shape) * np.float32(np.abs(x).max() or 1)]


def windows(rng: np.random.Generator) -> Iterator[Case]:
    """Maps for means over 13 x 13 bins: a multiple of 13, none, smaller."""
    for height, width in ((13, 13), (26, 39), (14, 27), (45, 80), (8, 9)):
        yield f"{height}x{width}", [_normal(rng, (1, 2, height, width)) + np.float32(1)]


def blurred(rng: np.random.Generator) -> Iterator[Case]:
    """Frames with a kernel (B, 1, 13, 13) that is not negative and sums to 1."""
    for height, width in ((12, 16), (13, 17), (40, 36), (4, 4)):
        kernel = np.exp(_normal(rng, (2, 1, 13, 13)))
        yield (
            f"{height}x{width}",
            [rng.random((2, 3, height, width), dtype=np.float32), kernel / kernel.sum((1, 2, 3), keepdims=True)],
        )


def kernels(rng: np.random.Generator) -> Iterator[Case]:
    """Blur kernels (B, 1, 13, 13): random, nearly one pixel, with zeros, as small as float32 goes."""
    kernel = np.exp(_normal(rng, (2, 1, 13, 13)))
    yield "random", [kernel / kernel.sum((1, 2, 3), keepdims=True)]
    peak = np.full((1, 1, 13, 13), 1e-12, np.float32)
    peak[0, 0, 6, 7] = 1
    yield "one pixel", [peak]
    yield "with zeros", [np.where(kernel > 1, kernel / kernel.sum(), 0).astype(np.float32)]


def alike(rng: np.random.Generator) -> Iterator[Case]:
    """Pairs that are equal in places, where the absolute difference has a kink."""
    for name, (x,) in maps(rng, 3):
        equal = rng.random(x.shape) < 0.3
        yield name, [x, np.where(equal, x, _normal(rng, x.shape)).astype(np.float32)]


def many(rng: np.random.Generator) -> Iterator[Case]:
    """Millions of values, as a loss at full size has them."""
    yield "2 million values", [rng.random((1, 3, 720, 960), dtype=np.float32)]


def gradients(rng: np.random.Generator) -> Iterator[Case]:
    """Ten gradients of 64 values each (10, 64), from far below to far above Adam's epsilon."""
    for words, size in (("1", 1.0), ("1e-4", 1e-4), ("1e-8", 1e-8), ("1e-11", 1e-11)):
        yield f"gradients of {words}", [_normal(rng, (10, 64)) * np.float32(size)]


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)
