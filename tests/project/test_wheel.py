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
    assert_where_it_is(installed, tmp_path, environment)


def test_without_the_project_results_go_where_one_is_and_a_study_says_what_it_lacks(
    installed: Path, tmp_path: Path
) -> None:
    """As after `pip install .`, and not among the packages, where nobody would look for them."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}

    def vsrlib(*words: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-m", "vsrlib", *words]
        return subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True)

    done = vsrlib("demo", "--frames", "5")
    assert done.returncode == 0, done.stderr
    assert "In runs/demo:" in done.stdout and (tmp_path / "runs" / "demo" / "restored.mp4").is_file()
    assert not (installed / "runs").exists()
    done = vsrlib("study", "--dry-run")
    assert done.returncode == 2 and done.stderr.startswith("error: A study runs the project's notebooks")
    assert done.stderr.count("\n") == 1


def assert_where_it_is(installed: Path, folder: Path, environment: dict[str, str]) -> None:
    where = subprocess.run(
        [sys.executable, "-c", "import vsrlib; print(vsrlib.__file__)"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert where.stdout.startswith(str(installed))
