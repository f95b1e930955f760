"""The layouts that data sets come in: what a folder's name says of its content, and the HR clips in each layout.

HR/<clip>, LR_blurdown_x4/<clip>, kernel/<clip>      as Self-Blind-VSR publishes its test sets, and `vsrlib degrade`
GT/<clip>, BIx4/<clip>, BDx4/<clip>                  Vid4 and SPMCS as they are mostly passed on
<clip>/truth, <clip>/input4                          SPMCS as its authors publish it
<clip>/original, <clip>/input                        Vid4 as others pass it on
sequences/00001/0001                                 Vimeo-90K, of either resolution
train_sharp/<clip>, train_sharp_bicubic/X4/<clip>, and the same with val      REDS, below train/ and val/ or not
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from vsrlib.common.errors import UserError
from vsrlib.data.clips import ClipSource, holds_frames, list_clips, subfolders
from vsrlib.data.frame_names import called, spelt
from vsrlib.data.video_picture import AS_IT_SAYS, Reading

HR_ROLE, LR_ROLE, KERNEL_ROLE = "HR", "LR", "kernel"
"""What a folder can hold, by its name."""

_HR = {"hr", "gt", "truth", "sharp", "original", "target"}
_LR = {"lr", "lr_blurdown_x4", "blurdown_x4", "bix4", "bdx4", "input4", "input"}
_SEQUENCES = "sequences"
_RECORDS = ("inference.json", "manifest.json")
"""Lie in folders of results and of other sets, which are no clips."""
_REDS = ("train", "val")
"""The parts of REDS: HR in <part>_sharp, LR in <part>_sharp_bicubic/X4."""

REDS4 = ("000", "011", "015", "020")
"""The clips of REDS' training part that are the test set, and are not trained on."""

REDS_TRAINING, REDS_VALIDATION = 240, 30
"""Clips of REDS' two parts with ground truth. EDVR counts the second on from the first: 240 to 269, 270 in all."""


class Published(NamedTuple):
    """A published set: frames of each clip by name; where names are not fixed, how many clips there are."""

    frames: dict[str, int]
    clips: int


PUBLISHED = {
    "REDS4": Published(dict.fromkeys(REDS4, 100), 4),
    "REDS": Published({f"{clip:03d}": 100 for clip in range(REDS_TRAINING + REDS_VALIDATION)}, 270),
    "Vid4": Published({"calendar": 41, "city": 34, "foliage": 49, "walk": 47}, 4),
    "SPMCS": Published({}, 30),
}


class Place(NamedTuple):
    """What a clip's folder is: `role` (HR, LR, kernel, or "" where nothing says so), in which `variant` (the folder's
    name), and `key`: what is left of its path, the same for the HR and the LR folder of one clip.
    """

    role: str
    variant: str
    key: tuple[str, ...]


def place(parts: tuple[str, ...]) -> Place:
    """The place of a folder, from the parts of its path below the root of the check."""
    parts = tuple(map(spelt, parts))
    for index, part in enumerate(parts):
        name, before, rest = part.lower(), parts[:index], parts[index + 1 :]
        reds, _, kind = name.partition("_")
        if reds in _REDS and kind == "sharp_bicubic" and rest and rest[0].lower() == "x4":
            return Place(LR_ROLE, f"{part}/{rest[0]}", (*before, reds, *rest[1:]))
        if reds in _REDS and kind == "sharp":
            return Place(HR_ROLE, part, (*before, reds, *rest))
        for role, names in ((HR_ROLE, _HR), (LR_ROLE, _LR), (KERNEL_ROLE, {KERNEL_ROLE})):
            if name in names:
                return Place(role, part, (*before, *rest))
    return Place("", "", parts)


def published_set(names: tuple[str, ...]) -> str | None:
    """Which published set the parts of a path name: "Vid4" in .../vid4/..., "REDS4" in REDS4_BlurDown_Gaussian."""
    for part in reversed(names):
        word = part.lower().split("_")[0]
        for known in PUBLISHED:
            if word == known.lower():
                return known
    return None


def reds_name(key: tuple[str, ...]) -> str:
    """The name of a REDS clip as EDVR counts: validation clip 000 is 240; what is no such clip keeps its name."""
    name = key[-1]
    if "val" in key and name.isdecimal() and int(name) < REDS_VALIDATION:
        return f"{int(name) + REDS_TRAINING:03d}"
    return name


def clips_of(root: Path, names: Sequence[str | int] | None = None) -> list[ClipSource]:
    """The HR clips at `root`, sorted by name: whatever `vsrlib.data.clips.list_clips` takes, and the published layouts.

    A folder with GT, HR, ... inside (Vid4, SPMCS, a set made here) gives the clips in there, a folder of
    <clip>/truth (SPMCS) those. A folder with REDS' train_sharp gives, counted as EDVR does (validation clip 000 is
    240), all clips but REDS4: the 266 that are trained on when all are there.
    `names`: these clips alone, of all that are there; a name of a published set, such as REDS4, stands for its clips,
    and a number for the clip that `vsrlib.data.frame_names.called` finds.
    A clip among others may be called GT, HR, ... as well: what is left out is named in an error, or not left out.
    UserError for a name that is not there, for a folder of which it is not clear what belongs to it, and as
    `list_clips`.
    """
    return chosen(root, all_clips(root), names)


