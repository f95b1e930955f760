"""Which correlation kernel is picked, and the compiler behind the one in C++."""

import ctypes
import errno
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from vsrlib.common.errors import UserError
from vsrlib.common.names import CORRELATIONS
from vsrlib.kernels import correlation, native

NAMED = ("the kernel", "another")  # how it is called in messages
NO_COMPILER = pytest.mark.skipif(native.compiler() is None, reason="there is no g++ here")
SOURCE = 'extern "C" int answer() { return %d; }\n'


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nothing_compiled: None) -> Path:
    """An empty folder for compiled kernels, and nothing loaded before."""
    monkeypatch.setattr(native, "HOME", tmp_path / "native")
    return native.HOME


@pytest.fixture
def no_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)  # an import of it fails
    monkeypatch.delitem(sys.modules, "vsrlib.kernels.torch_cuda", raising=False)


@NO_COMPILER
def test_auto_is_the_compiled_kernel_where_there_is_a_compiler() -> None:
    pytest.importorskip("torch")
    name, function = correlation.pick("torch", "auto", "cpu")
    assert name == "cpp" and function is importlib.import_module("vsrlib.kernels.torch_cpp").correlation


def test_auto_without_a_compiler_is_pure_and_cpp_is_an_error(hide_compiler: Callable[[], None]) -> None:
    hide_compiler()
    name, function = correlation.pick("torch", "auto", "cpu")
    assert name == "pure" and function is importlib.import_module("vsrlib.kernels.torch_pure").correlation
    with pytest.raises(UserError, match=r'g\+\+ was not found.*install g\+\+, or choose correlation="pure"'):
        correlation.pick("torch", "cpp", "cpu")


def test_auto_without_cupy_is_pure_and_cuda_is_an_error(no_cupy: None) -> None:
    name, function = correlation.pick("torch", "auto", "cuda")
    assert name == "pure" and function is importlib.import_module("vsrlib.kernels.torch_pure").correlation
    with pytest.raises(UserError, match='CuPy cannot be imported.*install cupy-cuda12x, or choose correlation="pure"'):
        correlation.pick("torch", "cuda", "cuda")


