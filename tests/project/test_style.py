"""The code's form: ruff's rules, one layout, type hints that hold; pyproject.toml says what is asked for and why."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def finds_nothing(*command: str) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff_finds_nothing() -> None:
    finds_nothing("ruff", "check", "--no-cache", "vsrlib", "tests")


def test_the_layout_is_ruffs() -> None:
    finds_nothing("ruff", "format", "--no-cache", "--check", "vsrlib", "tests")


@pytest.mark.slow
def test_the_type_hints_hold() -> None:
    finds_nothing("mypy")


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("import os\n", ["ruff", "check"]),
        ("x = {  'a':1 }\n", ["ruff", "format", "--check"]),
        ("def double(x): return 2 * x\n", ["mypy", "--config-file", str(ROOT / "pyproject.toml")]),
    ],
)
def test_a_fault_is_found(text: str, command: list[str], tmp_path: Path) -> None:
    """With the project's own settings, so that a setting that switches everything off is noticed."""
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    (tmp_path / "wrong.py").write_text(text)
    done = subprocess.run([sys.executable, "-m", *command, "wrong.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and "wrong.py" in done.stdout, done.stdout + done.stderr
