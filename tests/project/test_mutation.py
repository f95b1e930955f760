"""The machinery of tests/mutation.sh, on a project of one module; and that its lists fit the modules as they are."""

import importlib
import subprocess
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from vsrlib.common.provenance import PROJECT_ROOT

SETTINGS = PROJECT_ROOT / "tests" / "reliability"


@pytest.fixture
def mutation(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SETTINGS))
    found = importlib.import_module("mutation")
    monkeypatch.setattr(found, "_PACKAGES", {"jittor": ("pytest",)})  # the little project needs no more
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A module whose test looks at its `half` and not at its `third`, and the three lists."""
    files = {
        "parts.py": "def half(x):\n    return x / 2\n\n\ndef third(x):\n    return x / 3\n",
        "test_parts.py": "import pytest\nfrom parts import half\n\n"
        "@pytest.mark.jittor\ndef test_half():\n    assert half(4) == 2\n",
        "pytest.ini": "[pytest]\nmarkers = jittor\n",
        "judged_modules.toml": '[jittor]\n"parts.py" = ["test_parts.py"]\n',
        "planted_faults.toml": '[[fault]]\nname = "doubled"\nmodule = "parts.py"\nold = "x / 2"\nnew = "x * 2"\n',
        "equivalent_mutants.toml": "mutant = []\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


HALVED = {"operator": "Div_Mul", "line": 2, "old": ["    return x / 2"], "new": ["    return x * 2"]}
THIRD = {"operator": "Number", "line": 6, "old": ["    return x / 3"], "new": ["    return x / 4"]}


def test_the_survivor_is_named_and_nothing_is_done_twice(mutation: ModuleType, project: Path) -> None:
    def found() -> dict[str, Any]:
        """What a call finds, after it has tried what is not known."""
        (module,) = modules = mutation.judged(project, project / "known", project)
        module.mutants = [HALVED, THIRD]
        mutation.run(modules, project, project / "work", workers=1)
        return mutation.report(modules)

    def tried() -> int:
        return sum(len(path.read_text().splitlines()) for path in (project / "known").glob("*.jsonl"))

    first = found()
    assert first["total"] == {"mutants": 2, "not_tried": 0, "killed": 1, "equivalent": 0} and first["share"] == 0.5
    named = {"where": "parts.py:6", "old": "return x / 3", "new": "return x / 4", "reason": None}
    assert first["survivors"] == [named]
    assert first["broken"] == [
        "50.0% of the mutants are killed, fewer than 90%",
        "parts.py:6: no test notices `return x / 4`",
    ]
    assert found() == first and tried() == 2  # a second call knows both

    (known,) = (project / "known").glob("*.jsonl")
    known.write_text(known.read_text()[:-10])  # killed while it wrote the second
    assert found() == first and tried() == 2

    equivalent = 'module = "parts.py"\nold = "return x / 3"\nnew = "return x / 4"\nreason = "nobody calls it"\n'
    (project / "equivalent_mutants.toml").write_text(f"[[mutant]]\n{equivalent}")
    explained = found()
    assert explained["total"]["equivalent"] == 1 and explained["survivors"][0]["reason"] == "nobody calls it"

    test = project / "test_parts.py"
    test.write_text(test.read_text() + "    from parts import third\n    assert third(6) == 2\n")
    assert found() == explained and tried() == 2  # what is explained is not tried again with another test,
    (project / "equivalent_mutants.toml").write_text("mutant = []\n")  # what is not explained is
    assert found()["total"]["killed"] == 2 and tried() == 3

    (project / "parts.py").write_text((project / "parts.py").read_text() + "\nNEW = 1\n")
    (module,) = modules = mutation.judged(project, project / "known", project)
    module.mutants = [HALVED, THIRD]
    assert mutation.report(modules)["modules"]["parts.py"]["not_tried"] == 2 and tried() == 0


def test_an_earlier_result_is_enough(mutation: ModuleType, project: Path) -> None:
    """Without what was kept on the way; but for survivors without a reason, and for a module that has changed."""

    def found(folder: str, earlier: dict[str, Any]) -> tuple[dict[str, Any], int]:
        (module,) = modules = mutation.judged(project, project / folder, project)
        module.mutants = [HALVED, THIRD]
        module.take_over(earlier)
        mutation.run(modules, project, project / "work", workers=1)
        kept = (project / folder).glob("*.jsonl")
        return mutation.report(modules), sum(len(path.read_text().splitlines()) for path in kept)

    first, tried = found("first", {})
    assert tried == 2 and found("second", first) == (first, 1)
    equivalent = 'module = "parts.py"\nold = "return x / 3"\nnew = "return x / 4"\nreason = "nobody calls it"\n'
    (project / "equivalent_mutants.toml").write_text(f"[[mutant]]\n{equivalent}")
    explained, tried = found("third", first)
    assert tried == 0 and explained["total"] == {"mutants": 2, "not_tried": 0, "killed": 1, "equivalent": 1}
    partly = {**first, "modules": {"parts.py": {**first["modules"]["parts.py"], "not_tried": 1}}}
    assert found("fourth", partly) == (explained, 2)
    (project / "parts.py").write_text((project / "parts.py").read_text() + "\nNEW = 1\n")
    assert found("fifth", first)[1] == 2


def test_a_planted_fault_must_be_noticed(mutation: ModuleType, project: Path) -> None:
    def found(fault: str) -> list[str]:
        (project / "planted_faults.toml").write_text(f'[[fault]]\nname = "wrong"\nmodule = "parts.py"\n{fault}\n')
        modules = mutation.judged(project, project / "known", project)
        mutation.plant(modules, project)
        mutation.run(modules, project, project / "work", workers=1, only="planted")
        return mutation.report(modules)["broken"][1:]  # after the share of no mutants

    assert found('old = "x / 3"\nnew = "3 / x"') == ["planted: wrong: it survives"]
    assert found('old = "x / 2"\nnew = "x"') == []
    with pytest.raises(ValueError, match="not once"):
        found('old = "return"\nnew = ""')


def test_a_module_whose_tests_fail_by_themselves_kills_nothing(mutation: ModuleType, project: Path) -> None:
    (project / "test_parts.py").write_text((project / "test_parts.py").read_text().replace("== 2", "== 3"))
    (module,) = modules = mutation.judged(project, project / "known", project)
    module.mutants = [HALVED]
    mutation.run(modules, project, project / "work", workers=1)
    assert mutation.report(modules)["modules"]["parts.py"]["not_tried"] == 1


def test_the_script_asks_for_a_folder() -> None:
    done = subprocess.run(["bash", PROJECT_ROOT / "tests" / "mutation.sh"], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("error: there is no OUTPUT; give a folder")


def test_difference_and_meaning(mutation: ModuleType) -> None:
    import mutants  # type: ignore[import-not-found]

    source = "def f(x: int | None) -> int:\n    y: int = 1\n    return y\n"
    assert mutants.meaning(source) == mutants.meaning(source.replace("|", "&"))
    assert mutants.meaning(source) != mutants.meaning(source.replace("1", "2"))
    assert mutants.meaning("not a < b") == mutants.meaning("a >= b") != mutants.meaning("a < b")
    assert mutants.meaning("not a in b") == mutants.meaning("a not in b")
    lines = {"line": 2, "old": ["b", "c", "d"], "new": ["X", "c", "Y", "Z"]}
    assert mutants.difference("a\nb\nc\nd", "a\nX\nc\nY\nZ\n") == lines


def test_the_lists_fit_the_modules(mutation: ModuleType, tmp_path: Path) -> None:
    modules = mutation.judged(PROJECT_ROOT, tmp_path)  # fails for a module or a file of tests that is not there
    names = {module.name for module in modules}
    faults = tomllib.loads((SETTINGS / "planted_faults.toml").read_text())["fault"]
    assert {fault["module"] for fault in faults} <= names
    mutation.plant(modules)  # fails for a fault whose old text is not once in its module
    assert sum(len(module.mutants) for module in modules) == len(faults)
    for one in tomllib.loads((SETTINGS / "equivalent_mutants.toml").read_text())["mutant"]:
        lines = [line.strip() for line in (PROJECT_ROOT / one["module"]).read_text().splitlines()]
        wanted = [line.strip() for line in one["old"].splitlines()]
        assert one["module"] in names and len(one["reason"]) > 10 and set(wanted) <= set(lines), one
