"""A file that appears whole or not at all, and what is said when it cannot."""

import errno
import json
import tracemalloc
from importlib import metadata
from pathlib import Path

import pytest

from vsrlib.common import files
from vsrlib.common.errors import reported


class OfALibrary(OSError):
    """An error that a library made of the system's, and that its users look for by its type."""


@pytest.mark.parametrize(
    ("raised", "names_the_file"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EIO, "Input/output error", "elsewhere"), False),
        (OSError("a message without a number"), False),
        (OfALibrary(errno.ENOSPC, "No space left on device"), False),
    ],
)
def test_an_error_without_a_file_gets_the_name_of_the_one_that_is_written(
    tmp_path: Path, raised: OSError, names_the_file: bool
) -> None:
    path = tmp_path / "result.json"
    path.write_text("before")
    with pytest.raises(OSError) as caught, files.atomic_path(path):
        raise raised
    assert (caught.value.filename == str(path)) == names_the_file
    assert names_the_file or caught.value is raised
    assert [one.name for one in tmp_path.iterdir()] == ["result.json"] and path.read_text() == "before"


def test_a_full_disk_is_told_with_the_file_and_what_to_do(capsys: pytest.CaptureFixture) -> None:
    def full() -> int:
        raise OSError(errno.ENOSPC, "No space left on device", "out/result.json")

    assert reported(full) == 2
    assert capsys.readouterr().err == (
        "error: out/result.json: No space left on device; free some space and run the same command again.\n"
    )


REQUIRES = [
    "numpy>=1.26",
    'nbformat; extra == "notebooks"',
    "nbformat-of-old; extra == 'other'",
    'papermill>2; extra == "notebooks"',
]


@pytest.mark.parametrize(
    ("module", "known"),
    [
        ("papermill.engines", True),
        ("nbformat", True),
        ("numpy", False),  # without what all need, something is broken
        ("nbform", False),
    ],
)
def test_a_package_of_an_extra_that_is_missing_is_named_with_the_command(
    module: str, known: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def use() -> int:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr(metadata, "requires", lambda name: REQUIRES)
    if not known:
        with pytest.raises(ModuleNotFoundError):
            reported(use)
        return
    assert reported(use) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {module} is not installed, which this needs from vsrlib[notebooks]; install it: ")
    assert said.endswith("-m pip install nbformat 'papermill>2'\n") and said.count("\n") == 1


def test_json_is_written_piece_by_piece(tmp_path: Path) -> None:
    """Ten times its size was held at once, which grew with the frames of a result."""
    value = {"frames": [{"name": f"{index:08d}", "psnr": index / 7} for index in range(20_000)]}
    tracemalloc.start()
    files.write_json(tmp_path / "a.json", value)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < (tmp_path / "a.json").stat().st_size / 4
    assert (tmp_path / "a.json").read_text() == json.dumps(value, indent=1) + "\n"
