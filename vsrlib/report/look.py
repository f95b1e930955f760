"""One clip, its two degradations, the kernels and the motion, for the data notebook."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from vsrlib.common import provenance
from vsrlib.common.files import sha256_array, write_json
from vsrlib.common.names import BLURS
from vsrlib.common.tables import markdown
from vsrlib.data.blur_kernels import centre_error, kernel_picture, kernel_psnr
from vsrlib.data.clips import Clip, require_frames
from vsrlib.data.degradation import bicubic_on_grid, blur_down
from vsrlib.data.degrade import clip_kernel
from vsrlib.data.sets.layouts import clips_of
from vsrlib.data.synthetic.clips import embedded_clips
from vsrlib.report import panels
from vsrlib.report.html import Page
from vsrlib.restoration.metrics import psnr, psnr_y, ssim, ssim_y
from vsrlib.restoration.temporal import optical_flow, tof, warping_error
from vsrlib.study.settings import resolve

RESULT = "look.json"
_SIZE = (256, 384)  # of a clip made from a photograph


@dataclass(frozen=True)
class Seen:
    """A clip (HR cropped to a multiple of 4), and for each blur its LR frames and kernel."""

    clip: Clip
    low: dict[str, np.ndarray]
    kernels: dict[str, np.ndarray]
    seed: int

    def enlarged(self, blur: str) -> np.ndarray:
        """The LR frames of a blur by bicubic interpolation, (N, H, W, 3) uint8."""
        return np.stack([bicubic_on_grid(frame) for frame in self.low[blur]])


def degrade(hr_root: str | None, clip: str | None, frames: int, seed: int) -> Seen:
    """Degrade the first `frames` frames of a clip at `hr_root`, or of one made from a photograph, with both blurs.

    UserError for a clip that is not there, is too short, or cannot be read.
    """
    if hr_root is None:
        chosen = embedded_clips("test", frames, _SIZE, seed, 1)[0].clip
    else:
        source = clips_of(resolve(hr_root), None if clip is None else [clip])[0]
        require_frames(source, frames)
        chosen = Clip(source.name, np.stack(list(islice(source.frames(), frames))))
    height, width = (side - side % 4 for side in chosen.frames.shape[1:3])
    chosen = Clip(chosen.name, chosen.frames[:, :height, :width])
    kernels = {blur: clip_kernel(blur, seed, chosen.name)[0] for blur in BLURS}
    low = {blur: np.stack([blur_down(frame, kernel) for frame in chosen.frames]) for blur, kernel in kernels.items()}
    return Seen(chosen, low, kernels, seed)


def show_frames(seen: Seen) -> panels.Picture:
    """The middle frame: HR, and LR of either blur."""
    middle = len(seen.clip.frames) // 2
    return panels.show_frames(
        {"HR": seen.clip.frames[middle]} | {f"LR, {blur}": low[middle] for blur, low in seen.low.items()}
    )


def show_kernels(seen: Seen) -> panels.Picture:
    """The kernels as pictures, dark = large."""
    pictures = {f"{blur}, {len(kernel)}x{len(kernel)}": kernel_picture(kernel) for blur, kernel in seen.kernels.items()}
    return panels.show_frames(pictures, f"Blur kernels of clip {seen.clip.name}, dark = large: {', '.join(pictures)}.")


def show_flow(seen: Seen) -> panels.Picture:
    """The motion from the middle frame to the next, one scale of colours for all."""
    first = min(len(seen.clip.frames) // 2, len(seen.clip.frames) - 2)
    clips = {"HR": seen.clip.frames} | {f"LR, {blur}, enlarged": seen.enlarged(blur) for blur in seen.low}
    flows = {name: optical_flow(frames[first], frames[first + 1], "dis") for name, frames in clips.items()}
    largest = float(np.percentile(np.linalg.norm(flows["HR"], axis=2), 99))
    pictures = {name: flow_picture(flow, largest) for name, flow in flows.items()}
    return panels.show_frames(
        pictures,
        f"Flow from frame {first} to {first + 1} of clip {seen.clip.name}; the hue is "
        f"the direction, full colour is {largest:.1f} pixels: {', '.join(pictures)}.",
    )


def flow_picture(flow: np.ndarray, largest: float) -> np.ndarray:
    """Flow (H, W, 2) in pixels as (H, W, 3) uint8 RGB: the hue is the direction, white is none, full is `largest`."""
    length, angle = cv2.cartToPolar(flow[..., 0], flow[..., 1])
    colour = np.full((*flow.shape[:2], 3), 255, np.uint8)
    colour[..., 0] = np.rint(angle * 90 / np.pi) % 180  # OpenCV counts hues in steps of two degrees
    colour[..., 1] = np.rint(255 * np.clip(length / max(largest, 1e-6), 0, 1))
    return cv2.cvtColor(colour, cv2.COLOR_HSV2RGB)


def measure(seen: Seen, folder: Path) -> Page:
    """Every metric of bicubic enlargement against the truth, and of the kernels; writes `folder`/look.json."""
    truth = seen.clip.frames
    rows = {}
    for blur in seen.low:
        restored = seen.enlarged(blur)
        frames = {
            name: float(np.mean([metric(a, b) for a, b in zip(restored, truth)]))
            for name, metric in (("psnr", psnr), ("ssim", ssim), ("psnr_y", psnr_y), ("ssim_y", ssim_y))
        }
        rows[blur] = frames | {"tof": tof(restored, truth), "warping_error": warping_error(restored, truth)}
    kernels = {
        "psnr": kernel_psnr(seen.kernels["Realistic"], seen.kernels["Gaussian"]),
        "centre_error": centre_error(seen.kernels["Realistic"], seen.kernels["Gaussian"]),
    }
    result = {
        "clip": seen.clip.name,
        "frames": len(truth),
        "hr_sha256": sha256_array(truth),
        "bicubic": rows,
        "flow": {"tof": "farneback", "warping_error": "dis"},
        "realistic_beside_gaussian_kernel": kernels,
    }
    write_json(Path(folder) / RESULT, result | {"provenance": provenance.collect(seed=seen.seed)})
    header = [
        "bicubic against the truth",
        "PSNR (dB)",
        "SSIM",
        "PSNR of Y (dB)",
        "SSIM of Y",
        "tOF (pixels)",
        "warping error",
    ]
    table = [
        [
            blur,
            f"{row['psnr']:.2f}",
            f"{row['ssim']:.4f}",
            f"{row['psnr_y']:.2f}",
            f"{row['ssim_y']:.4f}",
            f"{row['tof']:.3f}",
            f"{row['warping_error']:.2e}",
        ]
        for blur, row in rows.items()
    ]
    words = (
        f"The realistic kernel beside the Gaussian one: {kernels['psnr']:.1f} dB, their centres "
        f"{kernels['centre_error']:.2f} pixels apart."
    )
    cells = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in [header, *table])
    return Page(f"<table>{cells}</table><p>{words}</p>", f"{markdown(header, table)}\n\n{words}")
