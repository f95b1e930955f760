"""The checks of `vsrlib doctor` on Python and its packages: each looks only at what it is given."""

import json
import re
import shlex
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Literal

from vsrlib.study.doctor import Finding, fault, ok, pip, warning

_OF_JITTOR = (3, 11)
_ONEDNN = "onednn-devel-cpu-gomp==2022.2.1"
_CUPY = "cupy-cuda12x==13.6.0"
# What Jittor reads from the environment and `jittor_env` does not set: another compiler, other flags, other libraries.
_FOREIGN = (
    *("cc_path", "cc_type", "conv_opt", "cuda_arch", "debug", "disable_lock", "enable_lto", "gdb_path"),
    *("mkl_include_path", "mkl_lib_path", "nvcc_flags", "use_cuda", "use_data_gz"),
)
_OVERRULED = ("JITTOR_HOME", "cache_name", "cc_flags", "kernel_flags", "nvcc_path", "python_config_path", "use_mkl")
_DECODERS, _ENCODERS = ("h264", "hevc", "mpeg4", "vp9", "ffv1"), ("libx264", "ffv1")


def python(version: tuple[int, ...]) -> Finding:
    """version: (major, minor)."""
    says = ".".join(map(str, version))
    if tuple(version) not in (_OF_JITTOR, (3, 12), (3, 13), (3, 14)):
        return fault("Python", f"{says}: 3.11 to 3.14 will do", "./run_all.sh")
    return ok("Python", says)


def numpy(version: str | None, with_jittor: bool = True) -> Finding:
    """Jittor's pinned version was compiled for numpy 1. with_jittor: whether it is installed."""
    install = pip("install", "numpy==1.26.4")
    if version is None:
        return fault("numpy", "is not installed", install)
    if with_jittor and int(version.split(".")[0]) >= 2:
        return fault("numpy", f"{version}: Jittor needs numpy 1", install, stops="jittor")
    return ok("numpy", version)


def torch(version: str | None, error: str | None) -> Finding:
    """error: why it cannot be imported, None if it can."""
    if version is None:
        return fault("PyTorch", "is not installed", pip("install", "torch"), stops="torch")
    if error is not None:
        again = pip("install", "--force-reinstall", "--no-deps", f"torch=={version}")
        return fault("PyTorch", f"{version} cannot be imported: {error[:200]}", again, stops="torch")
    return ok("PyTorch", version)


def cuda(gpu: str | None, built_for: str | None, used: bool) -> Finding:
    """gpu: its name as the driver tells it; built_for: PyTorch's CUDA version; used: whether PyTorch can use it."""
    if gpu is None:
        return ok("CUDA", "no NVIDIA GPU with a driver; everything runs on the CPU")
    if built_for is None:
        install = pip("install", "--force-reinstall", "--no-deps", "torch")
        return warning("CUDA", f"{gpu} is not used: this PyTorch is the build for CPUs", install)
    if not used:
        says = f"{gpu} cannot be used by PyTorch for CUDA {built_for}: the driver is too old, or the GPU is hidden"
        return warning("CUDA", says, "nvidia-smi")
    return ok("CUDA", f"{gpu}, PyTorch for CUDA {built_for}")


def cupy(
    gpu: str | None, installed: Mapping[str, str], built_for: str | None, numpy_version: str | None, error: str | None
) -> Finding:
    """installed: CuPy's packages with versions; error: why it cannot compile an empty kernel, None if it can."""

    def broken(says: str, mend: str) -> Finding:
        return fault("CuPy", f"{names}{says}", mend, stops="torch")

    names = ", ".join(f"{name} {number}" for name, number in installed.items())
    if len(installed) > 1:
        return broken(": only one may be installed", pip("uninstall", "--yes", *list(installed)[1:]))
    if gpu is None or built_for is None:
        return ok("CuPy", f"{names or 'not installed'}; without a GPU nothing uses it")
    if not installed:
        says = "not installed: the correlation runs in PyTorch operations, slower"
        return warning("CuPy", says, pip("install", _CUPY))
    number = next(iter(installed.values()))
    if int(number.split(".")[0]) >= 14 and (numpy_version or "").startswith("1."):
        return broken(" needs numpy 2, and Jittor numpy 1", pip("install", _CUPY))
    wanted = f"cupy-cuda{built_for.split('.')[0]}x"
    if error is not None:
        mend = pip("install", _CUPY if wanted in _CUPY else f"{wanted}==13.6.0")
        return broken(f" with PyTorch for CUDA {built_for} compiles nothing: {error}", mend)
    return ok("CuPy", f"{names}, compiles")


