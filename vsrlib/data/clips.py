"""Clips: named sequences of frames, in memory or where they can be read from, and their windows of five frames."""

import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.files import sha256_array, sha256_joined
from vsrlib.data import video
from vsrlib.data.deep_frames import is_deep, read_deep
from vsrlib.data.frame_names import Ambiguous, in_order, spelt
from vsrlib.data.frames import FRAME_SUFFIXES, read_frame, require_rgb, shown_size, write_frame
from vsrlib.data.video_film import Film
from vsrlib.data.video_picture import AS_IT_SAYS, Reading

WINDOW = 5
"""Frames that restore one frame: it, and two on either side."""

# What may lie beside frames without being one; anything else is named in an error rather than skipped silently.
COMPANION_SUFFIXES = (
    *(".txt", ".md", ".json", ".jsonl", ".csv", ".yaml", ".yml", ".log", ".html", ".pdf"),  # notes
    *(".mat", ".npy", ".npz", ".flo"),  # arrays
    *(".db", ".ini"),  # what file managers leave
)

_LEFT = ("__MACOSX", "@eaDir")  # beside what was packed on a Mac, and on drives of Synology: notes on files, no frames

COMPARISON = "comparison.png"
"""The picture that a restoration ends with, or the end of its name, beside a result file likewise."""


@dataclass(frozen=True)
class Clip:
    """A named sequence of frames, (N, H, W, 3) uint8 RGB, N >= 1."""

    name: str
    frames: np.ndarray

    def __post_init__(self) -> None:
        require_rgb(self.frames, f"clip {self.name}: frames", "N, H, W, 3")


@dataclass(frozen=True)
class ClipSource:
    """Where a clip can be read from: frame files, or one video file with what it says beside its pixels.

    given_rate: frames a second of frame files, which do not say. reading: how the frames are read.
    """

    name: str
    frame_names: tuple[str, ...]
    paths: tuple[Path, ...] = ()
    video: Path | None = None
    film: Film | None = field(default=None, compare=False)
    given_rate: Fraction | None = None
    reading: Reading = AS_IT_SAYS

    def __len__(self) -> int:
        return len(self.frame_names)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that hold the frames."""
        return self.paths if self.video is None else (self.video,)

    @property
    def rate(self) -> Fraction | None:
        """Frames a second of a video, on average; of a folder of frames the one given, or None."""
        return self.given_rate if self.film is None else self.film.rate

    @property
    def bits(self) -> int:
        """Bits a channel of what `frames` gives: those of the files with `reading.deep`, else 8."""
        if not self.reading.deep:
            return 8
        if self.film is not None:
            return max(8, self.film.picture.bits)
        return 16 if any(map(is_deep, self.paths)) else 8

    def read(self, index: int) -> np.ndarray:
        """One of the frame files, as `frames` gives it."""
        return (read_deep if self.reading.deep else read_frame)(self.paths[index])

    def frames(self) -> Iterator[np.ndarray]:
        """Yield one frame after another, (H, W, 3) uint8 RGB, and keep none.

        With `reading.deep`, those of more than 8 bits are float32 in levels of 255.

        UserError names the frame that cannot be read or that differs in size from the first; for a video see
        `vsrlib.data.video.read_frames`.
        """
        if self.video is not None:
            yield from video.read_frames(self.video, reading=self.reading)
            return
        first = None
        for index, path in enumerate(self.paths):
            frame = self.read(index)
            first = frame if first is None else first
            if frame.shape != first.shape:
                raise UserError(
                    f"{path} is {shown_size(frame)} pixels but {self.paths[0].name} is {shown_size(first)}: "
                    "all frames of a clip must have the same size, so put clips of different sizes in separate folders."
                )
            yield frame

    def load(self) -> Clip:
        """Read every frame; the errors of `frames`."""
        return Clip(self.name, np.stack(list(self.frames())))


class FrameReader:
    """Reads a clip forwards; only the frames since `forget_before` are in memory."""

    def __init__(self, source: ClipSource) -> None:
        self._source = source
        self._video = source.frames() if source.video is not None else None
        self._held: dict[int, np.ndarray] = {}
        self._first = self._next = 0

    def __getitem__(self, index: int) -> np.ndarray:
        """Frame `index`, (H, W, 3), as the clip gives it. KeyError for one that was forgotten."""
        while self._video is not None and self._next <= index:
            frame = next(self._video)
            if self._next >= self._first:
                self._held[self._next] = frame
            self._next += 1
        if self._video is None and index not in self._held and index >= self._first:
            self._held[index] = self._source.read(index)
        return self._held[index]

    def stack(self, indices: Sequence[int]) -> np.ndarray:
        """Some frames as one array (N, H, W, 3)."""
        return np.stack([self[index] for index in indices])

    def forget_before(self, index: int) -> None:
        """Frames before `index` will not be asked for again."""
        self._first = index
        for old in [old for old in self._held if old < index]:
            del self._held[old]


def write_clip(folder: Path, clip: Clip, frame_names: Sequence[str] | None = None) -> None:
    """Write the clip's frames as `folder`/<frame>.png; names default to 00000000, 00000001, ..."""
    names = frame_names if frame_names is not None else [video.frame_name(i) for i in range(len(clip.frames))]
    for name, frame in zip(names, clip.frames, strict=True):
        write_frame(Path(folder) / f"{name}.png", frame)


