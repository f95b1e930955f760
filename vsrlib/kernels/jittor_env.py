"""Jittor's environment: the one place that sets it, before the one place that imports it.

Jittor compiles itself on first import and reads its settings from environment
variables. The settings are part of the key of its compile cache, so every
process must use the same ones. The cache lives inside the Python environment
(`sys.prefix`): it is bound to that path anyway, and a Jittor that the user
already has in the home folder is left alone.
"""

import importlib.util
import os
import platform
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from unittest import mock

from vsrlib.common.errors import StartAgain, UserError
from vsrlib.common.files import atomic_path
from vsrlib.common.processes import answer, ask
from vsrlib.kernels import native, paddle_env

HOME = Path(sys.prefix) / "var" / "jittor"
# Jittor looks for oneDNN under this name first, and downloads it when it is not there.
ONEDNN_FOLDER = ".cache/jittor/mkl/dnnl_lnx_2.2.0_cpu_gomp"
# What every operation's C++ includes, and reading it takes g++ longer than the rest: so it is compiled once, in `HOME`.
_HEADERS = (
    "algorithm cmath functional iostream list map memory set sstream string tuple unordered_map unordered_set vector"
)
_HEADER = "operations.h"

# -Ofast, Jittor's default, makes NaN != NaN false and puts the whole process,
# numpy too, into flush-to-zero mode; these flags keep the speed without that.
# Sums may still be reassociated, which they must be to be vectorised: an expression
# such as x * m + (1 - m) can lose a small x altogether.
_SETTINGS = {
    "use_mkl": "1",
    "FIX_TORCH_ERROR": "0",  # else `import jittor` imports torch
    "cc_flags": " -O1 ",
    "kernel_flags": " -O3 -fno-math-errno -fno-trapping-math -fno-signed-zeros -fassociative-math ",
    "cache_name": "vsrlib",
    "log_silent": "1",
    # Its threads, which compile and load operations, read variables of a function that may have returned by then: on a
    # busy machine a process in a hundred or so ended there. One operation after the other is compiled without threads.
    "use_parallel_op_compiler": "0",
    "nvcc_path": "",  # the Jittor side runs on the CPU, and an nvcc that does not suit makes the import fail
}


def why_unusable() -> str | None:
    """Say in words why Jittor cannot be built here, or None if nothing speaks against it."""
    if importlib.util.find_spec("jittor") is None:
        return "the package jittor is not installed"
    if native.compiler() is None:
        return "Jittor compiles itself and no g++ was found on the path"
    if not python_config().is_file():
        return f"Jittor needs Python's development files and {python_config().name} is missing"
    if onednn_prefix() is None:
        return "oneDNN 2.x was not found (package onednn-devel-cpu-gomp 2022.2.1); without it Jittor would download it"
    return None


def why_not(framework: str) -> str | None:
    """Why a framework cannot be used here, in words that "because" can stand before; None if it can.

    Jittor is built where it is not built yet: minutes the first time.
    """
    if framework == "paddle":
        return paddle_env.why_unusable()
    if framework != "jittor":
        return None
    reason = why_unusable()
    if reason is not None:
        return reason
    try:
        prepare()
    except UserError as error:
        return str(error)
    return None


def import_jittor() -> ModuleType:
    """Import Jittor with the project's settings. Raises UserError when it cannot be built or used here."""
    imported = sys.modules.get("jittor")
    if imported is not None:
        if not str(imported.compiler.cache_path).startswith(str(HOME)):
            raise UserError(
                "Jittor was imported before vsrlib, with settings of its own; import vsrlib's networks first."
            )
        return imported
    reason = why_unusable()
    if reason is not None:
        raise UserError(f"Jittor cannot be used on this machine because {reason}; install it and try again.")
    reason = native.why_broken()
    if reason is not None:
        raise UserError(
            f"Jittor compiles all that it computes, and cannot be used on this machine because {reason}; "
            f"{native.remedy(reason, 'install another g++')} and try again."
        )
    try:
        _link_onednn()
        _precompile()
    except OSError as error:
        remedy = native.remedy(str(error.strerror), "make it writable")
        raise UserError(
            f"The folder {HOME}, in which Jittor is compiled, cannot be written to ({error.strerror}): "
            f"{remedy}, or choose the framework torch."
        ) from error
    with _import_environment():
        try:
            import jittor
        except SystemExit as stop:  # after a change of flags it rebuilds itself, asks for a rerun and exits with 0
            raise StartAgain("Jittor has rebuilt itself and must be started again; repeat the command.") from stop
    return jittor


