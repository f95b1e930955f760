"""Kill restorations to frames and to videos at random moments, and go on each time: no frame is lost or there twice.

python tests/reliability/restoration_kills.py OUTPUT --count 100 --seed 1     so many kills of each kind

A restoration that comes to its end is compared with one that nobody interrupted, and the next one begins.
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
import numpy as np
import torch
from results import damage

from vsrlib.common.files import read_json
from vsrlib.data.clips import Clip, write_clip
from vsrlib.data.video import read_frames
from vsrlib.restoration import infer, segments
from vsrlib.restoration.options import InferOptions

KINDS = {"frames": None, "lossless video": "mkv", "video": "mp4"}
_FRAMES, _SIZE = 120, (16, 24)
_LOOKS = 300_000  # for more of a restoration, each after 2 ms: the seconds of a process that is stopped do not count


def check(
    folder: Path,
    count: int,
    seed: int,
    frames: int = _FRAMES,
    kinds: tuple[str, ...] = tuple(KINDS),
    restore: Callable[..., dict[str, Any]] = infer.infer,
) -> dict[str, Any]:
    """Kill each kind of restoration `count` times: every fifth within half a second of its start, else amid its work.

    frames: of the clip. restore: what restores it.
    """
    root, rng = folder / "restoration_kills", random.Random(seed)
    shutil.rmtree(root, ignore_errors=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (frames, *_SIZE, 3), dtype=np.uint8)
    write_clip(root / "in", Clip("in", pixels))
    done = {kind: _killed(root, kind, count, frames, rng, restore) for kind in kinds}
    broken = [f"{kind}, {sentence}" for kind, one in done.items() for sentence in one.pop("broken")]
    return {"kinds": done, "broken": broken[:10], "broken_count": len(broken)}


def _killed(root: Path, kind: str, count: int, frames: int, rng: random.Random, restore: Callable) -> dict[str, Any]:
    video = KINDS[kind]
    cut, whole, work = root / "cut", root / "whole", partial(_restore, restore, root / "in", video)
    shutil.rmtree(whole, ignore_errors=True)
    _wait(common.fork(partial(work, whole)))
    truth = _results(whole, video)
    found: dict[str, Any] = {"kills": 0, "lost": 0, "twice": 0, "ends": 0, "broken": []}
    while found["kills"] < count:
        before = _there(cut, video)
        child = common.fork(partial(work, cut))
        if found["kills"] % 5 != 4:
            _await(child, lambda before=before: _there(cut, video) != before)
        time.sleep(rng.uniform(0, 0.5))
        os.kill(child, signal.SIGKILL)  # of one that has ended, nothing
        status = _wait(child)
        if status == 0:
            found["ends"] += 1
            _compare(found, cut, video, frames, truth)
            shutil.rmtree(cut)
            continue
        if not os.WIFSIGNALED(status):
            found["broken"].append(f"after kill {found['kills']} the restoration ended with status {status}")
            break
        found["kills"] += 1
        # What was there stays there: of a video by whole segments, in which the last line may yet be missing.
        lost = max(0, before - _there(cut, video))
        found["lost"] += lost
        found["broken"] += [f"kill {found['kills']}: {lost} frames were there before and are not"] if lost else []
        found["broken"] += [f"kill {found['kills']}: {fault}" for fault in damage(cut)[0]]
    else:
        if (status := _wait(common.fork(partial(work, cut)))) == 0:
            found["ends"] += 1
            _compare(found, cut, video, frames, truth)
        else:
            found["broken"].append(f"the last restoration ended with status {status}")
    shutil.rmtree(cut, ignore_errors=True)
    return found


def _compare(found: dict[str, Any], cut: Path, video: str | None, frames: int, truth: dict[str, Any]) -> None:
    """Hold what a restoration left against the uninterrupted one's."""
    result = read_json(cut / "inference.json")
    names = [frame["name"] for frame in result["clips"][0]["frames"]]
    found["twice"] += len(names) - len(set(names))
    found["lost"] += frames - len(set(names))
    ours = _results(cut, video)
    differ = sorted(name for name in ours.keys() | truth.keys() if ours.get(name) != truth.get(name))
    if names != sorted(names) or len(names) != frames:
        differ.append("inference.json")
    found["broken"] += [f"end {found['ends']}: {name} is not what the uninterrupted one left" for name in differ]


def _results(output: Path, video: str | None) -> dict[str, Any]:
    """Bytes of frames and of a lossless video; of another one its decoded frames, by name."""
    if video == "mp4":
        return {f"frame {number}": frame.tobytes() for number, frame in enumerate(read_frames(_video(output)))}
    paths = sorted((output / "frames").glob("*/*.png")) if video is None else [_video(output)]
    return {path.name: path.read_bytes() for path in paths}


def _video(output: Path) -> Path:
    (path,) = (path for path in (output / "videos").iterdir() if not path.name.startswith("."))
    return path


def _there(output: Path, video: str | None) -> int:
    """Frames that the next call need not restore again."""
    log = output / ".resume" / "done.jsonl"
    lines = log.read_text().count("\n") if log.exists() else 0
    return lines if video is None else segments.whole(lines)


def _restore(restore: Callable, source: Path, video: str | None, output: Path) -> None:
    torch.set_num_threads(1)
    options = InferOptions(weights="study-gaussian", device="cpu", border=True, video=video)
    restore(source, output, None, options, progress=False, resume=True)


def _wait(child: int) -> int:
    return os.waitpid(child, 0)[1]


def _await(child: int, sign: Callable[[], bool]) -> None:
    """Until the sign is there or the child has ended, which it is left to the caller to see."""
    for _ in range(_LOOKS):
        if sign() or os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    raise RuntimeError("there was no more of the restoration within ten minutes")


if __name__ == "__main__":
    common.main("restoration_kills", check, 100)
