"""A restoration split over several processes or machines: each restores one run of frames, and `gather` joins them."""

import os
import shutil
from pathlib import Path
from typing import Any

from vsrlib.common import provenance
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, remove, replaced, write_json
from vsrlib.common.names import FLOAT32
from vsrlib.data.clips import COMPARISON
from vsrlib.restoration.destination import Destination
from vsrlib.restoration.loop import FRAMES, KERNELS, RESULT, VIDEOS
from vsrlib.restoration.options import Shard

_MEMORY = ("kept_memory_mib", "peak_memory_mib", "import_memory_mib", "peak_device_memory_bytes")
_OWN = {
    *("shard", "resumed", "clips", "timing", "warm_up_seconds", "threads", "not_compiled", "provenance", "device"),
    *_MEMORY,
}
"""What may differ between the parts: machines and times. Anything else must be equal."""

_NOT_ALWAYS = {"precision": FLOAT32, "batch": 1}
"""What parts of an earlier version do not say, and how they were restored."""


def gather(output: Path) -> dict[str, Any]:
    """Move the frames of all parts below `output` to `output`/frames, and write one inference.json; return that.

    Of the pictures of the parts, that of the middle one of those with the first clip becomes `output`/comparison.png.
    Of the times, those of every frame are kept; memory is the largest of the parts, warm-up their sum.
    UserError for parts that are missing, or that are not of one restoration, and for files in the way that were not
    made here; then nothing is changed.
    """
    output = Path(output)
    folders, results = _parts(output)
    results = [_NOT_ALWAYS | one for one in results]
    names = {name: None for one in results for name in one if name not in _OWN}
    differing = [name for name in names if any(one.get(name) != results[0].get(name) for one in results)]
    if differing:
        raise UserError(
            f"The parts in {output} differ in {', '.join(differing)} and are not of one restoration; "
            "restore them again with the same options."
        )
    Destination(output, None, None).require_own_picture()
    with replaced(output, (FRAMES, VIDEOS, KERNELS), RESULT) as staging:
        for folder in folders:
            for path in (path for part in (FRAMES, KERNELS) for path in sorted((folder / part).glob("*/*"))):
                target = staging / path.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(path, target)  # not moved: until all is there, the parts stay whole
    name = results[0]["clips"][0]["name"]
    of_first = [folder for folder, one in zip(folders, results) if one["clips"][0]["name"] == name]
    picture = of_first[len(of_first) // 2] / COMPARISON
    (output / COMPARISON).unlink(missing_ok=True)
    if picture.exists():
        shutil.copyfile(picture, output / COMPARISON)
    weights = results[0]["weights"]
    if weights["sha256"] is not None:  # its path is relative to the part's folder, one deeper
        weights = {**weights, "path": os.path.relpath(folders[0] / weights["path"], output)}
    result = {
        **results[0],
        "shard": None,
        "shards": len(results),
        "comparison": COMPARISON if picture.exists() else None,
        "resumed": sum(one.get("resumed", 0) for one in results),
        "weights": weights,
        "clips": _clips(results),
        "timing": next((one["timing"] for one in results if one["timing"]), None),
        "warm_up_seconds": sum(one["warm_up_seconds"] for one in results),
        **{name: _largest(name, results) for name in _MEMORY},
        "provenance": {
            **provenance.collect(seed=results[0]["provenance"]["seed"]),
            "parts": [one["provenance"] for one in results],
        },
    }
    write_json(output / RESULT, result)
    for folder in folders:
        remove(folder)
    return result


def _largest(name: str, results: list[dict[str, Any]]) -> float | None:
    """Of the parts that have it."""
    return max((one[name] for one in results if one[name] is not None), default=None)


def _parts(output: Path) -> tuple[list[Path], list[dict[str, Any]]]:
    results = {path.parent: read_json(path) for path in output.glob(f"shard_*_of_*/{RESULT}")}
    if not results:
        raise UserError(f"{output} holds no parts of a restoration; make them with vsrlib infer --shard 1/2 and so on.")
    shards = {folder: Shard.parse(result["shard"]) for folder, result in results.items()}
    counts = {shard.count for shard in shards.values()}
    if len(counts) > 1:
        raise UserError(
            f"{output} holds parts of {' and of '.join(map(str, sorted(counts)))}; move those of one kind elsewhere."
        )
    missing = set(range(1, counts.pop() + 1)) - {shard.number for shard in shards.values()}
    if missing:
        raise UserError(
            f"{output} lacks part {', '.join(map(str, sorted(missing)))} of {len(missing) + len(shards)}; "
            "restore it first."
        )
    folders = sorted(results, key=lambda folder: shards[folder].number)
    return folders, [results[folder] for folder in folders]


def _clips(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The clips in order, each with the frames of all parts."""
    clips: dict[str, dict[str, Any]] = {}
    for result in results:
        for clip in result["clips"]:
            before = clips.get(clip["name"], {"frames": []})
            clips[clip["name"]] = {**clip, "frames": before["frames"] + clip["frames"]}
    return list(clips.values())
