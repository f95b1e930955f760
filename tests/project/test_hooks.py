"""The hooks of .pre-commit-config.yaml, at a real commit: what must not get into the repository does not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
BINARIES = Path(sys.executable).parent


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the project's hooks, from an environment that is active."""
    for name in (".pre-commit-config.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    run(tmp_path, "git", "init", "--quiet")
    run(tmp_path, "git", "config", "user.name", "nobody")
    run(tmp_path, "git", "config", "user.email", "nobody@example.org")
    assert run(tmp_path, sys.executable, "-m", "pre_commit", "install").returncode == 0
    return tmp_path


def run(folder: Path, *command: str) -> subprocess.CompletedProcess:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environ = {**kept, "PATH": f"{BINARIES}{os.pathsep}{os.environ['PATH']}", "PRE_COMMIT_HOME": str(folder / ".hooks")}
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)


def commit(folder: Path, name: str) -> subprocess.CompletedProcess:
    run(folder, "git", "add", "--", name)
    return run(folder, "git", "commit", "-m", "try")


@pytest.mark.slow
def test_a_notebook_with_outputs_is_refused_and_stripped(repository: Path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1", execution_count=3)])
    notebook.cells[0].outputs = [nbformat.v4.new_output("stream", text="2")]
    nbformat.write(notebook, repository / "one.ipynb")
    refused = commit(repository, "one.ipynb")
    assert refused.returncode == 1 and "notebooks without outputs" in refused.stdout + refused.stderr
    stripped = nbformat.read(repository / "one.ipynb", 4)
    assert stripped.cells[0].outputs == [] and stripped.cells[0].execution_count is None
    assert stripped.cells[0].source == "1 + 1"
    done = commit(repository, "one.ipynb")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_code_that_ruff_objects_to_is_refused(repository: Path) -> None:
    (repository / "one.py").write_text("def same(x):\n    return undefined\n")
    refused = commit(repository, "one.py")
    assert refused.returncode == 1 and "F821" in refused.stdout + refused.stderr


def test_the_projects_notebooks_have_nothing_to_strip() -> None:
    notebooks = sorted(map(str, (ROOT / "notebooks").glob("*.ipynb")))
    done = subprocess.run(
        [sys.executable, "-m", "nbstripout", "--keep-id", "--verify", *notebooks], capture_output=True, text=True
    )
    assert notebooks and done.returncode == 0, done.stdout + done.stderr
