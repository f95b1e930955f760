"""Whether a step must run again: digests of what it read and wrote, and of the code that its notebook imports."""

import json
import os
import re
from pathlib import Path
from unittest import mock

import pytest
from toy_study import write_notebook

from vsrlib.common.files import sha256_file, write_json
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.study import freshness
from vsrlib.study.freshness import Digests, library_digest, library_files, why_run
from vsrlib.study.settings import NOTEBOOKS


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("1")
    (folder / "sub/b.txt").write_text("2")
    return folder


def digests(tmp_path: Path) -> Digests:
    return Digests(tmp_path / "digests.json")


def test_a_files_digest_is_its_sha256(tmp_path: Path, tree: Path) -> None:
    assert digests(tmp_path).of(tree / "a.txt") == sha256_file(tree / "a.txt")
    assert digests(tmp_path).of(tree / "none") is None


@pytest.mark.parametrize("change", ["content", "name", "new", "gone"])
def test_a_folders_digest_follows_every_name_and_content(tmp_path: Path, tree: Path, change: str) -> None:
    table = digests(tmp_path)
    before = table.of(tree)
    if change == "content":
        (tree / "sub/b.txt").write_text("3")
    elif change == "name":
        (tree / "sub/b.txt").rename(tree / "sub/c.txt")
    elif change == "new":
        (tree / "sub/d.txt").touch()
    else:
        (tree / "a.txt").unlink()
    assert table.of(tree) != before


def test_hidden_files_and_a_new_time_do_not_count(tmp_path: Path, tree: Path) -> None:
    table = digests(tmp_path)
    before = table.of(tree)
    (tree / ".hidden").touch()
    os.utime(tree / "a.txt", ns=(1, 1))
    assert table.of(tree) == before


@pytest.mark.parametrize("change", ["content", "name", "new", "gone"])
def test_a_clip_that_is_a_link_to_its_folder_counts_as_the_folder_does(tmp_path: Path, tree: Path, change: str) -> None:
    (tree / "sub").rename(tmp_path / "elsewhere")
    (tree / "sub").symlink_to(tmp_path / "elsewhere")
    test_a_folders_digest_follows_every_name_and_content(tmp_path, tree, change)


def test_a_link_that_leads_back_to_where_it_lies_is_not_followed_for_ever(tmp_path: Path, tree: Path) -> None:
    table = digests(tmp_path)
    before = table.of(tree)
    (tree / "sub/back").symlink_to(tree)
    assert table.of(tree) == before


def test_a_file_is_read_again_only_when_it_may_have_changed(tmp_path: Path, tree: Path) -> None:
    table = digests(tmp_path)
    before = table.of(tree)
    table.save()
    again = digests(tmp_path)
    with mock.patch.object(freshness, "sha256_file", side_effect=AssertionError("read again")):
        assert again.of(tree) == before
        (tree / "a.txt").write_text("5")
        with pytest.raises(AssertionError, match="read again"):
            again.of(tree)


def test_results_leave_out_what_the_study_adds(tmp_path: Path, tree: Path) -> None:
    for name in ("manifest.json", "report.html", "error.txt", "partial.ipynb", "executed.ipynb", ".x"):
        (tree / name).touch()
    found = digests(tmp_path).of_results([tree, tmp_path / "gone"], tree)
    assert [Path(path).name for path in found] == ["gone", "a.txt", "executed.ipynb", "sub"]
    assert found[str(tmp_path / "gone")] is None
    # Elsewhere a manifest is a result like any other.
    assert any(path.endswith("manifest.json") for path in digests(tmp_path).of_results([tree], tmp_path))


