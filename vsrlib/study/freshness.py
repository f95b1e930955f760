"""Whether a step of the study must run again: what it read and wrote, and the code it depends on, by digest."""

import ast
import functools
import hashlib
import importlib.util
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import nbformat

from vsrlib.common.files import read_json, sha256_bytes, sha256_file, shown, write_json
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.report.pages import ERROR, MANIFEST, PARTIAL, REPORT, REPORT_CODE, THUMBNAIL

_OF_THE_STUDY = {MANIFEST, PARTIAL, REPORT, REPORT_CODE, THUMBNAIL, ERROR}
"""What the study itself puts into the folder of a step."""
_STATES = {"failed": "failed", "skipped": "was skipped"}
_ABSENT = object()
_NOT_DATA = (".py", ".pyc", ".safetensors")
"""Endings of files beside a module that are no part of it: weights are inputs of the steps that read them."""
PACKAGE = "vsrlib"


class Digests:
    """SHA-256 of files and folders. A file is read again only when its size or time of change differs.

    The table is kept in a file between runs, so that asking for a data set of gigabytes twice costs one listing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[Any]] = read_json(path) if path.exists() else {}

    def of(self, path: Path) -> str | None:
        """Digest of a file, or of the names and contents below a folder; None if there is nothing.

        Hidden files and folders do not count. Links are followed, as those are that read the clips of a data set.
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
    path = folder / MANIFEST
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


def notebook_digest(notebook: Path) -> str:
    """SHA-256 over the kinds, sources and tags of a notebook's cells, all that a run and its page depend on.

    What JupyterLab adds when it saves (outputs, the kernel's version, how a cell is folded) does not count.
    """
    cells = nbformat.read(notebook, as_version=4).cells
    parts = [[cell.cell_type, cell.source, sorted(cell.metadata.get("tags", []))] for cell in cells]
    return sha256_bytes(json.dumps(parts, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def library_files(notebook: Path, root: Path = PROJECT_ROOT) -> list[Path]:
    """The source files of `vsrlib` below `root` that the code cells of a notebook import, directly or not, sorted.

    A string that begins with "vsrlib." counts as an import of that module, or of every module of the package that
    it names, so that a module imported by a computed name is not missed. What lies beside an imported module and
    is not Python (C++ headers, style sheets) belongs to it, but for weights, which are inputs of the steps.
    """
    modules: dict[str, Path] = {}
    waiting = _imports(_code(notebook), PACKAGE, root)
    while waiting:
        name = waiting.pop()
        path = _module_file(name, root)
        if name in modules or path is None:
            continue
        modules[name] = path
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        waiting |= _imports(path.read_text(encoding="utf-8"), package, root)
    folders = {path.parent for path in modules.values()}
    data = {p for folder in folders for p in folder.iterdir() if p.is_file() and p.suffix not in _NOT_DATA}
    return sorted({*modules.values(), *data})


def library_digest(notebook: Path, root: Path = PROJECT_ROOT) -> str:
    """SHA-256 over the names and contents of `library_files`."""
    lines = [f"{path.relative_to(root).as_posix()} {sha256_file(path)}" for path in library_files(notebook, root)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _first_difference(old: dict[str, Any], new: dict[str, Any]) -> str | None:
    for key in sorted({*old, *new}):
        if old.get(key, _ABSENT) != new.get(key, _ABSENT):
            both = isinstance(old.get(key), dict) and isinstance(new.get(key), dict)
            return _first_difference(old[key], new[key]) if both else key
    return None


def _files_below(folder: Path, above: frozenset[Path] = frozenset()) -> Iterator[Path]:
    # rglob does not look behind a link to a folder, and a clip that is one would count for nothing.
    real = folder.resolve()
    if real in above:  # a link that leads back to where it lies
        return
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from _files_below(path, above | {real})
        elif path.is_file():
            yield path


def _code(notebook: Path) -> str:
    cells = nbformat.read(notebook, as_version=4).cells
    lines = [line for cell in cells if cell.cell_type == "code" for line in cell.source.splitlines()]
    return "\n".join(line for line in lines if not line.startswith(("%", "!")))


def _imports(source: str, package: str, root: Path) -> set[str]:
    imported, texts = _mentioned(source, package)
    names = set(imported).union(*(_named_by(text, root) for text in texts))
    ours = {name for name in names if name.split(".")[0] == PACKAGE}
    return {parent for name in ours for parent in _with_parents(name)}


@functools.cache  # every notebook reaches most of the library
def _mentioned(source: str, package: str) -> tuple[frozenset[str], frozenset[str]]:
    """The modules that a source imports, and the strings in it that may name others."""
    names: set[str] = set()
    texts: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(f"{PACKAGE}."):
            texts.add(node.value)
    return frozenset(names), frozenset(texts)


def _named_by(text: str, root: Path) -> set[str]:
    if _module_file(text, root) is not None:
        return {text}
    package = text.rpartition(".")[0]
    # The package itself is named in many a message; only a computed module name inside a sub-package counts.
    if package == PACKAGE or not (root / package.replace(".", "/")).is_dir():
        return set()
    return {f"{package}.{path.stem}" for path in (root / package.replace(".", "/")).glob("*.py")}


def _with_parents(name: str) -> set[str]:
    parts = name.split(".")
    return {".".join(parts[:n]) for n in range(1, len(parts) + 1)}


def _module_file(name: str, root: Path) -> Path | None:
    if not all(part.isidentifier() for part in name.split(".")):
        return None
    stem = root / name.replace(".", "/")
    for path in (stem / "__init__.py", stem.with_suffix(".py")):
        if path.is_file():
            return path
    return None
