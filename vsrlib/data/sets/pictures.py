"""`vsrlib data pictures`: pictures that may be learned from, out of Debian's wallpaper packages and scikit-image.

The table has the author and the licence of each; drawn ones join them. They serve at training time only, and none is
part of this project.
"""

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.files import require_folder, sha256_array, sha256_file
from vsrlib.data.degrade import write_set
from vsrlib.data.frames import decode_frame, write_frame
from vsrlib.data.sets.manifest import earlier
from vsrlib.data.sets.picture_table import EMBEDDED, LEAVES, PACKAGES, Source
from vsrlib.data.synthetic.pictures import dead_leaves, load_photograph

PARTS = ("train", "validation")
Found = tuple[str, Source, str, np.ndarray]
"""A picture (H, W, 3) uint8 RGB with its name, what the table says, and where it comes from."""
_LARGE = 2000  # pixels of the shorter side: a picture of as many is halved
_MAGIC, _HEADER = b"!<arch>\n", 60  # of a .deb, which is an ar archive


def write_pictures(output: Path, packages: Path | None = None, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Write the pictures to `output`/train and `output`/validation as PNG; return their manifest.

    packages: a folder that holds the packages' .deb files; None: they are downloaded by apt-get. The manifest has of
    each picture source, author, licence and digest. UserError where a package, or a picture in one, is not to be had,
    and for files in the way that were not written here.
    """
    require_folder(output)  # now, and not only when all is downloaded
    earlier(output)
    with tempfile.TemporaryDirectory() as folder:
        if packages is None:
            say(f"downloading by apt-get: {', '.join(PACKAGES)}")
            _download(Path(folder))
        debs = {name: _deb(name, packages or Path(folder)) for name in PACKAGES}
        return write_set(Path(output), PARTS, partial(_fill, debs), seed=0)


def _fill(debs: dict[str, Path], staging: Path) -> dict[str, Any]:
    entries = {}
    for name, source, where, picture in (*_embedded(), *_drawn(), *_packaged(debs)):
        while min(picture.shape[:2]) >= _LARGE:
            picture = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        write_frame(staging / source.part / f"{name}.png", picture)
        said = {"source": f"{source.file} of {where}", "author": source.author, "licence": source.licence}
        entries[f"{source.part}/{name}"] = {**said, "sha256": sha256_array(picture)}
    packages = {name: {"file": deb.name, "sha256": sha256_file(deb)} for name, deb in debs.items()}
    return {"packages": packages, "pictures": entries}


def _embedded() -> Iterator[Found]:
    for name, source in EMBEDDED.items():
        yield name, source, "scikit-image", load_photograph(source.file)


def _drawn() -> Iterator[Found]:
    for part, seeds in LEAVES.items():
        for seed in seeds:
            source = Source(part, f"the seed {seed}", "drawn", "MIT")
            yield f"leaves-{seed[0] + 1:02}", source, "vsrlib.data.synthetic", dead_leaves(np.random.default_rng(seed))


def _packaged(debs: dict[str, Path]) -> Iterator[Found]:
    for package, deb in debs.items():
        version, folder, pictures = PACKAGES[package]
        try:
            with tarfile.open(fileobj=io.BytesIO(_data(deb))) as archive:
                for name, source in pictures.items():
                    name_inside = f"./{folder}/{source.file}"
                    member = archive.extractfile(name_inside) if name_inside in archive.getnames() else None
                    if member is None:
                        raise ValueError(f"it has no file {source.file}")
                    picture = decode_frame(Path(source.file), member.read())
                    yield name, source, f"Debian's package {package}", picture
        except (KeyError, tarfile.TarError, EOFError, OSError, ValueError) as error:
            reason = str(error).splitlines()[0].rstrip(":")
            raise UserError(
                f"{deb} is not the package whose pictures are known ({reason}): give that of Debian 12, "
                f"version {version}."
            ) from error


def _data(deb: Path) -> bytes:
    """The files of a .deb, as its tar archive."""
    content = deb.read_bytes()
    place = len(_MAGIC)
    while content.startswith(_MAGIC) and place + _HEADER <= len(content):
        header = content[place : place + _HEADER]
        place, size = place + _HEADER, int(header[48:58])
        if header.startswith(b"data.tar"):
            return content[place : place + size]
        place += size + size % 2
    raise ValueError("no data.tar")


def _deb(name: str, folder: Path) -> Path:
    found = sorted(folder.glob(f"{name}_*.deb"))
    if not found:
        raise UserError(
            f"There is no {name}_*.deb in {folder}: fetch it by `apt-get download {name}` on Debian 12, or from "
            "Debian's package pages."
        )
    return found[-1]


def _download(folder: Path) -> None:
    try:
        result = subprocess.run(["apt-get", "download", *PACKAGES], cwd=folder, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise UserError(
            f"apt-get is not here: fetch the packages {', '.join(PACKAGES)} of Debian 12 elsewhere, and give their "
            "folder by --packages."
        ) from error
    if result.returncode:
        last = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise UserError(f"apt-get could not download the packages ({last}): run `apt-get update`, and try again.")
