"""The two ways to an environment agree with each other and with what the code imports."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from conftest import LOCKED
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]


def pins(name: str) -> dict[str, str]:
    """The version of every package that the file of this name pins."""
    return {
        line.split("==")[0].lower().replace("_", "-"): line.split("==")[1]
        for line in (ROOT / name).read_text().splitlines()
        if line and not line.startswith("#")
    }


LOCK = pins("requirements.lock")
# Debian 12, which README names, has Python 3.11.2; each 3.11 is meant to do, as pyproject.toml says.
OLDEST_PYTHON = "3.11.0"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
IMPORTED_AS = {
    "paddle": "paddlepaddle",
    "IPython": "ipython",
    "cv2": "opencv-python-headless",
    "skimage": "scikit-image",
    "PIL": "pillow",
    "yaml": "pyyaml",
}


def test_environment_yml_takes_its_packages_from_the_lock() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    pip = next(entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert environment["channels"] == ["conda-forge"]
    assert [name.split("=")[0] for name in conda] == ["python", "pip", "gxx"]
    assert "python=3.11" in conda
    assert pip == ["-r requirements.lock", "cupy-cuda12x==13.6.0", "-e ."]
    assert (ROOT / "requirements.lock").is_file()


def test_the_lock_pins_what_is_known_to_coexist() -> None:
    known = {
        "jittor": "1.3.11.0",
        "numpy": "1.26.4",
        "torch": "2.13.0",
        "opencv-python-headless": "4.11.0.86",
        "scikit-image": "0.26.0",
        "scikit-video": "1.1.11",
        "papermill": "2.7.0",
        "nbconvert": "7.17.2",
        "jupyterlab": "4.6.6",
        "safetensors": "0.8.0",
        "onednn-devel-cpu-gomp": "2022.2.1",
    }
    assert {name: LOCK[name] for name in known} == known
    assert all(re.fullmatch(r"[\w.]+", version) for version in LOCK.values())


EXTRAS = PROJECT["optional-dependencies"]


def named(entries: list[str]) -> set[str]:
    """The packages that requirements name."""
    return {re.match(r"[\w-]+", entry).group().lower() for entry in entries}


def test_every_dependency_of_the_project_is_locked() -> None:
    # CuPy stands in environment.yml alone, because it is for NVIDIA GPUs; the study does without the other three
    of_extras = [
        name
        for extra, entries in EXTRAS.items()
        if extra not in ("gpu", "onnx", "paddle", "tensorboard")
        for name in entries
    ]
    names = named([*PROJECT["dependencies"], *of_extras])
    assert not [name for name in names if name not in LOCK]


def test_what_an_extra_pins_is_what_the_lock_pins() -> None:
    pinned = dict(entry.split(";")[0].split("==") for entries in EXTRAS.values() for entry in entries if "==" in entry)
    assert pinned == {name: LOCK[name] for name in pinned} and "jittor" in pinned


def test_jittor_binds_its_own_extra_alone() -> None:
    """The base goes with numpy 1 and 2; what is for Python 3.11 alone says so."""
    admitted = SpecifierSet(PROJECT["requires-python"])
    assert [minor for minor in range(9, 16) if admitted.contains(f"3.{minor}.5")] == [11, 12, 13, 14]
    numpy = next(Requirement(entry) for entry in PROJECT["dependencies"] if entry.startswith("numpy"))
    assert numpy.specifier.contains("1.26.4") and numpy.specifier.contains("2.5.5")
    for minor, there in ((11, True), (12, False), (13, False)):
        environment = {"python_version": f"3.{minor}"}
        assert {Requirement(entry).marker.evaluate(environment) for entry in EXTRAS["jittor"]} == {there}


def test_everything_imported_is_a_dependency() -> None:
    declared = named([*PROJECT["dependencies"], *(name for entries in EXTRAS.values() for name in entries)])
    foreign = set()
    for path in (ROOT / "vsrlib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                foreign |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                foreign.add(node.module.split(".")[0])
    foreign = {IMPORTED_AS.get(name, name) for name in foreign - set(sys.stdlib_module_names) - {"vsrlib"}}
    # CuPy's package has the CUDA version in its name
    assert foreign <= declared | {"mpl_toolkits", "cupy"}, foreign - declared


@LOCKED
def test_installed_versions_are_the_locked_ones() -> None:
    names = ("numpy", "torch", "papermill", "scikit-image", "scikit-video")
    found = {name: metadata.version(name).split("+")[0] for name in names}
    assert found == {name: LOCK[name] for name in found}


def test_check_sums_are_those_of_the_lock() -> None:
    """Every package of the lock in its version, PyTorch left out; pip refuses a file with any other check sum."""
    text = (ROOT / "requirements.hashes").read_text()
    entries = re.findall(r"^(\S+)==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", text, re.MULTILINE)
    found = {name.lower().replace("_", "-"): version for name, version, _ in entries}
    assert found == {name: version for name, version in LOCK.items() if name != "torch"}
    assert text.count("--hash=") == sum(hashes.count("--hash=sha256:") for _, _, hashes in entries)


def asked_of_python(pinned: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """What each package, by name and version, asks of Python, and those that are not installed in their version."""
    asked, unknown = {}, []
    for name, version in pinned.items():
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            unknown.append(f"{name} {version} is not installed")
            continue
        if package.version.split("+")[0] != version:
            unknown.append(f"{name} {version} is not installed, but {package.version}")
        else:
            asked[f"{name} {version}"] = package.metadata.get("Requires-Python") or ""
    return asked, unknown


def shut_out(asked: dict[str, str]) -> list[str]:
    """The packages that the oldest Python is not good enough for, each with what it asks."""
    return [
        f"{package} asks for Python {specifier}"
        for package, specifier in asked.items()
        if not SpecifierSet(specifier).contains(OLDEST_PYTHON)
    ]


@LOCKED
@pytest.mark.parametrize("file", ["requirements.lock", "tests/requirements.txt"])
def test_every_pinned_package_admits_the_oldest_python(file: str) -> None:
    pinned = pins(file)
    asked, unknown = asked_of_python(pinned)
    assert shut_out(asked) == []
    assert unknown == [], "./run_all.sh test installs what the tests need"
    assert len(asked) == len(pinned) > 5


def test_a_package_that_shuts_the_oldest_python_out_is_named() -> None:
    asked = {
        "soupsieve 4.1.2": ">=3.11.5",
        "one 1": ">=3.11",
        "two 2": "",
        "three 3": "!=3.11.0,>=3",
        "four 4": "<3.11",
    }
    assert shut_out(asked) == [
        "soupsieve 4.1.2 asks for Python >=3.11.5",
        "three 3 asks for Python !=3.11.0,>=3",
        "four 4 asks for Python <3.11",
    ]


@LOCKED
def test_a_package_that_cannot_be_asked_is_named() -> None:
    pinned = {"numpy": LOCK["numpy"], "torch": "0.0.1", "no-such-package": "1.0"}
    asked, unknown = asked_of_python(pinned)
    assert list(asked) == [f"numpy {LOCK['numpy']}"]
    assert unknown == [
        f"torch 0.0.1 is not installed, but {metadata.version('torch')}",
        "no-such-package 1.0 is not installed",
    ]


def test_the_oldest_python_is_the_one_that_the_project_and_its_check_sums_name() -> None:
    admitted = SpecifierSet(PROJECT["requires-python"])
    assert admitted.contains(OLDEST_PYTHON) and not admitted.contains("3.10.99")
    assert f"--python-version {OLDEST_PYTHON}\n" in (ROOT / "requirements.hashes").read_text()


def test_run_all_demo_checks_no_framework_and_runs_no_study(tmp_path: Path) -> None:
    """With a stand-in for Python that writes down how it was called, in an environment that is up to date."""
    for name in ("run_all.sh", "environment.yml", "requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "bin").mkdir()
    conda = "#!/bin/sh\nmkdir -p .conda/bin\nprintf '#!/bin/sh\\necho \"$@\" >> python.log\\n' > .conda/bin/python\n"
    (tmp_path / "bin" / "conda").write_text(f"{conda}chmod +x .conda/bin/python\n")
    (tmp_path / "bin" / "conda").chmod(0o755)
    environment = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path)}
    subprocess.run(["bash", str(tmp_path / "run_all.sh"), "demo", "OUT"], env=environment, check=True, cwd=tmp_path)
    assert (tmp_path / "python.log").read_text().splitlines() == ["-m vsrlib demo OUT"]


@pytest.mark.parametrize("tool", ["conda", "mamba"])
def test_run_all_uses_conda_where_there_is_one(tool: str, tmp_path: Path) -> None:
    """With a stand-in for conda that writes down how it was called and makes an environment of stand-ins."""
    project = tmp_path / "a project"
    project.mkdir()
    for name in ("run_all.sh", "environment.yml", "requirements.lock", "pyproject.toml"):
        (project / name).write_bytes((ROOT / name).read_bytes())
    binaries = tmp_path / "bin"
    binaries.mkdir()
    python = '#!/bin/sh\\necho "$@" >> python.log'
    (binaries / tool).write_text(
        f"#!/bin/sh\necho \"$@\" >> conda.log\nmkdir -p .conda/bin\nprintf '{python}\\n' > .conda/bin/python\n"
        "chmod +x .conda/bin/python\n"
    )
    (binaries / tool).chmod(0o755)
    environment = {"PATH": f"{binaries}:/usr/bin:/bin", "HOME": str(tmp_path)}
    for _ in range(2):
        subprocess.run(
            ["bash", str(project / "run_all.sh"), "--profile", "quick"],
            env=environment,
            check=True,
            capture_output=True,
            cwd=tmp_path,
        )
    assert (
        project / "conda.log"
    ).read_text() == "env create --quiet --yes --prefix .conda --file environment.yml\n"  # the second run found it made
    assert (project / "python.log").read_text().splitlines() == [
        "-m vsrlib check --if-changed --frameworks torch,jittor",
        "-m vsrlib study --profile quick",
    ] * 2


@pytest.mark.parametrize(
    "fast, slow, paddle, jittor, options, status",
    [
        (0, 0, 0, 0, "", 0),
        (1, 0, 0, 0, "", 1),
        (0, 1, 0, 0, "", 1),
        (0, 0, 1, 0, "", 1),
        (0, 0, 0, 1, "", 1),
        (0, 2, 0, 0, "", 2),
        (0, 5, 0, 0, "", 5),  # a group without a test is a fault,
        (0, 5, 5, 5, "-k one", 0),  # unless an option left none there,
        (5, 5, 5, 5, "-k none", 1),  # or none at all
    ],
)
def test_run_all_test_fails_where_any_group_does(
    fast: int, slow: int, paddle: int, jittor: int, options: str, status: int, tmp_path: Path
) -> None:
    """With a stand-in for Python that writes down how it was called and ends as each group of tests is to end."""
    for name in ("run_all.sh", "environment.yml", "requirements.lock", "pyproject.toml", "tests/requirements.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    binaries = tmp_path / ".conda" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "python").write_text(
        '#!/bin/sh\necho "$@" >> python.log\ncase "$*" in\n'
        f'*"-m not jittor and not slow"*) exit {fast};;\n'
        f'*"-m not jittor and not paddle and slow"*) exit {slow};;\n'
        f'*"-m paddle"*) exit {paddle};;\n'
        f'*"-m jittor"*) echo said by jittor; exit {jittor};;\nesac\n'
    )
    (binaries / "python").chmod(0o755)
    (binaries / "conda").write_text("#!/bin/sh\n")
    (binaries / "conda").chmod(0o755)
    environment = {"PATH": f"{binaries}:/usr/bin:/bin", "HOME": str(tmp_path)}
    command = ["bash", "run_all.sh", "test", *options.split()]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == status, done.stderr
    assert done.stdout.count("== tests: ") == 4 and done.stdout.endswith("said by jittor\n")
    called = (tmp_path / "python.log").read_text().splitlines()
    assert sum(line.startswith("-m pytest -q -rs") and line.endswith(options) for line in called) == 4
    assert sum("pip install" in line and "tests/requirements.txt" in line for line in called) == 1


def test_the_workflow_and_the_citation_follow_the_project() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())
    steps = workflow["jobs"]["tests"]["steps"]
    assert steps[-1]["run"] == ".ci/run" and (ROOT / ".ci" / "run").stat().st_mode & 0o100
    versions = [step["with"]["python-version"] for step in steps if "python-version" in step.get("with", {})]
    assert versions == [(re.search(r"python=(\S+)", (ROOT / "environment.yml").read_text()) or [""])[1]]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"]["text"])
