"""What tests/bare_machine.sh would type on a bare machine: README's lines, and it says so where README lacks one.

The machine itself is made by hand only, because that takes root and a quarter of an hour at least.
"""

import subprocess
from pathlib import Path

import documents
import pytest

ROOT = Path(__file__).resolve().parents[2]
CLIPS = "data/Embedded_BlurDown_Realistic/LR_blurdown_x4"


def bare_machine(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The script of a project that consists of it and a README."""
    script = project / "tests" / "bare_machine.sh"
    script.parent.mkdir(exist_ok=True)
    script.write_bytes((ROOT / "tests" / "bare_machine.sh").read_bytes())
    return subprocess.run(["bash", str(script), *options], capture_output=True, text=True)


def test_it_types_the_lines_of_readme(tmp_path: Path) -> None:
    """What it adds: that nobody has to say yes, a shorter study, folders of clips and of results, the framework."""
    (tmp_path / "README.md").write_bytes((ROOT / "README.md").read_bytes())
    typed = bare_machine(tmp_path, "--dry-run", "--only", "01 02 04").stdout
    for added, written in {
        "install -y": "install",
        " --only 01 02 04": "",
        CLIPS: "CLIPS",
        "restored/torch": "OUTPUT",
        "restored/jittor": "OUTPUT",
        " --framework jittor": "",
    }.items():
        assert added in typed
        typed = typed.replace(added, written)
    install, demo, study, *infer = map(documents.plain, typed.splitlines())
    assert install.startswith("apt install") and (demo, study) == ("./run_all.sh demo", "./run_all.sh")
    assert infer == ["vsrlib infer CLIPS OUTPUT --weights study-realistic"] * 2
    assert {install, demo, study, *infer} <= set(documents.commands(ROOT / "README.md"))


@pytest.mark.parametrize("lost", ["sudo apt install ", "./run_all.sh", ".venv/bin/vsrlib infer CLIPS OUTPUT "])
def test_a_line_that_readme_has_no_longer_is_named(lost: str, tmp_path: Path) -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "README.md").write_text("".join(line for line in lines if not line.startswith(lost)), encoding="utf-8")
    done = bare_machine(tmp_path, "--dry-run")
    assert done.returncode == 1 and not done.stdout
    assert "README.md has no line that begins with" in done.stderr and "cannot be typed" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--only"], "--only has no steps"),
        (["--only", "01; reboot"], "--only has no steps"),
        (["--all"], "--all is no option"),
    ],
)
def test_a_mistake_is_one_sentence(options: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_bytes((ROOT / "README.md").read_bytes())
    done = bare_machine(tmp_path, *options)
    assert done.returncode == 1 and message in done.stderr and done.stderr.count("\n") == 1
