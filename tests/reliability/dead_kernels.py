"""Kill the kernel in each notebook: the step has failed, and its notebook is kept as far as it came.

python tests/reliability/dead_kernels.py OUTPUT
"""

import shutil
from pathlib import Path
from typing import Any

import nbformat
from common import main
from toy_study import ToySettings

from vsrlib.common.files import read_json
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.study.plan import plan
from vsrlib.study.profiles import Step
from vsrlib.study.runner import execute
from vsrlib.study.settings import NOTEBOOKS

DIES = "import os\nos.kill(os.getpid(), 9)"
CALMLY = "import os\nos._exit(0)"
"""A kernel that ends with status 0 has not done its work either."""


def check(folder: Path, count: int, seed: int, cell: str = DIES, names: list[str] | None = None) -> dict[str, Any]:
    """Run `count` of the project's notebooks with `cell` put in after the parameters, each as a study of one step."""
    did, broken = {}, []
    for name in (names or sorted(NOTEBOOKS))[:count]:
        root = folder / "dead" / name
        shutil.rmtree(root, ignore_errors=True)
        _with_cell(PROJECT_ROOT / "notebooks" / f"{name}.ipynb", root / "notebooks" / f"{name}.ipynb", cell)
        step = Step("step", name, {"output": f"{root}/run/step"})
        status = execute(plan([step], root / "notebooks", {name: _Any}), root / "run", "dead")
        manifest = read_json(root / "run/step/manifest.json")
        partial = root / "run/step/partial.ipynb"
        kept = len(nbformat.read(partial, as_version=4).cells) if partial.exists() else 0
        completed = (root / "run/step/executed.ipynb").exists()
        did[name] = {"status": manifest["status"], "error": manifest.get("error"), "cells kept": kept}
        if status == 0 or manifest["status"] != "failed" or not kept or completed:
            broken.append(f"{name}: exit status {status}, {did[name]}")
    return {"kernels_killed": len(did), "notebooks": did, "broken": broken}


class _Any(ToySettings):
    """Takes the parameter of any notebook's copy: its other ones are of no interest, since the kernel dies first."""


def _with_cell(source: Path, target: Path, cell: str) -> None:
    notebook = nbformat.read(source, as_version=4)
    at = next(index for index, one in enumerate(notebook.cells) if "parameters" in one.metadata.get("tags", [])) + 1
    parameters = 'source = ""\noutput = "none"\ntext = "a"'
    notebook.cells[at - 1].source = parameters
    notebook.cells.insert(at, nbformat.v4.new_code_cell(cell))
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, target)


if __name__ == "__main__":
    main("dead_kernels", check, len(NOTEBOOKS))
