"""Correlation volume in Jittor on the CPU: an operation of its own around `correlation.h`."""

from typing import Any

from vsrlib.architecture import SEARCH_RANGE
from vsrlib.correlation import HEADER
from vsrlib.jittor_env import import_jittor

jt = import_jittor()
Var = Any

# The header's text goes into the operation's source, and with it into Jittor's compile key: a change recompiles.
_HEADER = HEADER.read_text().replace("#pragma once\n", "")
_FORWARD = """
    @alias(first, in0)
    @alias(second, in1)
    correlation::forward(first_p, second_p, out0_p, first_shape0, first_shape1, first_shape2, first_shape3, RADIUS);
"""
_BACKWARD = """
    @alias(gradient, in0)
    @alias(other, in1)
    correlation::backward(gradient_p, other_p, out0_p, other_shape0, other_shape1, other_shape2, other_shape3,
                          RADIUS, SIGN);
"""


class Correlation(jt.Function):
    """Forward and both gradients, each one call of the C++ kernel."""

    def execute(self, first: Var, second: Var) -> Var:
        self.saved = first, second
        batch, _, height, width = first.shape
        shape = (batch, (2 * SEARCH_RANGE + 1) ** 2, height, width)
        return _call(_FORWARD, shape, [first, second])

    def grad(self, gradient: Var) -> tuple[Var, Var]:
        first, second = self.saved
        return (_call(_BACKWARD.replace("SIGN", "1"), first.shape, [gradient, second]),
                _call(_BACKWARD.replace("SIGN", "-1"), second.shape, [gradient, first]))


def _call(source: str, shape: tuple[int, ...], inputs: list[Var]) -> Var:
    return jt.code(shape, inputs[0].dtype, inputs, cpu_header=_HEADER,
                   cpu_src=source.replace("RADIUS", str(SEARCH_RANGE)))


def correlation(first: Var, second: Var) -> Var:
    """(B, C, h, w) twice -> (B, 81, h, w), as defined by `vsrlib.correlation.reference`."""
    return Correlation.apply(first, second)
