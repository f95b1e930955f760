"""The published timings: of today's code, of one commit, and the tables drawn from them."""

from pathlib import Path
from typing import Any

import pytest

from vsrlib.bench import runner, tables
from vsrlib.bench.options import ASKED_FOR, SUITES, Options
from vsrlib.common.files import read_json
from vsrlib.common.provenance import PROJECT_ROOT

FIGURES = PROJECT_ROOT / "figures"
PUBLISHED = sorted((FIGURES / "bench").rglob(runner.JSON))
_TOLD = ("preset", "processes", "repeats", "seconds")


def command(path: Path, options: dict[str, Any]) -> str:
    """What measured a published file, as figures/README.md has it."""
    default = Options()
    words = ["vsrlib bench", *options["suites"]]
    words += [f"--{name} {options[name]:g}" if name != "preset" else f"--preset {options[name]}"
              for name in _TOLD if options.get(name) != getattr(default, name) and name in options]  # fmt: skip
    if options["weights"] is not None:
        words.append(f"--weights {Path(options['weights']['path']).stem}")
    return " ".join([*words, "--output", str("runs" / path.parent.relative_to(FIGURES))])


def changed(result: dict[str, Any]) -> list[str]:
    """The suites whose code is no longer what was measured."""
    return [suite for suite in result["suites"] if result.get("code", {}).get(suite) != runner.code(suite)]


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: str(path.parent.relative_to(FIGURES)))
def test_the_code_behind_every_published_row_is_the_code_of_today(path: Path) -> None:
    result = read_json(path)
    old = changed(result)
    assert not old, (
        f"The code behind the timings of {', '.join(old)} in {path.relative_to(PROJECT_ROOT)} has changed since they "
        f"were taken at {result['provenance']['commit'][:12]}; take them again as figures/README.md says, all files at "
        f"one commit: {command(path, result['options'])}"
    )


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: str(path.parent.relative_to(FIGURES)))
def test_the_published_table_is_drawn_from_its_file(path: Path) -> None:
    result = read_json(path)
    assert path.with_name(runner.MARKDOWN).read_text(encoding="utf-8") == tables.bench_table(result)
    assert command(path, result["options"]) in (FIGURES / "README.md").read_text(encoding="utf-8")


def test_every_suite_is_published_once_and_all_at_one_commit() -> None:
    results = [read_json(path) for path in PUBLISHED]
    of_all = [one for one in results if not set(one["suites"]) <= set(ASKED_FOR)]
    assert sorted(suite for result in of_all for suite in result["suites"]) == sorted(SUITES)
    assert len({result["provenance"]["commit"] for result in of_all}) == 1
    assert not any(result["provenance"]["dirty"] for result in results)
    assert all(runner.complete(result) for result in results)


def test_a_change_behind_a_row_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for suite, names in runner.SOURCES.items():
        for name in (*names, "bench/protocol.py"):
            copy = tmp_path / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text((PROJECT_ROOT / "vsrlib" / name).read_text(encoding="utf-8"))
        assert names, suite
    result = {"suites": dict.fromkeys(SUITES), "code": {suite: runner.code(suite) for suite in SUITES}}
    monkeypatch.setattr(runner, "_LIBRARY", tmp_path)
    assert changed(result) == []
    kernel = tmp_path / "kernels" / "winograd.h"
    kernel.write_text(kernel.read_text() + "\n// a comment\n")
    assert changed(result) == []
    kernel.write_text(kernel.read_text() + "\nint more;\n")
    assert changed(result) == ["engines", "memory", "step"]
    assert changed({"suites": {"post": {}}}) == ["post"]  # of before there were digests
