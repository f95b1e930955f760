"""The two ways to an environment agree with each other and with what the code imports."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
LOCK = {
    line.split("==")[0].lower().replace("_", "-"): line.split("==")[1]
    for line in (ROOT / "requirements.lock").read_text().splitlines()
    if line and not line.startswith("#")
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
IMPORTED_AS = {
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
        "papermill": "2.7.0",
        "nbconvert": "7.17.2",
        "jupyterlab": "4.6.6",
        "safetensors": "0.8.0",
        "onednn-devel-cpu-gomp": "2022.2.1",
    }
    assert {name: LOCK[name] for name in known} == known
    assert all(re.fullmatch(r"[\w.]+", version) for version in LOCK.values())


def test_every_dependency_of_the_project_is_locked() -> None:
    names = [
        re.match(r"[\w-]+", entry).group().lower()
        for entry in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]
    ]
    assert not [name for name in names if name not in LOCK]


def test_everything_imported_is_a_dependency() -> None:
    declared = {re.match(r"[\w-]+", entry).group().lower() for entry in PROJECT["dependencies"]}
    foreign = set()
    for path in (ROOT / "vsrlib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                foreign |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                foreign.add(node.module.split(".")[0])
    foreign = {IMPORTED_AS.get(name, name) for name in foreign - set(sys.stdlib_module_names) - {"vsrlib"}}
    # CuPy stands in environment.yml: it is for NVIDIA GPUs, and what needs it says so where it is not
    assert foreign <= declared | {"mpl_toolkits", "cupy"}, foreign - declared


def test_installed_versions_are_the_locked_ones() -> None:
    from importlib import metadata

    found = {name: metadata.version(name).split("+")[0] for name in ("numpy", "torch", "papermill", "scikit-image")}
    assert found == {name: LOCK[name] for name in found}


def test_check_sums_are_those_of_the_lock() -> None:
    """Every package of the lock in its version, PyTorch left out; pip refuses a file with any other check sum."""
    text = (ROOT / "requirements.hashes").read_text()
    entries = re.findall(r"^(\S+)==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", text, re.MULTILINE)
    found = {name.lower().replace("_", "-"): version for name, version, _ in entries}
    assert found == {name: version for name, version in LOCK.items() if name != "torch"}
    assert text.count("--hash=") == sum(hashes.count("--hash=sha256:") for _, _, hashes in entries)


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
        "-m vsrlib check",
        "-m vsrlib study --profile quick",
    ] * 2


def test_the_workflow_and_the_citation_follow_the_project() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())
    steps = workflow["jobs"]["tests"]["steps"]
    assert steps[-1]["run"] == ".ci/run" and (ROOT / ".ci" / "run").stat().st_mode & 0o100
    versions = [step["with"]["python-version"] for step in steps if "python-version" in step.get("with", {})]
    assert versions == [(re.search(r"python=(\S+)", (ROOT / "environment.yml").read_text()) or [""])[1]]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"]["text"])
