"""Clips beside their degradations, with kernels and motion: what the networks learn from and are judged on."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from vsrlib.common import provenance
from vsrlib.common.errors import UserError
from vsrlib.common.files import resolve, sha256_array, write_json
from vsrlib.common.names import BLURS
from vsrlib.common.numbers import markdown
from vsrlib.data.blur_kernels import centre_error, kernel_picture, kernel_psnr
from vsrlib.data.clips import Clip, FrameReader, require_frames
from vsrlib.data.degradation import bicubic_on_grid, blur_down, cropped
from vsrlib.data.degrade import clip_kernel
from vsrlib.data.frames import shown_size
from vsrlib.data.sets.layouts import clips_of
from vsrlib.data.sets.tree import read_kernel
from vsrlib.data.synthetic.clips import embedded_clips
from vsrlib.report.frames import clip_of, details, flow_picture
from vsrlib.report.html import Item, Page, gallery
from vsrlib.restoration.metrics import psnr, psnr_y, ssim, ssim_y
from vsrlib.restoration.temporal import DEFAULT_FLOW, LEAST_SIDE, TOF, optical_flow, tof, warping_error

RESULT = "look.json"
_SIZE = (256, 384)  # of a clip made from a photograph
_COLUMNS = {
    "psnr": ("PSNR (dB)", ".2f"),
    "ssim": ("SSIM", ".4f"),
    "psnr_y": ("PSNR of Y (dB)", ".2f"),
    "ssim_y": ("SSIM of Y", ".4f"),
    TOF: ("tOF (pixels)", ".3f"),
    "warping_error": ("warping error", ".2e"),
}
"""Metric -> its column in the table and the digits there."""
EQUAL = "equal"
"""In place of a PSNR that is infinite."""


def show_set(set_folder: Path, clip: str | None = None) -> Page:
    """The middle frame of one clip of a data set: HR frame, LR frame and the blur kernel between them.

    `set_folder` holds HR, LR_blurdown_x4 and kernel; `clip` None is the first one.
    """
    set_folder = Path(set_folder)
    sharp = clip_of(set_folder / "HR", clip)
    blurred = clip_of(set_folder / "LR_blurdown_x4", sharp.name)
    middle = len(sharp) // 2
    kernel = read_kernel(set_folder / "kernel" / sharp.name / f"{sharp.frame_names[middle]}.mat")
    high, low = FrameReader(sharp)[middle], FrameReader(blurred)[middle]
    of = f"clip {sharp.name} of {set_folder.name}, frame {sharp.frame_names[middle]}"
    dark = f"dark = large, largest weight {kernel.max():.3g}"
    return gallery(
        [
            _item("HR", high, f"Sharp HR frame of {of}"),
            _item("LR", low, f"Blurred LR frame of {of}"),
            _item("kernel", kernel_picture(kernel), f"Blur kernel of {of}, {dark}"),
        ],
        f"Kernel: {dark}.",
    )


@dataclass(frozen=True)
class Seen:
    """A clip (HR cropped to a multiple of 4), and for each blur its LR frames and kernel."""

    clip: Clip
    low: dict[str, np.ndarray]
    kernels: dict[str, np.ndarray]
    seed: int

    def upsampled(self, blur: str) -> np.ndarray:
        """The LR frames of a blur by bicubic interpolation, (N, H, W, 3) uint8."""
        return np.stack([bicubic_on_grid(frame) for frame in self.low[blur]])


def degrade(hr_root: str | None, clip: str | int | None, frames: int, seed: int) -> Seen:
    """Degrade the first `frames` frames of a clip at `hr_root`, or of one made from a photograph, with both blurs.

    UserError for a clip that is not there, is too short or too small to be measured, or cannot be read.
    """
    if hr_root is None:
        chosen: Clip = embedded_clips("test", frames, _SIZE, seed, 1)[0]
    else:
        source = clips_of(resolve(hr_root), None if clip is None else [clip])[0]
        require_frames(source, frames)
        chosen = Clip(source.name, np.stack(list(islice(source.frames(), frames))))
    chosen = Clip(chosen.name, cropped(chosen.frames))
    if min(chosen.frames.shape[1:3]) < LEAST_SIDE:
        raise UserError(
            f"The clip {chosen.name} has frames of {shown_size(chosen.frames[0])} pixels, and its motion needs "
            f"{LEAST_SIDE} a side to be measured; give another clip."
        )
    kernels = {blur: clip_kernel(blur, seed, chosen.name)[0] for blur in BLURS}
    low = {blur: np.stack([blur_down(frame, kernel) for frame in chosen.frames]) for blur, kernel in kernels.items()}
    return Seen(chosen, low, kernels, seed)


def show_frames(seen: Seen, number: int | None = None, box: tuple[int, int, int, int] | None = None) -> Page:
    """A frame, the middle one by default: HR, and LR of either blur.

    box: (top, left, height, width), HR pixels in multiples of 4, for a part of it.
    """
    index = len(seen.clip.frames) // 2 if number is None else number
    frames = {"HR": seen.clip.frames[index]} | {f"LR, {blur}": low[index] for blur, low in seen.low.items()}
    of = f"frame of clip {seen.clip.name}"
    if box is not None:
        return gallery(details(frames, box, f"frame {index} of clip {seen.clip.name}"))
    return gallery([_item(name, frame, f"{name}: {of}") for name, frame in frames.items()])


def show_kernels(seen: Seen) -> Page:
    """The kernels as pictures, dark = large."""
    kernels = {blur: kernel_picture(kernel) for blur, kernel in seen.kernels.items()}
    of = f"blur kernel of clip {seen.clip.name}"
    return gallery([_item(blur, picture, f"{blur} {of}") for blur, picture in kernels.items()], "Dark = large.", 240)


def show_flow(seen: Seen) -> Page:
    """The motion from the middle frame to the next, one scale of colours for all."""
    first = min(len(seen.clip.frames) // 2, len(seen.clip.frames) - 2)
    clips = {"HR": seen.clip.frames} | {f"LR, {blur}, upsampled": seen.upsampled(blur) for blur in seen.low}
    flows = {name: optical_flow(frames[first], frames[first + 1], "dis") for name, frames in clips.items()}
    largest = float(np.percentile(np.linalg.norm(flows["HR"], axis=2), 99))
    of = f"optical flow from frame {first} to {first + 1} of clip {seen.clip.name}"
    items = [_item(name, flow_picture(flow, largest), f"{name}: {of}") for name, flow in flows.items()]
    return gallery(items, f"The hue is the direction; full colour is {largest:.1f} pixels.")


def _item(name: str, picture: np.ndarray, alt: str) -> Item:
    return Item(picture, f"{name}, {picture.shape[1]} x {picture.shape[0]}", alt)


def measure(seen: Seen, folder: Path) -> Page:
    """Every metric of bicubic upsampling against the ground truth, and of the kernels; writes `folder`/look.json.

    A frame that equals the truth, such as a black one, has no PSNR; it is None where that is so of all.
    """
    truth = seen.clip.frames
    rows = {}
    for blur in seen.low:
        restored = seen.upsampled(blur)
        frames = {
            name: _mean([metric(a, b) for a, b in zip(restored, truth)])
            for name, metric in (("psnr", psnr), ("ssim", ssim), ("psnr_y", psnr_y), ("ssim_y", ssim_y))
        }
        rows[blur] = frames | {TOF: tof(restored, truth), "warping_error": warping_error(restored, truth)}
    kernels = {
        "psnr": kernel_psnr(seen.kernels["Realistic"], seen.kernels["Gaussian"]),
        "centre_error": centre_error(seen.kernels["Realistic"], seen.kernels["Gaussian"]),
    }
    result = {
        "clip": seen.clip.name,
        "frames": len(truth),
        "hr_sha256": sha256_array(truth),
        "bicubic": rows,
        "flow": DEFAULT_FLOW,
        "realistic_beside_gaussian_kernel": kernels,
    }
    write_json(Path(folder) / RESULT, result | {"provenance": provenance.collect(seed=seen.seed)})
    header = ["bicubic against the ground truth", *(name for name, _ in _COLUMNS.values())]
    table = [[blur, *(_cell(row[key], form) for key, (_, form) in _COLUMNS.items())] for blur, row in rows.items()]
    words = (
        f"The realistic kernel beside the Gaussian one: {kernels['psnr']:.1f} dB, their centres "
        f"{kernels['centre_error']:.2f} pixels apart."
    )
    cells = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in [header, *table])
    return Page(f"<table>{cells}</table><p>{words}</p>", f"{markdown(header, table)}\n\n{words}")


def _mean(values: list[float]) -> float | None:
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else None


def _cell(value: float | None, form: str) -> str:
    return EQUAL if value is None else f"{value:{form}}"
