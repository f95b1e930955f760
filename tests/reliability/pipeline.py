"""Data, training and inference through the library in one process, killed at random moments and begun again.

python tests/reliability/pipeline.py OUTPUT --count 200 --seed 1

Processes of a study take seconds to start; here each is a fork that has everything loaded, so that most kills fall into
the work and the writing.
"""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import common
import torch
from results import damage, digests

from vsrlib.data.degrade import write_degraded_set
from vsrlib.data.sets import manifest
from vsrlib.data.synthetic.clips import embedded_clips
from vsrlib.restoration import infer
from vsrlib.restoration.loop import RESULT
from vsrlib.restoration.options import InferOptions
from vsrlib.training import checkpoint
from vsrlib.training.folder import WEIGHTS
from vsrlib.training.options import TrainOptions
from vsrlib.training.train import train

Work = Callable[[Path], None]


def pipeline(folder: Path) -> None:
    """As the study's steps: each begins when the file that the one before writes last is there."""
    torch.set_num_threads(1)
    data, trained, restored = folder / "data", folder / "train", folder / "infer"
    if not (data / manifest.MANIFEST).exists():
        clips = embedded_clips("test", 5, (64, 96), seed=0, count=2)
        names = tuple(f"{index:08d}" for index in range(5))
        write_degraded_set(data, [(clip, names) for clip in clips], "Realistic", seed=3)
    if not (trained / "train.json").exists():
        options = TrainOptions(
            steps=12, batch_size=1, patch_size=16, learning_rate=1e-3, validate_every=6, device="cpu",
            checkpoint_every=1, resume=(trained / checkpoint.FILE).exists(),
        )  # fmt: skip
        train(data / "HR", data / "HR", trained, options, progress=False)
    if not (restored / RESULT).exists():
        options = InferOptions(
            weights=str(trained / WEIGHTS), device="cpu", convolution="framework", correlation="pure"
        )
        infer.infer(data / "LR_blurdown_x4", restored, data / "HR", options, progress=False)


def check(folder: Path, count: int, seed: int, work: Work = pipeline) -> dict[str, Any]:
    """Kill `work` `count` times; when it gets to its end, compare what it left and begin anew."""
    rng, whole, cut = random.Random(seed), folder / "pipeline" / "whole", folder / "pipeline" / "cut"
    shutil.rmtree(folder / "pipeline", ignore_errors=True)
    start = time.monotonic()
    _wait(_fork(work, whole))
    longest, truth = time.monotonic() - start, digests(whole)
    if not truth:
        raise RuntimeError("the work left nothing")
    kills, completed, broken = 0, 0, []
    moments: dict[str, int] = {}
    while kills < count:
        child, end = _fork(work, cut), time.monotonic() + rng.uniform(0, 0.7 * longest)
        while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < end:
            time.sleep(0.005)
        if ended == (0, 0):
            os.kill(child, signal.SIGKILL)
            _wait(child)
            kills += 1
            where = _stage(cut)
            moments[where] = moments.get(where, 0) + 1
            if cut.exists():
                broken += [f"kill {kills}: {fault}" for fault in damage(cut)[0]]
            continue
        if ended[1] != 0:
            broken.append(f"after {kills} kills the work ended with status {os.waitstatus_to_exitcode(ended[1])}")
        else:
            completed += 1
            now = digests(cut)
            differ = sorted(name for name in truth.keys() | now.keys() if truth.get(name) != now.get(name))
            broken += [f"run {completed}: {name} is not what the uninterrupted run left" for name in differ]
        shutil.rmtree(cut, ignore_errors=True)
    return {
        "kills": kills,
        "running_when_killed": moments,
        "runs_completed_after_kills": completed,
        "results_compared": len(truth),
        "broken": broken[:10],
        "broken_count": len(broken),
    }


def _fork(work: Work, folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    return common.fork(lambda: work(folder))


def _wait(child: int) -> None:
    os.waitpid(child, 0)


def _stage(folder: Path) -> str:
    for name, last in (("data", manifest.MANIFEST), ("train", "train.json"), ("infer", RESULT)):
        if not (folder / name / last).exists():
            return name
    return "at the end"


if __name__ == "__main__":
    common.main("pipeline", check, 200)
