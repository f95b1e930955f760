import os
from pathlib import Path
from unittest import mock

import pytest

from vsrlib.common.files import sha256_file, write_json
from vsrlib.study import freshness
from vsrlib.study.freshness import Digests, why_run


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
