"""A data set's folder, replaced as a whole: <root>/<part>/<clip>/<frame>, and <root>/manifest.json written last."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from vsrlib import provenance
from vsrlib.files import MARKER, read_json, require_own, write_json

MANIFEST = "manifest.json"
HR, LR, KERNEL = "HR", "LR_blurdown_x4", "kernel"
"""The parts of a set: ground truth, input, and the blur kernel of each frame."""

_STAGING = ".unfinished"


def write_set(root: Path, parts: Sequence[str], fill: Callable[[Path], dict[str, Any]], seed: int) -> dict[str, Any]:
    """Write the given parts of a data set and its manifest; return the manifest.

    `fill` writes every part below the staging folder it is given and returns the manifest's content. The parts are
    moved into place only when it has ended well, the manifest comes last, and an error leaves the old set untouched.
    A manifest that would differ from the old one in its provenance alone is kept: it describes the same bytes.
    UserError for a part that holds files which were not written here: those are never replaced.
    """
    root = Path(root)
    for part in parts:
        require_own(root / part)
    made_root = not root.exists()
    staging = root / _STAGING
    _remove(staging)
    try:
        staging.mkdir(parents=True)
        content = fill(staging)
        manifest = {**content, "provenance": provenance.collect(seed=seed)}
        before = read_json(root / MANIFEST) if (root / MANIFEST).exists() else {}
        if {**before, "provenance": None} == {**content, "provenance": None}:
            manifest = before
        (root / MANIFEST).unlink(missing_ok=True)
        for part in parts:
            (staging / part / MARKER).touch()
            if (root / part).exists():
                (root / part).rename(staging / f"old {part}")
            (staging / part).rename(root / part)
        write_json(root / MANIFEST, manifest)
    finally:
        _remove(staging)
        if made_root and root.exists() and not any(root.iterdir()):
            root.rmdir()
    return manifest


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
