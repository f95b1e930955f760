"""Correlation volume in Jittor on the CPU: an operation of its own around `correlation.h`."""

from typing import Any

from vsrlib.kernels.correlation import CHANNELS, require_alike, source
from vsrlib.kernels.jittor_env import import_jittor

jt = import_jittor()
Var = Any

# The header's text goes into the operation's source, and with it into Jittor's compile key: a change recompiles.
_HEADER = "#include <omp.h>\n" + source("correlation.h")


class Correlation(jt.Function):  # type: ignore[name-defined] # Jittor has no annotations
    """Forward and both gradients, each one call of the C++ kernel."""

    def execute(self, first: Var, second: Var) -> Var:
        """(B, C, h, w) twice -> (B, 81, h, w)."""
        self.saved = first, second
        return _call("forward", [first, second], (first.shape[0], CHANNELS, *first.shape[2:]))

    def grad(self, gradient: Var) -> tuple[Var, Var]:
        """The gradients of both maps."""
        first, second = self.saved
        return (
            _call("backward<1>", [gradient, second], first.shape),
            _call("backward<-1>", [gradient, first], second.shape),
        )


def correlation(first: Var, second: Var) -> Var:
    """(B, C, h, w) twice -> (B, 81, h, w), as defined by `vsrlib.kernels.correlation.reference`; float32 on the CPU.

    TypeError for another type, ValueError for unlike shapes.
    """
    if str(first.dtype) != "float32" or str(second.dtype) != "float32":
        raise TypeError(f"the kernel takes float32, not {first.dtype} and {second.dtype}")
    require_alike(first.shape, second.shape)
    return Correlation.apply(first, second)


def _call(function: str, inputs: list[Var], shape: tuple[int, ...]) -> Var:
    # Of the sizes only those of a map are passed, which are the second input's.
    code = (
        f"correlation::{function}(in0_p, in1_p, out0_p, in1_shape0, in1_shape1, in1_shape2, in1_shape3, "
        "omp_get_max_threads());"
    )
    return jt.code(shape, "float32", inputs, cpu_header=_HEADER, cpu_src=code)
