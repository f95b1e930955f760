"""The end-point error of a flow network, beside zero flow's and OpenCV's DIS's, on pairs of frames whose flow is known.

None of the pairs is ever trained on: synthetic ones of the test split, a real stereo pair, and Middlebury's in their
own files.
"""

import glob
import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.numbers import markdown, number
from vsrlib.data.blur_kernels import gaussian_kernel
from vsrlib.data.degradation import SCALE, blur_down
from vsrlib.data.frames import read_frame, to_float, to_uint8
from vsrlib.data.synthetic.clips import embedded_clips
from vsrlib.data.synthetic.motion import Motion
from vsrlib.data.synthetic.pictures import load_photograph
from vsrlib.networks.network import Network
from vsrlib.training.flow.batches import embedded_textures
from vsrlib.training.flow.options import HELDOUT_SEED
from vsrlib.training.flow.scenes import draw_samples

METHODS = ("zero", "dis", "network")

STEREO = ("motorcycle_left.png", "motorcycle_right.png")
"""The photographs of the stereo pair; the flow network's training leaves them out."""
CLIP_MOTION = Motion(speed=8.0, rotation=0.5, zoom=0.004, foreground_speed=12.0)
"""Of the held-out clips, per frame: about 2 LR pixels, and 3 for what moves in front."""
_MAGIC = b"PIEH"  # 202021.25 as a little-endian float32
_LARGEST = 1e9  # where the flow is not known, 1e10 is written
_FRAMES, _FLOW = ("frame10.png", "frame11.png"), "flow10.flo"


@dataclass(frozen=True)
class FlowPair:
    """Two frames (H, W, 3) uint8 RGB and the flow from the first to the second, (2, H, W) float32 in pixels.

    `known` (H, W) bool: where the flow is given. `visible`: where the scene point is also seen in the second frame,
    None where that is not known.
    """

    name: str
    first: np.ndarray
    second: np.ndarray
    flow: np.ndarray
    known: np.ndarray
    visible: np.ndarray | None = None


def flow_error(
    network: Network | None, middlebury: Path | None = None, seed: int = HELDOUT_SEED
) -> dict[str, dict[str, Any]]:
    """Errors on every set at hand, {set: errors_of}: held-out `pairs` and `clips` (made from `seed`), the real stereo
    pair in full (`stereo`) and quarter size (`stereo_quarter`), and Middlebury's pairs if their folder is given.

    UserError for an unusable folder, and if the installed scikit-image lacks a file.
    """
    sets = {
        "pairs": heldout_pairs(seed),
        "clips": heldout_clips(seed),
        "stereo": [stereo_pair()],
        "stereo_quarter": [stereo_pair(quarter=True)],
    }
    if middlebury is not None:
        sets["middlebury"] = middlebury_pairs(Path(middlebury))
    return {name: errors_of(network, pairs) for name, pairs in sets.items()}


def errors_of(network: Network | None, pairs: list[FlowPair]) -> dict[str, Any]:
    """Mean end-point error over pairs, in pixels: {"pairs": how many, "known": {method: error}, "visible": the same}.

    Methods: "zero", "dis", and "network" if there is one. "known": where the truth is given; "visible": of that, what
    the second frame shows too, None where that is not known. Each pair counts the same. UserError where the network's
    flow is not finite.
    """
    flows: dict[str, Callable[[FlowPair], np.ndarray]]
    flows = {"zero": lambda pair: np.zeros_like(pair.flow), "dis": dis_flow}
    if network is not None:
        flows["network"] = lambda pair: network.flow(to_float(pair.first), to_float(pair.second))
    known: dict[str, float] = {}
    visible: dict[str, float] = {}
    for method, flow_of in flows.items():
        flows_of_pairs = [flow_of(pair) for pair in pairs]
        known[method] = float(np.mean([epe(flow, pair.flow, pair.known) for flow, pair in zip(flows_of_pairs, pairs)]))
        if not math.isfinite(known[method]):
            raise UserError(
                "The flow of these weights is not finite; give others, or train them with a smaller learning rate."
            )
        if all(pair.visible is not None for pair in pairs):
            visible[method] = float(
                np.mean([epe(flow, pair.flow, pair.known & pair.visible) for flow, pair in zip(flows_of_pairs, pairs)])
            )
    return {"pairs": len(pairs), "known": known, "visible": visible or None}


def epe(flow: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    """Mean Euclidean distance of two flows (2, H, W) over the pixels of `where` (H, W); ValueError without any."""
    if flow.shape != truth.shape or not where.any():
        raise ValueError(
            f"flows of one shape and at least one pixel are needed, not {flow.shape}, {truth.shape} and "
            f"{where.sum()} pixels"
        )
    difference = flow.astype(np.float64) - truth
    return float(np.hypot(*difference)[where].mean())


def dis_flow(pair: FlowPair) -> np.ndarray:
    """Flow (2, H, W) by OpenCV's DIS (Kroeger et al., ECCV 2016), medium preset, on grey frames."""
    first, second = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (pair.first, pair.second))
    method = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return np.ascontiguousarray(method.calc(first, second, None).transpose(2, 0, 1))


