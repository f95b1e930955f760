"""Optical flow into Middlebury's .flo files, for tests of what reads them."""

from pathlib import Path

import numpy as np


def write_flo(path: Path, flow: np.ndarray, known: np.ndarray | None = None) -> None:
    """Write flow (2, H, W); where `known` is false, the mark for unknown stands instead."""
    values = flow if known is None else np.where(known, flow, np.float32(1e10))
    size = np.array([flow.shape[2], flow.shape[1]], "<i4").tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"PIEH" + size + values.transpose(1, 2, 0).astype("<f4").tobytes())