def list_clips(root: Path, reading: Reading = AS_IT_SAYS, sequence: bool = True) -> list[ClipSource]:
    """Find the clips at `root`, sorted by name; frames in the order of `vsrlib.data.frame_names.in_order`.

    sequence: whether that order matters; of pictures that are each for itself, one that is not clear is no error.

    `root` is a video file, a folder of frames (one clip, named after the folder), a folder of such folders, or
    Vimeo-90K's two levels of numbers (00001/0001 is then the clip 00001_0001).
    Hidden files and notes (.txt, .json, .mat, ...) are passed over. Of names, letters with accents are composed (NFC).
    UserError for a path that is missing or empty, for a clip without frames, for frames whose order is not clear, for
    files of another kind, for links to what is not there, for one name in two spellings, and for names with control
    characters.
    """
    root = Path(root)
    if root.is_file():
        if root.suffix.lower() not in video.VIDEO_SUFFIXES:
            raise UserError(
                f"{root} is neither a folder nor a video file ({' '.join(video.VIDEO_SUFFIXES)}): "
                "give a folder of frames, a folder of clip folders, or a video."
            )
        require_plain(root.stem, root)
        film = video.examine(root, reading)
        names = tuple(map(video.frame_name, range(len(film))))
        return [ClipSource(spelt(root.stem), names, video=root, film=film, reading=reading)]
    if not root.is_dir():
        raise UserError(f"{root} does not exist: give a folder of frames, a folder of clip folders, or a video file.")
    folders = subfolders(root)
    paths = _frame_paths(root, sequence)
    if folders and paths:
        raise UserError(
            f"{root} holds frames and folders side by side, so it is not clear which are the clips: "
            "move the frames into a folder of their own."
        )
    if paths:
        return [_folder_clip(root.resolve().name, root, paths, reading)]
    if not folders:
        raise UserError(f"{root} holds no frames: put PNG or JPEG frames there, or one folder of them for each clip.")
    clips = [_folder_clip(name, folder, _frame_paths(folder, sequence), reading) for name, folder in _named(folders)]
    by_name: dict[str, ClipSource] = {}
    for clip in clips:
        if by_name.setdefault(clip.name, clip) is not clip:
            raise UserError(f"{root} holds two folders named {clip.name}, spelt with other bytes: rename one of them.")
    return clips


def subfolders(root: Path) -> list[Path]:
    """The folders in a folder, sorted, but for hidden ones and those that a Mac or a network drive leaves.

    UserError for a link to what is not there: a clip or a frame would be left out in silence.
    """
    found = []
    for path in sorted(path for path in root.iterdir() if not passed_over(path.name)):
        if path.is_dir():
            found.append(path)
        elif not path.is_file() and path.suffix.lower() not in COMPANION_SUFFIXES:
            what = "is a link to what is not there" if path.is_symlink() else "is neither a file nor a folder"
            raise UserError(f"{path} {what}: put it there, or remove that entry.")
    return found


def passed_over(name: str) -> bool:
    """Whether a folder's name says that no frames of a user's lie in it."""
    return name.startswith(".") or name in _LEFT


