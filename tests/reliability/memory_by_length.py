"""Data sets and clips of 200 and of 2,000 frames: the commands that read them frame by frame take the same memory.

python tests/reliability/memory_by_length.py OUTPUT --count 2000     against a tenth of it
"""

import multiprocessing
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
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

MOST_GROWTH = 0.05
_SIZE = (48, 64)
_INFERENCE = "inference.json"
Meter = Callable[[list[str]], float]


def metered(line: list[str]) -> float:
    """Run a command; returns the largest memory that this process has held, MiB."""
    _run(line)
    return memory.peak_mib()


def check(folder: Path, count: int, seed: int, commands: str = "", meter: Meter = metered) -> dict[str, Any]:
    """Peak memory of each command, in a process of its own, for a tenth of `count` frames and for `count`.

    commands: some of `COMMANDS`, with commas between; empty: all. meter: what runs one.
    """
    wanted = commands.split(",") if commands else list(COMMANDS)
    root = folder / "memory_by_length"
    shutil.rmtree(root, ignore_errors=True)
    found: dict[str, Any] = {}
    for frames in (count // 10, count):
        _make(root / str(frames), frames, seed)
        for name in wanted:
            peak = _peak(root / str(frames), COMMANDS[name], meter)
            found.setdefault(name, {})[f"mib_of_{frames}_frames"] = round(peak, 1)
    broken = []
    for name, one in found.items():
        few, many = one.values()
        one["growth"] = round(many / few - 1, 4)
        if one["growth"] > MOST_GROWTH:
            broken.append(f"{name}: {few} MiB grow by {one['growth']:.1%}")
    shutil.rmtree(root, ignore_errors=True)
    return {"commands": found, "broken": broken}


def _make(root: Path, count: int, seed: int) -> None:
    """A clip as a folder and as a video, its set with HR, LR and kernels, and two results of the LR frames."""
    noise = np.random.default_rng(seed).integers(0, 256, (_SIZE[0] + 8, _SIZE[1] + 8, 3), dtype=np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.5)
    with write_video(root / "clip.mkv", Fraction(25)) as write:
        for index in range(count):
            frame = np.ascontiguousarray(smooth[index % 8 :][: _SIZE[0], (index // 2) % 8 :][:, : _SIZE[1]])
            write_frame(root / "clip" / "a" / f"{index:05d}.png", frame)
            write(frame)
    _run(["degrade", str(root / "clip"), str(root / "set"), "--blur", "Realistic"])
    _results(root, count)


def _results(root: Path, count: int) -> None:
    """What `vsrlib infer` writes of so many frames, once for each framework: one frame's entry again and again."""
    source = root / "few"
    for index in range(5):
        noise = np.random.default_rng(index).integers(0, 256, (*_SIZE, 3), dtype=np.uint8)
        write_frame(source / "a" / f"{index:05d}.png", cv2.GaussianBlur(noise, (0, 0), 1.5))
    given = ["--weights", "study-gaussian", "--device", "cpu", "--gt"]
    _run(["degrade", str(source), str(root / "small"), "--blur", "Gaussian"])
    low, high = (str(root / "small" / part) for part in ("LR_blurdown_x4", "HR"))
    _run(["infer", low, str(root / "result"), *given, high])
    result = read_json(root / "result" / _INFERENCE)
    (clip,) = result["clips"]
    one = clip["frames"][0]
    picture = (root / "result" / result["images"] / clip["name"] / one["name"]).with_suffix(".png").read_bytes()
    clip["frames"] = [one | {"name": f"{index:05d}"} for index in range(count)]
    for framework in ("torch", "jittor"):
        images = root / framework / result["images"] / clip["name"]
        images.mkdir(parents=True)
        for frame in clip["frames"]:
            (images / f"{frame['name']}.png").write_bytes(picture)
        write_json(root / framework / _INFERENCE, result | {"framework": framework})


def _peak(root: Path, command: tuple[str, ...], meter: Meter) -> float:
    line = [str(root / part[1:]) if part.startswith("@") else part for part in command]
    # a process each, which has imported what its command needs and nothing else
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(meter, line).result()


def _run(line: list[str]) -> None:
    status = cli.main(line)
    if status:
        raise SystemExit(f"vsrlib {' '.join(line)} ended with {status}")


COMMANDS = {
    "degrade": ("degrade", "@clip", "@degraded", "--blur", "Realistic"),
    "data check of a folder": ("data", "check", "@clip"),
    "data check of a set": ("data", "check", "@set", "--json", "@set.json"),
    "data check of a video": ("data", "check", "@clip.mkv"),
    "infer of a folder": ("infer", "@clip", "@restored", "--weights", "study-gaussian", "--device", "cpu"),
    "infer of a video": ("infer", "@clip.mkv", "@film", "--weights", "study-gaussian", "--device", "cpu"),
    "compare": ("compare", "@torch/inference.json", "@jittor/inference.json", "--output", "@compared"),
}
"""Command lines; what begins with @ is a path below the folder."""


if __name__ == "__main__":
    main("memory_by_length", check, 2000, commands="")
