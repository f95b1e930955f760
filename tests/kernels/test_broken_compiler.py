"""Where kernels cannot be compiled: what needs none works, what was asked for by name is refused, and both say why."""

import errno
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from vsrlib import cli
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json
from vsrlib.data.clips import Clip, write_clip
from vsrlib.data.frames import read_frame
from vsrlib.kernels import jittor_env, native

pytest.importorskip("torch")


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture(params=["exits", "does not run", "folder"])
def broken(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nothing_compiled: None
) -> str:
    """Nothing compiled yet, and a compiler that fails or a folder that takes nothing; words of the reason."""
    monkeypatch.setattr(native, "HOME", tmp_path / "native")
    monkeypatch.setattr(native, "BINARIES", tmp_path / "nothing")
    if request.param == "folder":
        if native.compiler() is None:
            pytest.skip("there is no g++ here")
        native.HOME.write_text("a file in the way")
        words = "cannot be written to"
    else:
        text = "#!/bin/sh\necho error: out of order >&2\nexit 1\n" if request.param == "exits" else "no program"
        program(tmp_path / "bin" / "g++", text)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
        words = "out of order" if request.param == "exits" else "does not run"
    return words


def infer(folder: Path, output: str, *more: str) -> int:
    if not (folder / "clip").exists():
        values = np.random.default_rng(0).integers(0, 256, (6, 16, 20, 3), dtype=np.uint8)
        write_clip(folder / "clip", Clip("clip", values))
    files = [str(folder / "clip"), str(folder / output), "--weights", "study-gaussian"]
    return cli.main(["infer", *files, "--device", "cpu", *more])


def test_restoring_goes_on_and_says_why(broken: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert infer(tmp_path, "auto") == 0
    said = capsys.readouterr().err
    result = read_json(tmp_path / "auto" / "inference.json")
    assert (result["correlation"], result["convolution"]) == ("pure", "framework")
    assert result["not_compiled"].keys() == {"correlation", "convolution"}  # and no blur, which nothing needed
    for what, reason in result["not_compiled"].items():
        assert broken in reason and f"the {what} is torch's own" in said and reason in said
    assert infer(tmp_path, "none", "--correlation", "pure", "--convolution", "framework") == 0
    assert "note:" not in capsys.readouterr().err
    none = read_json(tmp_path / "none" / "inference.json")
    assert none["not_compiled"] == {} and "blur_down" not in none
    ours, theirs = ([*sorted((tmp_path / name / "frames").rglob("*.png"))] for name in ("auto", "none"))
    assert len(ours) == 6
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(read_frame(one), read_frame(other))


@pytest.mark.parametrize("option", [("--correlation", "cpp"), ("--convolution", "winograd")])
def test_what_was_asked_for_is_never_replaced(
    broken: str, tmp_path: Path, option: tuple[str, str], capsys: pytest.CaptureFixture
) -> None:
    assert infer(tmp_path, "out", *option) == 2
    said = capsys.readouterr().err
    assert broken in said and "or choose" in said
    assert not (tmp_path / "out" / "inference.json").exists()


def test_a_training_step_goes_on_and_says_why(broken: str, capsys: pytest.CaptureFixture) -> None:
    from vsrlib.networks import load_network
    from vsrlib.networks.distributed import Batch
    from vsrlib.training.step import terms_of

    network = load_network("torch", "study-gaussian", device="cpu")
    batch = Batch(np.random.default_rng(0).random((1, 5, 3, 24, 24), np.float32))
    assert np.isfinite(terms_of("self-supervised", network, batch)["total"].item())
    assert network.blur == "convolution"
    found = network.conditions()["not_compiled"]
    assert found.keys() == {"correlation", "blur", "convolution"}
    assert all(broken in reason for reason in found.values())
    terms_of("self-supervised", network, batch)
    assert capsys.readouterr().err.count("note:") == 3  # once, and not at every step


def test_degrading_compiles_nothing(broken: str, tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), dtype=np.uint8)
    write_clip(tmp_path / "high" / "clip", Clip("clip", frames))
    assert cli.main(["degrade", str(tmp_path / "high"), str(tmp_path / "set"), "--blur", "Gaussian"]) == 0


@pytest.mark.parametrize("broken", ["exits", "does not run"], indirect=True)
def test_jittor_says_that_it_needs_one(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jittor compiles all that it computes: there is nothing to go on with."""
    monkeypatch.delitem(sys.modules, "jittor", raising=False)
    monkeypatch.setattr(jittor_env, "why_unusable", lambda: None)
    with pytest.raises(UserError, match=f"compiles all that it computes, .*{broken}.*install another g"):
        jittor_env.import_jittor()


def test_jittor_says_that_its_folder_takes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "jittor").write_text("a file in the way")
    monkeypatch.delitem(sys.modules, "jittor", raising=False)
    monkeypatch.setattr(jittor_env, "HOME", tmp_path / "jittor")
    for name, value in (("why_unusable", lambda: None), ("onednn_prefix", lambda: (tmp_path, tmp_path))):
        monkeypatch.setattr(jittor_env, name, value)
    monkeypatch.setattr(native, "why_broken", lambda: None)
    words = r"jittor, in which Jittor is compiled, cannot be written to \(.*: make it writable, or .*torch"
    with pytest.raises(UserError, match=words):
        jittor_env.import_jittor()


def test_jittor_on_a_full_disk_asks_for_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "jittor", raising=False)
    monkeypatch.setattr(jittor_env, "why_unusable", lambda: None)
    for reason in (None, f"g++ compiles nothing ({os.strerror(errno.ENOSPC)})"):
        monkeypatch.setattr(native, "why_broken", lambda reason=reason: reason)

        def full() -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(jittor_env, "_link_onednn", full)
        with pytest.raises(UserError, match=r"No space left on device\)[:;].* free some space") as said:
            jittor_env.import_jittor()
        assert "another g++" not in str(said.value) and "writable" not in str(said.value)


def test_a_library_that_cannot_be_loaded_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nothing_compiled: None
) -> None:
    """As on a file system from which no program may run."""
    monkeypatch.setattr(native, "HOME", tmp_path)
    monkeypatch.setattr(native, "_compile", lambda gxx, source, path: path.write_text("no library"))
    monkeypatch.setattr(native, "compiler", lambda: sys.executable)
    with pytest.raises(UserError, match="cannot be loaded .* or choose another"):
        native.load("int one;", "the kernel", "another")
