"""One frame of a run: under a slider, in details side by side, with its kernels and its motion, and in a moving clip.

Each function returns what shows itself as a cell's last expression and carries alternative text.
"""

import io
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vsrlib.claims.results import absence, is_skipped
from vsrlib.common import provenance
from vsrlib.common.files import read_json, relative, sha256_array, write_json
from vsrlib.common.names import NAMES
from vsrlib.common.numbers import percent
from vsrlib.data.blur_kernels import centre_error, kernel_picture, kernel_psnr
from vsrlib.data.clips import FrameReader
from vsrlib.data.frames import read_frame
from vsrlib.networks.weights.weights_file import entry
from vsrlib.report.frames import Chosen, Estimate, choose, details, estimate, flow_picture
from vsrlib.report.html import Item, Page, compare, data_url, gallery, png
from vsrlib.restoration.metrics import psnr

__all__ = ["choose", "crops", "estimate", "flow", "inference", "kernels", "moving", "record", "slider"]

RESULT = "show.json"
GAIN = 20
"""By how much the difference of the frameworks is multiplied before it is shown."""
TIMES = 3
"""How often a moving clip is played."""
_FRAME_MS, _ALL_MS = 200, 4800  # what moves by itself for more than five seconds would need a button that stops it
_WIDEST = 512  # HR pixels; of a wider frame the detail alone is shown
_GAP = 8  # pixels between the two halves of a moving clip
_WHEEL = 97  # pixels across


def slider(chosen: Chosen) -> Page:
    """The whole frame: bicubic to the left of the slider, restored to the right."""
    restored = chosen.restored(chosen.first)
    name = NAMES[chosen.first]
    return compare(("bicubic", png(chosen.bicubic)), (name, png(restored)), chosen.words, 2 * restored.shape[1])


def inference(inference_file: Path, clips: Path, truths: Path | None = None) -> Page:
    """The middle frame of a run's first clip, as `crops` shows it; a skipped run gives its reason in words."""
    found = read_json(inference_file)
    if is_skipped(found):
        words = f"{NAMES.get(found.get('framework'), 'This framework')}: {absence(found)}"
        return Page(f"<p>{escape(words)}</p>", words)
    return crops(replace(choose([inference_file], found["blur"], clips, truths), skipped={}))


def crops(chosen: Chosen, box: tuple[int, int, int, int] | None = None) -> Page:
    """The same detail of each framework's frame, of bicubic, of the input and of the truth, and of the difference.

    box: which detail, (top, left, height, width) in multiples of 4; the frame's own where it is None.
    """
    box = box or chosen.box
    top, left, height, width = box
    images = {}
    for name, image in [*((NAMES[one], chosen.restored(one)) for one in chosen.folders), ("bicubic", chosen.bicubic)]:
        images[f"{name}{_decibels(image, chosen.truth)}"] = image
    images[f"input, {chosen.low.shape[1]} x {chosen.low.shape[0]}"] = chosen.low
    if chosen.truth is not None:
        images["truth"] = chosen.truth
    items, notes = details(images, box, chosen.words), []
    if chosen.truth is not None:
        notes.append("PSNR is over the whole frame.")
    if len(chosen.folders) > 1:
        values = difference(chosen)
        picture = np.clip(GAIN * values[top : top + height, left : left + width], 0, 255).astype(np.uint8)
        caption = f"difference x {GAIN}: at most {values.max()} of 255"
        first, *others = (NAMES[name] for name in chosen.folders)
        words = f"{first} minus {' or '.join(others)} times {GAIN}, black where they are equal, of the same detail"
        items.append(Item(picture, caption, words))
        share = np.count_nonzero(values) / values.size
        notes.append(f"In the whole frame {percent(share, 3)} of the values differ, by {values.max()} at most.")
    notes += [f"{NAMES[name]}: skipped, {reason}." for name, reason in chosen.skipped.items()]
    return gallery(items, " ".join(notes))


def difference(chosen: Chosen) -> np.ndarray:
    """How far the frameworks' frames are from the first one's, the furthest of each value: (H, W, 3), 8-bit levels."""
    first, *others = (chosen.restored(name).astype(np.int16) for name in chosen.folders)
    return np.max([np.abs(first - other) for other in others], axis=0)


