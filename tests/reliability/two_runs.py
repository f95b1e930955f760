"""Two runs that write to one folder, started together: one after the other, or one that says why it does not.

python tests/reliability/two_runs.py OUTPUT --count 50 --seed 1
    --studies 9    also so many pairs of studies that compute, in one folder and in folders of their own
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import main
from results import damage, digests, lasting
from studies import command

from vsrlib.common import files
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, sha256_array, write_json
from vsrlib.data.clips import Clip, list_clips, write_clip
from vsrlib.data.degrade import write_degraded_set
from vsrlib.study.runner import execute

_DONE, _REFUSED, _BROKE = 0, 2, 3
Work = Callable[[Path, int], None]


def generate(folder: Path, seed: int) -> None:
    """A data set of three clips from one seed."""
    rng = np.random.default_rng(seed)
    names = tuple("01234")
    clips = [(Clip(name, rng.integers(0, 256, (5, 64, 64, 3), dtype=np.uint8)), names) for name in "abc"]
    write_degraded_set(folder, clips, "Gaussian", seed)


def study(folder: Path, seed: int) -> None:
    """A study without steps: its lock and its table of digests."""
    execute([], folder, f"of seed {seed}")


def check(
    folder: Path, count: int, seed: int, studies: int = 0, work: Work = generate, study_too: bool = True
) -> dict[str, Any]:
    """Start two processes with `work` in one folder, `count` times; in every other round they have no patience.

    `studies`: so many pairs of real studies besides; see `pairs`.
    """
    outcomes: dict[str, int] = {}
    broken = []
    for number in range(count):
        for task, judge in [(work, _mixed), (study, _table)] if study_too else [(work, _mixed)]:
            root = folder / "together"
            shutil.rmtree(root, ignore_errors=True)
            ends = sorted(_together(task, root, 2 * (seed * 1000 + number), 0.0 if number % 2 else files.PATIENCE))
            words = {(0, 0): "one after the other", (0, 2): "the second said so"}.get(tuple(ends), f"statuses {ends}")
            outcome = f"{task.__name__}: {words}"
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
            fault = judge(root) if words[0] != "s" else "a process ended otherwise"
            if fault:
                broken.append(f"round {number}: {outcome}; {fault}")
    found, faults = pairs(folder / "pairs", studies) if studies else ({}, [])
    broken += faults
    return {
        "rounds": count,
        "outcomes": outcomes,
        "pairs_of_studies": studies,
        "ends_of_studies": found,
        "broken": broken[:10],
        "broken_count": len(broken),
    }


PAIRS = {
    "one study twice, one folder": (("torch", "both"), ("torch", "both")),
    "two frameworks, one folder": (("torch", "both"), ("jittor", "both")),
    "two frameworks, two folders": (("torch", "torch"), ("jittor", "jittor")),
}
"""What is started together: for each of two studies its name and its folder."""


def pairs(folder: Path, count: int) -> tuple[dict[str, int], list[str]]:
    """Start two studies together, data, training and inference of a framework each, `count` times.

    Each must leave what it leaves alone, or say that another one is there. Returns (how often each end, faults).
    """
    shutil.rmtree(folder, ignore_errors=True)
    alone = {}
    for name in ("torch", "jittor"):
        subprocess.run(command(name, _made(folder / "alone" / name)), check=True, capture_output=True)
        alone[name] = lasting(digests(folder / "alone" / name))
    ends: dict[str, int] = {}
    broken = []
    for number in range(count):
        kind = list(PAIRS)[number % len(PAIRS)]
        shutil.rmtree(folder / "together", ignore_errors=True)
        started = []
        for name, place in PAIRS[kind]:
            line = command(name, _made(folder / "together" / place))
            started.append(subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
        said = [(process.communicate()[1], process.returncode) for process in started]
        done = [status == 0 for _, status in said]
        end = f"{kind}: " + ("both done" if all(done) else "the second said so" if any(done) else "none done")
        ends[end] = ends.get(end, 0) + 1
        places = {place for _, place in PAIRS[kind]}
        enough = all(done) if len(places) > 1 else any(done)
        faults = [] if enough else ["a study is not done that nothing kept from it"]
        faults += [
            text[-200:] for text, status in said if status not in (0, 2) or (status == 2 and "Another" not in text)
        ]
        for place in places:
            root = folder / "together" / place
            names = [name for (name, where), whole in zip(PAIRS[kind], done) if whole and where == place]
            wanted = {path: digest for name in names for path, digest in alone[name].items()}
            faults += damage(root)[0] + ([] if lasting(digests(root)) == wanted else [f"{place} is not as if alone"])
        broken += [f"pair {number}: {end}: {fault}" for fault in faults]
    return ends, broken


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _together(task: Work, root: Path, first: int, patience: float) -> list[int]:
    ready, go = os.pipe()
    children = []
    for seed in (first, first + 1):
        child = os.fork()
        if child == 0:
            os.close(go)
            files.PATIENCE = patience
            os.read(ready, 1)  # both wait here until the other end is closed
            try:
                task(root, seed)
                os._exit(_DONE)
            except UserError as error:
                os._exit(_REFUSED if str(error).startswith("Another") else _BROKE)
            except BaseException:
                os._exit(_BROKE)
        children.append(child)
    os.close(ready)
    os.close(go)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def _mixed(root: Path) -> str | None:
    """What is wrong with the data set: its frames must be those that its manifest describes."""
    manifest = read_json(root / "manifest.json")
    for source in list_clips(root / "HR"):
        if sha256_array(source.load().frames) != manifest["clips"][source.name]["hr_sha256"]:
            return f"clip {source.name} is not that of the manifest"
    left = [path.name for path in root.iterdir() if path.name.startswith(".unfinished")]
    return f"{left} was left" if left else None


def _table(root: Path) -> str | None:
    return None if read_json(root / ".digests.json") == {} else "the table of digests is not that of an empty study"


def without_a_lock(folder: Path, seed: int) -> None:
    """A fault on purpose: two such runs leave the frames of one under the manifest of the other."""
    frames = np.random.default_rng(seed).integers(0, 256, (5, 64, 64, 3), dtype=np.uint8)
    time.sleep(0 if seed % 2 else 1)
    write_clip(folder / "HR" / "a", Clip("a", frames))
    time.sleep(3 if seed % 2 else 0)
    write_json(folder / "manifest.json", {"clips": {"a": {"hr_sha256": sha256_array(frames)}}})


if __name__ == "__main__":
    main("two_runs", check, 50, studies=0)
