"""What the pinned packages' next versions have dropped: `newest_names.json` is what tests/matrix.sh saw in them."""

import json
from importlib import metadata
from pathlib import Path

import library_names
import pytest

SEEN = json.loads((Path(__file__).parent / "newest_names.json").read_text(encoding="utf-8"))
FALLBACKS = {"cv2.setLogLevel": "cv2.utils.logging.setLogLevel"}
"""Gone from the newest version -> what is used there in its place."""


@pytest.fixture(scope="module")
def used() -> set[str]:
    return library_names.used()


def test_the_newest_versions_have_what_is_used_of_them(used: set[str]) -> None:
    """A name that is new here is seen there first: tests/matrix.sh writes the file anew."""
    unknown = used - set(SEEN["names"]) - FALLBACKS.keys()
    assert not unknown, f"not seen in {SEEN['versions']}: look whether they are there, and run tests/matrix.sh"


def test_what_is_gone_has_another_name_there(used: set[str]) -> None:
    assert FALLBACKS.keys() <= used and not FALLBACKS.keys() & set(SEEN["names"])
    assert set(FALLBACKS.values()) <= used & set(SEEN["names"])


def test_the_pinned_versions_have_what_is_used_of_them(used: set[str]) -> None:
    """But for the other names of what only the newest version calls otherwise."""
    absent = {name for name in used if not library_names.there(name)}
    assert absent <= {*FALLBACKS, *FALLBACKS.values()}


def test_names_are_found_in_every_form() -> None:
    source = """
import numpy as np, os.path, torch.nn.functional as F
import matplotlib
from skimage import data as photographs
from vsrlib.data.video_integrity import load_av
av = load_av()
np.linalg.norm(np.zeros(3), ord=2).mean()
F.pad(1)
photographs.cat()
matplotlib.use("agg")
load_av().open("x", metadata_errors="replace")
av.codec.Codec("h264")
os.path.join("a")
"""
    assert library_names.used([source]) >= {
        *("numpy.linalg.norm", "numpy.linalg.norm(ord=)", "numpy.zeros", "torch.nn.functional.pad", "skimage.data.cat"),
        *("matplotlib.use", "av.open", "av.open(metadata_errors=)", "av.codec.Codec"),
    }
    assert not any("mean" in name or "join" in name for name in library_names.used([source]))


@pytest.mark.parametrize(
    ("name", "there"),
    [
        *(("numpy.linalg.norm(ord=)", True), ("numpy.linalg.norm(order=)", False), ("numpy.no_such_name", False)),
        *(("scipy.signal.fftconvolve", True), ("cv2.imread(flags=)", True), ("torch.nn.functional.pad", True)),
    ],
)
def test_a_name_is_looked_for(name: str, there: bool) -> None:
    assert library_names.there(name) == there
    assert set(SEEN["versions"]) == set(library_names.LIBRARIES)
    assert all(metadata.version(one) for one in library_names.LIBRARIES.values())
