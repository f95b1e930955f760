"""`vsrlib data check`: what is there, what is missing, what is wrong, and whether it is the same data as before.

Every fault is named; none ends the check. "Before" is a record of `data check --json`, or the set's own manifest.
"""

from collections import Counter, deque
from pathlib import Path
from typing import Any

from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, sha256_named
from vsrlib.common.numbers import counted
from vsrlib.data.frame_names import numbering, spelt
from vsrlib.data.frames import Map, batches, in_threads
from vsrlib.data.sets.layouts import LR_ROLE, PUBLISHED, place, published_set, reds_name
from vsrlib.data.sets.manifest_check import manifest_faults
from vsrlib.data.sets.pairs import check_content, find_pairs
from vsrlib.data.sets.tree import Found, Tree, inspect_frame, inspect_kernel, inspect_video, read_tree, stem

_AT_ONCE = 64  # files that are handed to the threads: each that waits takes more memory than what is found of it
_SHOWN = 5  # frames of an odd size that are named


def check(root: Path, workers: int = 1, against: Path | None = None) -> dict[str, Any]:
    """Check all data below `root` (a folder, a frame or a video); `workers` frames at a time, with the same result.

    Returns JSON values: `clips`, `pairs`, `missing` (of a published set), `notes`, `faults` ({"path", "what"}, sorted),
    `frames` (digests of pixels and file by name, without the ending; kernels too), and `digest` of all pixels.
    `against`: a file with an earlier result; what differs is a fault. UserError for a path that does not exist,
    for a folder without any data, for a file that is no record, and for fewer than one worker.
    """
    with in_threads(workers) as run:
        record = None if against is None else _read_record(against)
        return _checked(read_tree(Path(root)), record, run)


def report(result: dict[str, Any]) -> str:
    """What `check` found, in lines."""
    lines = [f"{result['root']}{': ' + result['set'] if result['set'] else ''}", *_clip_lines(result["clips"])]
    if result["kernels"]:
        lines.append(f"  {result['kernels']} kernel files")
    if result["beside"]:
        lines.append("  beside: " + ", ".join(f"{n} x {what}" for what, n in sorted(result["beside"].items())))
    for pair in result["pairs"]:
        told = f": {'; '.join(pair['notes'])}" if pair["notes"] else ""
        lines.append(f"  {pair['lr']} with {pair['hr']}, {pair['frames']} frames{told}")
    lines += [f"missing: {', '.join(result['missing'])}"] if result["missing"] else []
    lines += [f"note: {note}" for note in result["notes"]]
    lines += [f"FAULT {fault['path']} {fault['what']}" for fault in result["faults"]]
    lines.append(f"digest of the pixels: {result['digest']}")
    count = len(result["faults"])
    frames = sum(clip["frames"] for clip in result["clips"])
    faults = counted(count, "fault") if count else "no faults"
    lines.append(f"{faults} in {counted(frames, 'frame')} of {counted(len(result['clips']), 'clip')}")
    return "\n".join(lines)


def _checked(tree: Tree, record: dict[str, Any] | None, run: Map) -> dict[str, Any]:
    found = _inspected(tree, run)
    if not found and not tree.faults:
        raise UserError(f"{tree.root} holds no frames, videos or kernels: give the folder of a data set.")
    clips, faults, notes = _clips(tree, found)
    bad = {path for path, one in found.items() if one.fault}
    by_name = {tree.name(folder): paths for folder, paths in tree.clips.items()}
    unlisted, told, further = manifest_faults(tree.root, by_name, bad)
    pairs, of_pairs = _pairs(tree, found, run, further)
    faults += [*tree.faults.items(), *unlisted.items(), *of_pairs]
    notes += told
    # What is known of a file by its path goes as what is told of it by its name comes: of thousands, both take room.
    del by_name
    tree.clips.clear()
    kernels = len(tree.kernels)
    tree.kernels.clear()
    digest, digests = _digests(tree, found, kernels)
    if record is not None:
        named = {_without_ending(name) for name, _ in faults}
        unlike, told = _differences(record, digests)
        # what cannot be read is not in `digests`, and was named already
        faults += [(name, what) for name, what in unlike.items() if name in digests or name not in named]
        notes += told
    name, missing = _missing(tree, clips)
    return {
        "root": str(tree.root),
        "set": name,
        "digest": digest,
        "clips": clips,
        "kernels": kernels,
        "beside": tree.notes,
        "pairs": pairs,
        "missing": missing,
        "notes": notes,
        "faults": [{"path": path, "what": what} for path, what in sorted(faults)],
        "frames": digests,
    }


