"""What a framework's installation consists of: its distributions and their sizes, from the installed metadata."""

from importlib import metadata
from typing import Any

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_ROOTS = {"torch": ("torch",), "jittor": ("jittor", "onednn-devel-cpu-gomp")}
"""The framework, then what this project needs beside it and its metadata does not say (oneDNN may be the system's)."""


def measure(framework: str) -> dict[str, Any]:
    """The framework's distribution and everything it requires here, markers honoured; nothing is imported.

    Returns {"count", "bytes" (of the files in RECORD; None if one distribution does not tell), "distributions":
    [{"name", "version", "bytes"}], "missing": [what is required and not installed]}, or {"skipped": reason}.
    """
    first, *beside = _ROOTS[framework]
    if _distribution(first) is None:
        return {"skipped": f"the distribution {first} is not installed"}
    found: dict[str, metadata.Distribution] = {}
    missing: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(name, frozenset[str]()) for name in (first, *(name for name in beside if _distribution(name)))]
    while waiting:
        name, extras = waiting.pop()
        name = canonicalize_name(name)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        distribution = _distribution(name)
        if distribution is None:
            missing.add(name)
            continue
        found[name] = distribution
        wanted = (Requirement(text) for text in distribution.requires or ())
        waiting += [(one.name, frozenset(one.extras)) for one in wanted if _applies(one.marker, extras)]
    rows = [{"name": name, "version": found[name].version, "bytes": _bytes(found[name])} for name in sorted(found)]
    sizes = [row["bytes"] for row in rows]
    return {
        "count": len(rows),
        "bytes": None if None in sizes else sum(sizes),
        "distributions": rows,
        "missing": sorted(missing),
    }


def _distribution(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


def _applies(marker: Marker | None, extras: frozenset[str]) -> bool:
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""})


def _bytes(distribution: metadata.Distribution) -> int | None:
    # Bytecode, and RECORD itself, stand in RECORD without a size.
    return None if distribution.files is None else sum(file.size for file in distribution.files if file.size)
