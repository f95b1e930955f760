"""What a step of the study read and wrote, by digest, and whether it must run again."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vsrlib.files import read_json, sha256_file, write_json
from vsrlib.settings import shown

NAME = "manifest.json"
EXECUTED = "executed.ipynb"
PARTIAL = "partial.ipynb"
REPORT = "report.html"
REPORT_CODE = "report_code.html"
THUMBNAIL = "thumbnail.png"
ERROR = "error.txt"
_OF_THE_STUDY = {NAME, PARTIAL, REPORT, REPORT_CODE, THUMBNAIL, ERROR}


class Digests:
    """SHA-256 of files and folders. A file is read again only when its size or time of change differs.

    The table is kept in a file between runs, so that asking for a data set of gigabytes twice costs one listing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[Any]] = read_json(path) if path.exists() else {}

    def of(self, path: Path) -> str | None:
        """Digest of a file, or of the names and contents below a folder; None if there is nothing.

        Hidden files and folders do not count.
        """
        if path.is_dir():
            lines = [f"{p.relative_to(path).as_posix()} {self._file(p)}" for p in sorted(_files_below(path))]
            return hashlib.sha256("\n".join(lines).encode()).hexdigest()
        return self._file(path) if path.is_file() else None

    def of_results(self, paths: Iterable[Path], step: Path) -> dict[str, str | None]:
        """Digests of what a step wrote: of each file, and of each file or folder directly inside a folder.

        What the study itself puts into the folder `step` after the step has run does not count.
        """
        entries: set[Path] = set()
        for path in paths:
            entries |= set(path.iterdir()) if path.is_dir() else {path}
        own = {step / name for name in _OF_THE_STUDY}
        kept = sorted(p for p in entries - own if not p.name.startswith("."))
        return {shown(path): self.of(path) for path in kept}

    def save(self) -> None:
        """Keep the table for the next run."""
        write_json(self._path, self._known)

    def _file(self, path: Path) -> str:
        status = path.stat()
        key, state = str(path), [status.st_size, status.st_mtime_ns]
        known = self._known.get(key)
        if known is None or known[:2] != state:
            known = self._known[key] = [*state, sha256_file(path)]
        return known[2]


def read(folder: Path) -> dict[str, Any] | None:
    """The manifest in a step's folder, or None if there is none."""
    path = folder / NAME
    return read_json(path) if path.exists() else None


def why_run(folder: Path, inputs: dict[str, Any], results: dict[str, str | None]) -> str | None:
    """Why the step that writes its manifest into `folder` must run, in words; None if it is done and up to date.

    `inputs` describes what it would read now, `results` what lies now where it wrote.
    """
    manifest = read(folder)
    if manifest is None:
        return "it has no result yet"
    if manifest["status"] != "done":
        return f"it {_STATES[manifest['status']]} the last time"
    changed = _first_difference(manifest["inputs"], inputs)
    if changed is not None:
        return f"{changed} changed"
    changed = _first_difference(manifest["outputs"], results)
    return None if changed is None else f"its result {changed} was changed or removed"


_STATES = {"failed": "failed", "skipped": "was skipped"}


def _first_difference(old: dict[str, Any], new: dict[str, Any]) -> str | None:
    for key in sorted({*old, *new}):
        if old.get(key, _ABSENT) != new.get(key, _ABSENT):
            both = isinstance(old.get(key), dict) and isinstance(new.get(key), dict)
            return _first_difference(old[key], new[key]) if both else key
    return None


_ABSENT = object()


def _files_below(folder: Path) -> list[Path]:
    files = []
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden:
            files.append(path)
    return files
