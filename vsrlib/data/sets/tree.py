"""Every file of a data set: put into one of five lists, none passed over without a word, and looked at by itself."""

import functools
import io
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import scipy

from vsrlib.common.errors import UserError
from vsrlib.common.files import sha256_array, sha256_bytes, sha256_file, sha256_named
from vsrlib.data import video
from vsrlib.data.clips import COMPANION_SUFFIXES, is_comparison, passed_over
from vsrlib.data.frame_names import Ambiguous, in_order, spelt
from vsrlib.data.frames import FRAME_SUFFIXES, decode_frame
from vsrlib.data.image_integrity import Damaged, Refused, inspect
from vsrlib.data.sets.layouts import KERNEL_ROLE, place
from vsrlib.data.video import VIDEO_SUFFIXES

KERNEL_SUFFIXES = (".mat", ".npy")
_ARCHIVES = (".zip", ".tar", ".gz", ".7z", ".rar", ".lmdb")


@dataclass
class Tree:
    """Files below `root`, each list sorted; `clips` holds the frames of each folder that has any, in the order of the
    clip, or the one frame that is the root.

    `faults` names what cannot belong to a data set, `notes` (how many files of which ending) what may lie beside it.
    Files are named by the text of their path and handled by it: of thousands of files, `Path` objects take three times
    the room, and Python's table of the names in them, which grows with every file, never shrinks.
    """

    root: Path
    clips: dict[Path, list[str]] = field(default_factory=dict)
    videos: list[str] = field(default_factory=list)
    kernels: list[str] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)

    def name(self, path: Path | str) -> str:
        """The path below the root, with / between its parts; the root itself is its own name."""
        below = self.below(os.fspath(path))
        return spelt("/".join(below) or os.path.basename(os.path.abspath(self.root)))

    def below(self, path: str) -> tuple[str, ...]:
        """The parts of a path below the root; none for the root itself."""
        relative = path.removeprefix(os.fspath(self.root)).lstrip(os.sep)
        return tuple(relative.split(os.sep)) if relative else ()


@dataclass(frozen=True, slots=True)
class Found:
    """What a file holds: `size` (height, width), `kind` in words, `frames` how many; SHA-256 of its `pixels`, as they
    are read (8-bit RGB), and of the `file`. Or `fault`: why it cannot be used.
    """

    size: tuple[int, int] | None = None
    kind: str = ""
    frames: int = 1
    pixels: str | None = None
    file: str | None = None
    fault: str | None = None


def read_tree(root: Path) -> Tree:
    """What lies below a folder, or at the path of one frame or video. UserError for a path that does not exist."""
    root = Path(root)
    if not root.exists():
        raise UserError(f"{root} does not exist: give a folder, a frame or a video.")
    tree = Tree(root)
    if root.is_file():
        _sort_in(tree, os.path.dirname(root), root.name, (), root)
        return tree

    def unreadable(error: OSError) -> None:
        tree.faults[tree.name(Path(error.filename))] = f"cannot be listed ({error.strerror})"

    for folder, folders, files in os.walk(root, onerror=unreadable, followlinks=True):
        here = Path(folder)
        hidden = [name for name in folders if passed_over(name)] + [name for name in files if name.startswith(".")]
        _count(tree, "hidden", len(hidden))
        links = {name: (here / name).resolve() for name in folders if (here / name).is_symlink()}
        # Also above a link that led here: of two folders with a link to the other, neither lies in the other.
        above = [folder.resolve() for folder in (here, *here.parents)] if links else []
        circles = {name for name, to in links.items() if any(folder.is_relative_to(to) for folder in above)}
        tree.faults |= {tree.name(here / name): "is a link to a folder that it lies in" for name in circles}
        folders[:] = sorted(name for name in folders if not passed_over(name) and name not in circles)
        if not folders and not files and not circles:
            tree.faults[tree.name(here)] = "is an empty folder"
        for name in sorted(files):
            if not name.startswith("."):
                _sort_in(tree, here, name, here.relative_to(root).parts, here)
        if folders and here in tree.clips:
            tree.faults[tree.name(here)] = "holds frames and folders side by side"
    for clip, paths in tree.clips.items():
        names = {stem(path) for path in paths}
        try:
            place_in_clip = {name: index for index, name in enumerate(in_order(names))}
        except Ambiguous as error:
            tree.faults[tree.name(clip)] = f"{error}: number the frames with leading zeros"
            place_in_clip = {name: index for index, name in enumerate(sorted(names))}
        paths.sort(key=lambda path: place_in_clip[stem(path)])
    return tree


def stem(path: str) -> str:
    """A frame's name: that of its file without the ending, as it is spelt."""
    return spelt(os.path.splitext(os.path.basename(path))[0])


