"""Winograd convolutions in Jittor. Twin: `torch_winograd.py`."""

from typing import Any

from vsrlib.kernels.jittor_env import import_jittor
from vsrlib.kernels.winograd import source

jt = import_jittor()
Var = Any

# The source goes into the operation's own, and with it into Jittor's compile key: a change recompiles.
_HEADER = "#include <omp.h>\n" + source()
_CALL = """
    @alias(x, in0)
    @alias(weight, in1)
    @alias(bias, in2)
    winograd::convolve(x_p, weight_p, bias_p, RESIDUAL, out0_p, x_shape0, x_shape1, x_shape2, weight_shape2, RELU,
                       omp_get_max_threads());
"""


def channels_last(x: Var) -> Var:
    """(1, C, h, w) -> (h, w, C)."""
    return x[0].transpose(1, 2, 0)


def channels_first(x: Var) -> Var:
    """(h, w, C) -> (1, C, h, w)."""
    return x.transpose(2, 0, 1).unsqueeze(0)


def convolve(x: Var, weight: Var, bias: Var, residual: Var | None = None, relu: bool = False) -> Var:
    """x (h, w, C), weight (36, C, D) as `transformed`, bias (D,) -> (h, w, D), plus `residual`, then ReLU if asked.

    `residual` is used up: in PyTorch the result lies in its memory.
    """
    inputs = [x, weight, bias] if residual is None else [x, weight, bias, residual]
    call = _CALL.replace("RESIDUAL", "nullptr" if residual is None else "in3_p").replace("RELU", str(relu).lower())
    return jt.code((x.shape[0], x.shape[1], weight.shape[2]), x.dtype, inputs, cpu_header=_HEADER, cpu_src=call)
