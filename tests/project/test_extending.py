"""docs/extending.md is true: its changes are made to a copy of the project, and the result is run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import documents
import numpy as np
import pytest

from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.data.clips import Clip, list_clips, write_clip
from vsrlib.networks.weights import weights_file

DOCUMENT = PROJECT_ROOT / "docs" / "extending.md"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the library with clips a and b beside it, and its weights by link."""
    copy = tmp_path / "project"
    shutil.copytree(
        PROJECT_ROOT / "vsrlib", copy / "vsrlib", ignore=shutil.ignore_patterns("__pycache__", "*.safetensors")
    )
    for weights in weights_file.FOLDER.glob("*.safetensors"):
        (copy / weights.relative_to(PROJECT_ROOT)).symlink_to(weights)
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        write_clip(copy / "HR" / name, Clip(name, rng.integers(0, 256, (5, 64, 80, 3), dtype=np.uint8)))
    return copy


def changes(title: str) -> list[tuple[str, str]]:
    """The changes of a section: (file, diff); a block belongs to the last file named before it."""
    section = documents.section(DOCUMENT, title)
    found, file = [], ""
    for path, diff in re.findall(r"`(vsrlib/[\w/]+\.py)`|^```diff\n(.*?)^```", section, re.MULTILINE | re.DOTALL):
        file = path or file
        if diff:
            found.append((file, diff))
    return found


def apply(project: Path, title: str) -> None:
    for file, diff in changes(title):
        path = project / file
        lines = diff.rstrip("\n").split("\n")
        old = "\n".join(line[1:] for line in lines if not line.startswith("+"))
        new = "\n".join(line[1:] for line in lines if not line.startswith("-"))
        text = path.read_text(encoding="utf-8")
        assert text.count(f"\n{old}\n") == 1, f"{file} does not hold once:\n{old}"
        path.write_text(text.replace(f"\n{old}\n", f"\n{new}\n"), encoding="utf-8")


def vsrlib(project: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(project)}
    command = [sys.executable, "-m", "vsrlib", *arguments]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)


@pytest.mark.slow
def test_a_degradation(project: Path) -> None:
    assert vsrlib(project, "degrade", "HR", "SET", "--blur", "Defocus").returncode == 2
    apply(project, "A degradation")
    made = vsrlib(project, "degrade", "HR", "SET", "--blur", "Defocus")
    assert made.returncode == 0, made.stderr
    assert vsrlib(project, "data", "check", "SET").returncode == 0
    kernel = np.load(project / "SET" / "kernel" / "a" / "kernel.npy")
    assert kernel.shape == (7, 7) and kernel.sum() == pytest.approx(1) and np.count_nonzero(kernel) == 21
    small = ("--steps", "1", "--batch-size", "1", "--patch-size", "16")
    trained = vsrlib(project, "train", "HR", "HR", "OUTPUT", "--blur", "Defocus", *small)
    assert trained.returncode == 0, trained.stderr


def test_a_data_set(project: Path) -> None:
    apply(project, "A data set")
    shutil.copytree(project / "HR", project / "data" / "UDM10" / "clean")
    checked = vsrlib(project, "data", "check", "data/UDM10")
    assert checked.returncode == 0, checked.stderr
    assert "8 of 10 clips" in checked.stdout
    assert "links to it" in vsrlib(project, "data", "fetch", "udm10").stderr
    assert vsrlib(project, "degrade", "data/UDM10", "SET").returncode == 0
    assert [clip.name for clip in list_clips(project / "SET" / "HR")] == ["a", "b"]


@pytest.mark.slow
def test_a_further_framework(project: Path) -> None:
    """PyTorch under another name stands for it: copies of the files that the document lists are all that it takes."""
    apply(project, "A further framework")
    listed = re.findall(r"`vsrlib/(\w+/paddle_\w+\.py)`", documents.section(DOCUMENT, "A further framework"))
    assert sorted(listed) == sorted(str(path.relative_to(project / "vsrlib")) for path in project.rglob("paddle_*.py"))
    files = [name.replace("paddle", "other") for name in listed if "_env" not in name]
    assert len(files) == 5
    for name in files:
        text = (project / "vsrlib" / name.replace("other", "torch")).read_text(encoding="utf-8")
        for other in files:
            module = Path(other).stem
            text = re.sub(rf"\b{module.replace('other', 'torch')}\b", module, text)
        (project / "vsrlib" / name).write_text(text, encoding="utf-8")
    assert vsrlib(project, "degrade", "HR", "SET").returncode == 0
    for framework in ("torch", "other"):
        options = ("--weights", "study-gaussian", "--framework", framework, "--correlation", "pure")
        done = vsrlib(project, "infer", "SET/LR_blurdown_x4", framework, *options)
        assert done.returncode == 0, done.stderr
    frames = [sorted((project / framework / "frames").rglob("*.png")) for framework in ("torch", "other")]
    assert len(frames[0]) == 10 and [one.read_bytes() for one in frames[0]] == [one.read_bytes() for one in frames[1]]
    small = ("--steps", "1", "--batch-size", "1", "--patch-size", "16", "--framework", "other")
    trained = vsrlib(project, "train", "HR", "HR", "OUTPUT", *small)
    assert trained.returncode == 0, trained.stderr


def test_the_lines_of_a_further_framework_are_counted(project: Path) -> None:
    section = documents.section(DOCUMENT, "A further framework")
    told = dict(re.findall(r"^\| `(vsrlib/\w+/paddle_\w+\.py)` \| (\d+) \|", section, re.MULTILINE))
    found = {name: len((project / name).read_text(encoding="utf-8").splitlines()) for name in told}
    assert {name: int(count) for name, count in told.items()} == pytest.approx(found, abs=15) and len(told) == 6


def test_a_change_that_does_not_fit_is_found(project: Path) -> None:
    (project / "vsrlib" / "common" / "names.py").write_text('BLURS = ("Gaussian",)\n')
    with pytest.raises(AssertionError, match=r"names\.py does not hold once"):
        apply(project, "A degradation")


def test_the_files_of_a_third_framework_are_as_long_as_the_table_says() -> None:
    rows = re.findall(r"^\| `(vsrlib/\S+\.py)` \| (\d+) \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) == 6
    for path, lines in rows:
        assert (PROJECT_ROOT / path).read_text(encoding="utf-8").count("\n") == int(lines), path
