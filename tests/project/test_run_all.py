"""Which Python `run_all.sh` takes and what it installs, by stand-ins that write down how they were called."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("bash", "cat", "chmod", "cmp", "cp", "dirname", "grep", "mkdir", "rm", "sha256sum", "sh")
PYTHON = """#!/bin/sh
case "$*" in
    *version_info*) echo VERSION;;
    "-m venv --clear .venv") mkdir -p .venv/bin; cp "$0" .venv/bin/python;;
    *urllib*) exit 1;;
    *) echo "$*" >> called.log;;
esac
"""


class System:
    """The project's script in a folder, and a path with these Pythons, {name: version}, and programs, {name: text}."""

    def __init__(self, folder: Path, pythons: dict[str, str], programs: dict[str, str] | None = None) -> None:
        self.project, self.binaries = folder / "project", folder / "bin"
        self.project.mkdir()
        self.binaries.mkdir()
        for name in ("run_all.sh", "environment.yml", "requirements.lock", "pyproject.toml"):
            shutil.copy(ROOT / name, self.project)
        for name in TOOLS:
            (self.binaries / name).symlink_to(str(shutil.which(name)))
        for name, version in pythons.items():
            self.program(name, PYTHON.replace("VERSION", version))
        for name, text in (programs or {}).items():
            self.program(name, text)

    def program(self, name: str, text: str) -> None:
        (self.binaries / name).write_text(text)
        (self.binaries / name).chmod(0o755)

    def run(self, *options: str, system: str = "") -> subprocess.CompletedProcess[str]:
        release = self.project.parent / "os-release"
        release.write_text(system)
        environment = {"PATH": str(self.binaries), "HOME": str(self.project.parent), "OS_RELEASE": str(release)}
        return subprocess.run(
            ["bash", "run_all.sh", *options], cwd=self.project, env=environment, capture_output=True, text=True
        )

    @property
    def called(self) -> list[str]:
        log = self.project / "called.log"
        return [line.replace("--quiet --disable-pip-version-check ", "") for line in log.read_text().splitlines()]


@pytest.mark.parametrize(
    ("version", "installed"),
    [
        ("3.14", "-m pip install --editable .[notebooks]"),
        ("3.13", "-m pip install --editable .[notebooks]"),
        ("3.12", "-m pip install --editable .[notebooks]"),
        ("3.11", "-m pip install --constraint requirements.lock --editable .[notebooks]"),
    ],
)
def test_pytorch_alone_installs_nothing_of_jittor(version: str, installed: str, tmp_path: Path) -> None:
    system = System(tmp_path, {"python3": version})
    first, second = system.run("--frameworks", "torch", "--only", "01"), system.run("--frameworks=torch")
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert system.called == [
        installed,
        "-m vsrlib check --if-changed --frameworks torch",
        "-m vsrlib study --frameworks torch --only 01",
        "-m vsrlib check --if-changed --frameworks torch",  # the second call found it made
        "-m vsrlib study --frameworks=torch",
    ]
    assert "Jittor" not in first.stdout + first.stderr


def test_both_frameworks_take_python_3_11_and_the_lock(tmp_path: Path) -> None:
    system = System(tmp_path, {"python3": "3.13", "python3.11": "3.11"})
    done = system.run("--only", "01")
    assert done.returncode == 0, done.stderr
    assert system.called[-4:] == [
        "-m pip install -r requirements.lock",
        "-m pip install --no-deps --no-build-isolation --editable .",
        "-m vsrlib check --if-changed --frameworks torch,jittor",
        "-m vsrlib study --only 01",
    ]
    assert system.run("--frameworks", "torch").returncode == 0
    assert not any("pip install" in line for line in system.called[4:])  # it does for PyTorch alone, too


@pytest.mark.parametrize(
    ("given", "locked"), [("torch,jittor,paddle", "--constraint requirements.lock "), ("torch,paddle", "")]
)
def test_paddlepaddle_comes_where_it_is_asked_for_and_once(given: str, locked: str, tmp_path: Path) -> None:
    system = System(tmp_path, {"python3": "3.11"})
    first, second = (system.run("--frameworks", given) for _ in range(2))
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    installed = f"-m pip install {locked}paddlepaddle>=3.3,<3.4"
    used = [f"-m vsrlib check --if-changed --frameworks {given}", f"-m vsrlib study --frameworks {given}"]
    assert system.called[-5:] == [installed, *used, *used]
    assert "PaddlePaddle. Download" in first.stdout and "Download" not in second.stdout


