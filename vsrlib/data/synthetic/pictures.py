"""The pictures that synthetic clips show: photographs, and dead leaves for training where photographs are few.

The photographs ship inside the scikit-image wheel and are split for training, validation and test. The dead-leaves
model makes pictures of nothing but numbers: shapes fall on top of each other, their sizes distributed as r^-3, so that
the picture has the edges, the occlusions and the scale invariance of photographs (Lee, Mumford and Huang, IJCV 2001).
Here a shape is an ellipse, often a long one and often cut along straight lines, and shows a shaded colour under a grain
of its own.
"""

import math
from importlib import resources

import cv2
import numpy as np
from PIL import Image

from vsrlib.common.errors import UserError
from vsrlib.data.frames import rounded

PHOTOGRAPHS: dict[str, tuple[str, ...]] = {
    "train": (
        "motorcycle_left.png",
        "camera.png",
        "gravel.png",
        "motorcycle_right.png",
        "hubble_deep_field.jpg",
        "brick.png",
        "grass.png",
    ),
    "validation": ("ihc.png",),
    "test": ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg"),
}
"""File names per split. The two motorcycle pictures show one scene, so they stay in one split.

Left out are drawings, scans of text, pictures too small or motion-blurred, and two that are so smooth (retina, moon)
that bicubic upsampling is nearly perfect on them. Grey pictures serve in training alone.
"""

LICENCES = {
    "astronaut.png": "public domain",
    "chelsea.png": "CC0",
    "coffee.png": "CC0",
    "rocket.jpg": "public domain",
}
"""Of the test photographs, as scikit-image documents them; those of the others are in data/README.md."""

SIDE = 768
"""Height and width of a picture, pixels."""
_FINER = 2  # drawn that much larger and averaged, so that edges are as soft as those of a photograph
_RADII = 5.0, 220.0  # pixels
_LEAVES = 2500
_COVERING = 60  # large ones that come first, so that no ground is left to see
_GRAIN_SIDE = 512


def load_photograph(name: str) -> np.ndarray:
    """Read a photograph as (H, W, 3) uint8 RGB (grey ones repeated to three channels).

    Straight from the installed package: `skimage.data` would fetch a missing file from the network.
    UserError if the installed scikit-image lacks it.
    """
    with resources.as_file(resources.files("skimage") / "data" / name) as path:
        if not path.is_file():
            raise UserError(f"the installed scikit-image does not ship {name}: install the pinned version.")
        # Not OpenCV, which prints a warning about the colour profile that two of the pictures carry.
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))


def dead_leaves(rng: np.random.Generator) -> np.ndarray:
    """Draw a picture, (768, 768, 3) uint8 RGB."""
    grains = [_grain(rng, size) for size in (1.0, 2.0, 4.0, 8.0)]
    palette = _palette(rng, 16)
    picture = np.empty((SIDE * _FINER, SIDE * _FINER, 3), np.float32)
    picture[:] = palette[0]
    for radius in _FINER * _radii(rng):
        _drop(picture, rng, float(radius), palette, grains)
    small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return rounded(small * 255)


def _radii(rng: np.random.Generator) -> np.ndarray:
    """In the order in which they fall: the large ones mostly first, or nothing of the small ones would be seen."""
    low, high = (bound**-2 for bound in _RADII)
    radii = (low + rng.random(_LEAVES) * (high - low)) ** -0.5
    order = np.argsort(radii.max() * rng.random(_LEAVES) / 2 - radii, kind="stable")
    return np.concatenate([np.linspace(_RADII[1], _RADII[1] / 3, _COVERING), radii[order]])


def _palette(rng: np.random.Generator, count: int) -> np.ndarray:
    """(count, 3) colours in [0, 1], mostly greyish, as in photographs."""
    grey = rng.uniform(0.05, 0.9, (count, 1))
    return np.clip(grey * (1 + rng.normal(0, 0.3, (count, 3)) * rng.random((count, 1))), 0, 1)


def _drop(
    picture: np.ndarray, rng: np.random.Generator, radius: float, palette: np.ndarray, grains: list[np.ndarray]
) -> None:
    side = len(picture)
    x, y = rng.random(2) * side
    turn, narrow = rng.uniform(0, 2 * math.pi), rng.choice([1.0, 0.6, 0.25, 0.08])
    cuts = [(rng.uniform(0, 2 * math.pi), rng.uniform(0.2, 0.9)) for _ in range(rng.integers(6))]
    colour = np.clip(palette[rng.integers(len(palette))] + rng.normal(0, 0.04, 3), 0, 1).astype(np.float32)
    shade, contrast = rng.normal(0, 0.2, 2), rng.choice([0, 0.03, 0.1, 0.25])
    grain, start = grains[rng.integers(len(grains))], rng.integers(_GRAIN_SIDE, size=2)
    left, top = max(0, int(x - radius)), max(0, int(y - radius))
    right, bottom = min(side, int(x + radius) + 2), min(side, int(y + radius) + 2)
    if right <= left or bottom <= top:
        return
    across = ((np.arange(left, right) - x) / radius).astype(np.float32)[None]
    down = ((np.arange(top, bottom) - y) / radius).astype(np.float32)[:, None]
    along = across * math.cos(turn) + down * math.sin(turn)
    aside = (down * math.cos(turn) - across * math.sin(turn)) / narrow
    inside = along**2 + aside**2 <= 1
    for angle, distance in cuts:
        inside &= along * math.cos(angle) + aside * math.sin(angle) <= distance
    rows, columns = np.arange(top, bottom) + start[0], np.arange(left, right) + start[1]
    light = 1 + shade[0] * across + shade[1] * down
    light += contrast * grain[np.ix_(rows % _GRAIN_SIDE, columns % _GRAIN_SIDE)]
    picture[top:bottom, left:right][inside] = light[inside][:, None] * colour


def _grain(rng: np.random.Generator, size: float) -> np.ndarray:
    """Noise whose grains are about `size` pixels, periodic, of mean 0 and standard deviation 1."""
    noise = rng.normal(size=(_GRAIN_SIDE, _GRAIN_SIDE)).astype(np.float32)
    half = _GRAIN_SIDE // 2
    smooth = cv2.GaussianBlur(np.tile(noise, (2, 2)), (0, 0), _FINER * size / 2)[half:-half, half:-half]
    return (smooth - smooth.mean()) / smooth.std()
