"""HR clips out of the layouts that data sets come in; see `vsrlib.data_sets.layouts`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vsrlib.data_sets.layouts import HR, PUBLISHED, REDS4, place, reds_name
from vsrlib.errors import UserError
from vsrlib.frames import ClipSource, list_clips

_TRAINING, _VALIDATION = "train_sharp", "val_sharp"


def clips_of(root: Path, names: Sequence[str] | None = None) -> list[ClipSource]:
    """The HR clips at `root`, sorted by name: whatever `vsrlib.frames.list_clips` takes, and the published layouts.

    A folder with GT, HR, ... inside (Vid4, SPMCS, a set made here) gives the clips in there, a folder of
    <clip>/truth (SPMCS) those. A folder with REDS' train_sharp gives, counted as EDVR does (validation clip 000 is
    240), all clips but REDS4: the 266 that are trained on when all are there.
    `names`: these clips alone, of all that are there; a name of a published set, such as REDS4, stands for its clips.
    UserError for a name that is not there, and as `list_clips`.
    """
    root = Path(root)
    found = _all(root)
    if names is None:
        return [clip for clip in found if not (_is_reds(root) and clip.name in REDS4)]
    wanted = dict.fromkeys(clip for name in names for clip in (PUBLISHED[name].frames if name in PUBLISHED else [name]))
    by_name = {clip.name: clip for clip in found}
    for name in wanted:
        if name not in by_name:
            raise UserError(f"{root} holds no clip {name}; it has {', '.join(by_name)}.")
    return [by_name[name] for name in sorted(wanted)]


def _all(root: Path) -> list[ClipSource]:
    if _is_reds(root):
        return _reds(root)
    folders = _folders(root)
    inside = [folder for folder in folders if place((folder.name,)).role == HR]
    if len(inside) == 1:
        return list_clips(inside[0])
    if len(inside) > 1:
        both = ", ".join(folder.name for folder in inside)
        raise UserError(f"{root} holds {both}, each of which may be the HR clips: give the path of one.")
    truths = {folder: [one for one in _folders(folder) if place((one.name,)).role == HR] for folder in folders}
    if folders and all(len(one) == 1 for one in truths.values()):
        return [replace(_one_clip(one), name=folder.name) for folder, (one,) in truths.items()]
    return list_clips(root)


def _reds(root: Path) -> list[ClipSource]:
    clips: dict[str, ClipSource] = {}
    for part in (_TRAINING, _VALIDATION):
        for folder in _parts(root, part):
            for clip in list_clips(folder):
                name = reds_name((part.split("_")[0], clip.name))
                # Regrouped by copying, validation clips are there twice.
                clips.setdefault(name, replace(clip, name=name))
    return [clips[name] for name in sorted(clips)]


def _is_reds(root: Path) -> bool:
    return bool(_parts(root, _TRAINING))


def _parts(root: Path, part: str) -> list[Path]:
    """Where a part of REDS lies: at the root, in it, or below train/ or val/, as the archives have it."""
    if root.name == part:
        return [root]
    return [path for path in (root / part, root / part.split("_")[0] / part) if path.is_dir()]


def _one_clip(folder: Path) -> ClipSource:
    found = list_clips(folder)
    if len(found) != 1:
        raise UserError(f"{folder} holds folders and should hold the frames of one clip: give the folder of the clips.")
    return found[0]


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