def test_paddlepaddle_is_not_asked_for_on_a_python_that_it_has_no_package_for(tmp_path: Path) -> None:
    system = System(tmp_path, {"python3": "3.14"})
    assert system.run("--frameworks", "torch").returncode == 0
    done = system.run("--frameworks", "torch,paddle")
    assert done.returncode == 1 and done.stderr.startswith("error: none of Python 3.11, 3.12, 3.13 was found; install")
    system.program("python3.12", PYTHON.replace("VERSION", "3.12"))
    assert system.run("--frameworks", "torch,paddle").returncode == 0
    assert "echo 3.12" in (system.project / ".venv" / "bin" / "python").read_text()


def test_an_environment_of_another_python_is_made_anew(tmp_path: Path) -> None:
    system = System(tmp_path, {"python3": "3.13"})
    assert system.run("--frameworks", "torch").returncode == 0
    system.program("python3.11", PYTHON.replace("VERSION", "3.11"))
    assert system.run("--only", "01").returncode == 0
    assert "echo 3.11" in (system.project / ".venv" / "bin" / "python").read_text()
    assert "-m pip install -r requirements.lock" in system.called


def test_uv_brings_a_python_where_there_is_none(tmp_path: Path) -> None:
    uv = '#!/bin/sh\necho "uv $*" >> called.log\n[ "$2" != find ] || echo "$PWD/brought"\n'
    system = System(tmp_path, {"python3": "3.13"}, {"uv": uv})
    (system.project / "brought").write_text(PYTHON.replace("VERSION", "3.11"))
    (system.project / "brought").chmod(0o755)
    done = system.run("--only", "01")
    assert done.returncode == 0 and "uv brings one" in done.stderr
    assert system.called[0].startswith("uv python install") and "-m pip install -r requirements.lock" in system.called


@pytest.mark.parametrize(
    ("system", "line"),
    [
        ('ID=debian\nVERSION_ID="12"\n', "sudo apt install python3.11-dev python3.11-venv g++"),
        ('ID=ubuntu\nVERSION_ID="24.04"\n', "sudo add-apt-repository ppa:deadsnakes/ppa && sudo apt install"),
        ("ID=fedora\nVERSION_ID=43\n", "sudo dnf install python3.11-devel gcc-c++"),
        ('ID="opensuse-leap"\nVERSION_ID="15.6"\n', "sudo zypper install python311-devel gcc-c++"),
        ("ID=arch\n", "sudo pacman -S uv gcc"),
        ('ID=debian\nVERSION_ID="13"\n', "curl -LsSf https://astral.sh/uv/install.sh | sh"),
        ("", "curl -LsSf https://astral.sh/uv/install.sh | sh"),
    ],
)
def test_without_any_the_line_of_this_system_is_named(system: str, line: str, tmp_path: Path) -> None:
    done = System(tmp_path, {"python3": "3.13"}).run(system=system)
    assert done.returncode == 1
    assert done.stderr.startswith("error: Python 3.11 was not found, which Jittor needs; install it: ")
    assert line in done.stderr and "./run_all.sh --frameworks torch." in done.stderr and done.stderr.count("\n") == 1


def test_no_python_at_all_and_a_wrong_choice_are_one_sentence(tmp_path: Path) -> None:
    system = System(tmp_path, {"python3": "3.10"})
    done = system.run("--frameworks", "torch")
    assert done.returncode == 1
    assert done.stderr.startswith("error: none of Python 3.11, 3.12, 3.13, 3.14 was found; install one: ")
    done = system.run("--frameworks", "tensorflow")
    assert (
        done.returncode == 1
        and done.stderr
        == "error: --frameworks is 'tensorflow'; choose torch,jittor or torch, or either with ,paddle behind it.\n"
    )


def test_with_conda_pytorch_alone_makes_no_environment_of_it(tmp_path: Path) -> None:
    system = System(tmp_path, {"python3": "3.12"}, {"conda": '#!/bin/sh\necho "conda $*" >> called.log\n'})
    assert system.run("--frameworks", "torch").returncode == 0
    assert not any(line.startswith("conda") for line in system.called)


@pytest.mark.parametrize(("pythons", "installed"), [({"python3": "3.13"}, "[notebooks]"), ({}, "requirements.lock")])
def test_the_demonstration_needs_no_python_of_jittors(pythons: dict[str, str], installed: str, tmp_path: Path) -> None:
    """It takes it all the same where it is there, so that the study finds its environment made."""
    system = System(tmp_path, pythons or {"python3": "3.13", "python3.11": "3.11"})
    done = system.run("demo", "--height", "64")
    assert done.returncode == 0, done.stderr
    assert system.called[-1] == "-m vsrlib demo --height 64" and installed in system.called[0]
    assert not any(line.startswith("-m vsrlib check --if-changed") for line in system.called)
    # no step of two, whose second one never comes; no compiler is missed, because nothing is compiled
    assert done.stdout.startswith("== installing into .venv/") and "This takes minutes" in done.stdout
    assert "g++" not in done.stderr