def holds_frames(folder: Path) -> bool:
    """Whether a folder holds frames itself, and not only in folders of its own."""
    named = (path for path in folder.iterdir() if path.suffix.lower() in FRAME_SUFFIXES and path.name[0] != ".")
    return not all(is_comparison(path) for path in named if path.is_file())


def is_comparison(path: str | Path) -> bool:
    """Whether a file is the picture that a restoration ends with, beside its result file, and so no frame."""
    text = os.fspath(path)
    return text.endswith(COMPARISON) and os.path.isfile(f"{text.removesuffix(COMPARISON)}inference.json")


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


def read_through(source: ClipSource) -> tuple[tuple[int, int], str]:
    """Decode every frame once: (height, width) and a digest of the pixels. UserError for a frame that cannot be read.

    A restoration can take hours, so what is wrong with a clip's last frame is found before its first is restored.
    """
    digests = []
    for frame in source.frames():
        digests.append(sha256_array(frame))
    return (frame.shape[0], frame.shape[1]), sha256_joined(digests)


def windows(source: ClipSource, border: bool) -> list[tuple[int, list[int]]]:
    """(frame, its five frames) by index. UserError for a clip of fewer than five frames.

    Without `border` the first two and the last two frames are not restored. With it, the first two and the last two
    are put before and after the clip once more, as the published inference does: repeated, not mirrored.
    """
    require_frames(source, WINDOW)
    count = len(source)
    order = list(range(count))
    if border:
        order = [0, 1, *order, count - 2, count - 1]
    half = WINDOW // 2
    return [(order[i], order[i - half : i + half + 1]) for i in range(half, len(order) - half)]


def _named(folders: list[Path]) -> list[tuple[str, Path]]:
    """The folders of clips with the clips' names: these folders, or those in them where all are Vimeo-90K's numbers."""
    if all(folder.name.isdecimal() and subfolders(folder) and not holds_frames(folder) for folder in folders):
        inner = [(folder, clip) for folder in folders for clip in subfolders(folder)]
        if all(clip.name.isdecimal() for _, clip in inner):
            return [(f"{folder.name}_{clip.name}", clip) for folder, clip in inner]
    return [(folder.name, folder) for folder in folders]


def _folder_clip(name: str, folder: Path, paths: list[Path], reading: Reading) -> ClipSource:
    if not paths:
        meant = [clip for one in [folder, *subfolders(folder)] for clip in subfolders(one) if holds_frames(clip)]
        if meant:
            raise UserError(f"clip folder {folder} holds no frames: did you mean {meant[0].parent}?")
        raise UserError(f"clip folder {folder} holds no frames: put PNG or JPEG frames there, or leave the folder out.")
    inside = [one.name for one in subfolders(folder) if holds_frames(one)]
    if inside:
        raise UserError(f"{folder} holds frames and the folder {inside[0]} side by side: move that folder elsewhere.")
    names = tuple(spelt(path.stem) for path in paths)
    require_plain(name, folder)
    for one, path in zip(names, paths):
        require_plain(one, path)
    if len(set(names)) != len(names):
        twice = next(a for a, b in zip(names, names[1:]) if a == b)
        raise UserError(f"{folder} holds two frames named {twice} with different endings or bytes: keep one of them.")
    return ClipSource(spelt(name), names, paths=tuple(paths), reading=reading)


def _frame_paths(folder: Path, sequence: bool) -> list[Path]:
    paths = []
    for path in sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")):
        suffix = path.suffix.lower()
        if is_comparison(path):
            continue
        if suffix in FRAME_SUFFIXES:
            paths.append(path)
        elif suffix in video.VIDEO_SUFFIXES:
            raise UserError(f"{path} is a video among folders or frames: give the path of the video itself.")
        elif suffix not in COMPANION_SUFFIXES:
            raise UserError(f"{path} is not a PNG or JPEG frame: convert it, or move it out of the folder.")
    # By stem, so that the order of a clip does not depend on the endings; a stem that occurs twice is refused above.
    stems = {spelt(path.stem) for path in paths}
    try:
        ordered = in_order(stems)
    except Ambiguous as error:
        if sequence:
            raise UserError(f"{folder} {error}: number the frames with leading zeros.") from error
        ordered = sorted(stems)
    place = {name: index for index, name in enumerate(ordered)}
    return sorted(paths, key=lambda path: place[spelt(path.stem)])
