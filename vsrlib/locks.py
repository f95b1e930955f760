"""What one process at a time may use: folders of runs, and files made for that."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from vsrlib.errors import UserError

NAME = ".lock"
PATIENCE = 5.0
"""Seconds to wait for another run: for the last process of one that was killed, or one that is about to end."""


@contextmanager
def lock(folder: Path, who: str = "study", kind: str = "run folder") -> Iterator[TextIO]:
    """Hold a folder, which is made if need be; yield the open lock file. UserError if another process keeps holding it.

    Processes that inherit the file hold the folder too; the system lets go of it when the last of them has died.
    `who`: what runs in the folder, and `kind`: what the folder is, in the words of the user.
    """
    folder = Path(folder)
    with _held(folder, who, kind) as file:
        try:
            yield file
        finally:
            # While it is still held: whoever waits for this file sees that it is gone, and makes another.
            (folder / NAME).unlink(missing_ok=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold `path`, a file made for this, while the block runs; another process that asks for it waits until then."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _held(folder: Path, who: str, kind: str) -> TextIO:
    end = time.monotonic() + PATIENCE
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        file = open(folder / NAME, "a", encoding="utf-8")  # noqa: SIM115 - held for as long as the lock
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file.fileno()), os.stat(folder / NAME)):
                return file
        except BlockingIOError:
            if time.monotonic() > end:
                file.close()
                raise UserError(
                    f"Another {who} is running in {folder}: wait until it has ended, or give another {kind}."
                ) from None
            time.sleep(0.1)
        except FileNotFoundError:  # its owner has removed it together with a folder that stayed empty
            pass
        file.close()
