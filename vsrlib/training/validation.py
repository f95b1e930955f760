"""How a training is validated while it runs: validation clips, the best weights so far, and when to stop."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.files import sha256_array, sha256_bytes
from vsrlib.data.clips import WINDOW, ClipSource, list_clips, require_frames
from vsrlib.data.comparison_picture import write_comparison
from vsrlib.data.degradation import bicubic_on_grid, blur_down, blur_down_exact, cropped
from vsrlib.data.frames import shown_size, to_float, to_uint8
from vsrlib.networks.architecture import CENTRE
from vsrlib.networks.network import Network
from vsrlib.networks.weights import weights_file
from vsrlib.training.samples import draw_kernel

CRITERIA = {"psnr": 1, "cycle": -1}
"""What weights are kept as best by, and whether more (1) or less (-1) of it is better."""

PICTURES = "validation"
"""The folder of the pictures, one a validation."""

_EDGE = 4  # pixels at each edge of a frame that PSNR leaves out
_SMALLEST = 12  # side of a frame, HR pixels: the first multiple of the scale that leaves something


class ValidationSet:
    """HR clips, degraded once with one kernel per clip, whose windows are restored for the scores of the trainer.

    Only the LR frames are held, 3/16 byte for each HR pixel; the HR frames are read anew for every scoring, one at a
    time. `digest`: SHA-256 of the clips' names and decoded HR frames, from which `blur` and `seed` make the rest.
    `bicubic`: the PSNR of bicubic upsampling. `seen`: of the last scoring, the LR frame, the restored one and the truth
    of the middle of the first clip, (H, W, 3) uint8; None before any, and where the restored one is not finite.
    """

    seen: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    def __init__(self, root: Path, blur: str, seed: int) -> None:
        rng = np.random.default_rng([seed, 1])
        self.sources = list_clips(root)
        for source in self.sources:
            require_frames(source, WINDOW)
        self._digests: list[list[str]] = []  # of the decoded HR frames, by clip
        self._low: list[np.ndarray] = []  # (N, h, w, 3) uint8, by clip
        bicubic = []
        for source in self.sources:
            kernel, digests, low = draw_kernel(blur, rng), [], []
            for index, frame in enumerate(_high(source)):
                if min(frame.shape[:2]) < _SMALLEST:
                    raise UserError(
                        f"The validation clip {source.name} has frames of {shown_size(frame)} pixels; give at least "
                        f"{_SMALLEST} a side, because {_EDGE} at each edge are not scored."
                    )
                digests.append(sha256_array(frame))
                low.append(blur_down(frame, kernel))
                if _is_centre(source, index):
                    bicubic.append(_float_psnr(to_float(bicubic_on_grid(low[-1])), to_float(frame)))
            self._digests.append(digests)
            self._low.append(np.stack(low))
        self.bicubic = float(np.mean(bicubic))
        named = [[source.name, digests] for source, digests in zip(self.sources, self._digests)]
        self.digest = sha256_bytes(json.dumps(named).encode())

    @property
    def nbytes(self) -> int:
        """Bytes of the frames that are held."""
        return sum(low.nbytes for low in self._low)

    def windows(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Every five LR frames (5, 3, h, w) with their HR centre (3, 4h, 4w), float32 in [0, 1], read as it is asked
        for. UserError for a frame that is no longer what it was when the training began.
        """
        for source, digests, low in zip(self.sources, self._digests, self._low):
            for index, frame in enumerate(_high(source)):
                if index >= len(digests) or sha256_array(frame) != digests[index]:
                    raise UserError(
                        f"The frame {index} of the validation clip {source.name} has changed since the training began; "
                        "bring the frames back and go on with resume."
                    )
                if _is_centre(source, index):
                    start = index - WINDOW // 2
                    yield to_float(low[start : start + WINDOW]), to_float(frame)

    def scores(self, network: Network) -> dict[str, float]:
        """Means over all windows: `psnr` in dB, and `cycle`, which does without the truth.

        PSNR is of float images in [0, 1], neither clamped nor rounded, 4 pixels cropped. `cycle` is the training's
        loss of that name: the mean absolute difference of the input from its restoration, blurred with the estimated
        kernel and decimated.
        """
        found: dict[str, list[float]] = {"psnr": [], "cycle": []}
        middle = (len(self.sources[0]) - WINDOW) // 2
        self.seen = None
        for number, (low, high) in enumerate(self.windows()):
            restored = network.infer(low)
            if number == middle and np.isfinite(restored["recons"]).all():
                self.seen = (to_uint8(low[CENTRE]), to_uint8(restored["recons"]), to_uint8(high))
            found["psnr"].append(_float_psnr(restored["recons"], high))
            found["cycle"].append(cycle_error(restored, low))
        return {name: float(np.mean(values)) for name, values in found.items()}


