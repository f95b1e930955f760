"""A frame in pictures: the slider, the details side by side, the kernels and the motion."""

import numpy as np

from vsrlib import slider as sliders
from vsrlib.kernel_metrics import centre_error, kernel_psnr
from vsrlib.kernels import kernel_picture
from vsrlib.look import flow_picture
from vsrlib.markup import Page
from vsrlib.metrics import psnr
from vsrlib.results import NAMES
from vsrlib.show.chosen import Chosen
from vsrlib.show.estimate import Estimate
from vsrlib.show.gallery import Item, gallery, png

GAIN = 20
"""By how much the difference of the frameworks is multiplied before it is shown."""
_WHEEL = 97  # pixels across


def slider(chosen: Chosen) -> Page:
    """The whole frame: bicubic to the left of the slider, restored to the right."""
    restored = chosen.restored(chosen.first)
    name = NAMES[chosen.first]
    return sliders.compare(("bicubic", png(chosen.bicubic)), (name, png(restored)), chosen.words, 2 * restored.shape[1])


def crops(chosen: Chosen) -> Page:
    """The same detail of bicubic, of each framework's frame and of the truth, and the frameworks' difference."""
    top, left, height, width = chosen.box
    images = {"bicubic": chosen.bicubic, **{NAMES[name]: chosen.restored(name) for name in chosen.folders}}
    captions = {name: f"{name}{_decibels(image, chosen.truth)}" for name, image in images.items()}
    if chosen.truth is not None:
        images["truth"] = chosen.truth
    where = f"the {width} x {height} pixels from column {left}, row {top} of {chosen.words}"
    items = [
        Item(image[top : top + height, left : left + width], captions.get(name, name), f"{name}: {where}")
        for name, image in images.items()
    ]
    notes = ["PSNR is over the whole frame."] if chosen.truth is not None else []
    if len(chosen.folders) == 2:
        values = difference(chosen)
        picture = np.clip(GAIN * values[top : top + height, left : left + width], 0, 255).astype(np.uint8)
        caption = f"difference x {GAIN}: at most {values.max()} of 255"
        items.append(Item(picture, caption, f"PyTorch minus Jittor times {GAIN}, black where they are equal: {where}"))
        share = np.count_nonzero(values) / values.size
        notes.append(f"In the whole frame {share:.3%} of the values differ, by {values.max()} at most.")
    notes += [f"{NAMES[name]}: skipped, {reason}." for name, reason in chosen.skipped.items()]
    return gallery(items, " ".join(notes))


def difference(chosen: Chosen) -> np.ndarray:
    """How far the two frameworks' frames are apart, (H, W, 3), 8-bit levels."""
    torch, jittor = (chosen.restored(name).astype(np.int16) for name in ("torch", "jittor"))
    return np.abs(torch - jittor)


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
