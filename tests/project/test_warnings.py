"""A call of ours that is warned of as deprecated is an error, here and in the processes that tests start."""

import re
import subprocess
import sys
import warnings
from collections.abc import Callable

import pytest

from vsrlib.common.provenance import PROJECT_ROOT

LIBRARY = "import warnings\ndef old():\n    warnings.warn('use new', DeprecationWarning, stacklevel=2)\n"


def caller(name: str) -> Callable[[], None]:
    """A function of the module `name` that calls another package's deprecated one."""
    library = {"__name__": "library"}
    exec(LIBRARY, library)
    module = {"__name__": name, "old": library["old"]}
    exec("def call():\n    old()\n", module)
    return module["call"]  # type: ignore[return-value]


@pytest.mark.parametrize("name", ["vsrlib", "vsrlib.x", "vsrlib.training.x", "test_x", "golden_weights"])
def test_ours_is_an_error(name: str) -> None:
    with pytest.raises(DeprecationWarning):
        caller(name)()


def test_another_packages_is_none() -> None:
    with warnings.catch_warnings(record=True) as found:
        caller("matplotlib.x")()
    assert len(found) == 1


@pytest.mark.parametrize("name, status", [("vsrlib.data.clips", 1), ("matplotlib.x", 0)])
def test_in_a_process_too(name: str, status: int) -> None:
    script = f"{LIBRARY}exec('old()', {{'__name__': {name!r}, 'old': old}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == status and ("DeprecationWarning" in done.stderr) == bool(status)


def test_all_modules_of_the_tests_are_ours(pytestconfig: pytest.Config) -> None:
    filters = [line.split(":") for line in pytestconfig.getini("filterwarnings")]
    ours = [parts[3] for parts in filters if parts[0] == "error" and parts[2:3] == ["DeprecationWarning"]]
    for path in (PROJECT_ROOT / "tests").rglob("*.py"):
        if path.parent.name not in ("reliability", "gpu") or path.stem.startswith("test_"):  # the others are scripts
            package = (path.parent / "__init__.py").exists()
            name = f"{path.parent.name}.{path.stem}" if package else path.stem
            assert any(re.match(pattern, name) for pattern in ours), path
