"""Kill a training at random moments, again and again, and read its checkpoint each time.

python tests/kill_training.py FOLDER TIMES SEED
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch  # noqa: F401 - imported once, before the forks, which would each take seconds for it
from training_fixture import make_clips, run

from vsrlib import training_state


def kill_often(folder: Path, times: int, seed: int) -> tuple[int, int]:
    """Returns how many checkpoints could be read after a kill, and the step of the last."""
    clips, output, rng = make_clips(folder / "clips"), folder / "run", random.Random(seed)
    readable, step = 0, 0
    for number in range(times):
        child = os.fork()
        if child == 0:
            # Many small steps, each with a checkpoint: most moments lie within the writing of one.
            run("torch", clips, output, steps=100_000, checkpoint_every=1, validate_every=0, resume=number > 0)
            os._exit(1)
        before = stamp(output)
        while stamp(output) == before and (number == 0 or number % 5):  # every fifth dies on its way to its first step
            assert os.waitpid(child, os.WNOHANG) == (0, 0), "the training has ended by itself"
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.5))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "the training has ended by itself"
        _, facts = training_state.read(output)
        assert facts["step"] >= step
        readable, step = readable + 1, facts["step"]
    return readable, step


def stamp(output: Path) -> int:
    """When the latest checkpoint was written; 0 before the first."""
    path = output / training_state.FILE
    return path.stat().st_mtime_ns if path.exists() else 0


if __name__ == "__main__":
    found, last = kill_often(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    print(f"{sys.argv[2]} kills, {found} readable checkpoints, the last of step {last}")
