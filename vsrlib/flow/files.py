"""Optical flow in files: Middlebury's .flo and KITTI's 16-bit PNG, and a folder of Middlebury's pairs.

Flow is (2, H, W) float32, x (right) before y (down), in pixels; `known` (H, W) bool says where a file gives it.
"""

from pathlib import Path

import cv2
import numpy as np

from vsrlib.errors import UserError
from vsrlib.files import atomic_path
from vsrlib.flow.pairs import FlowPair
from vsrlib.frames import read_frame

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