def _inspected(tree: Tree, run: Map) -> dict[str, Found]:
    """What each file holds, by its path: frames, then videos, then kernels."""
    frames = [path for paths in tree.clips.values() for path in paths]
    return {
        path: one
        for look, paths in ((inspect_frame, frames), (inspect_video, tree.videos), (inspect_kernel, tree.kernels))
        for some in batches(paths, _AT_ONCE)
        for path, one in zip(some, run(look, some))
    }


def _clips(tree: Tree, found: dict[str, Found]) -> tuple[list[dict[str, Any]], list[tuple[str, str]], list[str]]:
    """What is told of the clips; the faults of them and of all files, each with a name; and notes."""
    clips, notes = [], []
    faults = [(tree.name(path), one.fault) for path, one in found.items() if one.fault]
    for folder, paths in tree.clips.items():
        frames = [found[path] for path in paths]
        clips.append(_clip(tree, folder, frames))
        wrong, told = _of_clip([stem(path) for path in paths], frames)
        faults += [(clips[-1]["name"], what) for what in wrong]
        notes += [f"{clips[-1]['name']}: {note}" for note in told]
    return [*clips, *(_clip(tree, Path(path), [found[path]]) for path in tree.videos)], faults, notes


def _digests(tree: Tree, found: dict[str, Found], kernels: int) -> tuple[str, dict[str, dict[str, Any]]]:
    """The digest of all pixels, and those of each file by name; empties `found`, of which the last are `kernels`."""
    left, digests = deque(found), dict[str, dict[str, Any]]()

    def tell(path: str) -> None:
        one = found.pop(path)
        if one.pixels:
            name = _without_ending(tree.name(path))
            # Of two files that differ in their endings alone, such as two videos, the second keeps its own.
            digests[tree.name(path) if name in digests else name] = {"pixels": one.pixels, "file": one.file}

    while len(left) > kernels:
        tell(left.popleft())
    # Kernels, which come last, do not count, so that a set has the same digest with and without them.
    digest = sha256_named({name: one["pixels"] for name, one in digests.items()})
    while left:
        tell(left.popleft())
    return digest, digests


def _clip(tree: Tree, path: Path, frames: list[Found]) -> dict[str, Any]:
    whole = [one for one in frames if one.size]
    kinds = sorted({one.kind for one in whole})
    sizes = sorted({one.size for one in frames if one.size})
    name = tree.name(path)
    role = place(path.relative_to(tree.root).parts).role
    return {"name": name, "role": role, "frames": sum(one.frames for one in frames), "sizes": sizes, "kinds": kinds}


def _of_clip(names: list[str], frames: list[Found]) -> tuple[list[str], list[str]]:
    """Faults and notes on a clip as a whole."""
    faults, notes = numbering(list(dict.fromkeys(names)))
    if len(set(names)) < len(names):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        faults.append(f"has two frames named {twice} with different endings")
    faults += _odd_sizes(names, frames)
    if any(", 16 bit" in one.kind for one in frames):
        notes.append("16 bits a channel are read as the nearest of 8")
    if any("with alpha" in one.kind for one in frames):
        notes.append("an alpha channel that is opaque everywhere is left out")
    pixels = [one.pixels for one in frames if one.pixels]
    repeats = sum(a == b for a, b in zip(pixels, pixels[1:]))
    if repeats:
        notes.append(f"{repeats} frames are the same as the frame before")
    return faults, notes


def _pairs(
    tree: Tree, found: dict[str, Found], run: Map, further: bool
) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """What is told of the pairs, and faults: of clips without a counterpart, and of what the frames of pairs show."""
    pairs, alone = find_pairs(tree, found)
    for pair in pairs:
        if further:
            pair.notes.append("LR was degraded further than by blur: HR blurred is not LR, and the digests decide")
        else:
            check_content(pair, tree, run)
    told = [{"hr": pair.hr, "lr": pair.lr, "frames": len(pair.frames), "notes": pair.notes} for pair in pairs]
    return told, [*alone.items(), *(fault for pair in pairs for fault in pair.faults.items())]


