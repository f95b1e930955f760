"""Which correlation kernel is used; nothing but the one chosen is imported."""

import importlib
from collections.abc import Callable
from typing import Any

from vsrlib.common.errors import UserError
from vsrlib.common.names import CORRELATIONS
from vsrlib.kernels import native

_KERNELS = {
    ("torch", "cpu"): ("cpp", "pure"),
    ("torch", "cuda"): ("cuda", "pure"),
    ("jittor", "cpu"): ("cpp",),
    ("jittor", "cuda"): ("cuda",),
}
"""What each framework has on each device, the fastest first."""
_PREPARED = (("torch", "cpp"), ("torch", "cuda"))  # else the first use would compile; Jittor compiles all it does so


def pick(framework: str, correlation: str, device: str) -> tuple[str, Callable[[Any, Any], Any]]:
    """The name and the function of a kernel, ready to run: what has to be compiled beforehand is compiled here.

    framework "torch" or "jittor", correlation one of CORRELATIONS, device "cpu" or "cuda". "auto" is the fastest that
    can be had: in PyTorch "pure" where there is no compiler (CPU) or no CuPy (CUDA). The name returned is never "auto";
    it belongs with every result. UserError for a kernel that cannot be had: a choice is never replaced by another.
    """
    offered = _KERNELS[framework, device]
    if correlation not in CORRELATIONS:
        raise UserError(f"There is no correlation kernel {correlation!r}; choose one of {', '.join(CORRELATIONS)}.")
    if correlation == "auto":
        correlation = offered[0] if len(offered) == 1 or _can_be_had(offered[0]) else offered[1]
    if correlation not in offered:
        raise UserError(
            f'The {framework} side has no correlation kernel "{correlation}" on {device}; '
            f"choose {' or '.join(['auto', *offered])}."
        )
    module = importlib.import_module(f"vsrlib.kernels.correlation.{framework}_{correlation}")
    if (framework, correlation) in _PREPARED:
        module.prepare()
    return correlation, module.correlation


def _can_be_had(kernel: str) -> bool:
    """Whether PyTorch can have "cpp" or "cuda" here."""
    if kernel == "cpp":
        return native.compiler() is not None
    try:
        importlib.import_module("vsrlib.kernels.correlation.torch_cuda")
    except UserError:  # no CuPy
        return False
    return True
