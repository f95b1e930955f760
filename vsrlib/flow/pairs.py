"""Pairs of 8-bit frames whose flow is known, to measure a flow method on. None of them is ever trained on."""

from dataclasses import dataclass
from importlib import resources

import numpy as np

from vsrlib.clips import embedded_clips
from vsrlib.degrade import SCALE, blur_down
from vsrlib.errors import UserError
from vsrlib.flow.scenes import draw_samples
from vsrlib.flow.textures import embedded_textures
from vsrlib.kernels import gaussian_kernel
from vsrlib.metrics import to_uint8
from vsrlib.motion import Motion
from vsrlib.photographs import load_photograph

STEREO = ("motorcycle_left.png", "motorcycle_right.png")
"""The photographs of the stereo pair; the flow network's training leaves them out."""
CLIP_MOTION = Motion(speed=8.0, rotation=0.5, zoom=0.004, foreground_speed=12.0)
"""Of the held-out clips, per frame: about 2 LR pixels, and 3 for what moves in front."""


@dataclass(frozen=True)
class FlowPair:
    """Two frames (H, W, 3) uint8 RGB and the flow from the first to the second, (2, H, W) float32 in pixels.

    `known` (H, W) bool: where the flow is given. `visible`: where the scene point is also seen in the second frame,
    None if nobody knows.
    """

    name: str
    first: np.ndarray
    second: np.ndarray
    flow: np.ndarray
    known: np.ndarray
    visible: np.ndarray | None = None


def heldout_pairs(
    seed: int = 0, count: int = 16, size: tuple[int, int] = (128, 192), max_shift: float = 8.0
) -> list[FlowPair]:
    """LR pairs drawn as the training's are (`vsrlib.flow.scenes`), from the photographs of the test split."""
    textures, rng = embedded_textures("test"), np.random.default_rng([seed, 2])
    pairs = []
    for index in range(count):
        sample, _ = draw_samples(rng, textures, size, max_shift)
        pairs.append(
            FlowPair(
                f"pair-{index + 1}",
                to_uint8(sample.first),
                to_uint8(sample.second),
                sample.flow,
                np.ones(size, bool),
                sample.visible,
            )
        )
    return pairs


def heldout_clips(seed: int = 0, size: tuple[int, int] = (256, 256), motion: Motion = CLIP_MOTION) -> list[FlowPair]:
    """The project's own synthetic clips of the test split in LR: from each window's centre to its four neighbours.

    Gaussian blur of sigma 1.2; `size` and `motion` are in HR pixels. Made by other code than the training's pairs.
    """
    kernel, pairs, centre = gaussian_kernel(), [], 2
    for clip in embedded_clips("test", 5, size, seed, motion=motion):
        low = [blur_down(frame, kernel) for frame in clip.frames]
        for other in (0, 1, 3, 4):
            flow, visible = clip.flow(centre, other)
            flow, visible = flow[:, ::SCALE, ::SCALE] / SCALE, visible[::SCALE, ::SCALE]
            known = np.ones_like(visible)
            pairs.append(FlowPair(f"{clip.name}-{other}", low[centre], low[other], flow, known, visible))
    return pairs


def stereo_pair(quarter: bool = False) -> FlowPair:
    """The real stereo pair inside the scikit-image wheel, as horizontal flow from left to right, 741x500 pixels.

    A disparity d at the left picture's (x, y) is a flow of (-d, 0). `quarter`: blurred (sigma 1.2) and decimated as
    LR frames are, the flow a quarter. UserError if the installed scikit-image does not ship it.
    """
    left, right = (load_photograph(name) for name in STEREO)
    with resources.as_file(resources.files("skimage") / "data" / "motorcycle_disp.npz") as path:
        if not path.is_file():
            raise UserError("the installed scikit-image does not ship motorcycle_disp.npz: install the pinned version.")
        with np.load(path) as archive:
            disparity = archive["arr_0"]
    known = np.isfinite(disparity)
    flow = np.stack([np.where(known, -disparity, 0), np.zeros(known.shape)]).astype(np.float32)
    if not quarter:
        return FlowPair("stereo", left, right, flow, known)
    left, right = (blur_down(frame, gaussian_kernel()) for frame in (left, right))
    return FlowPair("stereo, quarter size", left, right, flow[:, ::SCALE, ::SCALE] / SCALE, known[::SCALE, ::SCALE])
