import re
from pathlib import Path

import pytest
from toy_study import write_notebook

from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.study.freshness import library_digest, library_files
from vsrlib.study.settings import NOTEBOOKS


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {
        "vsrlib/__init__.py": "",
        "vsrlib/used.py": "import json\nfrom vsrlib.deeper import x",
        "vsrlib/deeper.py": "def f():\n    from . import inside",
        "vsrlib/inside.py": "NAME = 'vsrlib.nets.' + 'a_net'",
        "vsrlib/unused.py": "",
        "vsrlib/nets/__init__.py": "",
        "vsrlib/nets/a_net.py": "",
        "vsrlib/nets/kernel.h": "1",
        "vsrlib/nets/small.safetensors": "an input of the steps that read it",
        "vsrlib/other/__init__.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    write_notebook(tmp_path / "n.ipynb", "%time\nfrom vsrlib import used")
    return tmp_path


def names(project: Path) -> set[str]:
    return {path.relative_to(project / "vsrlib").as_posix() for path in library_files(project / "n.ipynb", project)}


def test_imports_are_followed_and_nothing_else_counts(project: Path) -> None:
    nets = {"nets/__init__.py", "nets/a_net.py", "nets/kernel.h"}
    assert names(project) == {"__init__.py", "used.py", "deeper.py", "inside.py", *nets}


@pytest.mark.parametrize("name", ["used.py", "inside.py", "nets/kernel.h", "nets/a_net.py"])
def test_the_digest_follows_what_is_used(project: Path, name: str) -> None:
    before = library_digest(project / "n.ipynb", project)
    (project / "vsrlib" / name).write_text("changed = 1")
    assert library_digest(project / "n.ipynb", project) != before


def test_the_digest_does_not_follow_what_is_not_used(project: Path) -> None:
    before = library_digest(project / "n.ipynb", project)
    (project / "vsrlib/unused.py").write_text("changed = 1")
    (project / "vsrlib/other/__init__.py").write_text("changed = 1")
    assert library_digest(project / "n.ipynb", project) == before


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_notebook_depends_on_its_settings_and_none_on_the_runner(name: str) -> None:
    files = set(library_files(PROJECT_ROOT / "notebooks" / f"{name}.ipynb"))
    assert {PROJECT_ROOT / "vsrlib" / name for name in ("study/settings/__init__.py", "common/errors.py")} <= files
    runner = {
        PROJECT_ROOT / "vsrlib" / f"{name}.py"
        for name in ("study/runner", "study/step", "report/index", "report/pages")
    }
    assert all(path.exists() for path in runner)
    assert not files & runner and not [path for path in files if PROJECT_ROOT / "vsrlib/cli" in path.parents]


def test_no_module_is_imported_by_a_name_that_cannot_be_followed() -> None:
    for path in (PROJECT_ROOT / "vsrlib").rglob("*.py"):
        for call in re.findall(r"(?:import_module|__import__)\((.*)", path.read_text(encoding="utf-8")):
            assert re.match(r"f?[\"'](vsrlib\.|[a-z]+[\"'])", call), f"{path.name}: {call} hides a dependency"
