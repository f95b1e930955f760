"""Training windows made on the fly: five HR frames of pictures in motion, for whoever has pictures and no clips."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from vsrlib.common.files import sha256_array, sha256_joined
from vsrlib.data.clips import WINDOW, list_clips
from vsrlib.data.frames import rounded
from vsrlib.networks.architecture import CENTRE
from vsrlib.training.flow.batches import folder_textures
from vsrlib.training.flow.scenes import at_time, compose, draw_scene
from vsrlib.training.options import TrainOptions
from vsrlib.training.samples import DRAWS, SMOOTH, gradient_strength

COUNT = 100_000
"""Windows; each is another scene, so that few trainings see one twice."""
_SEED = 4  # tells the generators of a seed apart; 1 to 3 are those of validation and of the samples
_SHIFT = 3.0  # LR pixels a frame, at most
_WOBBLE = 1.0  # HR pixels; no camera and no hand moves evenly
_BARS = 1
_SCALE = 2.0  # photograph pixels for an HR pixel, so that neither compression nor interpolation is learned as truth
_BLUR = 1.0  # photograph pixels: what the scale can show without aliases, see `vsrlib.data.synthetic.clips`
_SOFT = 0.6, 1.8  # standard deviations of the blur of soft windows, HR pixels


class MadeWindows:
    """As `vsrlib.training.samples.TrainingWindows`, of the pictures in a folder; each depends on (seed, index) alone.

    soft: this share of them is blurred by a Gaussian, as films are that are out of focus or were enlarged.
    UserError for pictures that cannot be read and for those below 64 pixels.
    """

    def __init__(self, root: Path, patch_size: int, seed: int, soft: float = TrainOptions.soft) -> None:
        self.sources = list_clips(root)
        self.pictures = folder_textures(root)
        self._blurred = [cv2.GaussianBlur(one, (0, 0), _BLUR) for one in self.pictures]
        self._size, self._seed, self._soft = (patch_size, patch_size), seed, soft

    def __len__(self) -> int:
        return COUNT

    def digest(self) -> str:
        """SHA-256 of the pictures' pixels."""
        return sha256_joined(map(sha256_array, self.pictures))

    def window(self, index: int) -> np.ndarray:
        """Five HR frames, (5, 4 patch, 4 patch, 3) uint8; drawn anew, as crops are, while next to nothing is seen."""
        rng = np.random.default_rng([self._seed, _SEED, index])
        for _ in range(DRAWS):
            scene = draw_scene(rng, self._blurred, self._size, _SHIFT, _BARS, _SCALE)
            scene = [replace(one, gains=one.gains / one.gains.max()) for one in scene]  # coloured, and not darkened
            centre = rounded(compose(scene, False, self._size))
            if gradient_strength(centre) >= SMOOTH:
                break
        frames = [
            centre
            if place == CENTRE
            else rounded(compose(at_time(scene, place - CENTRE, rng, _WOBBLE), True, self._size))
            for place in range(WINDOW)
        ]
        if rng.random() < self._soft:
            sigma = rng.uniform(*_SOFT)
            frames = [cv2.GaussianBlur(frame, (0, 0), sigma) for frame in frames]
        return np.stack(frames)
