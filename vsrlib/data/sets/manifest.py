"""What the manifest of a set says of its clips and pictures: scene, kind, what one may be used for, and who made it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from vsrlib.common.errors import UserError
from vsrlib.common.files import read_object
from vsrlib.common.names import FILMED, KINDS

HR, LR, KERNEL = "HR", "LR_blurdown_x4", "kernel"
"""The parts of a set: ground truth, input, and the blur kernel of each frame."""

MANIFEST = "manifest.json"
CLIPS, PICTURES = "clips", "pictures"
"""What a set holds, and what its manifest has the entries under."""

_STAYS = ("scene", "kind", "source", "licence", "use")
"""Of a clip's entry what is as true of every set that is made from it."""

TESTING = "testing only"
"""What a manifest says of a clip that no training may see, under "use"."""


class Origin(NamedTuple):
    """Where a clip comes from: its scene, by which observations are counted, and its kind, "filmed" or "made"."""

    scene: str
    kind: str


def earlier(root: Path) -> dict[str, Any]:
    """The manifest of the set at `root`, which is to be replaced; {} where there is none.

    UserError for a file of that name that is no manifest of a set made here: it is never replaced.
    """
    path = Path(root) / MANIFEST
    if not path.exists():
        return {}
    found = read_object(path) or {}
    if "provenance" not in found or not any(isinstance(found.get(what), dict) for what in (CLIPS, PICTURES)):
        raise UserError(
            f"{path} is no manifest of a set made here and would be overwritten: choose another folder, or move it "
            "away."
        )
    return found


def origins(root: Path, names: Iterable[str]) -> dict[str, Origin]:
    """The origin of each of the clips at `root`, by name.

    root: as `vsrlib.data.clips.list_clips` takes it. What no manifest tells of is filmed, and a scene of its own.
    """
    entries = _entries(Path(root))
    return {name: _origin(name, entries.get(name, {})) for name in names}


def carried(root: Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What the manifest of the set at `root` says of where each of these clips is from and what it may be used for.

    That holds of whatever is made of them, too. {} for what no manifest tells of; `root` as for `origins`.
    """
    entries = _entries(Path(root))
    said = {name: {key: value for key, value in entries.get(name, {}).items() if key in _STAYS} for name in names}
    return {name: entry for name, entry in said.items() if entry}


def require_trainable(root: Path, names: Iterable[str]) -> None:
    """UserError if the manifest of the set at `root` says of one of these clips that it is for testing only."""
    entries = _entries(Path(root))
    kept = [name for name in names if entries.get(name, {}).get("use") == TESTING]
    if kept:
        raise UserError(
            f"{root} holds {', '.join(kept)}, which the set's {MANIFEST} says is for testing only: "
            "train on other clips, such as data/Embedded_Train/HR."
        )


def credits_of(root: Path) -> str:
    """Who made the pictures at `root`, a part of what `vsrlib data pictures` writes, as "author (licence), ...".

    "" where no manifest says it.
    """
    root = Path(root).resolve()
    entries = _said(root.parent / MANIFEST, PICTURES)
    found = [entry for name, entry in entries.items() if name.startswith(f"{root.name}/")]
    return ", ".join(sorted({f"{entry.get('author')} ({entry.get('licence')})" for entry in found}))


def _origin(name: str, entry: dict[str, Any]) -> Origin:
    scene, kind = entry.get("scene"), entry.get("kind")
    return Origin(scene if isinstance(scene, str) else name, kind if kind in KINDS else FILMED)


def _entries(root: Path) -> dict[str, dict[str, Any]]:
    """What the manifest says of each clip; {} where there is none of a data set: others use this file name as well."""
    root = root.resolve()
    # The set itself, its HR or LR frames, or one clip of these.
    parts = [folder.parent for folder in (root, root.parent) if folder.name in (HR, LR)]
    for folder in (root, *parts):
        if entries := _said(folder / MANIFEST, CLIPS):
            return entries
    return {}


def _said(path: Path, what: str) -> dict[str, dict[str, Any]]:
    """The entries of the clips, or of the pictures; {} where the file is not there or another's."""
    found = (read_object(path) or {}).get(what)
    return {name: entry for name, entry in found.items() if isinstance(entry, dict)} if isinstance(found, dict) else {}
