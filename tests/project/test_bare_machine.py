"""What Containerfile runs, and tests/bare_machine.sh with it on a bare machine: README's lines.

The machine itself is made by hand only, because that takes root and a quarter of an hour at least.
"""

import subprocess
from pathlib import Path

import documents
import pytest

ROOT = Path(__file__).resolve().parents[2]
CLIPS = "data/Embedded_BlurDown_Realistic/LR_blurdown_x4"


def bare_machine(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The script of a project that consists of it and a Containerfile."""
    script = project / "tests" / "bare_machine.sh"
    script.parent.mkdir(exist_ok=True)
    script.write_bytes((ROOT / "tests" / "bare_machine.sh").read_bytes())
    return subprocess.run(["bash", str(script), *options], capture_output=True, text=True)


def of_readme(typed: str) -> list[str]:
    """The lines without what is added to README's: that nobody has to say yes, folders, and the study's options."""
    for added, written in {
        "install -y": "install",
        " $STUDY": "",
        CLIPS: "CLIPS",
        "restored/torch": "OUTPUT",
        "restored/jittor": "OUTPUT",
        " --framework jittor": "",
    }.items():
        typed = typed.replace(added, written)
    return [documents.plain(line) for line in typed.splitlines()]


@pytest.mark.parametrize(
    ("debian", "install", "study", "frameworks"),
    [
        ("12", "apt install python3.11-dev python3.11-venv g++", "./run_all.sh", 2),
        ("13", "apt install python3-venv g++", "./run_all.sh --frameworks torch", 1),
    ],
)
def test_the_lines_are_those_of_readme(debian: str, install: str, study: str, frameworks: int, tmp_path: Path) -> None:
    (tmp_path / "Containerfile").write_bytes((ROOT / "Containerfile").read_bytes())
    done = bare_machine(tmp_path, "--dry-run", "--debian", debian)
    infer = "vsrlib infer CLIPS OUTPUT --weights medium-realistic"
    update, *lines = of_readme(done.stdout)
    assert update == "apt-get update -qq"
    assert lines == [install, "./run_all.sh demo", study, *[infer] * frameworks]
    assert set(lines) <= set(documents.commands(ROOT / "README.md"))
    assert bare_machine(tmp_path, "--dry-run").stdout == done.stdout or debian == "13"


def test_what_the_image_is_made_of() -> None:
    """Each stage runs the lines in the project's folder, on the Debian that it is named after."""
    words = [line.split(" ", 1) for line in (ROOT / "Containerfile").read_text().splitlines() if line[:1].isupper()]
    assert [rest for word, rest in words if word == "FROM"] == ["debian:13 AS torch", "debian:12"]
    assert [rest for word, rest in words if word in ("COPY", "WORKDIR")] == [". /root/vsrlib", "/root/vsrlib"] * 2
    assert {word for word, _ in words} == {"FROM", "ARG", "ENV", "COPY", "WORKDIR", "RUN", "ENTRYPOINT"}


def test_a_file_without_lines_for_the_system_is_named(tmp_path: Path) -> None:
    (tmp_path / "Containerfile").write_text("FROM debian:12\nRUN true\n")
    assert bare_machine(tmp_path, "--dry-run").stdout == "true\n"
    done = bare_machine(tmp_path, "--dry-run", "--debian", "13")
    assert done.returncode == 1 and not done.stdout
    assert "Containerfile has no RUN line after FROM debian:13" in done.stderr and "cannot be typed" not in done.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--only"], "--only has no steps"),
        (["--only", "01; reboot"], "--only has no steps"),
        (["--debian", "11"], "--debian is '11'; choose one of: 12, 13."),
        (["--all"], "--all is no option"),
    ],
)
def test_a_mistake_is_one_sentence(options: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "Containerfile").write_bytes((ROOT / "Containerfile").read_bytes())
    done = bare_machine(tmp_path, *options)
    assert done.returncode == 1 and message in done.stderr and done.stderr.count("\n") == 1
