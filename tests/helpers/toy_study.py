"""A study of toy notebooks: make -> use, and a step that depends on neither. Also run as a script, to be killed."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat

from vsrlib.common.errors import reported
from vsrlib.study.plan import Planned, plan
from vsrlib.study.profiles import Step
from vsrlib.study.runner import execute
from vsrlib.study.settings import Settings


@dataclass(frozen=True)
class ToySettings(Settings):
    """Reads the file `source` if it names one, writes <output>/result.txt."""

    source: str | None = None
    output: str = "none"
    text: str = "a"

    def inputs(self) -> dict[str, Path]:
        return {"source": Path(self.source)} if self.source else {}


PARAMETERS = """source: "str or None" = None  # file to read
output = "none"  # folder of the result
text = "a"  # text to write"""
WRITE = """
from pathlib import Path
Path(output).mkdir(exist_ok=True)
read = Path(source).read_text() if source else ""
(Path(output) / "result.txt").write_text(read + text)
"""
COUNT = """
with open(Path(output).parent / "log.txt", "a") as log:
    log.write(Path(output).name + " ")
"""
CLASSES = {"make": ToySettings, "use": ToySettings, "other": ToySettings}


def write_notebook(path: Path, *cells: str, parameters: str = PARAMETERS) -> None:
    """Write a notebook of a parameters cell and the given code cells."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in (parameters, *cells)]
    notebook.cells[0].metadata["tags"] = ["parameters"]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def write_toys(folder: Path, **last_cells: str) -> None:
    """Write the notebooks of the toy study; `last_cells`: name of a notebook -> code of one more cell, its last."""
    for name in CLASSES:
        extra = [last_cells[name]] if name in last_cells else []
        write_notebook(folder / "notebooks" / f"{name}.ipynb", WRITE, COUNT, *extra)


def planned(
    folder: Path,
    names: Sequence[str] = tuple(CLASSES),
    overrides: dict | None = None,
    only: Sequence[str] | None = None,
) -> list[Planned]:
    """The toy study below `folder`, its run folder being <folder>/run."""
    run = folder / "run"
    steps = [
        Step("make", "make", {"output": f"{run}/make"}),
        Step("use", "use", {"output": f"{run}/use", "source": f"{run}/make/result.txt"}, ("make",)),
        Step("other", "other", {"output": f"{run}/other"}),
    ]
    return plan([step for step in steps if step.id in names], folder / "notebooks", CLASSES, overrides, only)


def run_toys(
    folder: Path,
    names: Sequence[str] = tuple(CLASSES),
    overrides: dict | None = None,
    only: Sequence[str] | None = None,
) -> int:
    """Run the toy study; returns its exit status."""
    return execute(planned(folder, names, overrides, only), folder / "run", "toy")


def executed(folder: Path) -> list[str]:
    """Which steps have been run since the last call, in order."""
    log = folder / "run" / "log.txt"
    names = log.read_text().split() if log.exists() else []
    log.unlink(missing_ok=True)
    return names


def wait_for(path: Path, seconds: float = 60) -> None:
    """Wait until a file exists."""
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(reported(lambda: run_toys(Path(sys.argv[1]), sys.argv[2:])))
