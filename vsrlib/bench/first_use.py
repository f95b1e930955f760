"""From the start of a process to the first restored frame, and what of it was compiled on this machine.

    python -m vsrlib.bench.first_use TASK        (started by `ask`, not by hand)

TASK is a JSON object with `framework`, `device`, `home` (a folder for everything that is compiled, in place of the
environment's; None: the environment's), `no_compiler` (whether the process is to get along without one) and `asked`.
"""

import os
import re
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from vsrlib.bench.options import Options
from vsrlib.common import processes
from vsrlib.kernels import jittor_env, native
from vsrlib.networks import load_network

_SIZE = (32, 48)  # LR pixels
_RUNS = 3  # with everything compiled
_BUILDS = 3  # Jittor builds itself, asks to be started again, and then compiles its operations
_COMPILER = re.compile(
    r"(.+-)?(gcc|g\+\+|cc|c\+\+|c89|c99|cpp|clang|clang\+\+|clang-cpp|icc|icpc|icx|icpx|tcc|nvcc)"
    r"(-(gcc|[0-9.]+))?"
)
_COMPILER_VARIABLES = ("CC", "CXX", "CUDA_HOME", "CUDA_PATH", "cc_path", "nvcc_path")  # other ways to tell of one


def times(framework: str, options: Options, fresh: bool) -> dict[str, Any]:
    """Seconds from the start of a process to its first frame: {"warm_seconds", "warm_runs", "fresh_seconds",
    "compiled_files", "compiled_bytes", "correlation"}, or {"skipped": reason}.

    fresh: also with nothing compiled, in a temporary folder; else, and where that fails, "fresh_seconds" is None.
    """
    answers = [ask(framework, options) for _ in range(_RUNS)]
    failed = next((answer["failed"] for answer in answers if "failed" in answer), None)
    if failed is not None:
        return {"skipped": failed}
    seconds = [answer["seconds"] for answer in answers]
    compiled = answers[-1]["compiled"]
    return {
        "warm_seconds": statistics.median(seconds),
        "warm_runs": seconds,
        "fresh_seconds": _with_nothing_compiled(framework, options) if fresh else None,
        "compiled_files": len(compiled),
        "compiled_bytes": sum(size for _, size in compiled),
        "correlation": answers[-1]["correlation"],
    }


def without_compiler(framework: str, options: Options) -> dict[str, Any]:
    """Try a first use with nothing compiled and no compiler: {"works", "reason" (None if it does), "correlation"}."""
    with tempfile.TemporaryDirectory() as name:
        programs, home = Path(name) / "programs", Path(name) / "home"
        programs.mkdir()
        home.mkdir()
        link_all_but_compilers(programs, native.search_path())
        answer = ask(framework, options, home, path=str(programs))
    if "failed" in answer:
        return {"works": False, "reason": answer["failed"], "correlation": None}
    if answer["compilers"]:
        return {"skipped": f"the process still had a compiler ({', '.join(answer['compilers'])})"}
    return {"works": True, "reason": None, "correlation": answer["correlation"]}


def ask(
    framework: str, options: Options, home: Path | None = None, path: str | None = None, attempts: int | None = None
) -> dict[str, Any]:
    """What `measure` answers in a process of its own, or {"failed": reason}.

    home: a folder for everything that is compiled. path: the PATH of a process without a compiler.
    """
    environment = dict(os.environ)
    if home is not None:
        environment["CUPY_CACHE_DIR"] = str(home / "cupy")
    if path is not None:
        environment = {name: value for name, value in environment.items() if name not in _COMPILER_VARIABLES}
        environment["PATH"] = path
    task = {
        "framework": framework,
        "device": options.device,
        "home": None if home is None else str(home),
        "no_compiler": path is not None,
        "asked": time.monotonic(),
    }
    module, show = "vsrlib.bench.first_use", path is None
    return processes.ask(module, task, attempts=attempts, show=show, environment=environment)


def measure(task: dict[str, Any]) -> dict[str, Any]:
    """Restore a tiny frame with the smallest network.

    Returns {"seconds" since it was asked for, "correlation": kernel, "compiled": [[path, bytes]] of the libraries in
    this process that were compiled on this machine, "compilers": those on the PATH}.
    """
    if task["home"] is not None:
        jittor_env.HOME, native.HOME = Path(task["home"]) / "jittor", Path(task["home"]) / "native"
    if not task["no_compiler"]:
        return _first_frame(task)
    native.BINARIES = Path(os.environ["PATH"])  # conda's compiler is in the environment's own
    # Our own checks, and what we compile beforehand, would say what we expect: the framework is to work or to fail.
    with (
        mock.patch.object(jittor_env, "why_unusable", lambda: None),
        mock.patch.object(jittor_env, "_precompile", lambda: None),
    ):
        return _first_frame(task)


def compilers(path: str) -> list[str]:
    """The C, C++ and CUDA compilers on a PATH."""
    return sorted({file.name for file in _programs(path) if _COMPILER.fullmatch(file.name)})


def link_all_but_compilers(folder: Path, path: str) -> None:
    """Fill an empty folder with links to all programs of a PATH that are no compilers; the first of a name counts."""
    for program in _programs(path):
        link = folder / program.name
        if not (_COMPILER.fullmatch(program.name) or link.is_symlink()):
            link.symlink_to(program)


def _with_nothing_compiled(framework: str, options: Options) -> float | None:
    print(f"{framework}: first use with nothing compiled (Jittor: minutes) ...", flush=True)
    with tempfile.TemporaryDirectory() as home:
        return ask(framework, options, Path(home), attempts=_BUILDS).get("seconds")


def _first_frame(task: dict[str, Any]) -> dict[str, Any]:
    network = load_network(task["framework"], preset="study", device=task["device"])
    network.infer(np.random.default_rng(0).random((5, 3, *_SIZE), dtype=np.float32))
    seconds = time.monotonic() - task["asked"]  # one clock for all processes
    homes = [home.resolve() for home in (jittor_env.HOME, native.HOME)]
    compiled = [path for path in map(Path, native.libraries()) if any(path.is_relative_to(home) for home in homes)]
    return {
        "seconds": seconds,
        "correlation": network.correlation,
        "compiled": [[str(path), path.stat().st_size] for path in compiled if path.exists()],
        "compilers": compilers(os.environ["PATH"]),
    }


def _programs(path: str) -> list[Path]:
    folders = [Path(entry) for entry in path.split(os.pathsep) if entry and Path(entry).is_dir()]
    return [file.absolute() for folder in folders for file in sorted(folder.iterdir()) if os.access(file, os.X_OK)]


if __name__ == "__main__":
    processes.answer(measure)
