"""The frame that is shown: what went into the network, what came out of it in each framework, and the truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vsrlib.claims import results
from vsrlib.claims.results import is_skipped
from vsrlib.common.errors import UserError
from vsrlib.common.files import located, sha256_file
from vsrlib.common.names import FRAMEWORKS, NAMES
from vsrlib.data.clips import ClipSource, FrameReader, list_clips, windows
from vsrlib.data.degradation import bicubic_on_grid
from vsrlib.data.frames import read_frame
from vsrlib.data.sets.tree import read_kernel
from vsrlib.networks import load_network
from vsrlib.report.panels import most_detailed
from vsrlib.restoration.loop import FRAMES

_FIELDS = ("preset", "weights", "clips", "images", "border")


@dataclass(frozen=True)
class Chosen:
    """One restored frame of a run; frames are (H, W, 3) uint8 RGB.

    `folders`: framework -> folder with its restored frames of this clip. `skipped`: framework -> why it has none.
    `window`: the five LR frames (5, h, w, 3) that restore it. `truth`, `kernel` (n, n): None where they are not known.
    `names`: every restored frame of the clip, in order; `indices`: which LR frames they are.
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

    @property
    def low(self) -> np.ndarray:
        """The LR frame itself, the middle one of the window."""
        return self.window[len(self.window) // 2]

    @property
    def bicubic(self) -> np.ndarray:
        """The LR frame enlarged by bicubic interpolation, the baseline."""
        return bicubic_on_grid(self.low)

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
        return most_detailed(image, *image.shape[:2])

    @property
    def words(self) -> str:
        """Clip, frame and blur."""
        return f"clip {self.clip}, frame {self.frame}, {self.blur} blur"


def choose(
    files: Sequence[Path],
    blur: str,
    clips: Path,
    truths: Path | None,
    clip: str | None = None,
    frame: str | None = None,
) -> Chosen:
    """Find a frame in the inference.json files of a run; `clip` and `frame` None are the first clip and its middle.

    clips, truths: the LR and HR clips that the run read. The true kernel is looked for where data sets have it, beside
    the LR clips. UserError: no result with this blur, another clip or frame, frames that were written as a video, or
    weights that are not those of the run any more.
    """
    records = results.pair(results.collect(files, Path.cwd(), _FIELDS), blur)
    skipped = {name: records[name]["skipped"] for name in FRAMEWORKS if is_skipped(records[name])}
    done = {name: records[name] for name in FRAMEWORKS if name not in skipped}
    if not done:
        reasons = "; ".join(f"{NAMES[name]} {reason}" for name, reason in skipped.items())
        raise UserError(f"No {blur} frames were restored ({reasons}); run 04_infer_clips first.")
    for name, record in done.items():
        if record["images"] != FRAMES:
            raise UserError(f"{NAMES[name]} wrote videos and no frames; run 04_infer_clips again without video.")
    record = next(iter(done.values()))
    entry = _named(record["clips"], clip, "clip")
    names = tuple(one["name"].removesuffix(".png") for one in entry["frames"])
    shown = names[len(names) // 2] if frame is None else frame.removesuffix(".png")
    if shown not in names:
        raise UserError(f"frame is {frame!r}; clip {entry['name']} has {names[0]} to {names[-1]}.")
    source = _clip(clips, entry["name"])
    around = {source.frame_names[index]: (index, window) for index, window in windows(source, record["border"])}
    if any(name not in around for name in names):
        raise UserError(f"Clip {source.name} of {clips} has other frames than the run; give the clips that it read.")
    window = FrameReader(source).stack(around[shown][1])
    kernel = Path(clips).parent / "kernel" / source.name / f"{shown}.mat"
    return Chosen(
        blur=blur,
        clip=entry["name"],
        frame=shown,
        source=source,
        window=window,
        folders={name: Path(one["file"]).absolute().parent / FRAMES / entry["name"] for name, one in done.items()},
        skipped=skipped,
        truth=None if truths is None else _truth(truths, source, around[shown][0], window),
        kernel=read_kernel(kernel) if kernel.is_file() else None,
        weights=_weights(record),
        preset=record["preset"],
        names=names,
        indices=tuple(around[name][0] for name in names),
    )


def _truth(truths: Path, source: ClipSource, index: int, window: np.ndarray) -> np.ndarray:
    height, width = window.shape[1:3]
    return FrameReader(_clip(truths, source.name))[index][: 4 * height, : 4 * width]


def _clip(root: Path, name: str) -> ClipSource:
    found = {source.name: source for source in list_clips(root)}
    if name not in found and len(found) > 1:
        raise UserError(f"{root} holds no clip {name}; it has {', '.join(found)}.")
    return found.get(name) or next(iter(found.values()))


def _named(entries: list[dict], name: str | None, what: str) -> dict:
    for one in entries:
        if name in (None, one["name"]):
            return one
    raise UserError(f"{what} is {name!r}; choose one of: {', '.join(one['name'] for one in entries)}.")


def _weights(record: dict) -> Path:
    path = located(record["weights"]["path"], Path(record["file"]).absolute().parent)
    if not path.is_file() or sha256_file(path) != record["weights"]["sha256"]:
        raise UserError(f"The weights {path} are not those that restored the frames; run 04_infer_clips again.")
    return path


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
