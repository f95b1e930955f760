"""Folders that are replaced as a whole: what is there stays until the new is complete."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from vsrlib import locks
from vsrlib.files import MARKER, require_own

_STAGING = ".unfinished"


@contextmanager
def replaced(root: Path, parts: Sequence[str], record: str) -> Iterator[Path]:
    """Yield a folder to fill; when the block ends well, its `parts` replace those of `root`, and `record` is removed.

    `record` is the file that describes the parts; the caller writes the new one afterwards, so that it never describes
    others. A part that was not filled is removed. An error leaves everything as it was.
    UserError for a part that holds files which were not made here: those are never replaced; and while another run
    is filling this `root`.
    """
    for part in parts:
        require_own(root / part)
    made_root = not root.exists()
    staging = root / _STAGING
    with locks.lock(root, "run", "folder"):
        try:
            remove(staging)
            staging.mkdir()
            yield staging
            (root / record).unlink(missing_ok=True)
            for part in parts:
                if (root / part).exists():
                    (root / part).rename(staging / f"old {part}")
                if (staging / part).exists():
                    (staging / part / MARKER).touch()
                    (staging / part).rename(root / part)
        finally:
            remove(staging)
            if made_root and [path.name for path in root.iterdir()] == [locks.NAME]:
                remove(root)


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it; nothing if it is not there."""
    if folder.exists():
        shutil.rmtree(folder)
