"""Damage to files as disks, networks and people do it.

python tests/helpers/damage_images.py FOLDER COUNT [SEED]     damaged copies of a folder's frames; says what was named
"""

import random
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from vsrlib.common.files import write_json
from vsrlib.data.frames import FRAME_SUFFIXES
from vsrlib.data.sets.check import check

KINDS = ("cut", "bit", "zeros", "noise", "inserted", "removed", "moved", "head", "tail", "empty", "text", "other")


def damaged(data: bytes, kind: str, rng: random.Random, other: bytes) -> bytes:
    """`data` with one damage of a kind; `other` is another whole file."""
    size = len(data)
    at, length = rng.randrange(size), rng.randrange(1, 1 + min(size // 2, 4096))
    block = slice(at, min(at + length, size))
    changed = bytearray(data)
    if kind == "cut":
        del changed[at:]
    elif kind == "bit":
        changed[at] ^= 1 << rng.randrange(8)
    elif kind == "zeros":
        changed[block] = bytes(len(changed[block]))
    elif kind == "noise":
        changed[block] = rng.randbytes(len(changed[block]))
    elif kind == "inserted":
        changed[at:at] = rng.randbytes(length)
    elif kind == "removed":
        del changed[block]
    elif kind == "moved":
        there = rng.randrange(size)
        part = bytes(changed[block])
        del changed[block]
        changed[there:there] = part
    elif kind == "head":
        changed[:16] = rng.randbytes(16)
    elif kind == "tail":
        changed += rng.randbytes(length)
    elif kind == "empty":
        changed.clear()
    elif kind == "text":
        changed[:] = b"<html>404 Not Found</html>"
    elif kind == "other":
        changed[:] = other
    return bytes(changed)


def damage_copies(frames: list[Path], count: int, folder: Path, seed: int = 0) -> dict[str, tuple[str, bool]]:
    """Copy frames into `folder`, record them, damage every copy; {name: (kind and ending, whether its bytes changed)}.

    The record is written to `folder`/../record.json.
    """
    rng = random.Random(seed)
    folder.mkdir(parents=True)
    for index in range(count):
        source = frames[index % len(frames)]
        shutil.copyfile(source, folder / f"{index:04d}{source.suffix.lower()}")
    write_json(folder.parent / "record.json", check(folder))
    copies = sorted(folder.iterdir())
    whole = {path: path.read_bytes() for path in copies}
    done = {}
    for index, path in enumerate(copies):
        kind = KINDS[index // 2 % len(KINDS)]  # so that PNG and JPEG in turns both get every kind
        other = rng.choice([one for one in copies if one.suffix == path.suffix])
        path.write_bytes(damaged(whole[path], kind, rng, whole[other]))
        done[path.stem] = (f"{kind} {path.suffix}", path.read_bytes() != whole[path])
    return done


def named_by(result: dict, names: list[str]) -> set[str]:
    """Which of the frames a result names, as a fault or, for equal pixels in another file, as a note."""
    told = {Path(fault["path"]).stem for fault in result["faults"]} | {note.split()[0] for note in result["notes"]}
    return told & set(names)


if __name__ == "__main__":
    found = sorted(path for path in Path(sys.argv[1]).rglob("*") if path.suffix.lower() in FRAME_SUFFIXES)
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    with tempfile.TemporaryDirectory() as name:
        copies = Path(name) / "copies"
        done = damage_copies(random.Random(seed).sample(found, len(found)), int(sys.argv[2]), copies, seed)
        changed = [stem for stem, (_, differs) in done.items() if differs]
        alone = named_by(check(copies), changed)
        compared = named_by(check(copies, against=Path(name) / "record.json"), changed)
    totals = Counter(done[stem][0] for stem in changed)
    print("damage        copies  named by itself  named against the record")
    for kind in sorted(totals):
        count = [sum(done[stem][0] == kind for stem in group) for group in (alone, compared)]
        print(f"{kind:<14}{totals[kind]:>6}{count[0]:>17}{count[1]:>26}")
    print(f"{'all':<14}{len(changed):>6}{len(alone):>17}{len(compared):>26}")
