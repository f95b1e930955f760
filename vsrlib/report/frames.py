"""The frames that are shown: which ones of a run, what belongs to them, and which detail of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from vsrlib.claims import results
from vsrlib.claims.results import is_skipped, was_asked_for
from vsrlib.common.errors import UserError
from vsrlib.common.files import located, sha256_file
from vsrlib.common.names import NAMES, RESTORERS
from vsrlib.data.clips import ClipSource, FrameReader, list_clips, windows
from vsrlib.data.comparison_picture import most_detailed
from vsrlib.data.frame_names import called
from vsrlib.data.frames import read_frame
from vsrlib.data.sets.layouts import HR_ROLE, LR_ROLE, clips_in
from vsrlib.data.sets.tree import read_kernel
from vsrlib.networks import load_network
from vsrlib.report.html import Item
from vsrlib.restoration.loop import FRAMES
from vsrlib.restoration.metrics import psnr
from vsrlib.restoration.sampling import bicubic

_FIELDS = ("preset", "weights", "clips", "images", "border", "sampling", "input_digest")
_SAME = 0.01
"""dB by which the PSNR of bicubic upsampling may differ from the run's on the same frames: rounding alone."""


@dataclass(frozen=True)
class Chosen:
    """One restored frame of a run; frames are (H, W, 3) uint8 RGB.

    `folders`: framework -> folder with its restored frames of this clip. `skipped`: framework -> why it has none,
    although it was asked for.
    `window`: the five LR frames (5, h, w, 3) that restore it. `truth`, `kernel` (n, n): None where they are not known.
    `names`: every restored frame of the clip, in order; `indices`: which LR frames they are. `sampling`: where the LR
    pixels lie, see `vsrlib.restoration.sampling`. `run`: clip -> names of its restored frames, for every clip.
    """

    blur: str
    clip: str
    frame: str
    source: ClipSource
    window: np.ndarray
    folders: dict[str, Path]
    skipped: dict[str, str]
    truth: np.ndarray | None
    kernel: np.ndarray | None
    weights: Path
    preset: str
    names: tuple[str, ...]
    indices: tuple[int, ...]
    sampling: str
    run: dict[str, tuple[str, ...]]

    @property
    def low(self) -> np.ndarray:
        """The LR frame itself, the middle one of the window."""
        return self.window[len(self.window) // 2]

    @property
    def bicubic(self) -> np.ndarray:
        """The LR frame upsampled by bicubic interpolation, the baseline."""
        return self.upsampled(self.low)

    def upsampled(self, low: np.ndarray) -> np.ndarray:
        """An LR frame of the clip upsampled by bicubic interpolation to where the run's frames lie."""
        return bicubic(low, self.sampling)

    def restored(self, framework: str) -> np.ndarray:
        """The frame as a framework restored it."""
        return read_frame(self.folders[framework] / f"{self.frame}.png")

    @property
    def first(self) -> str:
        """PyTorch, or the only framework that has a result."""
        return next(iter(self.folders))

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(top, left, height, width) of the detail that is shown, HR pixels."""
        image = self.restored(self.first) if self.truth is None else self.truth
        return most_detailed(image)

    @property
    def words(self) -> str:
        """Clip, frame and blur."""
        return f"clip {self.clip}, frame {self.frame}, {self.blur} blur"


def choose(
    files: Sequence[Path],
    blur: str,
    clips: Path,
    truths: Path | None,
    clip: str | int | None = None,
    frame: str | int | None = None,
) -> Chosen:
    """Find a frame in the inference.json files of a run; `clip` and `frame` None are the first clip and its middle.

    clips, truths: the LR and HR clips that the run read. The true kernel is looked for where data sets have it, beside
    the LR clips. A framework that restored other frames than the first one, or with other weights, is left out, with
    the reason. UserError: no result with this blur, another clip or frame, frames that were written as a video, or
    weights or clips that are not those of the run any more.
    """
    records = results.pair(results.collect(files, Path.cwd(), _FIELDS, RESTORERS), blur, RESTORERS)
    asked = {name: record for name, record in records.items() if was_asked_for(record)}
    skipped = {name: record["skipped"] for name, record in asked.items() if is_skipped(record)}
    done = {name: record for name, record in asked.items() if name not in skipped}
    if not done:
        reasons = "; ".join(f"{NAMES[name]} {reason}" for name, reason in skipped.items())
        raise UserError(f"No {blur} frames were restored ({reasons}); run 04_infer_clips first.")
    for name, record in done.items():
        if record["images"] != FRAMES:
            raise UserError(f"{NAMES[name]} wrote videos and no frames; run 04_infer_clips again without video.")
    first, record = next(iter(done.items()))
    for name in [name for name in done if name != first]:
        if why := _unlike(first, record, done[name]):
            skipped[name] = why
            del done[name]
    entry = _entry(record["clips"], clip)
    run = {one["name"]: tuple(frame["name"].removesuffix(".png") for frame in one["frames"]) for one in record["clips"]}
    names = run[entry["name"]]
    wanted = frame.removesuffix(".png") if isinstance(frame, str) else frame
    shown = names[len(names) // 2] if wanted is None else called(wanted, names)
    if shown is None:
        raise UserError(f"frame is {frame!r}; clip {entry['name']} has {names[0]} to {names[-1]}.")
    source = clip_of(clips, entry["name"], LR_ROLE)
    around = {source.frame_names[index]: (index, window) for index, window in windows(source, record["border"])}
    if any(name not in around for name in names):
        raise UserError(f"Clip {source.name} of {clips} has other frames than the run; give the clips that it read.")
    window = FrameReader(source).stack(around[shown][1])
    file = Path("kernel", source.name, f"{shown}.mat")
    kernel = next((root / file for root in (Path(clips), Path(clips).parent) if (root / file).is_file()), None)
    chosen = Chosen(
        blur=blur,
        clip=entry["name"],
        frame=shown,
        source=source,
        window=window,
        folders={name: Path(one["file"]).absolute().parent / FRAMES / entry["name"] for name, one in done.items()},
        skipped=skipped,
        truth=None if truths is None else _truth(truths, source, around[shown][0], window),
        kernel=None if kernel is None else read_kernel(kernel),
        weights=_weights(record),
        preset=record["preset"],
        names=names,
        indices=tuple(around[name][0] for name in names),
        sampling=record["sampling"],
        run=run,
    )
    _require_same_clips(chosen, next(one for one in entry["frames"] if one["name"].removesuffix(".png") == shown))
    return chosen


def _unlike(first: str, record: dict, other: dict) -> str | None:
    """Why a framework's frames are not set beside those of the first one, or None if they are."""
    if other["weights"]["sha256"] != record["weights"]["sha256"]:
        return f"because it restored with other weights than {NAMES[first]}"
    if other["input_digest"] != record["input_digest"]:
        return f"because it restored other frames than {NAMES[first]}"
    unlike = next((field for field in ("sampling", "border") if other[field] != record[field]), None)
    return unlike and f"because it restored with another {unlike} than {NAMES[first]}"


def _require_same_clips(chosen: Chosen, frame: dict) -> None:
    """UserError where bicubic upsampling is not as near to the truth as it was when the frame was restored."""
    if chosen.truth is None or (frame.get("bicubic_psnr") is None and not frame.get("bicubic_identical")):
        return
    was, found = frame["bicubic_psnr"], psnr(chosen.bicubic, chosen.truth)
    if not (np.isinf(found) if was is None else abs(found - was) < _SAME):
        raise UserError(
            f"Clip {chosen.clip} or its truth is not what the run read: it has changed since, or is of another data "
            "set. Give the clips that were restored, or run 04_infer_clips again."
        )


def _truth(truths: Path, source: ClipSource, index: int, window: np.ndarray) -> np.ndarray:
    height, width = window.shape[1:3]
    return FrameReader(clip_of(truths, source.name, HR_ROLE))[index][: 4 * height, : 4 * width]


def _weights(record: dict) -> Path:
    path = located(record["weights"]["path"], Path(record["file"]).absolute().parent)
    if not path.is_file() or sha256_file(path) != record["weights"]["sha256"]:
        raise UserError(f"The weights {path} are not those that restored the frames; run 04_infer_clips again.")
    return path


def clip_of(root: Path, name: str | None = None, role: str | None = None) -> ClipSource:
    """The clip of this name below a folder, or the only one there, or for None the first. UserError: no such clip.

    role: which clips are meant of a folder that is a set's and holds both (see `vsrlib.data.sets.layouts.clips_in`).
    """
    found = {source.name: source for source in (list_clips(root) if role is None else clips_in(root, role))}
    if name is not None and name not in found and len(found) > 1:
        raise UserError(f"{root} holds no clip {name}; it has {', '.join(found)}.")
    return found.get(name or "") or next(iter(found.values()))


def _entry(clips: Sequence[dict], name: str | int | None) -> dict:
    found = clips[0]["name"] if name is None else called(name, [one["name"] for one in clips])
    for one in clips:
        if one["name"] == found:
            return one
    raise UserError(f"clip is {name!r}; choose one of: {', '.join(one['name'] for one in clips)}.")


# What the network itself sees in a frame: the blur kernel, and the motion to the next frame.


@dataclass(frozen=True)
class Estimate:
    """`kernel` (13, 13), sum 1; `flow` (h, w, 2) from the frame to the next one, LR pixels, x then y."""

    kernel: np.ndarray
    flow: np.ndarray


def estimate(chosen: Chosen) -> Estimate:
    """Run the network, with the weights of the run, in PyTorch on the CPU."""
    network = load_network("torch", chosen.weights, chosen.preset, "cpu")
    window = chosen.window.transpose(0, 3, 1, 2).astype(np.float32) / 255
    middle = len(window) // 2
    return Estimate(
        kernel=network.infer(window)["kernel"],
        flow=network.flow(window[middle], window[middle + 1]).transpose(1, 2, 0),
    )


# Which detail


def details(images: Mapping[str, np.ndarray], box: tuple[int, int, int, int], of: str) -> list[Item]:
    """The same detail of several pictures of what `of` says; caption -> (H, W, 3) uint8 RGB.

    `box` is (top, left, height, width) in pixels of the largest picture. A smaller one (the LR frame) must be smaller
    by a whole factor, or ValueError.
    """
    top, left, tall, wide = box
    height, width = max(image.shape[:2] for image in images.values())
    where = f"the {wide} x {tall} pixels from column {left}, row {top} of {of}"
    items = []
    for caption, image in images.items():
        factor = height // image.shape[0]
        if image.shape[0] * factor != height or image.shape[1] * factor != width:
            raise ValueError(f"{caption} is {image.shape[:2]}, no whole part of {(height, width)}")
        detail = image[top // factor : (top + tall) // factor, left // factor : (left + wide) // factor]
        items.append(Item(detail, caption, f"{caption}: {where}"))
    return items


def flow_picture(flow: np.ndarray, largest: float) -> np.ndarray:
    """Flow (H, W, 2) in pixels as (H, W, 3) uint8 RGB: the hue is the direction, white is none, full is `largest`."""
    length, angle = cv2.cartToPolar(flow[..., 0], flow[..., 1])
    colour = np.full((*flow.shape[:2], 3), 255, np.uint8)
    colour[..., 0] = np.rint(angle * 90 / np.pi) % 180  # OpenCV counts hues in steps of two degrees
    colour[..., 1] = np.rint(255 * np.clip(length / max(largest, 1e-6), 0, 1))
    return cv2.cvtColor(colour, cv2.COLOR_HSV2RGB)
