"""A clip of thousands of frames through `vsrlib infer`, from a folder and from a video: memory stays as it is.

python tests/reliability/long_clips.py OUTPUT --count 2000
    --study 400    also the quick study's inference with clips of so many frames, against one of 100
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from common import main
from studies import PARTS, command

from vsrlib import cli
from vsrlib.common import memory
from vsrlib.common.files import read_json, write_json
from vsrlib.common.names import FRAMEWORKS, NAMES
from vsrlib.data.frames import write_frame
from vsrlib.data.video import write_video
from vsrlib.restoration import loop

SETTLED, MOST_GROWTH = 100, 0.05
_HEIGHT, _WIDTH = 16, 24
Finish = Callable[..., dict[str, Any]]


def check(
    folder: Path,
    count: int,
    seed: int,
    study: int = 0,
    finish: Finish = loop._finish,
    frameworks: tuple[str, ...] = FRAMEWORKS,
) -> dict[str, Any]:
    """Restore `count` frames from either kind of input, in each framework.

    study: frames of a clip that notebook 04 restores too; 0: none. finish: what scores and writes a frame.
    """
    did: dict[str, Any] = {}
    broken = []
    for kind, make in (("folder", _folder), ("video", _video)):
        for framework in frameworks:
            name, root = f"{kind}, {NAMES[framework]}", folder / "long" / kind
            shutil.rmtree(root, ignore_errors=True)
            source = make(root, _frames(count, seed))
            child = os.fork()  # a process each, so that none finds the memory, or the framework, of another
            if child == 0:
                os._exit(_restore(source, root, framework, finish))
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            sizes = read_json(root / "resident.json") if status == 0 else []
            settled = sizes[min(SETTLED, len(sizes) - 1)] if sizes else 0.0
            growth = max(sizes[SETTLED:], default=settled) / settled - 1 if settled else None
            did[name] = {"frames": len(sizes), "mib_at_frame_100": settled, "growth": growth}
            if status != 0 or len(sizes) != count or growth is None or growth > MOST_GROWTH:
                broken.append(f"{name}: exit status {status}, {did[name]}")
            shutil.rmtree(root, ignore_errors=True)
    for framework in frameworks if study else ():
        name = f"notebook, {NAMES[framework]}"
        first, last = (_notebook(folder / "long" / "notebook", framework, frames) for frames in (SETTLED, study))
        did[name] = {"frames": study - 4, "mib_at_frame_100": first, "growth": last / first - 1}
        if did[name]["growth"] > MOST_GROWTH:
            broken.append(f"{name}: {did[name]}")
    return {"inputs": did, "broken": broken}


def _restore(source: Path, root: Path, framework: str, finish: Finish) -> int:
    sizes: list[float] = []

    def metered(*arguments: Any) -> dict[str, Any]:
        found = finish(*arguments)
        sizes.append(memory.resident_mib())
        return found

    loop._finish = metered
    given = ["--framework", framework, "--weights", "study-gaussian", "--device", "cpu"]
    status = cli.main(["infer", str(source), str(root / "out"), *given])
    write_json(root / "resident.json", sizes)
    return status


def _notebook(root: Path, framework: str, frames: int) -> float:
    """Peak memory of notebook 04, MiB, with a clip of so many frames."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    # The training lies between data and inference, and is of no interest here.
    line = command(framework, root, test_frames=frames, steps=1, validate_every=0)
    subprocess.run(line, check=True, capture_output=True)
    return float(read_json(root / "run" / PARTS[framework][-1] / "inference.json")["peak_memory_mib"])


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
    main("long_clips", check, 2000, study=0)
