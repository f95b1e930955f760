"""Files that appear whole or not at all, and digests of what they hold."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.errors import UserError

MARKER = ".vsrlib"
"""Lies in every folder that is replaced as a whole, and says that it was made here."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it into place when the block ends well.

    The file is flushed to disk before the move, so a killed process or a full
    disk leaves either the old file or the new one, never half of one. An
    OSError of the system in the block names `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
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


def require_own(folder: Path) -> None:
    """Raise UserError for a folder that holds files and was not made here; only our own may be replaced."""
    if folder.exists() and not (folder / MARKER).exists() and any(folder.iterdir()):
        raise UserError(
            f"{folder} holds files that were not made here and would be overwritten: "
            "choose another folder, or move them away."
        )


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented UTF-8 JSON, atomically. NaN and infinity are refused (ValueError)."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def sha256_array(array: np.ndarray) -> str:
    """SHA-256 of an array's type, shape and values (C order), in hexadecimal."""
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
