"""A disk that is full, and one that is read-only: the run stops with an error, and what was there stays whole.

python tests/reliability/disk.py OUTPUT      mounts a tmpfs of 160 MiB below OUTPUT, for which it has to be root
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from common import main
from results import damage, digests
from studies import command

from vsrlib.data.clips import write_clip
from vsrlib.data.synthetic.clips import embedded_clips

_LEFT = 40_000  # bytes that stay free on the full disk: some small files still fit
_LOGS = ("log.jsonl", "log.txt")  # appended to: the run that fails may have said more before it did
Run = Callable[[Path, int], tuple[int, str]]


def data(root: Path, attempt: int) -> tuple[int, str]:
    """`vsrlib degrade`."""
    return _cli("degrade", root.parent / "HR", root / "set", "--blur", "Realistic", "--seed", attempt)


def training(root: Path, attempt: int, framework: str = "torch") -> tuple[int, str]:
    """`vsrlib train`, which goes on from its checkpoint the second time."""
    given = f"--batch-size 1 --patch-size 16 --validate-every 0 --checkpoint-every 1 --device cpu --steps {1 + attempt}"
    clips, resume = root.parent / "HR", ["--resume"] if attempt else []
    return _cli("train", clips, clips, root / "train", "--framework", framework, *given.split(), *resume)


def inference(root: Path, attempt: int, framework: str = "torch") -> tuple[int, str]:
    """`vsrlib infer`."""
    given = ["--framework", framework, "--device", "cpu", "--weights", "study-gaussian"]
    return _cli("infer", root.parent / "HR" / "0", root / "infer", *given, *(["--published-border"] if attempt else []))


def study(root: Path, attempt: int) -> tuple[int, str]:
    """The quick study with both frameworks; the second time its frames need more room than the first ones leave.

    A step that runs again first removes what tells of its last run, and that room is used.
    """
    larger = {"_02_height": 256, "_02_width": 384, "test_frames": 40} if attempt else {}
    return _run(command("quick", root, **larger))


TASKS: dict[str, Run] = {
    "data generation": data,
    "training in PyTorch": training,
    "training in Jittor": partial(training, framework="jittor"),
    "inference in PyTorch": inference,
    "inference in Jittor": partial(inference, framework="jittor"),
    "the quick study": study,
}


def check(folder: Path, count: int, seed: int, tasks: dict[str, Run] | None = None) -> dict[str, Any]:
    """Run each task on a sound disk, then again on a full and on a read-only one; `count` tasks at most."""
    shutil.rmtree(folder / "HR", ignore_errors=True)
    for index, clip in enumerate(embedded_clips("test", 5, (64, 64), seed=seed, count=2)):
        write_clip(folder / "HR" / str(index), clip)
    did: dict[str, Any] = {}
    broken: list[str] = []
    for name, task in list((tasks or TASKS).items())[:count]:
        did[name] = {}
        try:
            with _disk(folder / "disk") as disk:
                status, said = task(disk, 0)
                before = digests(disk)
                logs = {path: (disk / path).read_bytes() for path in before if Path(path).name in _LOGS}
                if status != 0:
                    raise RuntimeError(f"{name} fails on a sound disk already: {said}")
                for fault, make in (("full", _fill), ("read-only", _read_only)):
                    make(disk)
                    status, said = task(disk, 1)
                    (disk / "filler").unlink(missing_ok=True) if fault == "full" else None
                    now = digests(disk)
                    changed = sorted(path for path, digest in before.items() if now.get(path) != digest)
                    kept = set(now.values())  # a file that has been set aside is not lost
                    lost = [one for one in changed if before[one] not in kept and not _grown(disk / one, logs.get(one))]
                    torn = damage(disk)[0]
                    said = said.replace(str(disk), "DISK")
                    did[name][fault] = {"status": status, "said": said, "good files": len(before), "lost": lost}
                    if status == 0 or lost or torn:
                        broken.append(f"{name}, {fault}: {did[name][fault]}, torn: {torn}")
        except PermissionError as error:
            return {"skipped": f"because no tmpfs can be mounted here ({error})", "broken": []}
    return {"tasks": did, "broken": broken}


def _grown(path: Path, before: bytes | None) -> bool:
    """Whether `path` is a log that still holds everything that it held `before`."""
    return before is not None and path.exists() and path.read_bytes().startswith(before)


def _cli(*arguments: object) -> tuple[int, str]:
    return _run([sys.executable, "-m", "vsrlib", *(str(one) for one in arguments)])


def _run(line: list[str]) -> tuple[int, str]:
    """Exit status and last line of a command, in a process of its own, as frameworks want it."""
    done = subprocess.run(line, capture_output=True, text=True)
    return done.returncode, ((done.stdout + done.stderr).strip().splitlines() or [""])[-1]


@contextlib.contextmanager
def _disk(folder: Path) -> Iterator[Path]:
    folder.mkdir(exist_ok=True)
    _mount("-t", "tmpfs", "-o", "size=160m", "tmpfs", folder)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=False)


def _fill(disk: Path) -> None:
    free = os.statvfs(disk)
    with open(disk / "filler", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - _LEFT)


def _read_only(disk: Path) -> None:
    _mount("-o", "remount,ro", disk)


def _mount(*arguments: object) -> None:
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise PermissionError(done.stderr.strip() or "mount failed")


if __name__ == "__main__":
    main("disk", check, len(TASKS))
