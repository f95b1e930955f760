"""Kill a study at random moments, over and over: every file is whole, what is done stays done, the end is the same.

python tests/reliability/interruption.py OUTPUT --count 200 --seed 1 --study quick   all notebooks of the quick study
python tests/reliability/interruption.py OUTPUT --count 200 --seed 1 --study torch   data, training and inference
python tests/reliability/interruption.py OUTPUT --count 200 --seed 1 --study toy     three toy notebooks
    --minutes 30    stop after so long, with fewer
"""

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import common
import psutil
from results import damage, digests, lasting
from studies import command
from toy_study import write_toys

from vsrlib.common.files import read_json

_EARLIEST, _LATEST = 0.2, 1.5
"""When a kill falls, as a share of the time to the end of the step whose turn it is."""

SOUND = """
import time
import numpy as np
from vsrlib.networks.weights import weights_file
from vsrlib.common.files import write_json
from vsrlib.data.clips import Clip, write_clip
rng = np.random.default_rng(0)
for number in range(4):
    frames = rng.integers(0, 256, (2, 200, 300, 3), dtype=np.uint8)
    write_clip(Path(output) / f"clip{number}", Clip("clip", frames))
    values = {"a": rng.random((200, 1000), np.float32)}
    weights_file.write(Path(output) / "w.safetensors", values)
    write_json(Path(output) / "result.json", {"values": rng.random(2000).tolist(), "seconds": time.time()})
"""


def check(folder: Path, count: int, seed: int, study: str, minutes: float, cell: str = SOUND) -> dict[str, Any]:
    """Kill the study `count` times, or for so many minutes; `cell` is the last one of each toy notebook."""
    rng, end = random.Random(seed), time.monotonic() + 60 * minutes if minutes else None
    whole, cut = folder / "study" / "whole", folder / "study" / "cut"
    shutil.rmtree(folder / "study", ignore_errors=True)
    _prepare(study, whole, cell)
    _uninterrupted(study, whole)
    truth, ends = lasting(digests(whole)), _done(whole / "run")
    manifests = {step: read_json(whole / "run" / step / "manifest.json") for step in sorted(ends, key=ends.__getitem__)}
    took = {step: float(manifest["seconds"]) for step, manifest in manifests.items()}
    began = time.monotonic()
    _uninterrupted(study, whole)
    way = time.monotonic() - began  # to the first step that is not done yet, at the most
    kills, completed, broken, evidence = 0, 0, [], 0
    moments: dict[str, int] = {}
    done: dict[str, int] = {}
    _prepare(study, cut, cell)
    while kills < count and (end is None or time.monotonic() < end):
        waiting = next((step for step in took if step not in done), next(iter(took)))
        with subprocess.Popen(command(study, cut), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                # Each step is killed as often as another, at any of its moments, and now and then comes to its end.
                process.wait(rng.uniform(_EARLIEST, _LATEST) * (way + took[waiting]))
            except subprocess.TimeoutExpired:
                kills += 1
                where = _running(cut / "run")
                moments[where] = moments.get(where, 0) + 1
                _kill(process.pid, everything=rng.random() < 0.5)
        finished, before = process.returncode == 0, dict(done)
        if not finished and process.returncode != -signal.SIGKILL:
            broken.append(f"after {kills} kills the study ended by itself with status {process.returncode}")
            break
        bad, unfinished = damage(cut)
        broken += [f"kill {kills}: {fault}" for fault in bad]
        evidence += len(unfinished)
        done = _done(cut / "run")
        broken += [f"kill {kills}: {step} was done and ran again" for step in before if done.get(step) != before[step]]
        if finished:
            completed += 1
            now = lasting(digests(cut))
            differ = sorted(name for name in truth.keys() | now.keys() if truth.get(name) != now.get(name))
            broken += [f"study {completed}: {name} is not what the uninterrupted study left" for name in differ]
            shutil.rmtree(cut)
            done = {}
            _prepare(study, cut, cell)
    return {
        "study": f"{study}: {', '.join(took)}",
        "kills": kills,
        "running_when_killed": moments,
        "studies_completed_after_kills": completed,
        "results_compared": len(truth),
        "unfinished_evidence_half_written": evidence,
        "broken": broken[:10],
        "broken_count": len(broken),
    }


def _prepare(study: str, folder: Path, cell: str) -> None:
    folder.mkdir(parents=True)
    if study == "toy":
        write_toys(folder, make=cell, use=cell, other=cell)


def _uninterrupted(study: str, folder: Path) -> None:
    """Run the study to its end; RuntimeError with its last words where it ends otherwise."""
    done = subprocess.run(command(study, folder), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the study ended with status {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def _running(run: Path) -> str:
    """The step whose turn it is: the latest folder without a manifest."""
    folders = (
        [path for path in run.iterdir() if path.is_dir() and not path.name.startswith(".")] if run.exists() else []
    )
    open_ones = [path.name for path in folders if not (path / "manifest.json").exists()]
    return max(open_ones, default="between steps")


def _done(run: Path) -> dict[str, int]:
    """When each step that is done wrote its manifest."""
    manifests = sorted(run.glob("*/manifest.json"))
    return {path.parent.name: path.stat().st_mtime_ns for path in manifests if read_json(path)["status"] == "done"}


def _kill(pid: int, everything: bool) -> None:
    """SIGKILL for the study alone, whose step then ends itself, or for all of its processes at once; wait for them."""
    study = psutil.Process(pid)
    below = study.children(recursive=True)
    for process in [study, *(below if everything else [])]:
        try:
            os.kill(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    _, alive = psutil.wait_procs(below, timeout=60)
    if alive:
        raise RuntimeError(f"{len(alive)} processes outlived the study by a minute")


if __name__ == "__main__":
    common.main("interruption", check, 200, study="toy", minutes=0.0)
