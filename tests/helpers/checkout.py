"""A copy of the project as a clone has it: nothing run, no data."""

import os
import shutil
from pathlib import Path

from vsrlib.common.provenance import PROJECT_ROOT


def copy(folder: Path) -> dict[str, str]:
    """Copy what notebooks need to `folder`; the environment in which processes take vsrlib from there."""
    ignore = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    for name in ("notebooks", "vsrlib", "figures"):
        shutil.copytree(PROJECT_ROOT / name, folder / name, ignore=ignore)
    return {**os.environ, "PYTHONPATH": str(folder), "IPYTHONDIR": str(folder / ".ipython")}
