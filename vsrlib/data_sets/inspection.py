"""One frame, video or kernel of a data set: its facts, the digest of its pixels, or what is wrong with it."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import io as scipy_io

from vsrlib import video
from vsrlib.data_sets.digests import digest_of
from vsrlib.data_sets.image_file import Damaged, Refused, inspect
from vsrlib.errors import UserError
from vsrlib.files import sha256_array, sha256_bytes, sha256_file
from vsrlib.frames import decode_frame

KEY = "kernel"
"""Where a .mat file holds its kernel."""


@dataclass(frozen=True)
class Found:
    """What a file holds: `size` (height, width), `kind` in words, `frames` how many; SHA-256 of its `pixels`, as they
    are read (8-bit RGB), and of the `file`. Or `fault`: why it cannot be used.
    """

    size: tuple[int, int] | None = None
    kind: str = ""
    frames: int = 1
    pixels: str | None = None
    file: str | None = None
    fault: str | None = None


def inspect_frame(path: Path) -> Found:
    """A PNG or JPEG file. Never raises for what is in the file."""
    try:
        data = path.read_bytes()
    except OSError as error:
        return Found(fault=f"cannot be read ({error.strerror})")
    file = sha256_bytes(data)
    try:
        header = inspect(data)
        rgb = decode_frame(path, data)
    except Damaged as error:
        return Found(file=file, fault=f"is damaged: {error}")
    except Refused as error:
        return Found(file=file, fault=str(error).split(":")[0])
    except UserError as error:
        return Found(file=file, fault=_predicate(error, path))
    channels = {1: "grey", 2: "grey with alpha", 3: "RGB", 4: "RGB with alpha"}[header.channels]
    kind = f"{header.format}, {header.bits} bit {channels}"
    return Found((rgb.shape[0], rgb.shape[1]), kind, 1, sha256_array(rgb), file)


def inspect_video(path: Path) -> Found:
    """A video file, every frame decoded."""
    digests: dict[str, str] = {}
    size = None
    try:
        for index, rgb in enumerate(video.read_frames(path)):
            size = size or (rgb.shape[0], rgb.shape[1])
            digests[video.frame_name(index)] = sha256_array(rgb)
        return Found(size, "video", len(digests), digest_of(digests), sha256_file(path))
    except UserError as error:
        return Found(fault=_predicate(error, path))
    except OSError as error:
        return Found(fault=f"cannot be read ({error.strerror})")


def read_kernel(path: Path) -> np.ndarray:
    """The blur kernel in a .mat (key "kernel") or .npy file, (n, n) float64, n odd.

    UserError for a file that holds none, or one with values that are not finite.
    """
    try:
        data = io.BytesIO(path.read_bytes())  # from memory: SciPy leaves files open that it cannot read
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): copy it again.") from error
    try:
        values = np.load(data, allow_pickle=False) if path.suffix.lower() == ".npy" else scipy_io.loadmat(data)[KEY]
        kernel = np.asarray(values, np.float64)
    except Exception as error:  # SciPy's reader ends in errors of every kind when a file is damaged
        raise UserError(f'{path} holds no array "{KEY}": make it again with `vsrlib degrade`.') from error
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or kernel.shape[0] % 2 == 0:
        raise UserError(f"{path} holds {kernel.shape} values: a kernel is square with an odd side.")
    if not np.isfinite(kernel).all():
        raise UserError(f"{path} holds values that are not finite: make it again with `vsrlib degrade`.")
    return kernel


def inspect_kernel(path: Path) -> Found:
    """A file with a blur kernel; one whose values do not sum to 1 is at fault."""
    try:
        kernel = read_kernel(path)
        file = sha256_file(path)
    except UserError as error:
        return Found(fault=_predicate(error, path))
    if abs(kernel.sum() - 1) > 1e-4:
        return Found(file=file, fault=f"holds values that sum to {kernel.sum():.6g}, and a kernel's sum to 1")
    return Found((kernel.shape[0], kernel.shape[1]), "kernel", 1, sha256_array(kernel), file)


def _predicate(error: UserError, path: Path) -> str:
    # The sentence names the file, which the report does as well.
    return str(error).removeprefix(f"{path} ").split(":")[0].rstrip(".")
