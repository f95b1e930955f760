"""Pairs of 8-bit frames whose flow is known, to measure a flow method on. None of them is ever trained on."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import cv2
import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.files import atomic_path
from vsrlib.data.blur_kernels import gaussian_kernel
from vsrlib.data.degrade import SCALE, blur_down
from vsrlib.data.frames import read_frame, to_uint8
from vsrlib.data.synthetic.clips import embedded_clips
from vsrlib.data.synthetic.motion import Motion
from vsrlib.data.synthetic.pictures import load_photograph
from vsrlib.training.flow.batches import embedded_textures
from vsrlib.training.flow.scenes import draw_samples

STEREO = ("motorcycle_left.png", "motorcycle_right.png")
"""The photographs of the stereo pair; the flow network's training leaves them out."""
CLIP_MOTION = Motion(speed=8.0, rotation=0.5, zoom=0.004, foreground_speed=12.0)
"""Of the held-out clips, per frame: about 2 LR pixels, and 3 for what moves in front."""


@dataclass(frozen=True)
class FlowPair:
    """Two frames (H, W, 3) uint8 RGB and the flow from the first to the second, (2, H, W) float32 in pixels.

    `known` (H, W) bool: where the flow is given. `visible`: where the scene point is also seen in the second frame,
    None if nobody knows.
    """

    name: str
    first: np.ndarray
    second: np.ndarray
    flow: np.ndarray
    known: np.ndarray
    visible: np.ndarray | None = None


def heldout_pairs(
    seed: int = 0, count: int = 16, size: tuple[int, int] = (128, 192), max_shift: float = 8.0
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


def heldout_clips(seed: int = 0, size: tuple[int, int] = (256, 256), motion: Motion = CLIP_MOTION) -> list[FlowPair]:
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


# Optical flow in files: Middlebury's .flo and KITTI's 16-bit PNG, and a folder of Middlebury's pairs.

_MAGIC = b"PIEH"  # 202021.25 as a little-endian float32
_UNKNOWN = np.float32(1e10)  # written where the flow is not known;
_LARGEST = 1e9  # what is not below this is read as such
_FRAMES, _FLOW = ("frame10.png", "frame11.png"), "flow10.flo"


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


def write_flo(path: Path, flow: np.ndarray, known: np.ndarray | None = None) -> None:
    """Write flow (2, H, W); where `known` is false, the mark for unknown stands instead."""
    if flow.ndim != 3 or flow.shape[0] != 2:
        raise ValueError(f"flow must be (2, H, W), not {flow.shape}")
    values = np.asarray(flow, np.float32) if known is None else np.where(known, flow, _UNKNOWN).astype(np.float32)
    size = np.array([flow.shape[2], flow.shape[1]], "<i4").tobytes()
    with atomic_path(Path(path)) as temporary:
        temporary.write_bytes(_MAGIC + size + values.transpose(1, 2, 0).astype("<f4").tobytes())


def read_flow_png(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """KITTI's flow: red and green hold 64 flow + 2^15, blue is 0 where it is unknown. Returns as `read_flo`."""
    path = Path(path)
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED) if path.is_file() else None
    if image is None or image.dtype != np.uint16 or image.ndim != 3 or image.shape[2] != 3:
        raise UserError(f"{path} is no 16-bit PNG of flow as KITTI's: check the path, or copy it again.")
    known = image[:, :, 0] > 0  # OpenCV puts blue first
    flow = (image[:, :, :0:-1].astype(np.float32) - 2**15) / 64
    return np.where(known, flow.transpose(2, 0, 1), 0).astype(np.float32), known


def middlebury_pairs(root: Path) -> list[FlowPair]:
    """The pairs below `root`: folders that hold frame10.png, frame11.png and flow10.flo, sorted by name.

    The archives as Middlebury gives them, unpacked side by side (other-data and other-gt-flow), are found as well.
    UserError when there is none, or for a file that does not belong to the others.
    """
    pairs = [_pair(path) for path in sorted(Path(root).rglob(_FLOW))]
    if not pairs:
        raise UserError(f"No {_FLOW} was found below {root}: give the folder of Middlebury's flow pairs.")
    return pairs


def _pair(path: Path) -> FlowPair:
    folder = path.parent
    if not (folder / _FRAMES[0]).exists():
        folder = path.parents[2] / "other-data" / folder.name
    first, second = (read_frame(folder / name) for name in _FRAMES)
    flow, known = read_flo(path)
    if not first.shape[:2] == second.shape[:2] == known.shape:
        raise UserError(f"{path} and the frames in {folder} differ in size: take all three from one archive.")
    return FlowPair(path.parent.name, first, second, flow, known)
