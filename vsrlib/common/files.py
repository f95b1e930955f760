"""Files and folders that appear whole or not at all, locks on them, digests of what they hold, and paths in words."""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.provenance import ALONE, PROJECT_ROOT

MARKER = ".vsrlib"
"""Lies in every folder that is replaced as a whole, and says that it was made here."""

PATIENCE = 5.0
"""Seconds to wait for another run: for the last process of one that was killed, or one that is about to end."""

_LOCK = ".lock"
_STAGING = ".unfinished"


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it into place when the block ends well.

    The file is flushed to disk before the move, so a killed process or a full
    disk leaves either the old file or the new one, never half of one. An
    OSError of the system in the block names `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A part of the name, because a name may have 255 bytes and this one has more in it; the ending tells the format.
    part = os.fsencode(path.stem)[:40].decode("utf-8", "ignore")
    suffix = path.suffix if len(os.fsencode(path.suffix)) <= 40 else ""
    handle, name = tempfile.mkstemp(prefix=f".{part}-", suffix=suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o666 & ~_umask())
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        # A full disk fails in a write, which does not know the name of its file. What a library made of it stays.
        if type(error).__module__ != "builtins" or error.errno is None or error.filename not in (None, name):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented UTF-8 JSON, atomically. NaN and infinity are refused (ValueError)."""
    # What is no text in a path becomes \udcXX, which JSON reads as the same again. Written piece by piece, because all
    # pieces of a result with thousands of frames take several times the room of the file.
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", errors="backslashreplace") as file:
        json.dump(value, file, indent=1, allow_nan=False, ensure_ascii=False)
        file.write("\n")


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def read_object(path: Path) -> dict[str, Any] | None:
    """As `read_json`; None for a file that is not there or holds no JSON object, as one of another program may."""
    try:
        found = read_json(path) if path.is_file() else None
    except ValueError:  # no JSON, or no text
        return None
    return found if isinstance(found, dict) else None


def sha256_file(path: str | Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stamp(path: Path) -> tuple[int, int]:
    """Size and time of the last change of a file, bytes and nanoseconds: while both stay, so does what is in it."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def sha256_array(array: np.ndarray) -> str:
    """SHA-256 of an array's type, shape and values (C order), in hexadecimal."""
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


class StackDigest:
    """What `sha256_array` gives of `count` arrays stacked, of which one after the other is seen."""

    def __init__(self, count: int) -> None:
        self._count, self._seen, self._digest = count, 0, hashlib.sha256()

    def add(self, array: np.ndarray) -> None:
        """The next one, of the shape and type of those before."""
        if not self._seen:
            self._digest.update(f"{array.dtype.str}{(self._count, *array.shape)}".encode())
        self._seen += 1
        self._digest.update(np.ascontiguousarray(array).tobytes())

    def hexdigest(self) -> str:
        """The digest of all."""
        return self._digest.hexdigest()


def sha256_joined(digests: Iterable[str]) -> str:
    """One digest of several, in their order."""
    return sha256_array(np.array(list(digests)))


def sha256_named(digests: Mapping[str, str]) -> str:
    """One digest of several, each with its name, in the order of the names."""
    whole = hashlib.sha256()
    for index, name in enumerate(sorted(digests)):  # one by one: there are thousands, and together they take room
        whole.update(f"{chr(10) * (index > 0)}{name} {digests[name]}".encode())
    return whole.hexdigest()


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
            (folder / _LOCK).unlink(missing_ok=True)


@contextmanager
def in_turn(path: Path) -> Iterator[None]:
    """Hold `path`, a file made for this, while the block runs; another process that asks for it waits until then."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def replaced(
    root: Path, parts: Sequence[str], record: str, kept: Callable[[Path], bool] | None = None
) -> Iterator[Path]:
    """Yield a folder to fill; when the block ends well, its `parts` replace those of `root`, and `record` is removed.

    `record` is the file that describes the parts; the caller writes the new one afterwards, so that it never describes
    others. A part that was not filled is removed. An error leaves everything as it was. `kept` says whether the folder
    of a run that was interrupted or killed, or that ended in an error, is to be filled on; without it, that is removed.
    UserError for a part that holds files which were not made here: those are never replaced; and while another run
    is filling this `root`.
    """
    for part in parts:
        require_own(root / part)
    made_root = not root.exists()
    staging = root / _STAGING
    with lock(root, "run", "folder"):
        keep = kept is not None and kept(staging)
        try:
            if not keep:
                remove(staging)
            keep = False
            staging.mkdir(exist_ok=True)
            yield staging
            (root / record).unlink(missing_ok=True)
            for part in parts:
                if (root / part).exists():
                    (root / part).rename(staging / f"old {part}")
                if (staging / part).exists():
                    (staging / part / MARKER).touch()
                    (staging / part).rename(root / part)
        except BaseException:
            keep = kept is not None and kept(staging)
            raise
        finally:
            if not keep:
                remove(staging)
            if made_root and [path.name for path in root.iterdir()] == [_LOCK]:
                remove(root)


@contextmanager
def replaced_whole(folder: Path, what: str) -> Iterator[Path]:
    """Yield an empty folder to fill; when the block ends well, it takes the place of `folder`, if that is there.

    An error or an interruption leaves what was there. `what` is made, in the words of the user. UserError for a folder
    that holds files which were not made here, and while another run is filling it.
    """
    require_own(folder)
    folder = folder.resolve()
    beside = folder.with_name(f".{folder.name}{_STAGING}")
    new, old = beside / "new", beside / "old"
    with lock(beside, what, "folder"):
        try:
            remove(new)
            if folder.exists():  # else a run was killed between the two moves below, and the old one is all there is
                remove(old)
            new.mkdir()
            (new / MARKER).touch()
            yield new
            if folder.exists():
                folder.rename(old)
            new.rename(folder)
        finally:
            if old.exists() and not folder.exists():
                old.rename(folder)
            remove(beside)


def require_folder(output: Path) -> None:
    """UserError for an output that cannot be a folder, OSError for one that may not be written. Before long work."""
    if output.exists() and not output.is_dir():
        raise UserError(f"The output {output} is a file; give the path of a folder.")
    _require_room(output, (output, *output.parents))


def require_file(output: Path) -> None:
    """UserError for an output that cannot be a file, OSError for one that may not be written. Before long work."""
    if output.is_dir():
        raise UserError(f"The output {output} is a folder; give the path of a file.")
    _require_room(output, output.parents)


def require_own(folder: Path) -> None:
    """Raise UserError for a folder that holds files and was not made here; only our own may be replaced."""
    if folder.exists() and not (folder / MARKER).exists() and any(folder.iterdir()):
        raise UserError(
            f"{folder} holds files that were not made here and would be overwritten: "
            "choose another folder, or move them away."
        )


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it; nothing if it is not there."""
    if folder.exists():
        shutil.rmtree(folder)


def relative(path: Path, folder: Path) -> str:
    """`path` as seen from `folder`, with forward slashes."""
    return Path(os.path.relpath(path, folder)).as_posix()


def located(name: str, folder: Path) -> Path:
    """The path that `relative` named, as seen from `folder`, which need not exist yet."""
    return Path(os.path.normpath(Path(folder) / name))


def resolve(path: str) -> Path:
    """The absolute path of a parameter; a relative one is taken from the project's folder, or without one from here."""
    return _base() / Path(path).expanduser()


def shown(path: Path) -> str:
    """A path as it stands in parameters and messages: relative to the project's folder where it lies inside."""
    return str(path.relative_to(_base())) if path.is_relative_to(_base()) else str(path)


def _require_room(output: Path, folders: Iterable[Path]) -> None:
    """The first of the folders that is there has to be one, and to take what is written."""
    found = next((folder for folder in folders if folder.exists()), Path())
    if not found.is_dir():
        raise UserError(f"The output {output} would lie in {found}, which is a file; give another path.")
    if not os.access(found, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(found))


def _base() -> Path:
    return Path.cwd() if ALONE else PROJECT_ROOT


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _held(folder: Path, who: str, kind: str) -> TextIO:
    end = time.monotonic() + PATIENCE
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        file = open(folder / _LOCK, "a", encoding="utf-8")  # noqa: SIM115 - held for as long as the lock
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file.fileno()), os.stat(folder / _LOCK)):
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