def all_clips(root: Path) -> list[ClipSource]:
    """The HR clips at `root` that `clips_of` chooses from, all of them. UserError as there."""
    root = Path(root)
    return _reds(root) if _is_reds(root) else clips_in(root, HR_ROLE)


def chosen(root: Path, found: Sequence[ClipSource], names: Sequence[str | int] | None) -> list[ClipSource]:
    """Of all clips `found` at `root` those that `clips_of` gives."""
    root = Path(root)
    if names is None:
        return [clip for clip in found if not (_is_reds(root) and clip.name in REDS4)]
    by_name = {clip.name: clip for clip in found}
    wanted: dict[str, None] = {}
    for name in names:
        known = PUBLISHED[name].frames if name in PUBLISHED else [called(name, by_name) or str(name)]
        wanted |= dict.fromkeys(known)
    for name in wanted:
        if name not in by_name:
            raise UserError(f"{root} holds no clip {name}; it has {', '.join(by_name)}.")
    return [by_name[name] for name in sorted(wanted)]


def clips_in(root: Path, role: str, reading: Reading = AS_IT_SAYS) -> list[ClipSource]:
    """The clips of one resolution (LR_ROLE or HR_ROLE) at `root`, under the names that they have there.

    The layouts are those of `clips_of`, but for REDS, of which all clips in the folder are taken. UserError as there.
    """
    root = Path(root)
    folders = subfolders(root) if root.is_dir() else []
    if [folder.name for folder in folders] == [_SEQUENCES] and not holds_frames(folders[0]):
        return list_clips(folders[0], reading)
    roles = {folder: place((folder.name,)).role for folder in folders}
    inside = [folder for folder in folders if roles[folder] == role]
    if inside and _are_clips(inside, roles):
        return list_clips(root, reading)
    if len(inside) == 1:
        return list_clips(inside[0], reading)
    if len(inside) > 1:
        both = ", ".join(folder.name for folder in inside)
        raise UserError(f"{root} holds {both}, each of which may be the {role} clips: give the path of one.")
    below = {folder: [one for one in subfolders(folder) if place((one.name,)).role == role] for folder in folders}
    if folders and all(len(one) == 1 for one in below.values()) and not any(map(holds_frames, folders)):
        return [replace(_one_clip(one, reading), name=spelt(folder.name)) for folder, (one,) in below.items()]
    return list_clips(root, reading)


def require_outside(output: Path, root: Path, sources: Sequence[ClipSource]) -> None:
    """UserError for an `output` that is the input or lies in it: what is written there would be taken for clips.

    sources: the clips that were found at `root`. Beside the parts of a set, such as HR, results may lie.
    """
    root = Path(root).absolute()
    for source in sources:
        path = source.files[0].absolute()  # all frames of a clip lie in one folder
        if source.video is not None:
            read = path
        elif path.parent == root or not path.is_relative_to(root):
            read = path.parent
        else:
            first = path.relative_to(root).parts[0]
            read = root / first if place((first,)).role else root
        real = [one.resolve() for one in (read, path if source.video else path.parent)]  # a clip's folder may be a link
        if any(Path(output).resolve().is_relative_to(one) for one in real):
            raise UserError(
                f"The output {output} is the input or lies in it, which could then not be read again: give another."
            )


def _are_clips(inside: list[Path], roles: dict[Path, str]) -> bool:
    """Whether folders of which some, `inside`, have a layout's name are clips all the same, because the others are.

    UserError where that is not clear: then one of them would be left out in silence.
    """
    parts = [folder for folder, role in roles.items() if role]
    shared = {clip.name for folder in parts for clip in subfolders(folder)}
    strangers = [
        folder
        for folder, role in roles.items()
        if not role
        and not any((folder / record).is_file() for record in _RECORDS)
        and (holds_frames(folder) or any(holds_frames(one) and one.name not in shared for one in subfolders(folder)))
    ]
    if not strangers:
        return False
    if len({role for role in roles.values() if role}) == 1 and all(map(holds_frames, roles)):
        return True
    raise UserError(
        f"{inside[0].parent} holds {strangers[0].name} beside {inside[0].name}, and it is not clear which are the "
        f"clips: give the path {inside[0]}, or rename that folder if it is a clip like the others."
    )


def _reds(root: Path) -> list[ClipSource]:
    clips: dict[str, ClipSource] = {}
    for part in _REDS:
        for folder in _reds_folders(root, part):
            for clip in list_clips(folder):
                name = reds_name((part, clip.name))
                # Regrouped by copying, validation clips are there twice.
                clips.setdefault(name, replace(clip, name=name))
    return [clips[name] for name in sorted(clips)]


def _is_reds(root: Path) -> bool:
    return bool(_reds_folders(root, _REDS[0]))


def _reds_folders(root: Path, part: str) -> list[Path]:
    """Where HR of a part of REDS lies: at the root, in it, or below train/ or val/, as the archives have it."""
    name = f"{part}_sharp"
    return [root] if root.name == name else [path for path in (root / name, root / part / name) if path.is_dir()]


def _one_clip(folder: Path, reading: Reading) -> ClipSource:
    found = list_clips(folder, reading)
    if len(found) != 1:
        raise UserError(f"{folder} holds folders and should hold the frames of one clip: give the folder of the clips.")
    return found[0]
