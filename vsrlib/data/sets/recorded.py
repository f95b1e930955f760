"""Is this the same data as before? Against a record of `data check --json`, and against a set's own manifest."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json
from vsrlib.data.degrade import HR, LR, MANIFEST
from vsrlib.data.frames import read_frame


def read_record(path: Path) -> dict[str, Any]:
    """What `data check --json` wrote. UserError for another file."""
    try:
        record = read_json(path)
    except (OSError, ValueError):
        record = None
    if not (isinstance(record, dict) and isinstance(record.get("frames"), dict)):
        raise UserError(f"{path} is no record of a check: give a file that `vsrlib data check --json` wrote.")
    return record


def differences(record: dict[str, Any], frames: dict[str, dict[str, str]]) -> tuple[dict[str, str], list[str]]:
    """Faults by frame, and notes: what is gone, new, or has other pixels or another file than in the record."""
    before = record["frames"]
    faults = {name: "is in the record and not here" for name in before if name not in frames}
    faults |= {name: "is not in the record" for name in frames if name not in before}
    same = [name for name in frames if name in before]
    faults |= {
        name: "has other pixels than in the record" for name in same if frames[name]["pixels"] != before[name]["pixels"]
    }
    packed = [name for name in same if name not in faults and frames[name]["file"] != before[name]["file"]]
    return faults, [f"{name} has the recorded pixels in another file" for name in packed]


def manifest_faults(root: Path, clips: dict[str, list[Path]], bad: set[Path]) -> tuple[dict[str, str], list[str], bool]:
    """What a set's own manifest says against its clips: (faults, notes, whether LR was degraded further).

    `clips`: the frames of each folder by its name below `root`; those in `bad` cannot be read and were named already.
    """
    path = root / MANIFEST
    if not path.is_file():
        return {}, [], False
    try:
        manifest = read_json(path)
        entries = {name: entry for name, entry in manifest["clips"].items() if "hr_sha256" in entry}
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        return {MANIFEST: "is damaged: it is no manifest of a data set"}, [], False
    faults = {}
    for name, entry in entries.items():
        for part, key in ((HR, "hr_sha256"), (LR, "lr_sha256")):
            frames = clips.get(f"{part}/{name}", [])
            if key not in entry or (not frames and part == HR):
                continue
            if not frames:
                faults[f"{part}/{name}"] = f"is in {MANIFEST} and not here"
            elif not bad & set(frames) and _digest(frames, entry["hr_size"] if part == HR else None) != entry[key]:
                faults[f"{part}/{name}"] = f"has other pixels than those recorded in {MANIFEST}"
    notes = [] if faults or not entries else [f"the pixels are those recorded in {MANIFEST}"]
    return faults, notes, bool(manifest.get("further"))


def _digest(frames: list[Path], size: list[int] | None) -> str:
    height, width = size or (None, None)
    return clip_digest((read_frame(path)[:height, :width] for path in frames), len(frames))


# Digests of decoded pixels: the same for the same pixels, whatever the compression, the machine or the order.


def digest_of(frames: Mapping[str, str]) -> str:
    """SHA-256 over the digests of frames by name, in the order of the names."""
    lines = [f"{name} {frames[name]}" for name in sorted(frames)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def clip_digest(frames: Iterable[np.ndarray], count: int) -> str:
    """`common.files.sha256_array` of `count` frames (H, W, 3) as one array, with one of them in memory at a time."""
    digest = hashlib.sha256()
    for index, frame in enumerate(frames):
        if index == 0:
            digest.update(f"{frame.dtype.str}{(count, *frame.shape)}".encode())
        digest.update(np.ascontiguousarray(frame).tobytes())
    return digest.hexdigest()
