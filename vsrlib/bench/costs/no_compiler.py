"""A PATH on which everything can be found that was on the old one, except compilers."""

import os
import re
from pathlib import Path

VARIABLES = ("CC", "CXX", "CUDA_HOME", "CUDA_PATH", "cc_path", "nvcc_path")
"""Other ways in which a compiler is told to a program."""
_NAME = re.compile(
    r"(.+-)?(gcc|g\+\+|cc|c\+\+|c89|c99|cpp|clang|clang\+\+|clang-cpp|icc|icpc|icx|icpx|tcc|nvcc)"
    r"(-(gcc|[0-9.]+))?"
)


def found(path: str) -> list[str]:
    """The C, C++ and CUDA compilers on a PATH."""
    return sorted({file.name for file in _programs(path) if _NAME.fullmatch(file.name)})


def fill(folder: Path, path: str) -> None:
    """Fill an empty folder with links to all programs of a PATH that are no compilers; the first of a name counts."""
    for program in _programs(path):
        link = folder / program.name
        if not (_NAME.fullmatch(program.name) or link.is_symlink()):
            link.symlink_to(program)


def _programs(path: str) -> list[Path]:
    folders = [Path(entry) for entry in path.split(os.pathsep) if entry and Path(entry).is_dir()]
    return [file.absolute() for folder in folders for file in sorted(folder.iterdir()) if os.access(file, os.X_OK)]
