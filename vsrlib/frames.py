"""Frames and clips on disk: PNG and JPEG frames, folders of them, video files; 8-bit RGB in memory."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from vsrlib import video
from vsrlib.data_sets.image_file import Damaged, Refused, inspect
from vsrlib.errors import UserError
from vsrlib.files import atomic_path

cv2.setLogLevel(2)  # errors only: a damaged file is told in a sentence of ours

FRAME_SUFFIXES = (".png", ".jpg", ".jpeg")
"""File name endings (in lower case) of what is read as a frame."""

# What may lie beside frames without being one; anything else is named in an error rather than skipped silently.
COMPANION_SUFFIXES = (
    ".txt",
    ".md",
    ".json",
    ".jsonl",
    ".csv",
    ".yaml",
    ".yml",
    ".log",
    ".html",
    ".pdf",
    ".mat",
    ".npy",
    ".npz",
    ".flo",
    ".db",
    ".ini",
)


@dataclass(frozen=True)
class Clip:
    """A named sequence of frames, (N, H, W, 3) uint8 RGB, N >= 1."""

    name: str
    frames: np.ndarray

    def __post_init__(self) -> None:
        if self.frames.dtype != np.uint8 or self.frames.ndim != 4 or self.frames.shape[3] != 3 or not len(self.frames):
            raise ValueError(
                f"clip {self.name}: frames must be (N, H, W, 3) uint8, not {self.frames.shape} {self.frames.dtype}"
            )


@dataclass(frozen=True)
class ClipSource:
    """Where a clip can be read from: frame files, or one video file."""

    name: str
    frame_names: tuple[str, ...]
    paths: tuple[Path, ...] = ()
    video: Path | None = None

    def __len__(self) -> int:
        return len(self.frame_names)

    @property
    def rate(self) -> Fraction | None:
        """Frames a second of a video, on average; None for a folder of frames, which has none."""
        return None if self.video is None else video.frame_rate(self.video)

    def frames(self) -> Iterator[np.ndarray]:
        """Yield one frame after another, (H, W, 3) uint8 RGB, and keep none.

        UserError names the frame that cannot be read or that differs in size from the first; for a video see
        `vsrlib.video.read_frames`.
        """
        if self.video is not None:
            yield from video.read_frames(self.video)
            return
        size = None
        for path in self.paths:
            frame = read_frame(path)
            size = size or _size(frame)
            if _size(frame) != size:
                raise UserError(
                    f"{path} is {_size(frame)} pixels but {self.paths[0].name} is {size}: "
                    "all frames of a clip must have the same size, so put clips of different sizes in separate folders."
                )
            yield frame

    def load(self) -> Clip:
        """Read every frame; the errors of `frames`."""
        return Clip(self.name, np.stack(list(self.frames())))

    def check(self) -> None:
        """Decode every frame and keep none, so that hours of work do not end at a bad one; the errors of `frames`.

        A video passes at once: `list_clips` has decoded it.
        """
        if self.video is None:
            for _ in self.frames():
                pass


def read_frame(path: Path) -> np.ndarray:
    """Read one PNG or JPEG file as (H, W, 3) uint8 RGB; see `decode_frame`.

    UserError for a file that is missing, damaged (as far as `vsrlib.data_sets.image_file` can tell), or no frame by
    the rules there. A decoder alone would make up what is missing.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path} does not exist: give the path of a PNG or JPEG frame.")
    data = path.read_bytes()
    try:
        inspect(data)
    except Damaged as error:
        raise UserError(f"{path} cannot be decoded as an image ({error}): copy or export it again.") from error
    except Refused as error:
        raise UserError(f"{path} {error}.") from error
    return decode_frame(path, data)


def decode_frame(path: Path, data: bytes) -> np.ndarray:
    """The bytes of a PNG or JPEG file, read from `path`, as (H, W, 3) uint8 RGB.

    Grey is repeated to three channels. 16 bits a channel become the nearest of 8: v / 257, rounded half to even. An
    alpha channel that is opaque everywhere is left out. UserError for a file that is damaged or cut short, or is
    transparent anywhere.
    """
    # From memory and not by cv2.imread, which cannot open a path outside the code page on Windows.
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    except cv2.error:  # a header that says more pixels than OpenCV takes
        image = None
    if image is None or image.dtype not in (np.uint8, np.uint16):
        raise UserError(f"{path} cannot be decoded as an image (damaged or cut short): copy or export it again.")
    if image.ndim == 3 and image.shape[2] == 4:
        if image[..., 3].min() < np.iinfo(image.dtype).max:
            raise UserError(f"{path} is transparent, which has no meaning here: export it without an alpha channel.")
        image = image[..., :3]
    if image.dtype == np.uint16:
        image = np.rint(image / 257).astype(np.uint8)
    return cv2.cvtColor(image, cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB)


