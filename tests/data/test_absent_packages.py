"""Packages that need not be there: what needs them says so in a sentence, and is never passed over or passed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

# None in sys.modules: the import fails and the package cannot be found, as where it is not installed.
HIDDEN = """
import sys
from pathlib import Path
for name in ("av", "cupy", "jittor"):
    sys.modules[name] = None
from vsrlib.common.errors import UserError
from vsrlib.data.clips import list_clips
from vsrlib.data.frames import read_frame
from vsrlib.kernels import jittor_env
from vsrlib.kernels import correlation
from vsrlib.networks import load_network
from vsrlib.data.video import write_video

folder = Path(sys.argv[1])

def said(task):
    try:
        task()
    except UserError as error:
        return str(error)
    return "nothing was said"

def write():
    with write_video(folder / "b.mp4", 25):
        pass

print(said(lambda: read_frame(folder / "a.jpg")))
print(said(lambda: list_clips(folder / "a.mp4")))
print(said(write))
print(said(lambda: load_network("jittor", None, "study")))
print(said(lambda: correlation.pick("torch", "cuda", "cuda")))
print(correlation.pick("torch", "auto", "cpu")[0])
print(jittor_env.why_unusable())
print(read_frame(folder / "a.png").shape)
"""


def test_what_is_absent_is_named(tmp_path: Path) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    for name in ("a.png", "a.jpg"):
        Image.fromarray(frame).save(tmp_path / name)
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x08ftyp")
    done = subprocess.run([sys.executable, "-c", HIDDEN, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    jpeg, video, written, jittor, cupy, kernel, why, shape = done.stdout.splitlines()
    for sentence in (jpeg, video, written):
        assert "PyAV, which cannot be used here" in sentence and "install the package av" in sentence
    assert "the package jittor is not installed" in jittor and why == "the package jittor is not installed"
    assert "CuPy cannot be imported" in cupy
    assert kernel in ("cpp", "pure") and shape == "(8, 8, 3)"
    assert not (tmp_path / "b.mp4").exists()
