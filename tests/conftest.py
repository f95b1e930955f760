"""Which frameworks the tests run in: a test that takes `framework` runs once in each. What all of them start from."""

import os
import signal
import sys
from collections.abc import Callable, Iterator

import pytest

from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.kernels import jittor_env, libraries, native, paddle_env

# A run in the background of a script starts with Ctrl-C ignored, and so would every program that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# pyproject.toml makes errors of warnings about the project's calls; so do the processes that tests start. Python takes
# whole names here and no patterns.
_MODULES = (path.relative_to(PROJECT_ROOT).with_suffix("").parts for path in (PROJECT_ROOT / "vsrlib").rglob("*.py"))
_NAMES = [".".join(parts).removesuffix(".__init__") for parts in _MODULES]
os.environ["PYTHONWARNINGS"] = ",".join(f"error::DeprecationWarning:{name}" for name in _NAMES)

LOCKED = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="requirements.lock is of Python 3.11; elsewhere are the newest versions"
)
JITTOR_FAULT = jittor_env.why_unusable()
if JITTOR_FAULT is not None and os.environ.get("VSRLIB_REQUIRE_JITTOR"):
    raise RuntimeError(f"Jittor must be tested here and is unusable because {JITTOR_FAULT}")
PADDLE_FAULT = paddle_env.why_unusable()
if PADDLE_FAULT is not None and os.environ.get("VSRLIB_REQUIRE_PADDLE"):
    raise RuntimeError(f"PaddlePaddle must be tested here and is unusable because {PADDLE_FAULT}")
FRAMEWORKS = [
    "torch",
    pytest.param(
        "jittor",
        marks=[
            pytest.mark.jittor,
            pytest.mark.slow,
            pytest.mark.skipif(JITTOR_FAULT is not None, reason=f"Jittor is unusable here because {JITTOR_FAULT}"),
        ],
    ),
    pytest.param(
        "paddle",
        marks=[
            pytest.mark.paddle,
            pytest.mark.slow,
            pytest.mark.skipif(
                PADDLE_FAULT is not None, reason=f"PaddlePaddle is unusable here because {PADDLE_FAULT}"
            ),
        ],
    ),
]


def _forget_compiled() -> None:
    """As in a process that has compiled and loaded nothing yet."""
    native.load.cache_clear()
    for cached in (libraries.correlation, libraries.blur_down, libraries.convolutions):
        cached.cache_clear()


@pytest.fixture
def nothing_compiled() -> Iterator[None]:
    """What other tests of this process compiled is not remembered, and neither is what this one does."""
    _forget_compiled()
    yield
    _forget_compiled()


@pytest.fixture
def hide_compiler(monkeypatch: pytest.MonkeyPatch, nothing_compiled: None) -> Callable[[], None]:
    """Called: from here on there is no g++, and nothing that one has compiled before."""
    return lambda: monkeypatch.setattr(native, "compiler", lambda: None)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "framework" in metafunc.fixturenames:
        metafunc.parametrize("framework", FRAMEWORKS, scope="module")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those of the study first: they take longest, and of two processes none shall wait long for the other's last."""
    items.sort(key=lambda item: item.path.parent.name != "study")