def test_auto_with_cupy_is_cuda_and_is_compiled_when_picked(no_cupy: None, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, fault = [], None

    def compile_now() -> None:
        if fault is not None:
            raise fault
        compiled.append(True)

    module = SimpleNamespace(get_function=lambda name: SimpleNamespace(compile=compile_now))
    refused = type("CompileException", (Exception,), {})
    monkeypatch.setitem(
        sys.modules,
        "cupy",
        SimpleNamespace(
            RawModule=lambda code, options: module,
            cuda=SimpleNamespace(compiler=SimpleNamespace(CompileException=refused)),
        ),
    )
    try:
        assert correlation.pick("torch", "auto", "cuda")[0] == "cuda" and len(compiled) == 3
        for fault in (refused("no such architecture\nmore"), ImportError("libnvrtc.so.12")):  # noqa: B007 - compile_now
            words = r'\((no such architecture|libnvrtc.so.12)\): install .*"pure"'
            with pytest.raises(UserError, match=words):
                correlation.pick("torch", "cuda", "cuda")
            noted: list[str] = []
            assert correlation.pick("torch", "auto", "cuda", noted.append)[0] == "pure"
            assert len(noted) == 1 and re.search(words, noted[0])
    finally:
        sys.modules.pop("vsrlib.kernels.torch_cuda", None)


@pytest.mark.parametrize(
    ("side", "kernel", "device"),
    [
        ("torch", "cuda", "cpu"),
        ("torch", "cpp", "cuda"),
        ("jittor", "pure", "cpu"),
        ("jittor", "pure", "cuda"),
        ("jittor", "cuda", "cpu"),
        ("jittor", "cpp", "cuda"),
    ],
)
def test_a_kernel_that_is_not_there_is_an_error(side: str, kernel: str, device: str) -> None:
    with pytest.raises(UserError, match=f'{side} side has no correlation kernel "{kernel}" on {device}; choose auto'):
        correlation.pick(side, kernel, device)


def test_an_unknown_word_is_an_error() -> None:
    assert CORRELATIONS == ("auto", "pure", "cpp", "cuda")
    with pytest.raises(UserError, match="'fast'; choose one of auto, pure, cpp, cuda"):
        correlation.pick("torch", "fast", "cpu")


def test_importing_the_choice_imports_no_framework() -> None:
    program = (
        "import sys, vsrlib.kernels.correlation\n"
        "print([name for name in ('torch', 'jittor', 'cupy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@NO_COMPILER
def test_compiled_once_and_anew_for_other_source_or_cpu(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert native.load(SOURCE % 41, *NAMED).answer() == 41
    kept = list(home.iterdir())
    assert len(kept) == 1 and kept[0].suffix == ".so"
    written = kept[0].stat().st_mtime_ns
    native.load.cache_clear()
    assert native.load(SOURCE % 41, *NAMED).answer() == 41
    assert list(home.iterdir()) == kept and kept[0].stat().st_mtime_ns == written
    assert native.load(SOURCE % 42, *NAMED).answer() == 42
    assert len(list(home.iterdir())) == 2
    native.load.cache_clear()
    monkeypatch.setattr(native, "cpu", lambda: ["model name: another"])
    assert native.load(SOURCE % 41, *NAMED).answer() == 41
    assert len(list(home.iterdir())) == 3


@NO_COMPILER
def test_the_cpu_and_the_compiler_are_named() -> None:
    assert len(native.cpu()) >= 2  # model and instruction sets
    assert Path(native.compiler()).name == "g++"


@NO_COMPILER
def test_source_that_does_not_compile_is_one_sentence_and_leaves_nothing(home: Path) -> None:
    with pytest.raises(UserError, match=r"could not compile the kernel \(.*error.*\): .*\.$") as caught:
        native.load("int answer( { }\n", *NAMED)
    assert "\n" not in str(caught.value)
    assert not home.exists() or not list(home.iterdir())


@NO_COMPILER
def test_a_full_disk_asks_for_room_and_for_no_other_compiler(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The compiler writes into the folder for what is temporary first: this one's is on a full disk."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "g++").write_text("#!/bin/sh\necho 'x: fatal error: error writing to /t/x.s: No space left on device' >&2\n"
                              "exit 1\n")  # fmt: skip
    (bin_ / "g++").chmod(0o755)
    with monkeypatch.context() as there:
        there.setattr(native, "BINARIES", bin_)
        with pytest.raises(UserError, match=r"No space left on device\): free some space, or choose another\.$"):
            native.load(SOURCE % 1, *NAMED)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(native, "_compile", full)
    with pytest.raises(UserError, match=r"No space left on device\): free some space, or choose another\.$"):
        native.load(SOURCE % 1, *NAMED)


@NO_COMPILER
def test_a_folder_that_cannot_be_written_is_said(home: Path) -> None:
    home.write_text("a file in the way")
    with pytest.raises(
        UserError, match="in which the kernel is kept, cannot be written to .* make it writable, or choose another"
    ):
        native.load(SOURCE % 1, *NAMED)


@NO_COMPILER
def test_processes_may_compile_at_once(home: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom vsrlib.kernels import native\n"
        "native.HOME = Path(sys.argv[1])\nprint(native.load(sys.argv[2], 'it', 'another').answer())"
    )
    command = [sys.executable, "-c", program, str(home), SOURCE % 7]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate()[0].strip() for process in processes] == ["7"] * 3
    assert len(list(home.iterdir())) == 1


@NO_COMPILER
def test_numbers_that_are_not_finite_survive(home: Path) -> None:
    """-ffast-math would fold x != x to false and set flush-to-zero for the whole process."""
    library = native.load('extern "C" int odd(float x) { return x != x; }\n', *NAMED)
    library.odd.argtypes = [ctypes.c_float]
    assert library.odd(float("nan")) == 1 and library.odd(1.0) == 0
    assert 5e-324 * 1.0 > 0