def cycle_error(restored: dict[str, np.ndarray], low: np.ndarray) -> float:
    """Of a window (5, 3, h, w) and what `Network.infer` made of it: the mean absolute difference of the middle frame
    from its restoration, blurred with the estimated kernel and decimated.
    """
    again = blur_down_exact(restored["recons"].transpose(1, 2, 0), restored["kernel"])
    return float(np.abs(again.transpose(2, 0, 1) - low[CENTRE]).mean())


def write_picture(folder: Path, step: int, validation: ValidationSet) -> None:
    """Keep the picture of a validation after `step` steps, none without a frame."""
    if validation.seen is not None:
        low, restored, high = validation.seen
        write_comparison(picture_file(folder, step), low, bicubic_on_grid(low), restored, high)


def picture_file(folder: Path, step: int) -> Path:
    """Where the picture of a validation after `step` steps is kept, in the output folder of its training."""
    return folder / PICTURES / f"{step:08d}.png"


@dataclass
class Validations:
    """All validations so far, the best of them by each criterion, and for how long the PSNR has not risen."""

    scores: list[dict[str, Any]] = field(default_factory=list)
    best: dict[str, dict[str, Any]] = field(default_factory=dict)
    stale: int = 0

    def take(self, step: int, scores: dict[str, float]) -> list[str]:
        """Take in a validation; returns by which criteria it is the best. A score that is not finite becomes None."""
        kept = {name: value if math.isfinite(value) else None for name, value in scores.items()}
        self.scores.append({"step": step, **kept})
        better = [
            name
            for name, sign in CRITERIA.items()
            if math.isfinite(scores[name])
            and (name not in self.best or sign * scores[name] > sign * self.best[name]["value"])
        ]
        for name in better:
            self.best[name] = {"step": step, "value": scores[name]}
        self.stale = 0 if "psnr" in better else self.stale + 1
        return better


def best_file(criterion: str) -> str:
    """The file of the best weights by a criterion."""
    return f"weights_best_{criterion}.safetensors"


def best_entries(validations: Validations, folder: Path) -> dict[str, Any]:
    """The best weights as train.json names them: step, value and file by criterion."""
    return {
        name: {**found, "weights": weights_file.entry(folder / best_file(name), folder)}
        for name, found in validations.best.items()
    }


def _high(source: ClipSource) -> Iterator[np.ndarray]:
    """The HR frames of a clip, cut to multiples of the scale."""
    for frame in source.frames():
        yield cropped(frame[None])[0]


def _is_centre(source: ClipSource, index: int) -> bool:
    return WINDOW // 2 <= index < len(source) - WINDOW // 2


def _float_psnr(a: np.ndarray, b: np.ndarray) -> float:
    inner = slice(_EDGE, -_EDGE)
    error = float(np.mean((a[:, inner, inner].astype(np.float64) - b[:, inner, inner]) ** 2))
    return 100.0 if error == 0 else -10 * math.log10(error)
