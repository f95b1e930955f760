"""PaddlePaddle's environment: the one place that sets it, before the one place that imports it."""

import importlib.util
import os
import sys
import warnings
from types import ModuleType
from unittest import mock

from vsrlib.common.errors import UserError
from vsrlib.kernels.native import openmp_threads

REQUIREMENT = "paddlepaddle>=3.3,<3.4"
"""As vsrlib[paddle] asks for it."""


def why_unusable() -> str | None:
    """Say in words why PaddlePaddle cannot be used here, or None if nothing speaks against it."""
    return None if importlib.util.find_spec("paddle") else "the package paddlepaddle is not installed"


def import_paddle() -> ModuleType:
    """Import PaddlePaddle, which then computes with `openmp_threads` threads. UserError where it is not installed.

    The process's environment is left as it was: PaddlePaddle sets OMP_NUM_THREADS to 1 in it, which every process that
    is started from here would inherit. Nor does it see a larger number there, of which it warns without taking it.
    """
    if "paddle" in sys.modules:
        return sys.modules["paddle"]
    if (reason := why_unusable()) is not None:
        raise UserError(
            f"PaddlePaddle cannot be used on this machine because {reason}; install it: "
            f"{sys.executable} -m pip install '{REQUIREMENT}'."
        )
    with mock.patch.dict(os.environ, OMP_NUM_THREADS="1"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ccache, with which nothing is compiled here
        import paddle
    paddle.base.core.set_num_threads(openmp_threads())
    return paddle
