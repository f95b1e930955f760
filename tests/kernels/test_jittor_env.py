"""Jittor's environment: what speaks against it is said in words, and importing it leaves no traces."""

import importlib.util
import os
import platform
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vsrlib.common import processes
from vsrlib.common.errors import UserError
from vsrlib.kernels import jittor_env, native
from vsrlib.study.doctor import frameworks


@pytest.mark.parametrize(
    "name, change, words",
    [
        ("find_spec", lambda m: m.setattr(importlib.util, "find_spec", lambda name: None), "package jittor"),
        ("g++", lambda m: m.setattr(native, "compiler", lambda: None), r"g\+\+"),
        (
            "headers",
            lambda m: m.setattr(jittor_env, "python_config", lambda: Path("/none/python-config")),
            "python-config",
        ),
        ("oneDNN", lambda m: m.setattr(jittor_env, "onednn_prefix", lambda: None), "oneDNN 2"),
    ],
)
def test_what_is_missing_is_named(name: str, change, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # the package is there, wherever this is run
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    change(monkeypatch)
    monkeypatch.delitem(sys.modules, "jittor", raising=False)
    with pytest.raises(UserError, match=words):
        jittor_env.import_jittor()
    found = frameworks.check(["jittor"])["jittor"]
    assert not found["usable"] and found["reason"] and found["version"] is None


def test_a_build_that_ends_with_status_0_and_did_nothing_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(processes, "run_watched", lambda *_: calls.append(1) or (0, "", "please rerun"))
    with pytest.raises(UserError, match="3 attempts .its process ended with status 0 and no answer"):
        jittor_env.prepare()
    assert len(calls) == 3


@pytest.mark.jittor
def test_operations_are_compiled_by_no_thread() -> None:
    """Jittor's own threads for it ended the process now and then, where the machine was busy."""
    jittor = jittor_env.import_jittor()
    assert jittor.flags.use_parallel_op_compiler == 0
    before = threads()
    assert float((jittor.array([1.0, 2.0]) * 3.0 + 4.0).sum()) == 17.0
    assert threads() == before


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


def test_settings_are_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JITTOR_HOME", "/somewhere")
    monkeypatch.setenv("cc_flags", "-O0")
    before = dict(os.environ)
    with jittor_env._import_environment():
        assert os.environ["HOME"] == str(jittor_env.HOME)
        assert "JITTOR_HOME" not in os.environ
        assert "-Ofast" not in os.environ["cc_flags"] + os.environ["kernel_flags"]
        assert platform.node() == ""
    assert dict(os.environ) == before
    assert platform.node() != "" or before.get("HOSTNAME", "") == ""


def test_first_uses_at_once_link_onednn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Processes that begin at one moment, over and over: none fails, and none sees a link that is not there."""
    library, include = tmp_path / "libdnnl.so.2", tmp_path / "include"
    include.mkdir()
    headers = [include / f"dnnl_{number}.h" for number in range(20)]
    for file in (library, *headers):
        file.touch()
    home = tmp_path / "home"
    program = f"""
import sys, time
from pathlib import Path
from vsrlib.kernels import jittor_env
jittor_env.onednn_prefix = lambda: (Path({str(library)!r}), Path({str(include)!r}))
print("ready", flush=True)
begin = float(sys.stdin.readline())
for turn in range(40):
    time.sleep(max(0.0, begin + 0.02 * turn - time.time()))
    jittor_env.HOME = Path({str(home)!r}) / str(turn)
    jittor_env._link_onednn()
    assert (jittor_env.HOME / jittor_env.ONEDNN_FOLDER / "lib" / "libmkldnn.so").exists()
"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = [subprocess.Popen([sys.executable, "-c", program], **pipes) for _ in range(3)]
    assert [process.stdout.readline() for process in running] == ["ready\n"] * 3
    begin = str(time.time() + 0.1)
    for process in running:
        process.stdin.write(f"{begin}\n")
        process.stdin.flush()
    assert [process.communicate()[1] for process in running] == [""] * 3
    assert [process.returncode for process in running] == [0] * 3
    for turn in range(40):
        folder = home / str(turn) / jittor_env.ONEDNN_FOLDER
        links = [*(folder / "lib" / name for name in ("libmkldnn.so", "libdnnl.so.2")),
                 *(folder / "include" / header.name for header in headers)]  # fmt: skip
        assert all(link.readlink().is_file() for link in links)
        assert sorted(path.name for path in folder.iterdir()) == ["include", "lib"], "and nothing is left beside them"


def test_a_link_to_another_onednn_is_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As a system's that went when the environment got its own."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "libdnnl.so.2").touch()
        (tmp_path / name / "dnnl.hpp").touch()
    monkeypatch.setattr(jittor_env, "HOME", tmp_path / "home")
    folder = tmp_path / "home" / jittor_env.ONEDNN_FOLDER
    for name in ("old", "new", "new"):
        found = tmp_path / name / "libdnnl.so.2", tmp_path / name
        monkeypatch.setattr(jittor_env, "onednn_prefix", lambda found=found: found)
        jittor_env._link_onednn()
        assert (folder / "lib" / "libmkldnn.so").readlink() == found[0]
        assert (folder / "include" / "dnnl.hpp").readlink() == found[1] / "dnnl.hpp"


def test_vsrlib_imports_no_framework() -> None:
    program = (
        "import sys, vsrlib, vsrlib.cli, vsrlib.study.runner, vsrlib.training.train, vsrlib.restoration.infer;"
        "import vsrlib.study.doctor.frameworks;"
        "print([name for name in ('torch', 'jittor') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.jittor
@pytest.mark.slow
@pytest.mark.skipif(jittor_env.why_unusable() is not None, reason="Jittor is unusable here")
def test_what_every_operation_includes_is_compiled_once(tmp_path: Path) -> None:
    """g++ says with -H what it reads: a compiled header with "!", one of which it can make no use with "x"."""
    flags = shlex.split(jittor_env.import_jittor().compiler.flags.cc_flags)
    (tmp_path / "it_op.cc").write_text("#define JIT 1\n#include <vector>\n")
    compiler = native.compiler()
    assert compiler is not None
    command = [compiler, tmp_path / "it_op.cc", *flags, "-g", "-H", "-fsyntax-only"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stderr.startswith(f"! {jittor_env.HOME / 'operations.h.gch'}")


@pytest.mark.jittor
@pytest.mark.slow
@pytest.mark.skipif(jittor_env.why_unusable() is not None, reason="Jittor is unusable here")
def test_jittor_uses_onednn_keeps_nan_and_leaves_torch_alone() -> None:
    """And its cache is the environment's own; a tenth of oneDNN's speed would show in a convolution at once."""
    program = """
import sys
from vsrlib.kernels import jittor_env
jt = jittor_env.import_jittor()
import numpy as np
nan = jt.array([np.nan])
print(jt.compile_extern.mkl_ops is not None, "torch" in sys.modules, bool((nan != nan).item()),
      np.float32(1e-40) > 0, jt.compiler.cache_path.startswith(str(jittor_env.HOME)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-5:] == ["True", "False", "True", "True", "True"]