def inspect_frame(path: str) -> Found:
    """A PNG or JPEG file. Never raises for what is in the file."""
    try:
        with open(path, "rb") as opened:
            data = opened.read()
    except OSError as error:
        return Found(fault=f"cannot be read ({error.strerror})")
    file = sha256_bytes(data)
    try:
        header = inspect(data)
        rgb = decode_frame(path, data)
    except Damaged as error:
        return Found(file=file, fault=f"is damaged: {error}")
    except Refused as error:
        return Found(file=file, fault=str(error).split(":")[0])
    except UserError as error:
        return Found(file=file, fault=_predicate(error, path))
    channels = {1: "grey", 2: "grey with alpha", 3: "RGB", 4: "RGB with alpha"}[header.channels]
    kind = sys.intern(f"{header.format}, {header.bits} bit {channels}")  # the same of thousands of files
    return Found(_size(*rgb.shape[:2]), kind, 1, sha256_array(rgb), file)


def inspect_video(path: str) -> Found:
    """A video file, every frame decoded."""
    digests: dict[str, str] = {}
    size = None
    try:
        for index, rgb in enumerate(video.read_frames(Path(path))):
            size = size or (rgb.shape[0], rgb.shape[1])
            digests[video.frame_name(index)] = sha256_array(rgb)
        return Found(size, "video", len(digests), sha256_named(digests), sha256_file(path))
    except UserError as error:
        return Found(fault=_predicate(error, path))
    except OSError as error:
        return Found(fault=f"cannot be read ({error.strerror})")


def inspect_kernel(path: str) -> Found:
    """A file with a blur kernel; one whose values do not sum to 1 is at fault."""
    try:
        kernel = read_kernel(path)
        file = sha256_file(path)
    except UserError as error:
        return Found(fault=_predicate(error, path))
    if abs(kernel.sum() - 1) > 1e-4:
        return Found(file=file, fault=f"holds values that sum to {kernel.sum():.6g}, and a kernel's sum to 1")
    return Found(_size(*kernel.shape), "kernel", 1, sha256_array(kernel), file)


def read_kernel(path: str | Path) -> np.ndarray:
    """The blur kernel in a .mat (key "kernel") or .npy file, (n, n) float64, n odd.

    UserError for a file that holds none, or one with values that are not finite.
    """
    try:
        with open(path, "rb") as opened:
            data = io.BytesIO(opened.read())  # from memory: SciPy leaves files open that it cannot read
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): copy it again.") from error
    try:
        values = (
            np.load(data, allow_pickle=False)
            if os.fspath(path).lower().endswith(".npy")
            else scipy.io.loadmat(data)["kernel"]
        )
        kernel = np.asarray(values, np.float64)
    except Exception as error:  # SciPy's reader ends in errors of every kind when a file is damaged
        raise UserError(f'{path} holds no array "kernel": make it again with `vsrlib degrade`.') from error
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or kernel.shape[0] % 2 == 0:
        raise UserError(f"{path} holds {kernel.shape} values: a kernel is square with an odd side.")
    if not np.isfinite(kernel).all():
        raise UserError(f"{path} holds values that are not finite: make it again with `vsrlib degrade`.")
    return kernel


def _sort_in(tree: Tree, folder: str | Path, name: str, parts: tuple[str, ...], clip: Path) -> None:
    """Put a file into its list. parts: of its folder's path below the root; clip: what it is a frame of, if it is."""
    path, suffix = os.path.join(folder, name), os.path.splitext(name)[1].lower()
    among_kernels = place(parts).role == KERNEL_ROLE
    if is_comparison(path):
        _count(tree, suffix, 1)
        return
    if among_kernels and suffix in KERNEL_SUFFIXES:
        tree.kernels.append(path)
    elif suffix in FRAME_SUFFIXES and not among_kernels:
        tree.clips.setdefault(clip, []).append(path)
    elif suffix in VIDEO_SUFFIXES:
        tree.videos.append(path)
    elif suffix in COMPANION_SUFFIXES or (among_kernels and suffix in FRAME_SUFFIXES):
        _count(tree, suffix, 1)
    else:
        what = "is an archive: unpack it" if suffix in _ARCHIVES else "is neither a frame, a video, a kernel nor a note"
        tree.faults[tree.name(path)] = what


@functools.cache
def _size(height: int, width: int) -> tuple[int, int]:
    """The same pair for thousands of files of the same size."""
    return height, width


def _count(tree: Tree, what: str, number: int) -> None:
    if number:
        tree.notes[what] = tree.notes.get(what, 0) + number


def _predicate(error: UserError, path: str) -> str:
    # The sentence names the file, which the report does as well.
    return str(error).removeprefix(f"{path} ").split(":")[0].rstrip(".")
