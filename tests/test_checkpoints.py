"""Weights in files: round trips between formats, and every fault named."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from vsrlib import checkpoints
from vsrlib.errors import UserError

VALUES = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "a.bias": np.array([0.1, -1e-30], np.float32)}
SHAPES = {name: value.shape for name, value in VALUES.items()}


@pytest.mark.parametrize("first, second", [("w.safetensors", "w.pt"), ("w.pt", "w.safetensors"), ("w.pth", "v.pt")])
def test_conversion_keeps_every_bit(tmp_path: Path, first: str, second: str) -> None:
    checkpoints.write(tmp_path / first, VALUES)
    checkpoints.convert(tmp_path / first, tmp_path / second)
    read = checkpoints.read(tmp_path / second)
    assert read.keys() == VALUES.keys()
    for name, value in VALUES.items():
        assert read[name].tobytes() == value.tobytes()


def test_a_process_with_jittor_reads_torchs_files_without_torch(tmp_path: Path) -> None:
    checkpoints.write(tmp_path / "w.pt", VALUES)
    # a stand-in for Jittor: what counts is that the process has imported something of that name
    program = ("import sys, types; sys.modules['jittor'] = types.ModuleType('jittor');"
               "from pathlib import Path; from vsrlib import checkpoints;"
               f"v = checkpoints.read(Path({str(tmp_path / 'w.pt')!r})); assert 'torch' not in sys.modules;"
               "print(sorted(v), float(v['a.weight'].sum()))")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "['a.bias', 'a.weight'] 15.0"


class Canary:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def test_code_in_a_checkpoint_does_not_run(tmp_path: Path) -> None:
    canary = tmp_path / "ran"
    torch.save({"a": Canary(canary)}, tmp_path / "w.pt")
    pickle.loads(pickle.dumps(Canary(canary)))  # the canary works,
    canary.unlink()
    with pytest.raises(UserError, match="weights-only loader"):
        checkpoints.read(tmp_path / "w.pt")
    assert not canary.exists()  # and did not here


@pytest.mark.parametrize("name, content, words", [
    ("none.pt", None, "does not exist"), ("w.npz", b"x", "end in"), ("w.safetensors", b"x", "damaged"),
    ("w.pt", b"not a checkpoint", "refused"), ("w.pt", b"", "refused"), ("w.pt", b"Kx", "refused")])
def test_unreadable_files_are_named(tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=words) as caught:
        checkpoints.read(tmp_path / name)
    assert name in str(caught.value)


def test_half_precision_is_read(tmp_path: Path) -> None:
    torch.save({name: torch.from_numpy(value).bfloat16() for name, value in VALUES.items()}, tmp_path / "w.pt")
    assert checkpoints.read(tmp_path / "w.pt")["a.weight"].dtype == np.float32


@pytest.mark.parametrize("change, words", [
    (lambda v: v.pop("a.bias"), "missing"), (lambda v: v.update(b=v["a.bias"]), "unknown"),
    (lambda v: v.update({"a.weight": v["a.weight"].T}), "shape"),
    (lambda v: v.update({"a.bias": np.array([np.nan, 0], np.float32)}), "NaN")])
def test_weights_that_do_not_fit_are_refused(change, words: str) -> None:
    values = {name: value.copy() for name, value in VALUES.items()}
    change(values)
    with pytest.raises(UserError, match=words):
        checkpoints.checked(values, SHAPES, "a test")
    assert checkpoints.checked(dict(reversed(VALUES.items())), SHAPES, "a test").keys() == SHAPES.keys()


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.safetensors"
    checkpoints.write(path, VALUES)
    monkeypatch.setattr("safetensors.numpy.save_file", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError):
        checkpoints.write(path, {})
    assert checkpoints.read(path).keys() == VALUES.keys()
    assert list(tmp_path.iterdir()) == [path]
