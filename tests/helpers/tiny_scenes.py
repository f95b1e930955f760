"""Filmed scenes of no content, small enough to be restored many times."""

from pathlib import Path

import numpy as np
import pytest

from vsrlib.data.clips import Clip, write_clip
from vsrlib.experiments import restored


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two clips of seven frames of 64x64 pixels, blocks that move; the packaged scenes are left out."""
    monkeypatch.setattr(restored, "packaged_scenes", lambda *_: [])
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        still = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
        moved = np.stack([still[i : i + 64, i : i + 64] for i in range(7)])
        write_clip(tmp_path / "Tiny" / name, Clip(name, moved))
    return tmp_path / "Tiny"
