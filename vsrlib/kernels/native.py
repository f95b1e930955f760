"""C++ compiled on first use, kept in the environment, and called through ctypes."""

import ctypes
import errno
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from vsrlib.common.errors import UserError
from vsrlib.common.files import atomic_path

HOME = Path(sys.prefix) / "var" / "vsrlib" / "native"
BINARIES = Path(sys.prefix) / "bin"  # conda's compiler is there, and the environment may not be activated
# No -ffast-math: it would make NaN != NaN false and put the whole process into flush-to-zero mode.
_COMPILE = ("-std=c++14", "-O3", "-march=native", "-fopenmp", "-fPIC", "-x", "c++", "-c", "-")
# Linked without -fopenmp: the GOMP functions are to come from the OpenMP runtime that the process already has.
_LINK = ("-shared",)
FUNCTIONS = ("forward", "backward_first", "backward_second")
EXPORTED = 'extern "C"'  # the linkage of functions that ctypes is to find
_ARGUMENTS = "const float* one, const float* two, float* out, int b, int c, int h, int w, int threads"
_FULL = os.strerror(errno.ENOSPC)
_CPU = ("vendor_id", "model name", "flags", "CPU implementer", "CPU part", "Features")


Note = Callable[[str], None]
"""Told, in one sentence, why something slower is used than what was looked for first."""


def search_path() -> str:
    """The folders in which programs are looked for, the environment's own first."""
    return f"{BINARIES}{os.pathsep}{os.environ.get('PATH', '')}"


def compiler() -> str | None:
    """Path of g++, the environment's own first, or None where there is none."""
    return shutil.which("g++", path=search_path())


def text(name: str) -> str:
    """The source file of that name beside this one."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def functions(calls: dict[str, str], linkage: str) -> str:
    """C++ functions (one, two, out, b, c, h, w, threads) by name, FUNCTIONS, each of which makes one call.

    They fill `out` from `one` and `two`, float32; (b, c, h, w) is the first tensor's shape. Every operation has these
    three: its own, of both tensors, and its gradients for the first and for the second, each of the result's gradient
    and of the other tensor.
    """
    return "".join(f"{linkage} void {name}({_ARGUMENTS}) {{ {calls[name]}; }}\n" for name in FUNCTIONS)


def why_broken() -> str | None:
    """Why the compiler that is there compiles nothing, in words that "because" can stand before; else None."""
    gxx = compiler()
    try:
        if gxx is not None:
            _run([gxx, *_COMPILE, "-o", os.devnull])
    except subprocess.CalledProcessError as error:
        return f"{gxx} compiles nothing ({_complaint(error)})"
    except OSError as error:
        return f"{gxx} does not run ({error.strerror})"
    return None


def remedy(reason: str, otherwise: str) -> str:
    """What helps against a reason: room where a disk is full, be it that of the compiler's temporary files."""
    return "free some space" if _FULL in reason else otherwise


def had(prepare: Callable[[], None], note: Note) -> bool:
    """Whether what `prepare` compiles and loads can be had; `note` is told why where it cannot."""
    try:
        prepare()
    except UserError as error:
        note(str(error).rstrip("."))
        return False
    return True


@functools.cache
def load(source: str, what: str, instead: str) -> ctypes.CDLL:
    """Compile C++ with OpenMP for this machine's CPU, once, and load it; its functions must be `extern "C"`.

    `what` names it, and `instead` what can be chosen in its place, for the user to whom it cannot be given. Kept as
    `HOME`/<hash>.so; the hash covers source, flags, compiler and CPU, so that an environment carried to another
    machine compiles anew. UserError when there is no compiler, or it fails, or what it made cannot be kept or loaded.
    """
    gxx = compiler()
    if gxx is None:
        raise UserError(f"g++ was not found, and {what} is compiled on first use: install g++, or choose {instead}.")
    try:
        path = HOME / f"{_key(source, gxx)}.so"
    except OSError as error:
        raise UserError(f"{gxx} does not run ({error.strerror}): install another g++, or choose {instead}.") from error
    try:
        if not path.exists():
            _compile(gxx, source, path)
    except subprocess.CalledProcessError as error:
        reason = _complaint(error)
        raise UserError(
            f"{gxx} could not compile {what} ({reason}): {remedy(reason, 'install another g++')}, or choose {instead}."
        ) from error
    except OSError as error:
        reason = str(error.strerror)
        raise UserError(
            f"The folder {HOME}, in which {what} is kept, cannot be written to ({reason}): "
            f"{remedy(reason, 'make it writable')}, or choose {instead}."
        ) from error
    try:
        _share_openmp()
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise UserError(
            f"{path}, which is {what}, cannot be loaded ({error}): let programs be run from that folder, "
            f"or choose {instead}."
        ) from error


def libraries() -> list[str]:
    """The files that are mapped into this process, libraries among them, by their paths."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return list(dict.fromkeys(line.split(maxsplit=5)[5] for line in lines if len(line.split(maxsplit=5)) == 6))


def openmp_runtimes() -> list[str]:
    """The OpenMP runtimes loaded in this process: libraries that offer GCC's OpenMP functions, by their paths."""
    return [path for path in libraries() if Path(path).name.startswith(("libgomp", "libiomp5", "libomp"))]


def openmp_threads() -> int:
    """Threads that a computation on the CPU may use: OMP_NUM_THREADS, or as many as this process has cores."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdigit() and int(given) else len(os.sched_getaffinity(0))


def _compile(gxx: str, source: str, path: Path) -> None:
    # Several processes may compile one source at once: each moves a whole file into place, and the files are equal.
    with atomic_path(path) as temporary, tempfile.TemporaryDirectory() as folder:
        part = f"{folder}/kernel.o"
        _run([gxx, *_COMPILE, "-o", part], source)
        _run([gxx, *_LINK, part, "-o", str(temporary)])


def _complaint(error: subprocess.CalledProcessError) -> str:
    """The first line of a compiler's output that names a full disk, or else an error."""
    lines = error.stderr.splitlines() or ["no reason given"]
    named = (line for word in (_FULL, "error") for line in lines if word in line)
    return next(named, lines[0]).strip()[:200]


def _run(command: list[str], text: str = "") -> None:
    # The complaints are looked through for words, which have to be English ones.
    english = os.environ | {"LC_ALL": "C"}
    subprocess.run(
        command, input=text, capture_output=True, encoding="utf-8", errors="replace", check=True, env=english
    )


def _key(source: str, gxx: str) -> str:
    version = subprocess.run([gxx, "-v"], capture_output=True, text=True).stderr
    parts = [source, *_COMPILE, *_LINK, version, platform.machine(), *cpu()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def cpu() -> list[str]:
    """What identifies this machine's CPU to a compiler: model and instruction sets of the first processor."""
    processor = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    return [line for line in processor if line.partition(":")[0].strip() in _CPU]


def _share_openmp() -> None:
    """Make the process's OpenMP runtime visible to what is loaded next; a second one would fight it for the cores."""
    loaded = openmp_runtimes()
    ctypes.CDLL(loaded[0] if loaded else "libgomp.so.1", mode=ctypes.RTLD_GLOBAL)
