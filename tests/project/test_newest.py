"""What the newest versions of the pinned packages have dropped: `dropped_names.json`, which tests/matrix.sh writes."""

import json
from pathlib import Path

import library_names
import pytest

SEEN = json.loads((Path(__file__).parent / "dropped_names.json").read_text(encoding="utf-8"))
DROPPED = set(SEEN["dropped"])
FALLBACKS = {"cv2.setLogLevel": "cv2.utils.logging.setLogLevel"}
"""Gone from the newest version -> what is used there in its place."""


def test_nothing_is_used_that_the_newest_versions_have_dropped() -> None:
    used = library_names.used()
    gone = used & DROPPED
    assert gone == FALLBACKS.keys(), f"gone from {SEEN['versions']}: use what both versions have, or say what is there"
    assert set(FALLBACKS.values()) <= used


def test_what_is_known_to_be_gone_is_in_the_list() -> None:
    assert {"numpy.product", "numpy.float_", "numpy.in1d", "cv2.setLogLevel"} <= DROPPED
    assert not DROPPED & {"numpy.zeros", "cv2.imread", "torch.nn.functional.pad", "av.open"}
    assert set(SEEN["versions"]) == set(SEEN["than"]) == set(library_names.LIBRARIES)


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
    found = library_names.used([source])
    assert found >= {
        *("numpy.linalg.norm", "numpy.linalg.norm(ord=)", "numpy.zeros", "torch.nn.functional.pad", "skimage.data.cat"),
        *("matplotlib.use", "av.open", "av.open(metadata_errors=)", "av.codec.Codec"),
    }
    assert not any("mean" in name or "join" in name for name in found)
    modules = library_names.modules(found)
    assert {"numpy", "numpy.linalg", "torch.nn.functional", "skimage.data", "av.codec"} <= modules.keys()
    assert {"numpy.linalg.norm", "numpy.linalg.norm(ord=)"} <= library_names.had(
        {"numpy.linalg": modules["numpy.linalg"]}
    )


@pytest.mark.parametrize(
    ("new", "dropped"),
    [
        (["a.open", "a.open(mode=)"], ["a.gone", "a.open(errors=)"]),
        (["a.gone", "a.open", "a.open(*)"], []),  # takes what it is given, or does not say
        (["a.gone"], ["a.open"]),
    ],
)
def test_what_is_no_longer_there_is_named(new: list[str], dropped: list[str]) -> None:
    old = {"a.open", "a.open(mode=)", "a.open(errors=)", "a.gone"}
    assert library_names.dropped(old, set(new)) == dropped
