"""Every check on this machine, and what the findings mean for the study."""

import importlib.util
import json
import locale
import os
import platform
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

import psutil

from vsrlib.common import provenance
from vsrlib.common.files import write_json
from vsrlib.common.names import FRAMEWORKS
from vsrlib.common.processes import run_watched
from vsrlib.kernels import jittor_env, native
from vsrlib.study.doctor import FAULT, Finding, fault, frameworks, machine, ok, packages, pip

_TORCH = "import json, torch; print(json.dumps([torch.__version__, torch.version.cuda, torch.cuda.is_available()]))"
_CUPY = """import cupy
cupy.RawModule(code='extern "C" __global__ void nothing() {}').get_function("nothing").compile()
"""


def examine(run_root: Path, data: Path, use: bool = False) -> list[Finding]:
    """Every check on this machine, in the order in which they are told; seconds, or with `use` minutes the first time.

    run_root, data: the folders that a study would write to. use: also use each framework, forward and backward.
    """
    findings = _checks(run_root, data)
    if use:
        found = frameworks.check(list(FRAMEWORKS))
        findings += [_used(framework, entry) for framework, entry in found.items()]
    return findings


def frameworks_left(findings: list[Finding]) -> tuple[str, ...]:
    """The frameworks that the study can run with: none where a fault stops the study or both frameworks."""
    stopped = {finding.stops for finding in findings if finding.status == FAULT}
    return () if "study" in stopped else tuple(name for name in FRAMEWORKS if name not in stopped)


def table(findings: list[Finding]) -> str:
    """The findings as lines of text, remedies below what they mend, and what they mean together."""
    width = max(len(finding.what) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{finding.status:<8} {finding.what:<{width}}  {finding.says}")
        if finding.remedy is not None:
            lines.append(f"{'':<8} {'':<{width}}  -> {finding.remedy}")
    return "\n".join([*lines, "", _together(findings)])


def write(path: Path, findings: list[Finding]) -> None:
    """The findings as JSON, with `study` (whether one can be run), `frameworks` (with which) and `provenance`."""
    left = frameworks_left(findings)
    entries = [finding.to_json() for finding in findings]
    value = {"study": bool(left), "frameworks": list(left), "findings": entries, "provenance": provenance.collect()}
    write_json(path, value)


def _checks(run_root: Path, data: Path) -> list[Finding]:
    gpu, version = provenance.collect()["machine"]["gpu"], packages.version
    torch_version, torch_cuda, cuda_used, torch_error = _torch()
    python_h = Path(sysconfig.get_path("include")) / "Python.h"
    temporary, environ = Path(tempfile.gettempdir()), dict(os.environ)
    compiled = any(jittor_env.HOME.glob(".cache/jittor/**/jittor_core*.so"))
    with_jittor = version("jittor") is not None
    of_jittor = [
        packages.onednn(jittor_env.onednn_prefix()),
        packages.jittor_settings(environ, jittor_env.HOME / ".cache" / "jittor" / "config.json"),
        machine.headers(python_h, jittor_env.python_config()),
    ]
    return [
        packages.python(sys.version_info[:2]),
        packages.numpy(version("numpy"), with_jittor),
        packages.torch(torch_version, torch_error),
        packages.cuda(gpu, torch_cuda, cuda_used),
        packages.cupy(gpu, packages.cupy_packages(), torch_cuda, version("numpy"), _cupy_error(gpu)),
        packages.jittor(version("jittor"), jittor_env.why_unusable(), compiled, sys.version_info[:2]),
        *(of_jittor if with_jittor else []),
        machine.compiler(native.compiler(), temporary),
        packages.codecs(*packages.av_codecs()),
        machine.cpu(machine.cpu_flags(), len(psutil.Process().cpu_affinity() or [0]), environ),
        machine.memory(psutil.virtual_memory().available / 2**30),
        machine.disk("environment", native.HOME, machine.ENVIRONMENT_GIB, pip("cache", "purge")),
        machine.disk("run folder", run_root, machine.RUN_GIB, "vsrlib study --run /ANOTHER/DISK/run"),
        machine.disk("data folder", data, machine.DATA_GIB, "vsrlib study --data /ANOTHER/DISK/data"),
        machine.temporary(temporary),
        machine.encoding(sys.getfilesystemencoding(), locale.getpreferredencoding(False)),
        machine.chromium(machine.find_chromium()),
        machine.checkout(*provenance.git_state(provenance.PROJECT_ROOT)),
        machine.system(platform.system(), platform.release(), platform.machine()),
    ]


def _torch() -> tuple[str | None, str | None, bool, str | None]:
    """(version, CUDA version it is built for, whether it can use a GPU, why it cannot be imported)."""
    if importlib.util.find_spec("torch") is None:
        return None, None, False, None
    status, answer, last = run_watched(["-c", _TORCH], show=False)
    if status != 0:
        return packages.version("torch"), None, False, last or f"its import ended with status {status}"
    version, cuda, used = json.loads(answer.splitlines()[-1])
    return version, cuda, used, None


def _cupy_error(gpu: str | None) -> str | None:
    """Why CuPy cannot compile an empty kernel here; None if it can, or there is no GPU or no CuPy."""
    if gpu is None or not packages.cupy_packages():
        return None
    status, _, last = run_watched(["-c", _CUPY], show=False)
    return None if status == 0 else last[:200] or f"its process ended with status {status}"


def _used(framework: str, entry: dict[str, Any]) -> Finding:
    what = f"{framework}, used"
    if entry["usable"]:
        return ok(what, f"forward and backward on {entry['device']}, {entry['seconds']:.0f} s")
    return fault(what, f"cannot be used because {entry['reason']}", "vsrlib check", stops=framework)


def _together(findings: list[Finding]) -> str:
    left = frameworks_left(findings)
    if not left:
        return "The study cannot be run here."
    skipped = "".join(
        f" The steps of {name} would be skipped; --frameworks {','.join(left)} leaves them out."
        for name in FRAMEWORKS
        if name not in left
    )
    return f"The study can be run here with {' and '.join(left)}.{skipped}"
