"""The C++ kernels in Jittor on the CPU: correlation, blur and Winograd convolutions. Twin: `torch_cpp.py`.

Each is an operation of Jittor's own. Its C++ goes into the operation's source, and with it into Jittor's compile key: a
change recompiles.
"""

import functools
from collections.abc import Callable
from typing import Any

from vsrlib.kernels import blur, winograd
from vsrlib.kernels import correlation as definition
from vsrlib.kernels.jittor_env import import_jittor

jt = import_jittor()
Var = Any
Run = Callable[[str, Var, Var, tuple[int, ...]], Var]

_OPENMP = "#include <omp.h>\n"
_WINOGRAD = _OPENMP + winograd.source()
_LINKAGE = "static inline"  # every operation is a library of its own, and all have functions of these names
_CONVOLVE = """
    @alias(x, in0)
    @alias(weight, in1)
    @alias(bias, in2)
    winograd::convolve(x_p, weight_p, bias_p, RESIDUAL, out0_p, x_shape0, x_shape1, x_shape2, weight_shape2, RELU,
                       omp_get_max_threads());
"""


def correlation(first: Var, second: Var) -> Var:
    """(B, C, h, w) twice -> (B, 81, h, w), as defined by `vsrlib.kernels.correlation.reference`; float32 on the CPU.

    TypeError for another type, ValueError for unlike shapes.
    """
    require_float32("kernel", first, second)
    definition.require_alike(first.shape, second.shape)
    size = (first.shape[0], definition.CHANNELS, *first.shape[2:])
    return Operation.apply(first, second, size, functools.partial(_run, definition.cpp_source(_LINKAGE), first.shape))


def blur_down(x: Var, kernel: Var, scale: int) -> Var:
    """As `jittor_ops.blur_down`; float32 on the CPU.

    TypeError for another type, ValueError for shapes that do not fit.
    """
    require_float32("blur", x, kernel)
    blur.require_fitting(tuple(x.shape), tuple(kernel.shape))
    size = (*x.shape[:2], *(-(-side // scale) for side in x.shape[2:]))
    source = blur.cpp_source(kernel.shape[2], scale, _LINKAGE)
    return Operation.apply(x, kernel, size, functools.partial(_run, source, x.shape))


def channels_last(x: Var) -> Var:
    """(1, C, h, w) -> (h, w, C)."""
    return x[0].transpose(1, 2, 0)


def channels_first(x: Var) -> Var:
    """(h, w, C) -> (1, C, h, w)."""
    return x.transpose(2, 0, 1).unsqueeze(0)


def convolve(x: Var, weight: Var, bias: Var, residual: Var | None = None, relu: bool = False) -> Var:
    """x (h, w, C), weight (36, C, D) as `winograd.transformed`, bias (D,) -> (h, w, D), plus `residual`, then ReLU.

    ReLU if asked. `residual` is used up: in PyTorch the result lies in its memory. Without gradients.
    """
    inputs = [x, weight, bias] if residual is None else [x, weight, bias, residual]
    call = _CONVOLVE.replace("RESIDUAL", "nullptr" if residual is None else "in3_p").replace("RELU", str(relu).lower())
    size = (x.shape[0], x.shape[1], weight.shape[2])
    return jt.code(size, x.dtype, inputs, cpu_header=_WINOGRAD, cpu_src=call)


class Operation(jt.Function):  # type: ignore[name-defined] # Jittor has no annotations
    """An operation of two tensors that is compiled, and its gradients for both.

    Called with the tensors, the result's size, and `run(NAME, one, two, size)`, which returns a tensor of that size.
    NAME is "forward" of the two tensors; "backward_first" of the result's gradient and the second; "backward_second" of
    the result's gradient and the first.
    """

    def execute(self, first: Var, second: Var, size: tuple[int, ...], run: Run) -> Var:
        self.saved = first, second, run
        return run("forward", first, second, size)

    def grad(self, gradient: Var) -> tuple[Var, Var, None, None]:
        """Both gradients; one that is not read is never computed."""
        first, second, run = self.saved
        return (
            run("backward_first", gradient, second, first.shape),
            run("backward_second", gradient, first, second.shape),
            None,
            None,
        )


def require_float32(what: str, first: Var, second: Var) -> None:
    """TypeError for tensors of another type."""
    if str(first.dtype) != "float32" or str(second.dtype) != "float32":
        raise TypeError(f"the {what} takes float32, not {first.dtype} and {second.dtype}")


def _run(source: str, shape: tuple[int, ...], name: str, one: Var, two: Var, size: tuple[int, ...]) -> Var:
    # The sizes travel as data: written into the source, each would be compiled anew.
    data = dict(zip("bchw", shape))
    sizes = ", ".join(f'(int)data["{side}"]' for side in data)
    call = f"::{name}(in0_p, in1_p, out0_p, {sizes}, omp_get_max_threads());"
    return jt.code(size, "float32", [one, two], cpu_header=_OPENMP + source, cpu_src=call, data=data)
