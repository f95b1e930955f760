"""Which names of other packages the project uses, and which of them a package has.

`python tests/helpers/library_names.py FILE`, in an environment with the newest version of each, writes what is there.
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


def used(sources: list[str] | None = None) -> set[str]:
    """Names such as "numpy.linalg.norm", and "av.open(options=)" for a keyword of a call, in `vsrlib` and the tests.

    sources: texts to look at in their place.
    """
    files = [path for folder in ("vsrlib", "tests") for path in sorted((ROOT / folder).rglob("*.py"))]
    texts = [path.read_text(encoding="utf-8") for path in files] if sources is None else sources
    return {name for text in texts for name in _names(ast.parse(text))}


def there(name: str) -> bool:
    """Whether an installed package has a name; a keyword is there, too, where a call does not say what it takes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name of old that is still there
        return _there(name)


def _there(name: str) -> bool:
    path, _, keyword = name.partition("(")
    found: Any = importlib.import_module(path.partition(".")[0])
    for at, part in enumerate(parts := path.split(".")):
        if at == 0:
            continue
        if not hasattr(found, part):
            try:
                importlib.import_module(".".join(parts[: at + 1]))
            except ImportError:
                return False
        found = getattr(found, part)
    return not keyword or _takes(found, keyword.removesuffix("=)"))


def _takes(call: Any, keyword: str) -> bool:
    try:
        parameters = inspect.signature(call).parameters
    except (TypeError, ValueError):
        return True
    return keyword in parameters or any(one.kind is one.VAR_KEYWORD for one in parameters.values())


def _names(tree: ast.Module) -> Iterator[str]:
    called = {"load_av": "av"}  # the module, as the library loads it with the first video
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            called |= {one.asname or one.name.partition(".")[0]: one.name for one in node.names if one.asname}
            called |= {(top := one.name.partition(".")[0]): top for one in node.names if not one.asname}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            called |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
        elif (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Call)
            and _dotted(node.value.func) == ["load_av"]
        ):
            called |= {one.id: "av" for one in node.targets if isinstance(one, ast.Name)}
    called = {name: path for name, path in called.items() if path.partition(".")[0] in LIBRARIES}
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


def main(output: Path) -> None:
    """Write which of the used names the installed versions have."""
    versions = {library: metadata.version(distribution) for library, distribution in LIBRARIES.items()}
    names = sorted(name for name in used() if there(name))
    output.write_text(json.dumps({"versions": versions, "names": names}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
