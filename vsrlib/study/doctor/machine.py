"""The checks of `vsrlib doctor` on the machine: each looks only at what it is given."""

import ctypes
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from vsrlib.study.doctor import Finding, fault, ok, warning

ENVIRONMENT_GIB, RUN_GIB, DATA_GIB = 1.0, 1.0, 0.5
"""What has to be free: for compiled kernels and Jittor's cache, for the quick study's results, for its data."""
_MEMORY_GIB = 4.0
_OTHER_TMPDIR = "export TMPDIR=/var/tmp"
_SOURCE = '#include <cstddef>\n#include <vector>\nextern "C" int answer() { return std::vector<int>(42).size(); }\n'
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def system(name: str, release: str, processor: str) -> Finding:
    """name, release and processor as the module `platform` has them."""
    says = f"{name} {release}, {processor}"
    if name != "Linux":
        return fault("system", f"{says}: Linux is needed (on Windows, WSL 2)", "wsl --install -d Debian")
    if processor != "x86_64":
        return fault("system", f"{says}: the package of oneDNN is for x86_64", "VSRLIB_ENV=venv ./run_all.sh", "jittor")
    return ok("system", says)


def compiler(gxx: str | None, folder: Path) -> Finding:
    """g++ compiles a line of C++ in `folder`, and what it made is loaded and called."""
    what = "C++ compiler"

    def broken(says: str) -> Finding:
        return fault(what, says, "apt install g++", stops="jittor")

    if gxx is None:
        return broken("no g++ on the path; Jittor compiles itself with it")
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as place:
        library = Path(place) / "answer.so"
        command = [gxx, "-shared", "-fPIC", "-fopenmp", "-x", "c++", "-", "-o", str(library)]
        try:
            done = subprocess.run(command, input=_SOURCE, capture_output=True, text=True, timeout=120)
        except (OSError, subprocess.TimeoutExpired) as error:
            return broken(f"{gxx} does not run: {error}")
        if done.returncode != 0:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1][:200]
            return broken(f"{gxx} cannot compile a line: {reason}")
        try:
            answer = ctypes.CDLL(str(library)).answer()
        except OSError as error:
            return warning(what, f"what {gxx} makes cannot be loaded from {folder}: {error}", _OTHER_TMPDIR)
    if answer != 42:
        return broken(f"what {gxx} makes computes wrongly")
    return ok(what, f"{gxx} compiles, and what it makes runs")


def headers(python_h: Path, config: Path) -> Finding:
    """Python's header file and the program python3.x-config, both of which Jittor asks for."""
    missing = [path.name for path in (python_h, config) if not path.is_file()]
    if missing:
        says = f"{' and '.join(missing)} missing; Jittor compiles against Python's development files"
        return fault("Python headers", says, "apt install python3.11-dev", stops="jittor")
    return ok("Python headers", str(python_h.parent))


def cpu(flags: frozenset[str], cores: int, environ: Mapping[str, str]) -> Finding:
    """flags: instruction sets as /proc/cpuinfo names them; cores: those this process may use."""
    best = next((name for name in ("avx512f", "avx2") if name in flags), None)
    threads = environ.get("OMP_NUM_THREADS")
    says = f"{cores} cores, {best or 'no AVX2, so that everything takes long'}, {threads or cores} threads"
    if threads is not None and not (threads.isdecimal() and 1 <= int(threads) <= cores):
        return warning("CPU", f"{says}: OMP_NUM_THREADS does not suit the cores", "unset OMP_NUM_THREADS")
    return ok("CPU", says)


def memory(available_gib: float) -> Finding:
    """Memory that can be had without swapping."""
    says = f"{available_gib:.1f} GiB can be had"
    if available_gib < _MEMORY_GIB:
        says += f", and {_MEMORY_GIB:.0f} GiB are wanted: larger frames in tiles"
        return warning("memory", says, "vsrlib infer --tile 64 INPUT OUTPUT")
    return ok("memory", says)


def disk(what: str, folder: Path, needed_gib: float, elsewhere: str, free: float | None = None) -> Finding:
    """Whether a folder, or the nearest one above it that exists, can be written to and has room.

    elsewhere: the command that takes another disk or makes room; free: GiB, None to ask.
    """
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    name = shlex.quote(str(there))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return fault(what, f"{there} cannot be written to", f"chmod u+rwx {name}")
    free = shutil.disk_usage(there).free / 2**30 if free is None else free
    if free < needed_gib:
        return fault(what, f"{free:.2f} GiB free in {there}, and {needed_gib:g} are needed", elsewhere)
    return ok(what, f"{free:.1f} GiB free in {there}")


def temporary(folder: Path, free: float | None = None) -> Finding:
    """The folder of temporary files: writable, with room, and with a name that every program can read."""
    what = "temporary files"
    found = disk(what, folder, 0.5, _OTHER_TMPDIR, free)
    if found.remedy is not None:
        return fault(what, found.says, _OTHER_TMPDIR)
    if not str(folder).isascii():
        return warning(what, f"{folder} has letters outside ASCII, which some programs cannot read", _OTHER_TMPDIR)
    return found


def encoding(files: str, texts: str) -> Finding:
    """Encodings of file names and of texts."""
    if any(name.lower().replace("-", "") != "utf8" for name in (files, texts)):
        return warning("encoding", f"{files} for names and {texts} for texts: give UTF-8", "export LC_ALL=C.UTF-8")
    return ok("encoding", "UTF-8")


def chromium(path: str | None) -> Finding:
    """The browser in which the tests look at the pages; nothing else uses it."""
    if path is None:
        return warning("Chromium", "not found; only the tests of the pages use it", "apt install chromium")
    return ok("Chromium", f"{path} (only the tests use it)")


def checkout(commit: str | None, dirty: bool | None) -> Finding:
    """The git checkout that results name as their origin."""
    if commit is None:
        start = "git init && git add -A && git commit -m start"
        return warning("git checkout", "none: results cannot say which code made them", start)
    if dirty:
        return warning("git checkout", f"{commit[:12]}, changed since: results will say so", "git status --short")
    return ok("git checkout", commit[:12])


def cpu_flags() -> frozenset[str]:
    """Instruction sets of the first processor."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    return frozenset(next((line.partition(":")[2] for line in lines if line.startswith("flags")), "").split())


def find_chromium() -> str | None:
    """Path of the browser."""
    return next((path for path in map(shutil.which, _CHROMIUM) if path), None)