def write_frame(path: Path, rgb: np.ndarray) -> None:
    """Write (H, W, 3) uint8 RGB as PNG; the file appears whole or not at all, the same bytes for the same pixels."""
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f"a frame must be (H, W, 3) uint8, not {rgb.shape} {rgb.dtype}")
    _, data = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.tobytes())


def to_float(frames: np.ndarray) -> np.ndarray:
    """(..., H, W, 3) uint8 -> (..., 3, H, W) float32 in [0, 1], as the network takes them."""
    return np.ascontiguousarray(np.moveaxis(frames, -1, -3), dtype=np.float32) / np.float32(255)


def write_clip(folder: Path, clip: Clip, frame_names: Sequence[str] | None = None) -> None:
    """Write the clip's frames as `folder`/<frame>.png; names default to 00000000, 00000001, ..."""
    names = frame_names if frame_names is not None else [video.frame_name(i) for i in range(len(clip.frames))]
    for name, frame in zip(names, clip.frames, strict=True):
        write_frame(Path(folder) / f"{name}.png", frame)


def list_clips(root: Path) -> list[ClipSource]:
    """Find the clips at `root`, sorted by name (frames too; plain string order).

    `root` is a video file, a folder of frames (one clip, named after the folder), or a folder of such folders.
    Hidden files and notes (.txt, .json, .mat, ...) are passed over.
    UserError for a path that is missing or empty, for a clip without frames, for files of another kind, and for names
    with control characters.
    """
    root = Path(root)
    if root.is_file():
        if root.suffix.lower() not in video.VIDEO_SUFFIXES:
            raise UserError(
                f"{root} is neither a folder nor a video file ({' '.join(video.VIDEO_SUFFIXES)}): "
                "give a folder of frames, a folder of clip folders, or a video."
            )
        require_plain(root.stem, root)
        count = video.count_frames(root)
        return [ClipSource(root.stem, tuple(video.frame_name(i) for i in range(count)), video=root)]
    if not root.is_dir():
        raise UserError(f"{root} does not exist: give a folder of frames, a folder of clip folders, or a video file.")
    folders = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    paths = _frame_paths(root)
    if folders and paths:
        raise UserError(
            f"{root} holds frames and folders side by side, so it is not clear which are the clips: "
            "move the frames into a folder of their own."
        )
    if paths:
        return [_folder_clip(root.resolve().name, root, paths)]
    if not folders:
        raise UserError(f"{root} holds no frames: put PNG or JPEG frames there, or one folder of them for each clip.")
    return [_folder_clip(folder.name, folder, _frame_paths(folder)) for folder in folders]


def require_frames(source: ClipSource, count: int) -> None:
    """UserError when the clip has fewer than `count` frames."""
    if len(source) < count:
        raise UserError(
            f"clip {source.name} has {len(source)} frame(s), but at least {count} are needed: "
            "add frames or leave the clip out."
        )


def require_plain(name: str, path: Path) -> None:
    """UserError for a name that no report can show: control characters, such as line breaks, or bytes of no text."""
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
        raise UserError(f"{str(path)!a} has a name with control characters or bytes that are no text: rename it.")


def _folder_clip(name: str, folder: Path, paths: list[Path]) -> ClipSource:
    if not paths:
        raise UserError(f"clip folder {folder} holds no frames: put PNG or JPEG frames there, or remove the folder.")
    names = tuple(path.stem for path in paths)
    require_plain(name, folder)
    for one, path in zip(names, paths):
        require_plain(one, path)
    if len(set(names)) != len(names):
        twice = next(a for a, b in zip(names, names[1:]) if a == b)
        raise UserError(f"{folder} holds two frames named {twice} with different endings: keep one of them.")
    return ClipSource(name, names, paths=tuple(paths))


def _frame_paths(folder: Path) -> list[Path]:
    paths = []
    for path in sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")):
        suffix = path.suffix.lower()
        if suffix in FRAME_SUFFIXES:
            paths.append(path)
        elif suffix not in COMPANION_SUFFIXES:
            raise UserError(f"{path} is not a PNG or JPEG frame: convert it, or move it out of the folder.")
    # By stem, so that the order of a clip does not hang on the endings; a stem that occurs twice is refused above.
    return sorted(paths, key=lambda path: path.stem)


def _size(frame: np.ndarray) -> str:
    return f"{frame.shape[1]}x{frame.shape[0]}"
