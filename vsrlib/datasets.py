"""A data set's folder, replaced as a whole: <root>/<part>/<clip>/<frame>, and <root>/manifest.json written last."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from vsrlib import provenance
from vsrlib.files import read_json, write_json
from vsrlib.staging import replaced

MANIFEST = "manifest.json"
HR, LR, KERNEL = "HR", "LR_blurdown_x4", "kernel"
"""The parts of a set: ground truth, input, and the blur kernel of each frame."""


def write_set(root: Path, parts: Sequence[str], fill: Callable[[Path], dict[str, Any]], seed: int) -> dict[str, Any]:
    """Write the given parts of a data set and its manifest; return the manifest.

    `fill` writes every part below the staging folder it is given and returns the manifest's content. The parts are
    moved into place only when it has ended well, the manifest comes last, and an error leaves the old set untouched.
    A manifest that would differ from the old one in its provenance alone is kept: it describes the same bytes.
    UserError for a part that holds files which were not written here: those are never replaced.
    """
    root = Path(root)
    with replaced(root, parts, MANIFEST) as staging:
        content = fill(staging)
        manifest = {**content, "provenance": provenance.collect(seed=seed)}
        before = read_json(root / MANIFEST) if (root / MANIFEST).exists() else {}
        if {**before, "provenance": None} == {**content, "provenance": None}:
            manifest = before
    write_json(root / MANIFEST, manifest)
    return manifest
