"""Digests of decoded pixels: the same for the same pixels, whatever the compression, the machine or the order."""

import hashlib
from collections.abc import Iterable, Mapping

import numpy as np


def digest_of(frames: Mapping[str, str]) -> str:
    """SHA-256 over the digests of frames by name, in the order of the names."""
    lines = [f"{name} {frames[name]}" for name in sorted(frames)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def clip_digest(frames: Iterable[np.ndarray], count: int) -> str:
    """`vsrlib.files.sha256_array` of `count` frames (H, W, 3) as one array, with one of them in memory at a time."""
    digest = hashlib.sha256()
    for index, frame in enumerate(frames):
        if index == 0:
            digest.update(f"{frame.dtype.str}{(count, *frame.shape)}".encode())
        digest.update(np.ascontiguousarray(frame).tobytes())
    return digest.hexdigest()
