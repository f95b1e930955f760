"""HR and LR clips that belong together: the same clips, the same frames, a quarter of the size, the same content."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.data.degradation import SCALE, blur_down_exact
from vsrlib.data.frames import Map, batches, read_frame
from vsrlib.data.sets.layouts import HR_ROLE, KERNEL_ROLE, LR_ROLE, Place, place
from vsrlib.data.sets.tree import Found, Tree, read_kernel, stem

ROUNDING = 0.51
"""Levels of 255 that rounding explains: a half, and a little for sums taken in another order or precision."""

AGREES = 1.5
"""Levels, root mean square, up to which a fitted kernel explains LR. Rounding alone leaves 0.29."""

UNEXPLAINED = 0.1
"""Share of LR's variance; frames of which a fitted kernel leaves more do not show the same."""

CENTRED = 1.0
"""HR pixels that a fitted kernel's centre may lie off; the published realistic kernels lie 0.3 off."""

_RADIUS = 10  # 21x21: bicubic decimation reaches 8 pixels, and its centre lies 1.5 pixels beside the LR pixel's
_PIXELS = 4000  # that a kernel is fitted to, and as many to test it
_FEWEST = 600
_TOO_SMALL = "no kernel is stored and the frames are too small to fit one: the content could not be checked"


@dataclass
class Pair:
    """An LR clip with its HR clip: names for the report, and the frames that both have, whole, in order."""

    hr: str
    lr: str
    key: tuple[str, ...]
    frames: list[tuple[str, str]] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class Fit(NamedTuple):
    """What the 21x21 kernel that fits best cannot explain of LR: `levels` of 255 (root mean square) and `share` of the
    variance; and how many HR pixels its centre lies beside the middle or, as bicubic decimation has it, 1.5 off it.
    """

    levels: float
    share: float
    off_centre: float


def find_pairs(tree: Tree, found: dict[str, Found]) -> tuple[list[Pair], dict[str, str]]:
    """The pairs below a folder, with what their numbers and sizes say; and the clips that lack their counterpart."""
    places = {folder: place(folder.relative_to(tree.root).parts) for folder in tree.clips} if tree.root.is_dir() else {}
    high = {where.key: folder for folder, where in places.items() if where.role == HR_ROLE}
    pairs, alone = [], {}
    low: dict[tuple[str, tuple[str, ...]], dict[tuple[str, ...], Path]] = {}
    for folder, where in places.items():
        if where.role == LR_ROLE:
            low.setdefault((where.variant, where.key[:-1]), {})[where.key] = folder
    for (variant, above), folders in low.items():
        for key, folder in folders.items():
            if key in high:
                pairs.append(_paired(tree, high[key], folder, key, found))
            elif high:
                alone[tree.name(folder)] = "has no HR clip of the same name"
        for key, folder in high.items():
            if key[:-1] == above and key not in folders:
                alone[tree.name(folder)] = f"has no clip of the same name in {variant}"
    return pairs, alone