def table(errors: dict[str, dict[str, Any]]) -> str:
    """The errors as a table in Markdown, pixels; where only visible pixels count, the set's name says so."""
    methods = [method for method in METHODS if method in next(iter(errors.values()))["known"]]
    rows = [
        [f"{name}{where}", str(entry["pairs"]), *(number(values[method], 3) for method in methods)]
        for name, entry in errors.items()
        for where, values in (("", entry["known"]), (", visible", entry["visible"]))
        if values is not None
    ]
    return markdown(["end-point error, pixels", "pairs", *methods], rows)


def heldout_pairs(
    seed: int = HELDOUT_SEED, count: int = 16, size: tuple[int, int] = (128, 192), max_shift: float = 8.0
) -> list[FlowPair]:
    """LR pairs drawn as the training's are (`vsrlib.training.flow.scenes`), from the photographs of the test split."""
    textures, rng = embedded_textures("test"), np.random.default_rng([seed, 2])
    pairs = []
    for index in range(count):
        sample, _ = draw_samples(rng, textures, size, max_shift)
        pairs.append(
            FlowPair(
                f"pair-{index + 1}",
                to_uint8(sample.first),
                to_uint8(sample.second),
                sample.flow,
                np.ones(size, bool),
                sample.visible,
            )
        )
    return pairs


def heldout_clips(
    seed: int = HELDOUT_SEED, size: tuple[int, int] = (256, 256), motion: Motion = CLIP_MOTION
) -> list[FlowPair]:
    """The project's own synthetic clips of the test split in LR: from each window's centre to its four neighbours.

    Gaussian blur of sigma 1.2; `size` and `motion` are in HR pixels. Made by other code than the training's pairs.
    """
    kernel, pairs, centre = gaussian_kernel(), [], 2
    for clip in embedded_clips("test", 5, size, seed, motion=motion):
        low = [blur_down(frame, kernel) for frame in clip.frames]
        for other in (0, 1, 3, 4):
            flow, visible = clip.flow(centre, other)
            flow, visible = flow[:, ::SCALE, ::SCALE] / SCALE, visible[::SCALE, ::SCALE]
            known = np.ones_like(visible)
            pairs.append(FlowPair(f"{clip.name}-{other}", low[centre], low[other], flow, known, visible))
    return pairs


def stereo_pair(quarter: bool = False) -> FlowPair:
    """The real stereo pair inside the scikit-image wheel, as horizontal flow from left to right, 741x500 pixels.

    A disparity d at the left picture's (x, y) is a flow of (-d, 0). `quarter`: blurred (sigma 1.2) and decimated as
    LR frames are, the flow a quarter. UserError if the installed scikit-image does not ship it.
    """
    left, right = (load_photograph(name) for name in STEREO)
    with resources.as_file(resources.files("skimage") / "data" / "motorcycle_disp.npz") as path:
        if not path.is_file():
            raise UserError("the installed scikit-image does not ship motorcycle_disp.npz: install the pinned version.")
        with np.load(path) as archive:
            disparity = archive["arr_0"]
    known = np.isfinite(disparity)
    flow = np.stack([np.where(known, -disparity, 0), np.zeros(known.shape)]).astype(np.float32)
    if not quarter:
        return FlowPair("stereo", left, right, flow, known)
    left, right = (blur_down(frame, gaussian_kernel()) for frame in (left, right))
    return FlowPair("stereo, quarter size", left, right, flow[:, ::SCALE, ::SCALE] / SCALE, known[::SCALE, ::SCALE])


def middlebury_pairs(root: Path) -> list[FlowPair]:
    """The pairs below `root`: folders that hold frame10.png, frame11.png and flow10.flo, sorted by name.

    The archives as Middlebury gives them, unpacked side by side (other-data and other-gt-flow), are found as well.
    UserError when there is none, or for a file that does not belong to the others.
    """
    found = glob.glob(f"**/{_FLOW}", root_dir=root, recursive=True)  # behind links to folders, too, unlike rglob
    pairs = [_pair(Path(root) / path) for path in sorted(map(Path, found))]
    if not pairs:
        raise UserError(f"No {_FLOW} was found below {root}: give the folder of Middlebury's flow pairs.")
    return pairs


def read_flo(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Flow (2, H, W), zero where unknown, and known (H, W); UserError for a file that is missing or no whole .flo."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path} does not exist: give the path of a .flo file.")
    data = path.read_bytes()
    width, height = (int(side) for side in np.frombuffer(data[4:12], "<i4")) if len(data) >= 12 else (0, 0)
    if data[:4] != _MAGIC or min(width, height) < 1 or len(data) != 12 + 8 * width * height:
        raise UserError(f"{path} is no Middlebury flow file, or was cut short: copy it again.")
    flow = np.frombuffer(data, "<f4", offset=12).reshape(height, width, 2).transpose(2, 0, 1)
    known = (np.abs(flow) < _LARGEST).all(axis=0)  # false for NaN as well
    return np.where(known, flow, 0).astype(np.float32), known


def _pair(path: Path) -> FlowPair:
    folder = path.parent
    if not (folder / _FRAMES[0]).exists():
        folder = path.parents[2] / "other-data" / folder.name
    first, second = (read_frame(folder / name) for name in _FRAMES)
    flow, known = read_flo(path)
    if not first.shape[:2] == second.shape[:2] == known.shape:
        raise UserError(f"{path} and the frames in {folder} differ in size: take all three from one archive.")
    return FlowPair(path.parent.name, first, second, flow, known)
