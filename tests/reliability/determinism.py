"""The same study twice: every result is the same to the byte, but for times, memory and provenance.

Files that are about times are listed and not compared: what a claim about time comes to is measured anew in each run.

python tests/reliability/determinism.py OUTPUT                       runs data, training and inference of PyTorch twice
python tests/reliability/determinism.py OUTPUT --first A --second B  compares two folders, of which studies were run
"""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from common import main
from results import digests, lasting
from studies import command


def check(folder: Path, count: int, seed: int, first: Path | None = None, second: Path | None = None) -> dict[str, Any]:
    """Compare two folders with results, made here if they are not given; `count` and `seed` are the study's own."""
    roots = [first, second]
    if first is None or second is None:
        roots = [folder / "twice" / name for name in ("first", "second")]
        shutil.rmtree(folder / "twice", ignore_errors=True)
        for root in roots:
            root.mkdir(parents=True)
            subprocess.run(command("torch", root), check=True, capture_output=True)
    found = [digests(root) for root in roots if root is not None]
    return {"folders_given": first is not None, **compare(*found)}


def compare(ours: dict[str, str], theirs: dict[str, str]) -> dict[str, Any]:
    """What differs between the digests of two runs; of the results that both have, counts by kind of file."""
    named = sorted(ours.keys() & theirs.keys())
    both = sorted(lasting(ours).keys() & theirs.keys())
    broken = [f"{name} differs" for name in both if ours[name] != theirs[name]]
    broken += [f"{name} is in one run only" for name in sorted(ours.keys() ^ theirs.keys())]
    kinds: dict[str, int] = {}
    for name in both:
        kinds[Path(name).suffix] = kinds.get(Path(name).suffix, 0) + 1
    steps = sorted({"/".join(name.split("/")[:2]) for name in both if "/" in name})
    return {
        "compared": len(both),
        "by_kind": kinds,
        "of": steps,
        "about_times": [name for name in named if name not in both],
        "broken": broken[:10],
        "broken_count": len(broken),
    }


if __name__ == "__main__":
    main("determinism", check, 2, first=None, second=None)
