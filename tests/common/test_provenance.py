import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from vsrlib.common import provenance


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_collect_holds_what_is_needed_and_goes_into_json() -> None:
    found = provenance.collect(seed=3, weights={"sha256": "ab"})
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert list(found) == ["commit", "dirty", "versions", "protocol", "machine", "created", "seed", "weights"]
    assert set(found["versions"]) == {"python", "numpy", "torch", "jittor", "paddle", "cv2", "scikit-image", "vsrlib"}
    assert set(found["machine"]) == {"system", "processor", "cores", "memory_gib", "gpu"}
    age = datetime.now(UTC) - datetime.fromisoformat(found["created"])
    assert timedelta(seconds=-1) < age < timedelta(minutes=1)


def test_versions_are_those_of_the_imported_packages() -> None:
    versions = provenance.versions()
    assert versions["numpy"] == np.__version__
    assert versions["python"] == ".".join(map(str, sys.version_info[:3]))


def test_a_package_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert provenance.versions()["torch"] is None


def test_no_framework_is_imported() -> None:
    code = "import sys; from vsrlib.common import provenance; provenance.collect(); "
    code += "print([name for name in ('torch', 'jittor') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_git_state_follows_the_checkout(tmp_path: Path) -> None:
    assert provenance.git_state(tmp_path) == (None, None)
    git(tmp_path, "init")
    assert provenance.git_state(tmp_path) == (None, None)
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-m", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert provenance.git_state(tmp_path) == (commit, False)
    (tmp_path / "untracked").touch()
    assert provenance.git_state(tmp_path) == (commit, False)
    (tmp_path / "a").write_text("2")
    assert provenance.git_state(tmp_path) == (commit, True)
    # A project unpacked inside somebody else's repository has no commit of its own.
    (tmp_path / "inside").mkdir()
    assert provenance.git_state(tmp_path / "inside") == (None, None)


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.git_state(provenance.PROJECT_ROOT) == (None, None)


def test_the_machine_is_this_one() -> None:
    machine = provenance.collect()["machine"]
    assert machine["cores"] == len(os.sched_getaffinity(0))
    kib = int(Path("/proc/meminfo").read_text().split()[1])
    assert machine["memory_gib"] == pytest.approx(kib / 2**20, abs=0.1)


def test_a_gpu_is_named_by_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'Some GPU'\necho 'Other GPU'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert provenance._gpu() == "Some GPU, Other GPU"
    tool.write_text("#!/bin/sh\necho 'no driver'\nexit 9\n")
    assert provenance._gpu() is None
