"""How much of the time steps of a training wait for their samples, with 0 to 4 processes that make them ahead.

python tests/reliability/waiting.py OUTPUT --count 24 --seed 1

The batches are those of the published templates, of frames as large as those of REDS and not held in memory, which REDS
does not fit into. A step is half a second in which nothing is computed, so that cores are left to the processes.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import common
import cv2
import numpy as np

from vsrlib.data.clips import Clip, write_clip
from vsrlib.data.frames import rounded
from vsrlib.data.synthetic.pictures import PHOTOGRAPHS, load_photograph
from vsrlib.training.options import TEMPLATES
from vsrlib.training.samples import SampleStream, TrainingWindows

STEP = 0.5  # seconds
MOST = 0.05  # of the time, with as many workers as the templates have
_WORKERS = (0, 1, 2, 4)
_WARM = 8  # steps at first that are not counted: processes start, and read each file for the first time


def check(folder: Path, count: int, seed: int) -> dict[str, Any]:
    """The share of waiting in `count` steps for each template and number of workers."""
    root = folder / "waiting"
    _write_clips(root, seed)
    cv2.setNumThreads(1)  # as in the processes
    found: dict[str, dict[str, Any]] = {}
    for name in ("Self_Blind_VSR_Gaussian", "Self_Blind_VSR_Realistic"):
        options = TEMPLATES[name]
        found[name] = {}
        for workers in _WORKERS:
            windows = TrainingWindows(root, options.patch_size, options.n_frames_per_video, cache_mib=0)
            stream = SampleStream(
                windows, options.blur, options.batch_size, options.patch_size, seed, repeat=50, workers=workers
            )
            with closing(stream):
                waited = waits(stream, _WARM + count, time.perf_counter, lambda: time.sleep(STEP))
            found[name][str(workers)] = {"share": share(waited[_WARM:]), "first_seconds": waited[0]}
            print(name, workers, found[name][str(workers)], flush=True)
    broken = [
        f"{name} waits {one[str(TEMPLATES[name].workers)]['share']:.1%} of the time"
        for name, one in found.items()
        if one[str(TEMPLATES[name].workers)]["share"] >= MOST
    ]
    return {"step_seconds": STEP, "templates": found, "broken": broken}


def waits(batches: Iterator[Any], steps: int, clock: Callable[[], float], step: Callable[[], None]) -> list[float]:
    """How long each step waited for its batch, seconds."""
    found = []
    for _ in range(steps):
        start = clock()
        next(batches)
        found.append(clock() - start)
        step()
    return found


def share(waited: list[float]) -> float:
    """Of the time of all steps."""
    return sum(waited) / (sum(waited) + STEP * len(waited))


def _write_clips(root: Path, seed: int) -> None:
    """Four clips of eight frames of 720x1280: photographs in motion, with noise, which makes the files large."""
    rng = np.random.default_rng(seed)
    for name in PHOTOGRAPHS["train"][:4]:
        large = cv2.resize(load_photograph(name), (1400, 800), interpolation=cv2.INTER_CUBIC)
        large = rounded(large + rng.normal(0, 2, large.shape))
        frames = [large[2 * index : 2 * index + 720, 3 * index : 3 * index + 1280] for index in range(8)]
        write_clip(root / name.partition(".")[0], Clip(name, np.stack(frames)))


if __name__ == "__main__":
    common.main("waiting", check, 24)
