"""One window through the network, step by step: what each part is given, and what it makes of that.

`walk` computes what `SelfBlindVSR.reconstruct` does, with its own methods, and keeps what lies between; the functions
after it show one part each.
"""

from dataclasses import dataclass

import numpy as np

from vsrlib.data.blur_kernels import centre_error
from vsrlib.networks import load_network
from vsrlib.networks.architecture import CENTRE
from vsrlib.report.frames import Chosen, Estimate, flow_picture
from vsrlib.report.html import Item, Page, gallery
from vsrlib.report.said import paragraphs
from vsrlib.report.show import full_colour
from vsrlib.restoration.metrics import psnr

_GREY = 128  # what no residual is shown as
_GAIN = 4  # of the residual


@dataclass(frozen=True)
class Walk:
    """What one window (5 frames) becomes; frames in [0, 1], (h, w) LR pixels.

    frames (5, 3, h, w); flows {neighbour: (h, w, 2)} from the centre, LR pixels, x then y; before, after {neighbour:
    (F, h, w)}: features as they are, and warped and masked; masks {neighbour: (h, w)}; centre (F, h, w): features that
    stay; base, residual, restored (3, 4h, 4w), the last not clamped.
    """

    frames: np.ndarray
    flows: dict[int, np.ndarray]
    before: dict[int, np.ndarray]
    after: dict[int, np.ndarray]
    masks: dict[int, np.ndarray]
    centre: np.ndarray
    base: np.ndarray
    residual: np.ndarray
    restored: np.ndarray


def walk(chosen: Chosen) -> Walk:
    """Take the window of a chosen frame through the network, with the weights of the run, in PyTorch on the CPU."""
    network = load_network("torch", chosen.weights, chosen.preset, "cpu")
    frames = chosen.window.transpose(0, 3, 1, 2).astype(np.float32) / 255
    module, array = network.module, network.download
    flows, before, after, masks, aligned = {}, {}, {}, {}, []
    with network.backend.no_grad():
        window = network.upload(frames)
        middle = window[:, CENTRE]
        for i in range(len(frames)):
            features = module.features(window[:, i])
            if i == CENTRE:
                centre = array(features)[0]
            else:
                flow = module.flow_net(middle, window[:, i])
                before[i], flows[i] = array(features)[0], array(flow)[0].transpose(1, 2, 0)
                features, mask = module.warp(features, flow)
                after[i], masks[i] = array(features)[0], array(mask)[0, 0]
            aligned.append(features)
        residual, base = module.upsample(module.fuse(aligned)), module.base(middle)
    base, residual = array(base)[0], array(residual)[0]
    return Walk(frames, flows, before, after, masks, centre, base, residual, base + residual)


def given(found: Walk) -> Page:
    """The five LR frames; the middle one is restored."""
    items = []
    for i, frame in enumerate(found.frames):
        name = "the middle one" if i == CENTRE else f"neighbour {i - CENTRE:+d}"
        items.append(Item(_picture(frame), name, f"LR frame, {name}"))
    return gallery(items, "The window: five LR frames, of which the middle one is restored.", 200)


def motion(found: Walk) -> Page:
    """The flow from the middle frame to each neighbour, one scale of colours for all, with its legend."""
    largest = max(full_colour(flow) for flow in found.flows.values())
    items = [
        Item(
            flow_picture(flow, largest),
            f"to {i - CENTRE:+d}",
            f"Flow from the middle frame to neighbour {i - CENTRE:+d}",
        )
        for i, flow in found.flows.items()
    ]
    radius = np.linspace(-largest, largest, 97)
    wheel = np.stack(np.meshgrid(radius, radius), axis=2)
    legend = flow_picture(wheel, largest)
    legend[np.linalg.norm(wheel, axis=2) > largest] = 255
    items.append(Item(legend, f"legend: {largest:.2f} LR pixels", "Colour wheel, the legend of the motion"))
    return gallery(items, "Which way, and how far, each pixel has moved, as the flow network sees it.", 200)


