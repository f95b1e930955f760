"""A file that appears whole or not at all, and what is said when it cannot."""

import errno
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