def check_content(pair: Pair, tree: Tree, run: Map) -> None:
    """Compare what the frames of a pair show, and say so in its `faults` and `notes`. `run` is `map` or a parallel one.

    Every frame by the stored kernel; without one, the first, the middle and the last by the kernel that fits best, for
    a fit takes far longer than reading the frame does. The note says how many frames of how many were compared.
    """
    kernels = list(_kernels(pair, tree))
    if all(kernels):
        errors = [error for some in batches(zip(pair.frames, kernels), 64) for error in run(_by_kernel, some)]
        for (_, lr), error in zip(pair.frames, errors):
            if isinstance(error, str):
                pair.faults[tree.name(lr)] = error
            elif error > ROUNDING:
                pair.faults[tree.name(lr)] = (
                    f"is not its HR frame blurred with the stored kernel: up to {error:.1f} levels of 255 apart"
                )
        if not pair.faults and errors:
            pair.notes.append("LR is HR blurred with the stored kernel, within rounding")
        return
    if any(kernels):
        without = next(lr for (_, lr), kernel in zip(pair.frames, kernels) if not kernel)
        pair.faults[tree.name(without)] = "has no stored kernel, and others of its clip have"
    count = len(pair.frames)
    chosen = sorted({0, count // 2, count - 1}) if count else []
    answers = list(run(lambda index: _by_fit(pair.frames, index), chosen))
    for index, (fault, _) in zip(chosen, answers):
        if fault:
            pair.faults[tree.name(pair.frames[index][1])] = fault
    compared = f" ({sum(note != _TOO_SMALL for _, note in answers)} of {count} frames compared)"
    notes = dict.fromkeys(note for _, note in answers if note)
    pair.notes += [note if note == _TOO_SMALL else note + compared for note in notes]


def rounding_error(hr: np.ndarray, lr: np.ndarray, kernel: np.ndarray) -> float:
    """Largest difference, in levels, between LR (h, w, 3) uint8 and HR blurred with `kernel` and decimated."""
    height, width = lr.shape[:2]
    cropped = hr[: SCALE * height, : SCALE * width]
    return float(np.abs(np.clip(blur_down_exact(cropped, kernel), 0, 255) - lr).max())


def fit(hr: np.ndarray, lr: np.ndarray) -> Fit | None:
    """Fit a kernel by least squares over random LR pixels, and test it on others.

    None for frames that are too small to tell. A shift of the whole picture by a few pixels moves the kernel's centre.
    """
    rng = np.random.default_rng(0)
    inside = -(-_RADIUS // SCALE)
    height, width = (side - 2 * inside for side in lr.shape[:2])
    if height * width < 2 * _FEWEST or height < 1:
        return None
    chosen = rng.permutation(height * width)[: 2 * _PIXELS]
    rows, columns = chosen // width + inside, chosen % width + inside
    span = np.arange(-_RADIUS, _RADIUS + 1)
    padded = np.pad(hr, ((0, SCALE), (0, SCALE), (0, 0)), mode="edge")  # HR may end with the last LR pixel
    patches = padded[(SCALE * rows)[:, None, None] + span[:, None], (SCALE * columns)[:, None, None] + span]
    inputs = patches.transpose(0, 3, 1, 2).reshape(len(chosen), 3, -1).astype(np.float64)
    values = lr[rows, columns].astype(np.float64)
    half = len(chosen) // 2
    known, held = inputs[:half].reshape(3 * half, -1), inputs[half:]
    kernel = np.linalg.lstsq(known.T @ known, known.T @ values[:half].reshape(-1), rcond=1e-10)[0]
    error = float(np.mean((held @ kernel - values[half:]) ** 2))
    return Fit(math.sqrt(error), error / max(float(values[half:].var()), 1e-9), _off_centre(kernel))


def _paired(tree: Tree, high: Path, low: Path, key: tuple[str, ...], found: dict[str, Found]) -> Pair:
    pair = Pair(tree.name(high), tree.name(low), key)
    hr, lr = ({stem(path): path for path in tree.clips[folder]} for folder in (high, low))
    if set(hr) == set(lr):
        couples = [(hr[name], lr[name]) for name in hr]
    elif len(hr) == len(lr):
        pair.notes.append("HR and LR frames differ in name and were paired in their order")
        couples = list(zip(tree.clips[high], tree.clips[low]))
    else:
        differing = sorted(set(hr) ^ set(lr))
        side = "LR" if differing[0] in hr else "HR"
        pair.faults[pair.lr] = f"has {len(lr)} frames and {pair.hr} has {len(hr)}: {differing[0]} is missing in {side}"
        couples = [(hr[name], lr[name]) for name in hr if name in lr]
    # A frame without a fault has a size.
    sizes = {(a, b): (found[a].size or (0, 0), found[b].size or (0, 0)) for a, b in couples}
    whole = [couple for couple in couples if not any(found[path].fault for path in couple)]
    for (hr_height, hr_width), (height, width) in dict.fromkeys(sizes[couple] for couple in whole):
        if (height, width) not in _quarter_sizes((hr_height, hr_width)):
            pair.faults[pair.lr] = (
                f"is {width}x{height} pixels and {pair.hr} is {hr_width}x{hr_height}: that is not a quarter of it"
            )
    pair.frames = [couple for couple in whole if sizes[couple][1] in _quarter_sizes(sizes[couple][0])]
    return pair


def _kernels(pair: Pair, tree: Tree) -> Iterator[str | None]:
    """The kernel file of each frame: kernel/<clip>/<frame>, kernel/<clip>/kernel, or kernel/<clip>, .mat or .npy."""
    stored: dict[tuple[str, ...], str] = {}
    for path in reversed(tree.kernels):  # .npy sorts after .mat, and the first one counts
        where: Place = place(tree.below(path)[:-1])
        if where.role == KERNEL_ROLE:
            stored[(*where.key, stem(path))] = path
    for _, lr in pair.frames:
        names = ((*pair.key, stem(lr)), (*pair.key, "kernel"), pair.key)
        yield next((stored[name] for name in names if name in stored), None)


def _by_kernel(task: tuple[tuple[str, str], str]) -> float | str:
    (hr, lr), kernel = task
    try:
        return rounding_error(read_frame(hr), read_frame(lr), read_kernel(kernel))
    except UserError:
        return "cannot be compared, because its kernel is at fault"


def _by_fit(frames: list[tuple[str, str]], index: int) -> tuple[str | None, str | None]:
    """(fault, note) on one LR frame."""
    lr = read_frame(frames[index][1])
    own = fit(read_frame(frames[index][0]), lr)
    if own is None:
        return None, _TOO_SMALL
    if own.levels <= AGREES and own.off_centre <= CENTRED:
        return None, "no kernel is stored; one that was fitted explains LR, so that HR and LR agree"
    for other in (index - 1, index + 1):
        if 0 <= other < len(frames):
            near = fit(read_frame(frames[other][0]), lr)
            closer = near is not None and near.levels < max(own.levels / 2, AGREES)
            if near is not None and closer and near.off_centre < min(own.off_centre, CENTRED):
                there, here = (Path(frames[at][0]).name for at in (other, index))
                return f"shows {there} of its HR clip rather than {here}", None
    if own.share > UNEXPLAINED:
        return "does not show what its HR frame shows: no kernel leads from one to the other", None
    return None, (
        f"no kernel is stored, and a fitted one leaves {own.levels:.1f} levels of 255 with its centre "
        f"{own.off_centre:.1f} pixels off: the content could not be confirmed (noise, compression or "
        "frames of another time can be the reason)"
    )


def _quarter_sizes(size: tuple[int, int]) -> list[tuple[int, int]]:
    """The LR sizes that belong to an HR size: of the frame cropped to a multiple of 4, and of the whole frame."""
    return [(size[0] // SCALE, size[1] // SCALE), (-(-size[0] // SCALE), -(-size[1] // SCALE))]


def _off_centre(kernel: np.ndarray) -> float:
    weights = np.maximum(kernel, 0).reshape(2 * _RADIUS + 1, -1)
    weights = np.where(weights > 0.1 * weights.max(), weights, 0)  # the rest is what the fit makes of noise
    span = np.arange(-_RADIUS, _RADIUS + 1)
    total = max(float(weights.sum()), 1e-9)
    centre = np.array([weights.sum(axis=1) @ span, weights.sum(axis=0) @ span]) / total
    return float(min(np.linalg.norm(centre - middle) for middle in (0, (SCALE - 1) / 2)))
