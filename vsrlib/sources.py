"""Which of the library's source files a notebook depends on, and their digest.

A result is stale when code that made it has changed; code that it never touched must not make it so. The files are
found by following import statements through `vsrlib`, those inside functions included.
"""

import ast
import hashlib
import importlib.util
from pathlib import Path

import nbformat

from vsrlib.files import sha256_file
from vsrlib.provenance import PROJECT_ROOT

PACKAGE = "vsrlib"


def library_files(notebook: Path, root: Path = PROJECT_ROOT) -> list[Path]:
    """The source files of `vsrlib` below `root` that the code cells of a notebook import, directly or not, sorted.

    A string that begins with "vsrlib." counts as an import of that module, or of every module of the package that
    it names, so that a module imported by a computed name is not missed. What lies beside an imported module and
    is not Python (C++ headers, tables) belongs to it.
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
    data = {p for folder in folders for p in folder.iterdir() if p.is_file() and p.suffix not in (".py", ".pyc")}
    return sorted({*modules.values(), *data})


def library_digest(notebook: Path, root: Path = PROJECT_ROOT) -> str:
    """SHA-256 over the names and contents of `library_files`."""
    lines = [f"{path.relative_to(root).as_posix()} {sha256_file(path)}" for path in library_files(notebook, root)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _code(notebook: Path) -> str:
    cells = nbformat.read(notebook, as_version=4).cells
    lines = [line for cell in cells if cell.cell_type == "code" for line in cell.source.splitlines()]
    return "\n".join(line for line in lines if not line.startswith(("%", "!")))


def _imports(source: str, package: str, root: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(f"{PACKAGE}."):
            names |= _named_by(node.value, root)
    ours = {name for name in names if name.split(".")[0] == PACKAGE}
    return {parent for name in ours for parent in _with_parents(name)}


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
