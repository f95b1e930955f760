"""A clip of thousands of frames through `vsrlib infer`, from a folder and from a video: memory stays as it is.

python tests/reliability/long_clips.py OUTPUT --count 2000
"""

import os
import shutil
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from common import main

from vsrlib import cli
from vsrlib.common import memory
from vsrlib.common.files import read_json, write_json
from vsrlib.data.frames import write_frame
from vsrlib.data.video import write_video
from vsrlib.restoration import loop

SETTLED, MOST_GROWTH = 100, 0.05
_HEIGHT, _WIDTH = 16, 24
Finish = Callable[..., dict[str, Any]]


def check(folder: Path, count: int, seed: int, finish: Finish = loop._finish) -> dict[str, Any]:
    """Restore `count` frames from either kind of input; `finish` is what scores and writes one of them."""
    did, broken = {}, []
    for kind, make in (("folder", _folder), ("video", _video)):
        root = folder / "long" / kind
        shutil.rmtree(root, ignore_errors=True)
        source = make(root, _frames(count, seed))
        child = os.fork()  # a process each, so that neither finds the memory of the other
        if child == 0:
            os._exit(_restore(source, root, finish))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sizes = read_json(root / "resident.json") if status == 0 else []
        settled = sizes[min(SETTLED, len(sizes) - 1)] if sizes else 0.0
        growth = max(sizes[SETTLED:], default=settled) / settled - 1 if settled else None
        did[kind] = {"frames": len(sizes), "mib_at_frame_100": settled, "growth": growth}
        if status != 0 or len(sizes) != count - 4 or growth is None or growth > MOST_GROWTH:
            broken.append(f"{kind}: exit status {status}, {did[kind]}")
        shutil.rmtree(root, ignore_errors=True)
    return {"inputs": did, "broken": broken}


def _restore(source: Path, root: Path, finish: Finish) -> int:
    sizes: list[float] = []

    def metered(*arguments: Any) -> dict[str, Any]:
        found = finish(*arguments)
        sizes.append(memory.resident_mib())
        return found

    loop._finish = metered
    status = cli.main(["infer", str(source), str(root / "out"), "--weights", "study-gaussian", "--device", "cpu"])
    write_json(root / "resident.json", sizes)
    return status


def _frames(count: int, seed: int) -> Iterator[np.ndarray]:
    """A noise picture that moves; made one by one."""
    noise = np.random.default_rng(seed).integers(0, 256, (_HEIGHT + 8, _WIDTH + 8, 3), dtype=np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.5)
    for index in range(count):
        yield np.ascontiguousarray(smooth[index % 8 :][:_HEIGHT, (index // 2) % 8 :][:, :_WIDTH])


def _folder(root: Path, frames: Iterator[np.ndarray]) -> Path:
    for index, frame in enumerate(frames):
        write_frame(root / "in" / f"{index:05d}.png", frame)
    return root / "in"


def _video(root: Path, frames: Iterator[np.ndarray]) -> Path:
    with write_video(root / "in.mkv", Fraction(25)) as write:
        for frame in frames:
            write(frame)
    return root / "in.mkv"


if __name__ == "__main__":
    main("long_clips", check, 2000)
