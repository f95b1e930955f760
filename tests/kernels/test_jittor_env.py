"""Jittor's environment: what speaks against it is said in words, and importing it leaves no traces."""

import importlib.util
import os
import platform
import shlex
import subprocess
import sys
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
