"""Which names of other packages the project uses, and which of them the newest version of a package has dropped.

`python tests/helpers/library_names.py list FILE`, in an environment with the newest versions, writes what these have.
`python tests/helpers/library_names.py dropped FILE OUTPUT`, in the project's own, writes what only its versions have.
"""

import ast
import importlib
import inspect
import json
import sys
import warnings
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = {
    "PIL": "pillow",
    "av": "av",
    "cv2": "opencv-python-headless",
    "matplotlib": "matplotlib",
    "numpy": "numpy",
    "scipy": "scipy",
    "skimage": "scikit-image",
    "torch": "torch",
}
"""Module -> distribution."""
_ANY = "(*)"
"""Behind a call that takes any keyword, or does not say which."""


def used(sources: list[str] | None = None) -> set[str]:
    """Names such as "numpy.linalg.norm", and "av.open(options=)" for a keyword of a call, in `vsrlib` and the tests.

    sources: texts to look at in their place.
    """
    files = [path for folder in ("vsrlib", "tests") for path in sorted((ROOT / folder).rglob("*.py"))]
    texts = [path.read_text(encoding="utf-8") for path in files] if sources is None else sources
    return {name for text in texts for name in _names(ast.parse(text))}


def modules(names: set[str]) -> dict[str, ModuleType]:
    """The installed modules that hold these names; numpy's own inner ones, which a test looks into, left out."""
    paths = {name.partition("(")[0] for name in names if not name.startswith("numpy._core")}
    prefixes = {".".join(parts[:n]) for path in paths for parts in [path.split(".")] for n in range(1, len(parts) + 1)}
    return {prefix: found for prefix in sorted(prefixes) if (found := _module(prefix)) is not None}


def had(found: dict[str, ModuleType]) -> set[str]:
    """Every public name of these modules, and of what can be called every keyword that it says it takes."""
    names = set()
    for path, module in found.items():
        for name in (name for name in dir(module) if not name.startswith("_")):
            names |= {f"{path}.{name}", *(f"{path}.{name}{one}" for one in _keywords(getattr(module, name, None)))}
    return names


def dropped(old: set[str], new: set[str]) -> list[str]:
    """What the newer versions lack. A keyword only of a call that is still there and says what it takes."""
    gone = old - new
    calls = {name for name in gone if "(" in name}
    lost = {name for name in calls if (call := name.partition("(")[0]) in new and call + _ANY not in new}
    return sorted(gone - calls | {name for name in lost if not name.endswith(_ANY)})


def _module(path: str) -> ModuleType | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a module of old that is still there
        try:
            return importlib.import_module(path)
        except ImportError:
            return None


def _keywords(call: Any) -> list[str]:
    if not callable(call) or isinstance(call, type):  # those of a class change with Python's own
        return []
    try:
        parameters = inspect.signature(call).parameters.values()
    except (TypeError, ValueError):
        return [_ANY]
    every = [_ANY] if any(one.kind is one.VAR_KEYWORD for one in parameters) else []
    return [
        *every,
        *(f"({one.name}=)" for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)),
    ]


def _names(tree: ast.Module) -> Iterator[str]:
    called: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            called |= {one.asname: one.name for one in node.names if one.asname}
            called |= {(top := one.name.partition(".")[0]): top for one in node.names if not one.asname}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            called |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _dotted(node.value) == ["load_av"]:
            called |= {one.id: "av" for one in node.targets if isinstance(one, ast.Name)}
    called = {name: path for name, path in called.items() if path.partition(".")[0] in LIBRARIES}
    called["load_av"] = "av"  # what it returns, as the library loads it with the first video
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and (path := _path(node, called)):
            yield path
        elif isinstance(node, ast.Call) and (path := _path(node.func, called)):
            yield from (f"{path}({one.arg}=)" for one in node.keywords if one.arg)


def _path(node: ast.expr, called: dict[str, str]) -> str | None:
    parts = _dotted(node)
    return ".".join([called[parts[0]], *parts[1:]]) if parts and parts[0] in called else None


def _dotted(node: ast.expr) -> list[str]:
    """a.b.c as its parts, load_av().b, too; [] for anything else."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "load_av":
        return ["load_av"]
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value)):
        return [*before, node.attr]
    return []


def _versions() -> dict[str, str]:
    return {library: metadata.version(distribution) for library, distribution in LIBRARIES.items()}


def main(task: str, *paths: str) -> None:
    """Write one of the two lists."""
    names = had(modules(used()))
    if task == "list":
        found = {"versions": _versions(), "names": sorted(names)}
    else:
        newest = json.loads(Path(paths[0]).read_text(encoding="utf-8"))
        found = {"versions": newest["versions"], "than": _versions(), "dropped": dropped(names, set(newest["names"]))}
    Path(paths[-1]).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
