"""The layouts that data sets come in: what a folder's name says of its content. Paths alone; no file is opened.

HR/<clip>, LR_blurdown_x4/<clip>, kernel/<clip>      as Self-Blind-VSR publishes its test sets, and `vsrlib degrade`
GT/<clip>, BIx4/<clip>, BDx4/<clip>                  Vid4 and SPMCS as they are mostly passed on
<clip>/truth, <clip>/input4                          SPMCS as its authors publish it
train_sharp/<clip>, train_sharp_bicubic/X4/<clip>, and the same with val      REDS, below train/ and val/ or not
"""

from typing import NamedTuple

HR, LR, KERNEL = "HR", "LR", "kernel"

_HR = {"hr", "gt", "truth", "sharp", "original", "target", "train_sharp", "val_sharp"}
_LR = {"lr", "lr_blurdown_x4", "blurdown_x4", "bix4", "bdx4", "input4"}
_REDS_LR = {"train_sharp_bicubic", "val_sharp_bicubic"}
_REDS_SCALE = "x4"

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
    for index, part in enumerate(parts):
        name, rest = part.lower(), parts[index + 1 :]
        before = parts[:index]
        if name in _REDS_LR and rest and rest[0].lower() == _REDS_SCALE:
            return Place(LR, f"{part}/{rest[0]}", (*before, _reds_part(name), *rest[1:]))
        if name in _HR:
            return Place(HR, part, (*before, *([_reds_part(name)] if name.endswith("_sharp") else []), *rest))
        if name in _LR:
            return Place(LR, part, (*before, *rest))
        if name == KERNEL:
            return Place(KERNEL, part, (*before, *rest))
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


def _reds_part(name: str) -> str:
    return name.split("_")[0]