def test_why_run_names_the_change(tmp_path: Path) -> None:
    inputs = {"parameters": {"steps": 1, "seed": 2}, "files": {"a": "x"}}
    assert why_run(tmp_path, inputs, {}) == "it has no result yet"
    write_json(tmp_path / "manifest.json", {"status": "failed"})
    assert why_run(tmp_path, inputs, {}) == "it failed the last time"
    write_json(tmp_path / "manifest.json", {"status": "done", "inputs": inputs, "outputs": {"r": "y"}})
    assert why_run(tmp_path, inputs, {"r": "y"}) is None
    assert why_run(tmp_path, {**inputs, "parameters": {"steps": 3, "seed": 2}}, {"r": "y"}) == "steps changed"
    assert why_run(tmp_path, {**inputs, "files": {"a": "z"}}, {"r": "y"}) == "a changed"
    assert why_run(tmp_path, {**inputs, "files": {"a": "x", "b": "z"}}, {"r": "y"}) == "b changed"
    assert why_run(tmp_path, {**inputs, "more": 1}, {"r": "y"}) == "more changed"
    assert why_run(tmp_path, inputs, {}) == "its result r was changed or removed"


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


@pytest.fixture
def opened(tmp_path: Path) -> Path:
    path = tmp_path / "n.ipynb"
    path.write_bytes((PROJECT_ROOT / "notebooks" / "00_start_here.ipynb").read_bytes())
    return path


def test_saving_a_notebook_in_jupyterlab_changes_nothing(opened: Path) -> None:
    """What it writes: outputs, the kernel it ran with, how cells are folded, and another order of the keys."""
    before = freshness.notebook_digest(opened)
    notebook = json.loads(opened.read_text(encoding="utf-8"))
    notebook["metadata"]["language_info"]["version"] = "3.11.99"
    notebook["metadata"]["widgets"] = {}
    for cell in notebook["cells"]:
        cell["metadata"] |= {"editable": True, "slideshow": {"slide_type": ""}, "collapsed": True}
        if cell["cell_type"] == "code":
            output = {"output_type": "stream", "name": "stdout", "text": ["seen"]}
            cell |= {"execution_count": 3, "outputs": [output]}
    opened.write_text(json.dumps(notebook, indent=2), encoding="utf-8")
    assert freshness.notebook_digest(opened) == before


@pytest.mark.parametrize("change", ["a word", "a parameter", "a tag", "a cell"])
def test_what_a_run_depends_on_is_seen(opened: Path, change: str) -> None:
    before = freshness.notebook_digest(opened)
    notebook = json.loads(opened.read_text(encoding="utf-8"))
    first, second, *_ = notebook["cells"]
    if change == "a word":
        first["source"][0] += "!"
    elif change == "a parameter":
        second["source"] = [line.replace("= 5", "= 6") for line in second["source"]]
    elif change == "a tag":
        second["metadata"]["tags"] = []
    else:
        notebook["cells"].pop()
    opened.write_text(json.dumps(notebook), encoding="utf-8")
    assert freshness.notebook_digest(opened) != before


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_notebook_depends_on_its_settings_and_none_on_the_runner(name: str) -> None:
    files = set(library_files(PROJECT_ROOT / "notebooks" / f"{name}.ipynb"))
    assert {PROJECT_ROOT / "vsrlib" / name for name in ("study/settings/__init__.py", "common/errors.py")} <= files
    runner = {
        PROJECT_ROOT / "vsrlib" / f"{name}.py"
        for name in ("study/runner", "study/state", "study/overview", "study/step", "report/index", "report/pages")
    }
    assert all(path.exists() for path in runner)
    assert not files & runner and not [path for path in files if PROJECT_ROOT / "vsrlib/cli" in path.parents]


def test_no_module_is_imported_by_a_name_that_cannot_be_followed() -> None:
    for path in (PROJECT_ROOT / "vsrlib").rglob("*.py"):
        for call in re.findall(r"(?:import_module|__import__)\((.*)", path.read_text(encoding="utf-8")):
            assert re.match(r"f?[\"'](vsrlib\.|[a-z]+[\"'])", call), f"{path.name}: {call} hides a dependency"