def prepare(attempts: int = 3) -> None:
    """Build Jittor in processes of its own until an import succeeds; minutes the first time, seconds afterwards.

    Raises UserError with the last line of the compiler's output when it cannot be built.
    """
    found = ask("vsrlib.kernels.jittor_env", {}, attempts=attempts)
    if "failed" in found:
        raise UserError(
            f"Jittor could not be built in {attempts} attempts ({found['failed']}); see the compiler's messages above."
        )


@contextmanager
def _import_environment() -> Iterator[None]:
    settings = dict(
        _SETTINGS,
        HOME=str(HOME),
        python_config_path=str(python_config()),
        PATH=native.search_path(),
        kernel_flags=f'{_SETTINGS["kernel_flags"]} -include "{HOME / _HEADER}" ',
    )
    saved = {name: os.environ.get(name) for name in [*settings, "JITTOR_HOME"]}
    os.environ.update(settings)
    os.environ.pop("JITTOR_HOME", None)  # it would be written to a file and stay for every later process
    try:
        # The kernel's version and the host's name are part of the cache's path; neither matters to the compiled code.
        with (
            mock.patch.object(platform, "platform", lambda *_, **__: "vsrlib"),
            mock.patch.object(platform, "node", lambda: ""),
        ):
            yield
    finally:
        for name, value in saved.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def python_config() -> Path:
    """Where the program python3.x-config of this Python belongs."""
    return Path(sysconfig.get_config_var("BINDIR")) / f"python{sys.version_info.major}.{sys.version_info.minor}-config"


def onednn_prefix() -> tuple[Path, Path] | None:
    """The (library, include folder) of oneDNN 2.x, from the environment or from Debian's libdnnl-dev."""
    multiarch = sysconfig.get_config_var("MULTIARCH") or "x86_64-linux-gnu"
    for library, include in (
        (Path(sys.prefix) / "lib", Path(sys.prefix) / "include"),
        (Path("/usr/lib") / multiarch, Path("/usr/include")),
    ):
        if (library / "libdnnl.so.2").exists() and (include / "dnnl.hpp").exists():
            return library / "libdnnl.so.2", include
    return None


def _precompile() -> None:
    """Write the header that every operation includes first, and compile it with the flags of Jittor's operations.

    A compiled header of which g++ can make no use, for another g++ or other flags made it, is passed over: operations
    then take longer to compile, and are the same.
    """
    flags = f"-std=c++14 -fPIC -march=native -g -fopenmp{_SETTINGS['cc_flags']}{_SETTINGS['kernel_flags']}"
    text = f"// {flags}\n" + "".join(f"#include <{name}>\n" for name in _HEADERS.split())
    header, compiled = HOME / _HEADER, HOME / f"{_HEADER}.gch"
    if compiled.exists() and header.exists() and header.read_text(encoding="utf-8") == text:
        return
    gxx = native.compiler()
    assert gxx is not None, "checked by why_unusable"
    with atomic_path(header) as path:
        path.write_text(text, encoding="utf-8")
    with suppress(subprocess.CalledProcessError), atomic_path(compiled) as path:
        command = [gxx, *flags.split(), "-x", "c++-header", str(header), "-o", str(path)]
        subprocess.run(command, check=True, capture_output=True)


def _link_onednn() -> None:
    found = onednn_prefix()
    assert found is not None, "checked by why_unusable"
    library, include = found
    folder = HOME / ONEDNN_FOLDER
    links = {folder / "lib" / "libmkldnn.so": library, folder / "lib" / "libdnnl.so.2": library}
    links |= {
        folder / "include" / header.name: header
        for header in [*include.glob("dnnl*.h*"), include / "oneapi"]
        if header.exists()
    }
    for link, target in links.items():
        link.parent.mkdir(parents=True, exist_ok=True)
        if not (link.is_symlink() and link.readlink() == target):
            # Another process may be linking at the same time, or loading: at no moment may there be no link.
            with tempfile.TemporaryDirectory(dir=folder) as own:
                made = Path(own) / link.name
                made.symlink_to(target)
                os.replace(made, link)


if __name__ == "__main__":
    answer(lambda task: {"version": import_jittor().__version__})
