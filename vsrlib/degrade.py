"""Make low-resolution frames: blur with a kernel, keep every fourth pixel, round to 8 bits."""

import io
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import io as scipy_io

from vsrlib.datasets import HR, KERNEL, LR, write_set
from vsrlib.errors import UserError
from vsrlib.files import atomic_path, sha256_array
from vsrlib.frames import Clip, list_clips, write_clip
from vsrlib.kernels import (
    draw_realistic,
    gaussian_kernel,
    realistic_kernel,
    realistic_kernel_from_draws,
    scale_realistic,
)
from vsrlib.names import BLURS

__all__ = ["BLURS", "SCALE", "blur_down", "blur_down_exact", "degrade_clips", "gaussian_kernel", "realistic_kernel",
           "realistic_kernel_from_draws", "write_degraded_set"]

SCALE = 4
_SIGMA = 1.2


def blur_down(frame: np.ndarray, kernel: np.ndarray, scale: int = SCALE) -> np.ndarray:
    """Blur (H, W, 3) uint8 with an odd square kernel and decimate to (ceil(H / scale), ceil(W / scale), 3) uint8.

    Borders replicated, cross-correlation (the kernel is not flipped), [::scale, ::scale], clamped to [0, 255],
    rounded half to even. Only the pixels that are kept are computed. ValueError for another type or shape.
    """
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
        raise ValueError(f"a frame must be (H, W, 3) uint8, not {frame.shape} {frame.dtype}")
    return np.rint(np.clip(blur_down_exact(frame, kernel, scale), 0, 255)).astype(np.uint8)


def blur_down_exact(frame: np.ndarray, kernel: np.ndarray, scale: int = SCALE) -> np.ndarray:
    """As `blur_down`, but neither clamped nor rounded: (H, W, 3) of any type -> float64. What training samples are."""
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or kernel.shape[0] % 2 == 0:
        raise ValueError(f"a kernel must be square with an odd side, not {kernel.shape}")
    if scale < 1:
        raise ValueError(f"scale must be at least 1, not {scale}")
    height, width, _ = frame.shape
    radius = kernel.shape[0] // 2
    padded = np.pad(frame, ((radius, radius), (radius, radius), (0, 0)), mode="edge")
    total = np.zeros((-(-height // scale), -(-width // scale), 3))
    for row, column in np.ndindex(kernel.shape):
        total += kernel[row, column] * padded[row : row + height : scale, column : column + width : scale]
    return total


def degrade_clips(hr_root: Path, save_root: Path, blur: str, seed: int) -> dict[str, Any]:
    """Make a test set from HR clips on disk: one kernel per clip, LR frames, kernels, and a manifest written last.

    `hr_root` is a folder of clip folders, a folder of frames or a video; for `blur` and `seed` see
    `write_degraded_set`. Writes `save_root`/HR (PNG copies; left alone where `hr_root` is that very folder),
    `save_root`/LR_blurdown_x4, `save_root`/kernel and `save_root`/manifest.json, whose content is returned.
    UserError also for clips that cannot be read and for an `hr_root` elsewhere inside `save_root`.
    """
    sources = list_clips(hr_root)
    hr_root, save_root = Path(hr_root).resolve(), Path(save_root).resolve()
    in_place = hr_root == save_root / HR
    if not in_place and hr_root.is_relative_to(save_root):
        raise UserError(f"{hr_root} lies inside {save_root}, which is to be written: give {save_root / HR} itself, "
                        "or frames from elsewhere.")
    clips = ((source.load(), source.frame_names) for source in sources)
    return write_degraded_set(save_root, clips, blur, seed, write_hr=not in_place)


def write_degraded_set(root: Path, clips: Iterable[tuple[Clip, tuple[str, ...]]], blur: str, seed: int,
                       write_hr: bool = True, **described: Any) -> dict[str, Any]:
    """Degrade `clips` (each with its frames' names) and write them as the data set `root`; return its manifest.

    `blur` is "Gaussian" (sigma 1.2 for every clip) or "Realistic", drawn for each clip from (seed, clip name), so that
    neither the order nor the company of the clips matters. HR is cropped at the right and below to a multiple of 4;
    `cropped` in the manifest says so. `described` goes into the manifest as it is. The same input gives the same bytes.
    Manifest: blur, seed, scale, hr_written, and for each clip the frames' names, hr_size [H, W] after cropping,
    the kernel (parameters, size, digest) and digests of the decoded pixels of HR and LR, (N, H, W, 3) uint8 RGB.
    UserError for an unknown blur, a negative seed, frames below 4x4, and for files in the way that were not made here.
    """
    if blur not in BLURS:
        raise UserError(f"blur {blur!r} is unknown: give one of {', '.join(BLURS)}.")
    if seed < 0:
        raise UserError(f"seed {seed} is negative: give 0 or a positive number.")

    def fill(staging: Path) -> dict[str, Any]:
        entries = {clip.name: _write_clip(staging, clip, names, blur, seed, write_hr) for clip, names in clips}
        return {"blur": blur, "seed": seed, "scale": SCALE, "hr_written": write_hr, **described, "clips": entries}

    return write_set(root, (HR, LR, KERNEL) if write_hr else (LR, KERNEL), fill, seed)


def _write_clip(root: Path, clip: Clip, names: tuple[str, ...], blur: str, seed: int, write_hr: bool) -> dict[str, Any]:
    height, width = (side - side % SCALE for side in clip.frames.shape[1:3])
    if min(height, width) == 0:
        raise UserError(f"clip {clip.name} has frames of {clip.frames.shape[2]}x{clip.frames.shape[1]} pixels: "
                        f"at least {SCALE}x{SCALE} are needed.")
    hr = clip.frames[:, :height, :width]
    kernel, parameters = _clip_kernel(blur, seed, clip.name)
    lr = np.stack([blur_down(frame, kernel) for frame in hr])
    if write_hr:
        write_clip(root / HR / clip.name, Clip(clip.name, hr), names)
    write_clip(root / LR / clip.name, Clip(clip.name, lr), names)
    for name in names:
        _write_mat(root / KERNEL / clip.name / f"{name}.mat", kernel)
    return {
        "frames": list(names),
        "hr_size": [height, width],
        "cropped": hr.shape != clip.frames.shape,
        "kernel": {**parameters, "size": len(kernel), "sha256": sha256_array(kernel)},
        "hr_sha256": sha256_array(hr),
        "lr_sha256": sha256_array(lr),
    }


def _clip_kernel(blur: str, seed: int, name: str) -> tuple[np.ndarray, dict[str, float]]:
    if blur == "Gaussian":
        return gaussian_kernel(_SIGMA), {"sigma": _SIGMA}
    draws = draw_realistic(np.random.default_rng([seed, zlib.crc32(name.encode())]))
    parameters = dict(zip(("lambda1", "lambda2", "theta"), scale_realistic(*draws[:3])))
    return realistic_kernel_from_draws(*draws), parameters


def _write_mat(path: Path, kernel: np.ndarray) -> None:
    buffer = io.BytesIO()
    scipy_io.savemat(buffer, {"kernel": kernel})
    # The first 116 bytes are free text, in which SciPy puts the platform and the time of writing.
    text = b"MATLAB 5.0 MAT-file, blur kernel of a degraded clip".ljust(116)
    with atomic_path(path) as temporary:
        temporary.write_bytes(text + buffer.getvalue()[116:])
