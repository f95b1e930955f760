"""The photographs that ship inside the scikit-image wheel, split for training, validation and test."""

from importlib import resources

import numpy as np
from PIL import Image

from vsrlib.errors import UserError

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