def kernels(chosen: Chosen, found: Estimate) -> Page:
    """The true kernel beside the estimated one, in one scale of greys; an unknown true one is left out."""
    both = {"estimated": found.kernel} if chosen.kernel is None else {"true": chosen.kernel, "estimated": found.kernel}
    side, largest = (max(measure(one) for one in both.values()) for measure in (len, np.max))
    items = []
    for name, kernel in both.items():
        padded = np.pad(kernel, (side - len(kernel)) // 2)
        words = (
            f"{name} blur kernel of {chosen.words}, {len(kernel)} x {len(kernel)}, largest weight {kernel.max():.3g}"
        )
        items.append(Item(_grey(padded, largest), f"{name}, largest weight {kernel.max():.3f}", words))
    if chosen.kernel is None:
        return gallery(items, "Dark is a large weight. The true kernel is not known.", 240)
    psnr_, apart = kernel_psnr(found.kernel, chosen.kernel), centre_error(found.kernel, chosen.kernel)
    note = (
        f"Dark is a large weight. The kernels agree to {psnr_:.1f} dB, and their centres are {apart:.2f} pixels apart."
    )
    return gallery(items, note, 240)


def flow(chosen: Chosen, found: Estimate) -> Page:
    """The LR frame, its motion to the next one in colours, and the wheel that says which colour means what."""
    largest = full_colour(found.flow)
    radius = np.linspace(-largest, largest, _WHEEL)
    wheel = np.stack(np.meshgrid(radius, radius), axis=2)
    legend = flow_picture(wheel, largest)
    legend[np.linalg.norm(wheel, axis=2) > largest] = 255
    words = f"motion of {chosen.words} to the next frame"
    items = [
        Item(chosen.low, f"LR frame, {chosen.low.shape[1]} x {chosen.low.shape[0]}", f"LR frame of {chosen.words}"),
        Item(flow_picture(found.flow, largest), "its motion to the next frame", f"Estimated {words} in colours"),
        Item(legend, f"legend: the edge is {largest:.2f} LR pixels", "Colour wheel, the legend of the motion"),
    ]
    still = "White stands still. What moves has the colour that the wheel shows in the direction of its motion."
    return gallery(items, still)


def full_colour(flow: np.ndarray) -> float:
    """The length of motion, LR pixels, that is shown in full colour: 99 % of the frame move less."""
    return max(float(np.percentile(np.linalg.norm(flow, axis=2), 99)), 0.01)


def _grey(kernel: np.ndarray, largest: float) -> np.ndarray:
    # kernel_picture takes a kernel's own largest weight for black; here one black serves both.
    return 255 - np.rint((255 - kernel_picture(kernel)) * (kernel.max() / largest)).astype(np.uint8)


def _decibels(image: np.ndarray, truth: np.ndarray | None) -> str:
    if truth is None:
        return ""
    return ", equal to the truth" if np.array_equal(image, truth) else f", {psnr(image, truth):.2f} dB"


# A clip that moves: bicubic beside restored, a few frames, played three times and then still


def moving(chosen: Chosen, count: int) -> Page:
    """The first `count` restored frames of the clip as an animated image; whoever asked for less motion sees one."""
    frames = strip(chosen, count)
    milliseconds = pace(len(frames))
    name = NAMES[chosen.first]
    alt = f"{len(frames)} frames of clip {chosen.clip}, {chosen.blur} blur: bicubic to the left, {name} to the right"
    width = 2 * frames[0].shape[1]
    html = (
        '<figure style="margin:0"><picture>'
        f'<source media="(prefers-reduced-motion: reduce)" srcset="{data_url("image/png", png(frames[0]))}">'
        f'<img src="{data_url("image/webp", animation(frames, milliseconds))}" alt="{escape(alt)}" '
        f'style="display:block;width:100%;max-width:{width}px;height:auto"></picture>'
        f"<figcaption>bicubic to the left, {name} to the right; {len(frames)} frames, played {TIMES} times</figcaption>"
        "</figure>"
    )
    return Page(html, alt)


def strip(chosen: Chosen, count: int) -> list[np.ndarray]:
    """Frames of the animation: bicubic and restored beside each other, (H, W, 3) uint8."""
    reader = FrameReader(chosen.source)
    frames = []
    for name, index in list(zip(chosen.names, chosen.indices))[:count]:
        restored = read_frame(chosen.folders[chosen.first] / f"{name}.png")
        top, left, height, width = (0, 0, *restored.shape[:2]) if restored.shape[1] <= _WIDEST else chosen.box
        both = [one[top : top + height, left : left + width] for one in (chosen.upsampled(reader[index]), restored)]
        gap = np.full((height, _GAP, 3), 255, np.uint8)
        frames.append(np.concatenate([both[0], gap, both[1]], axis=1))
    return frames


def pace(count: int) -> int:
    """Milliseconds that each of `count` frames of an animation is shown for."""
    return min(_FRAME_MS, _ALL_MS // (TIMES * count))


def animation(frames: list[np.ndarray], milliseconds: int) -> bytes:
    """Frames as an animated WebP file that plays `TIMES` times."""
    first, *others = map(Image.fromarray, frames)
    buffer = io.BytesIO()
    first.save(
        buffer, "WEBP", save_all=True, append_images=others, duration=milliseconds, loop=TIMES, quality=80, method=4
    )
    return buffer.getvalue()


# What was shown, with the digests of all of it


def record(chosen: Chosen, found: Estimate, folder: Path) -> dict[str, Any]:
    """Write show.json into `folder`: clip and frame, digests of the pixels, and the figures under the pictures."""
    restored = {
        name: {"path": relative(path / f"{chosen.frame}.png", folder), "sha256": sha256_array(chosen.restored(name))}
        for name, path in chosen.folders.items()
    }
    kernel: dict[str, Any] = {"estimated_sha256": sha256_array(found.kernel)}
    if chosen.kernel is not None:
        kernel |= {
            "true_sha256": sha256_array(chosen.kernel),
            "psnr": kernel_psnr(found.kernel, chosen.kernel),
            "centre_error": centre_error(found.kernel, chosen.kernel),
        }
    result = {
        "blur": chosen.blur,
        "clip": chosen.clip,
        "frame": chosen.frame,
        "box": list(chosen.box),
        "window_sha256": sha256_array(chosen.window),
        "truth_sha256": None if chosen.truth is None else sha256_array(chosen.truth),
        "restored": restored,
        "absent": chosen.skipped,
        "difference": _difference(chosen) if len(chosen.folders) > 1 else None,
        "weights": entry(chosen.weights, folder),
        "kernel": kernel,
        "flow": {"sha256": sha256_array(found.flow), "full_colour": full_colour(found.flow)},
    }
    write_json(Path(folder) / RESULT, result | {"provenance": provenance.collect()})
    return result


def _difference(chosen: Chosen) -> dict[str, float]:
    values = difference(chosen)
    return {"largest": int(values.max()), "share": float(np.count_nonzero(values) / values.size)}