def alignment(found: Walk, neighbour: int = 0) -> Page:
    """Features of one neighbour before and after the warp, those of the middle, what the mask takes away; and whether
    warping brought the neighbour nearer to the middle, in words."""
    before, after, mask = found.before[neighbour], found.after[neighbour], found.masks[neighbour]
    top = max(float(_strength(one).max()) for one in (before, after, found.centre))
    name = f"neighbour {neighbour - CENTRE:+d}"
    items = [
        Item(_grey(_strength(found.centre), top), "middle frame", "Mean size of the middle frame's features"),
        Item(_grey(_strength(before), top), f"{name}, as it is", f"Mean size of the features of {name}"),
        Item(_grey(_strength(after), top), f"{name}, warped", "The same, warped to the middle frame and masked"),
        Item(_grey(mask, 1.0), "mask", "White: seen by both frames; black: comes from outside, and counts nothing"),
    ]
    return gallery(items, alignment_words(found, neighbour), 220)


def alignment_words(found: Walk, neighbour: int) -> str:
    """By how much the warp brings the features of a neighbour nearer to those of the middle frame."""
    seen = found.masks[neighbour] > 0
    if not seen.any():
        return "Nothing of this neighbour is seen in the middle frame: the mask takes all of it away."
    apart = [
        float(np.sqrt(np.mean((one[:, seen] - found.centre[:, seen]) ** 2)))
        for one in (found.before[neighbour], found.after[neighbour])
    ]
    change = apart[1] / apart[0] - 1 if apart[0] else 0.0
    hidden = f" The mask takes away {1 - seen.mean():.1%} of it." if not seen.all() else " The mask takes nothing away."
    if change < -0.01:
        return f"The warp brings its features {-change:.0%} nearer to those of the middle frame.{hidden}"
    if change > 0.01:
        return (
            f"The warp takes its features {change:.0%} further from those of the middle frame: where next to nothing "
            f"moves, interpolation costs more than alignment gives.{hidden}"
        )
    return f"The warp changes hardly anything: this neighbour lies where the middle frame does.{hidden}"


def result(found: Walk) -> Page:
    """What is added to the bilinear upsampling, and the sum."""
    residual = np.clip(_GREY + _GAIN * 255 * found.residual, 0, 255).round().astype(np.uint8).transpose(1, 2, 0)
    share = float(np.sqrt(np.mean(found.residual**2)) * 255)
    items = [
        Item(_picture(found.base), "bilinear upsampling", "The middle frame, upsampled bilinearly"),
        Item(residual, f"residual x {_GAIN}", f"What the network adds, times {_GAIN}, on grey"),
        Item(_picture(found.restored), "their sum: restored", "The restored frame"),
    ]
    note = f"All that the network knows is in the residual: {share:.1f} of 255 levels, the root of its mean square."
    return gallery(items, note, 300)


def words(found: Walk, chosen: Chosen, seen: Estimate) -> Page:
    """Whether this window was worth its neighbours and its kernel, in sentences."""
    nearer = sum("nearer" in alignment_words(found, i) for i in found.flows)
    texts = [
        f"Of {len(found.flows)} neighbours {nearer} lie nearer to the middle frame once they are warped"
        + (": alignment does its work here." if nearer > len(found.flows) / 2 else ": there is little to align here.")
    ]
    if chosen.truth is not None:
        texts.append(_gain(*(psnr(one, chosen.truth) for one in (chosen.restored(chosen.first), chosen.bicubic))))
    if chosen.kernel is not None:
        apart = centre_error(seen.kernel, chosen.kernel)
        texts.append(
            f"The centre of the estimated blur kernel lies {apart:.2f} HR pixels beside that of the true one"
            + (", which a frame can bear." if apart < 0.5 else ": what is learned with it is shifted by as much.")
        )
    return paragraphs(*texts)


def _gain(restored: float, bicubic: float) -> str:
    if np.isinf(bicubic):
        return "Bicubic upsampling equals the truth here, so that nothing could be added to it."
    if np.isinf(restored):
        return "The restored frame equals the truth."
    gain = restored - bicubic
    if gain > 0:
        return f"What is added makes the frame {gain:.2f} dB better than bicubic upsampling."
    return (
        f"What is added makes the frame {-gain:.2f} dB worse than bicubic upsampling: these weights do not restore it."
    )


def _picture(frame: np.ndarray) -> np.ndarray:
    return np.rint(255 * frame.clip(0, 1)).astype(np.uint8).transpose(1, 2, 0)


def _strength(features: np.ndarray) -> np.ndarray:
    return np.abs(features).mean(axis=0)


def _grey(values: np.ndarray, top: float) -> np.ndarray:
    grey = np.rint(255 * (values / max(top, 1e-9)).clip(0, 1)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)
