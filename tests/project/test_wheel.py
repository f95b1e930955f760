"""The wheel holds all that the library needs: what it installs restores a clip in another folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vsrlib.common.provenance import PROJECT_ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the wheel was installed into. What it requires is this environment's."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(PROJECT_ROOT / "vsrlib", source / "vsrlib", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT_ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "wheel", *offline, "--wheel-dir", str(folder), str(source)], check=True)
    (wheel,) = folder.glob("vsrlib-*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "-t", str(folder / "site"), str(wheel)], check=True)
    return folder / "site"


def test_it_has_every_file_of_the_library(installed: Path) -> None:
    here = {path.relative_to(PROJECT_ROOT) for path in (PROJECT_ROOT / "vsrlib").rglob("*") if path.is_file()}
    kept = {path for path in here if "__pycache__" not in path.parts}
    assert {path for path in kept if not (installed / path).is_file()} == set()


def test_what_it_installs_restores_a_clip(installed: Path, tmp_path: Path) -> None:
    import numpy as np

    from vsrlib.data.frames import write_frame

    for index in range(5):
        write_frame(tmp_path / "clip" / f"{index}.png", np.full((16, 20, 3), 40 * index, np.uint8))
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, "-m", "vsrlib", "infer", "clip", "out", "--weights", "study-realistic"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out").rglob("0*.png"))) >= 1
    where = subprocess.run(
        [sys.executable, "-c", "import vsrlib; print(vsrlib.__file__)"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert where.stdout.startswith(str(installed))
