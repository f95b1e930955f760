"""Kill one training at random moments, again and again, and read its checkpoint each time.

python tests/reliability/training_kills.py OUTPUT --count 200 --seed 1

Its steps are small and each writes a checkpoint; every second kill is aimed at the writing. In the end the training is
brought to its end, and compared with one that nobody interrupted.
"""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import common
import torch
from results import damage, digests
from training_fixture import make_clips, run

from vsrlib.common.errors import UserError
from vsrlib.training import checkpoint

_ENDLESS = 1_000_000  # steps: it never ends by itself
_MOST_SECONDS = 120  # for a step; it takes less than one


def check(folder: Path, count: int, seed: int) -> dict[str, Any]:
    """Kill the training `count` times: every fifth time within half a second of its start, else after a first step."""
    root, rng = folder / "training_kills", random.Random(seed)
    shutil.rmtree(root, ignore_errors=True)
    clips, cut, whole = make_clips(root / "clips"), root / "cut", root / "whole"
    step, broken = 0, []
    moments: dict[str, int] = {}
    for kill in range(1, count + 1):
        before = _written(cut)
        child = common.fork(partial(_train, clips, cut, _ENDLESS, before > 0))
        within = 0.5
        if before == 0 or kill % 5:
            _await(child, lambda before=before: _written(cut) != before)
            if kill % 2:
                _await(child, lambda: _writing(cut))
                within = 0.05
        time.sleep(rng.uniform(0, within))
        os.kill(child, signal.SIGKILL)
        if not os.WIFSIGNALED(_wait(child)):
            raise RuntimeError(f"the training ended by itself before kill {kill}")
        where = _moment(cut, before)
        moments[where] = moments.get(where, 0) + 1
        broken += [f"kill {kill}: {fault}" for fault in damage(cut)[0]]
        try:
            now = checkpoint.read(cut)[1]["step"]
        except UserError as error:
            broken.append(f"kill {kill}: {error}")
            break  # it cannot go on
        if now < step:
            broken.append(f"kill {kill}: the checkpoint went back from step {step} to {now}")
        step = now
    else:
        broken += _compare(clips, cut, whole, step + 1)
    return {
        "kills": sum(moments.values()),
        "running_when_killed": moments,
        "last_step": step,
        "runs_completed_after_kills": int((cut / "train.json").exists()),
        "results_compared": len(digests(whole)),
        "broken": broken[:10],
        "broken_count": len(broken),
    }


def _compare(clips: Path, cut: Path, whole: Path, steps: int) -> list[str]:
    """Bring the training in `cut` to its end and make the same in `whole` at one go; what differs."""
    for output, resume in ((cut, True), (whole, False)):
        if status := _wait(common.fork(partial(_train, clips, output, steps, resume))):
            return [f"the training to step {steps} in {output.name} ended with status {status}"]
        (output / checkpoint.PREVIOUS).unlink(missing_ok=True)  # of step - 1 in one, and not made in the other
    ours, theirs = digests(cut), digests(whole)
    differ = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    return [f"{name} is not what the uninterrupted training left" for name in differ]


def _train(clips: Path, output: Path, steps: int, resume: bool) -> None:
    torch.set_num_threads(1)
    every = 0 if output.name == "whole" else 1
    run("torch", clips, output, steps=steps, checkpoint_every=every, validate_every=0, resume=resume)


def _wait(child: int) -> int:
    return os.waitpid(child, 0)[1]


def _await(child: int, sign: Callable[[], bool]) -> None:
    end = time.monotonic() + _MOST_SECONDS
    while not sign():
        if os.waitpid(child, os.WNOHANG) != (0, 0):
            raise RuntimeError("the training ended by itself")
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            raise RuntimeError(f"the training wrote no checkpoint within {_MOST_SECONDS} s")
        time.sleep(0.002)


def _written(output: Path) -> int:
    """When the latest checkpoint was written; 0 before the first."""
    path = output / checkpoint.FILE
    return path.stat().st_mtime_ns if path.exists() else 0


def _writing(output: Path) -> bool:
    return any(output.glob(".checkpoint*"))  # its temporary file is there


def _moment(output: Path, before: int) -> str:
    if _writing(output):
        return "the writing of a checkpoint"
    return "the way to its first step" if _written(output) == before else "a step"


if __name__ == "__main__":
    common.main("training_kills", check, 200)
