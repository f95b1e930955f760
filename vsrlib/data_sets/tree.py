"""Every file below a folder, put into one of five lists: none is passed over without a word."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from vsrlib.data_sets.layouts import KERNEL, place
from vsrlib.errors import UserError
from vsrlib.frames import COMPANION_SUFFIXES, FRAME_SUFFIXES
from vsrlib.video import VIDEO_SUFFIXES

KERNEL_SUFFIXES = (".mat", ".npy")
_ARCHIVES = (".zip", ".tar", ".gz", ".7z", ".rar", ".lmdb")


@dataclass
class Tree:
    """Files below `root`, each list sorted; `clips` holds the frames of each folder that has any, or the one frame
    that is the root.

    `faults` names what cannot belong to a data set, `notes` (how many files of which ending) what may lie beside it.
    """

    root: Path
    clips: dict[Path, list[Path]] = field(default_factory=dict)
    videos: list[Path] = field(default_factory=list)
    kernels: list[Path] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)

    def name(self, path: Path) -> str:
        """The path below the root, with / between its parts; the root itself is its own name."""
        return path.name if path == self.root else path.relative_to(self.root).as_posix()


def read_tree(root: Path) -> Tree:
    """What lies below a folder, or at the path of one frame or video. UserError for a path that does not exist."""
    root = Path(root)
    if not root.exists():
        raise UserError(f"{root} does not exist: give a folder, a frame or a video.")
    tree = Tree(root)
    if root.is_file():
        _sort_in(tree, root, ())
        return tree

    def unreadable(error: OSError) -> None:
        tree.faults[tree.name(Path(error.filename))] = f"cannot be listed ({error.strerror})"

    for folder, folders, files in os.walk(root, onerror=unreadable, followlinks=True):
        here = Path(folder)
        hidden = [name for name in (*folders, *files) if name.startswith(".")]
        _count(tree, "hidden", len(hidden))
        circles = {name for name in folders if here.resolve().is_relative_to((here / name).resolve())}
        tree.faults |= {tree.name(here / name): "is a link to a folder that it lies in" for name in circles}
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in circles)
        if not folders and not files and not circles:
            tree.faults[tree.name(here)] = "is an empty folder"
        for name in sorted(files):
            if not name.startswith("."):
                _sort_in(tree, here / name, here.relative_to(root).parts)
        if folders and here in tree.clips:
            tree.faults[tree.name(here)] = "holds frames and folders side by side"
    return tree


def _sort_in(tree: Tree, path: Path, parts: tuple[str, ...]) -> None:
    suffix = path.suffix.lower()
    among_kernels = place(parts).role == KERNEL
    if among_kernels and suffix in KERNEL_SUFFIXES:
        tree.kernels.append(path)
    elif suffix in FRAME_SUFFIXES and not among_kernels:
        tree.clips.setdefault(path if path == tree.root else path.parent, []).append(path)
    elif suffix in VIDEO_SUFFIXES:
        tree.videos.append(path)
    elif suffix in COMPANION_SUFFIXES or (among_kernels and suffix in FRAME_SUFFIXES):
        _count(tree, suffix, 1)
    else:
        what = "is an archive: unpack it" if suffix in _ARCHIVES else "is neither a frame, a video, a kernel nor a note"
        tree.faults[tree.name(path)] = what


def _count(tree: Tree, what: str, number: int) -> None:
    if number:
        tree.notes[what] = tree.notes.get(what, 0) + number