def _odd_sizes(names: list[str], frames: list[Found]) -> list[str]:
    """The frames that are not of the size that most have; where there are two such sizes, that of the first frame."""
    sizes: dict[tuple[int, int], list[str]] = {}
    for name, one in zip(names, frames):
        if one.size:
            sizes.setdefault(one.size, []).append(name)
    if len(sizes) < 2:
        return []
    usual = max(sizes, key=lambda size: len(sizes[size]))  # the first of equals
    told = []
    for (height, width), odd in sizes.items():
        if (height, width) != usual:
            more = f" and {len(odd) - _SHOWN} more" if len(odd) > _SHOWN else ""
            told.append(f"{', '.join(odd[:_SHOWN])}{more} {'is' if len(odd) == 1 else 'are'} {width}x{height}")
    return [f"mixes sizes: {'; '.join(told)}, and the others are {usual[1]}x{usual[0]}"]


def _missing(tree: Tree, clips: list[dict[str, Any]]) -> tuple[str | None, list[str]]:
    """The published set that the path names, and what of it is not here."""
    name = published_set(tree.root.resolve().parts)
    if name is None or not tree.root.is_dir():
        return None, []
    known, missing = PUBLISHED[name], []
    # HR alone is counted where there is any; LR without HR stands for itself.
    high = [clip for clip in clips if clip["role"] != LR_ROLE] or clips
    here = {reds_name(place(tuple(clip["name"].split("/"))).key or (clip["name"],)): clip["frames"] for clip in high}
    for clip, frames in known.frames.items():
        if tree.root.name in known.frames and clip != tree.root.name:
            continue  # one clip of the set was asked for
        if clip not in here:
            missing.append(f"clip {clip}")
        elif here[clip] < frames:
            missing.append(f"{frames - here[clip]} of the {frames} frames of clip {clip}")
    if not known.frames and len(here) < known.clips:
        missing.append(f"{known.clips - len(here)} of {known.clips} clips")
    return name, missing


def _read_record(path: Path) -> dict[str, Any]:
    """What `data check --json` wrote. UserError for another file."""
    try:
        record = read_json(path)
    except (OSError, ValueError):
        record = None
    frames = record.get("frames") if isinstance(record, dict) else None
    if not isinstance(frames, dict) or not all(
        isinstance(frame, dict) and {"pixels", "file"} <= frame.keys() for frame in frames.values()
    ):
        raise UserError(f"{path} is no record of a check: give a file that `vsrlib data check --json` wrote.")
    return record


def _differences(record: dict[str, Any], frames: dict[str, dict[str, str]]) -> tuple[dict[str, str], list[str]]:
    """Faults by frame, and notes: what is gone, new, or has other pixels or another file than in the record."""
    before = {spelt(name): frame for name, frame in record["frames"].items()}
    faults = {name: "is in the record and not here" for name in before if name not in frames}
    faults |= {name: "is not in the record" for name in frames if name not in before}
    same = [name for name in frames if name in before]
    faults |= {
        name: "has other pixels than in the record" for name in same if frames[name]["pixels"] != before[name]["pixels"]
    }
    packed = [name for name in same if name not in faults and frames[name]["file"] != before[name]["file"]]
    return faults, [f"{name} has the recorded pixels in another file" for name in packed]


def _clip_lines(clips: list[dict[str, Any]]) -> list[str]:
    alike: dict[tuple, list[str]] = {}
    for clip in clips:
        above = clip["name"].rpartition("/")[0]
        sizes = ", ".join(f"{width}x{height}" for height, width in clip["sizes"])
        alike.setdefault((above, clip["frames"], sizes, "; ".join(clip["kinds"])), []).append(clip["name"])
    lines = []
    for (above, frames, sizes, kinds), names in alike.items():
        which = names[0] if len(names) == 1 else f"{len(names)} clips in {above or 'it'}"
        count = f"{frames} frame{'s' * (frames != 1)}{' each' * (len(names) > 1)}"
        lines.append(f"  {which}: {count}, {sizes or 'of no known size'}, {kinds or 'none whole'}")
    return lines


def _without_ending(name: str) -> str:
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.rsplit('.', 1)[0]}"