def jittor(version: str | None, reason: str | None, compiled: bool, python: tuple[int, ...] = _OF_JITTOR) -> Finding:
    """reason: what `jittor_env.why_unusable` says; compiled: whether it has compiled itself in this environment.

    python: (major, minor).
    """
    if version is None and tuple(python) != _OF_JITTOR:
        says = f"is not installed, and this Python is {'.'.join(map(str, python))}: its pinned version is for 3.11"
        return fault("Jittor", says, "./run_all.sh", stops="jittor")
    if version is None:
        return fault("Jittor", "is not installed", pip("install", "jittor==1.3.11.0", _ONEDNN), stops="jittor")
    if reason is not None:
        return fault("Jittor", f"{version} cannot be built because {reason}", _mends(reason), stops="jittor")
    first_use = "has compiled itself" if compiled else "compiles itself at the first use, 3 to 6 minutes on two cores"
    return ok("Jittor", f"{version}, {first_use}")


def _mends(reason: str) -> str:
    remedies = {"g++": "apt install g++", "development files": "apt install python3.11-dev"}
    return next((remedy for word, remedy in remedies.items() if word in reason), pip("install", _ONEDNN))


def onednn(found: tuple[Path, Path] | None) -> Finding:
    """found: library and folder of header files."""
    if found is None:
        says = "oneDNN 2 was not found: Jittor would download it"
        return fault("oneDNN for Jittor", says, pip("install", "--force-reinstall", _ONEDNN), stops="jittor")
    return ok("oneDNN for Jittor", str(found[0]))


def jittor_settings(environ: Mapping[str, str], stored: Path) -> Finding:
    """Variables and a file that bring other settings than the project's into Jittor. stored: its config.json."""
    what = "Jittor's settings"
    if stored.exists():
        try:
            foreign = json.loads(stored.read_text(encoding="utf-8")).get("JITTOR_HOME")
        except (OSError, ValueError, AttributeError):
            foreign = "none that can be read"
        if foreign is not None and Path(foreign) != stored.parent.parent.parent:
            says = f"{stored} leads to another folder ({foreign})"
            return fault(what, says, f"rm {shlex.quote(str(stored))}", stops="jittor")
    reaching = [name for name in _FOREIGN if environ.get(name)]
    if reaching:
        says = f"set in this shell, and read by Jittor: {', '.join(reaching)}"
        return warning(what, says, f"unset {' '.join(reaching)}")
    aside = [name for name in _OVERRULED if environ.get(name)]
    return ok(what, f"the project's own; {', '.join(aside)} of this shell set aside" if aside else "the project's own")


def codecs(encoders: frozenset[str], decoders: frozenset[str]) -> Finding:
    """What FFmpeg's libraries, as PyAV brings them, can write and read."""
    lacking = [f"writing {name}" for name in _ENCODERS if name not in encoders]
    lacking += [f"reading {name}" for name in _DECODERS if name not in decoders]
    if lacking:
        install = pip("install", "--force-reinstall", "--only-binary", "av", "av")
        return warning("video", f"PyAV lacks {', '.join(lacking)}; frames as PNG work", install)
    return ok("video", "reads and writes H.264 and FFV1")


def av_codecs() -> tuple[frozenset[str], frozenset[str]]:
    """Names of (encoders, decoders); none where PyAV cannot be imported."""
    try:
        import av
    except ImportError:
        return frozenset(), frozenset()

    def has(name: str, mode: Literal["r", "w"]) -> bool:
        try:
            av.codec.Codec(name, mode)
        except av.codec.codec.UnknownCodecError:
            return False
        return True

    names = av.codec.codecs_available
    return frozenset(name for name in names if has(name, "w")), frozenset(name for name in names if has(name, "r"))


def cupy_packages() -> dict[str, str]:
    """The installed packages that bring CuPy: {name: version}."""
    installed = {str(dist.metadata["Name"]): dist.version for dist in metadata.distributions()}
    names = sorted(name for name in installed if re.match(r"cupy$|cupy-cuda|cupy-rocm", name, re.IGNORECASE))
    return {name: installed[name] for name in names}


def version(distribution: str) -> str | None:
    """The installed version, None where it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
