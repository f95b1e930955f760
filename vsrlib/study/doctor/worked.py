"""Which frameworks have worked here, so that they need not be used again where nothing has changed since.

Kept in each framework's folder of what it has compiled, and lost with that. What did not work is never kept: what mends
it may lie anywhere.
"""

import importlib.util
import os
import platform
import subprocess
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from vsrlib.common import provenance
from vsrlib.common.files import read_json, sha256_file, sha256_named, stamp, write_json
from vsrlib.kernels import jittor_env, native

_LIBRARY = Path(__file__).parents[2]
_CODE = (".py", ".h", ".cu")
_READ = ("PATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "PYTHONPATH", "CUDA_VISIBLE_DEVICES")
"""Variables that say which programs and libraries are used."""


def recall(framework: str) -> dict[str, Any] | None:
    """What was found when the framework worked, or None where it has to be used to know."""
    path = _path(framework)
    try:
        kept = read_json(path) if path.exists() else {}
        return kept["found"] if kept.get("depends") == _depends(framework) else None
    except (ValueError, OSError):  # half a file, or a compiler that does not run
        return None


def keep(framework: str, found: dict[str, Any]) -> None:
    """Keep what was found of a framework that works; forget it of one that does not."""
    with suppress(OSError):  # an environment that cannot be written to: it will be used again
        if found["usable"]:
            write_json(_path(framework), {"depends": _depends(framework), "found": found})
        else:
            _path(framework).unlink(missing_ok=True)


def _path(framework: str) -> Path:
    home = jittor_env.HOME if framework == "jittor" else native.HOME
    return home / f"{framework}-worked.json"


def _depends(framework: str) -> dict[str, Any]:
    """What decides whether a framework works: our code, packages, Python, compiler, machine and variables."""
    code = {
        path.relative_to(_LIBRARY).as_posix(): sha256_file(path)
        for path in _LIBRARY.rglob("*")
        if path.suffix in _CODE and path.is_file()
    }
    lock = provenance.PROJECT_ROOT / "requirements.lock"
    spec = importlib.util.find_spec(framework)
    gxx, one_dnn = native.compiler(), jittor_env.onednn_prefix()
    return {
        "code": sha256_named(code),
        "lock": sha256_file(lock) if lock.is_file() else None,
        "packages": sorted(f"{one.name} {one.version}" for one in metadata.distributions()),
        "installed": list(stamp(Path(spec.origin))) if spec and spec.origin else None,  # once more, perhaps
        "python": [sys.version, sys.prefix, jittor_env.python_config().is_file()],
        "compiler": None if gxx is None else [gxx, subprocess.run([gxx, "-v"], capture_output=True, text=True).stderr],
        "oneDNN": None if one_dnn is None else [str(path.resolve()) for path in one_dnn],
        "machine": [provenance.collect()["machine"], native.cpu(), list(platform.libc_ver())],
        "variables": {name: os.environ.get(name) for name in _READ},
    }
