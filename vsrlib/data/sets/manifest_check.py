"""Whether a set's clips are those that its own manifest tells of, by the digests of their pixels."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.common.files import read_object
from vsrlib.data.frame_names import spelt
from vsrlib.data.frames import read_frame
from vsrlib.data.sets.manifest import CLIPS, HR, LR, MANIFEST, PICTURES


def manifest_faults(root: Path, clips: dict[str, list[str]], bad: set[str]) -> tuple[dict[str, str], list[str], bool]:
    """What a set's own manifest says against its clips: (faults, notes, whether LR was degraded further).

    `clips`: the frames of each folder by its name below `root`; those in `bad` cannot be read and were named already.
    """
    path = root / MANIFEST
    if not path.is_file():
        return {}, [], False
    try:
        manifest = read_object(path) or {}
    except OSError as error:
        return {MANIFEST: f"cannot be read: {error.strerror}"}, [], False
    said = manifest.get(CLIPS)
    if not isinstance(said, dict):
        if isinstance(manifest.get(PICTURES), dict):  # of `vsrlib data pictures`, which have no pairs
            return {}, [], False
        return {MANIFEST: "is damaged: it is no manifest of a data set"}, [], False
    faults, entries = {}, {}
    for name, entry in said.items():
        if not isinstance(entry, dict) or ("hr_sha256" in entry and not _is_size(entry.get("hr_size"))):
            faults[MANIFEST] = f"is damaged: what it says of the clip {name} is no record of one"
        elif "hr_sha256" in entry:
            entries[spelt(name)] = entry
    for name, entry in entries.items():
        for part, key in ((HR, "hr_sha256"), (LR, "lr_sha256")):
            frames = clips.get(f"{part}/{name}", [])
            if key not in entry or (not frames and part == HR):
                continue
            if not frames:
                faults[f"{part}/{name}"] = f"is in {MANIFEST} and not here"
            elif not bad & set(frames) and _clip_digest(frames, entry["hr_size"] if part == HR else None) != entry[key]:
                faults[f"{part}/{name}"] = f"has other pixels than those recorded in {MANIFEST}"
    notes = [] if faults or not entries else [f"the pixels are those recorded in {MANIFEST}"]
    return faults, notes, bool(manifest.get("further"))


def _is_size(value: Any) -> bool:
    """Whether a manifest's value is [height, width]."""
    return isinstance(value, list) and len(value) == 2 and all(type(side) is int and side > 0 for side in value)


def _clip_digest(frames: list[str], size: list[int] | None) -> str:
    """`sha256_array` of all frames, cropped to `size`, as one (N, H, W, 3), with one of them in memory at a time."""
    digest, (height, width) = hashlib.sha256(), size or (None, None)
    for index, path in enumerate(frames):
        frame = read_frame(path)[:height, :width]
        if index == 0:
            digest.update(f"{frame.dtype.str}{(len(frames), *frame.shape)}".encode())
        digest.update(np.ascontiguousarray(frame).tobytes())
    return digest.hexdigest()
