"""Blur and decimation in Jittor on the CPU: an operation of its own around `blur_down.h`. Twin: `torch_cpp.py`."""

from typing import Any

from vsrlib.kernels.blur import require_fitting, source
from vsrlib.kernels.jittor_env import import_jittor

jt = import_jittor()
Var = Any


class BlurDown(jt.Function):  # type: ignore[name-defined] # Jittor has no annotations
    """Forward and both gradients, each one call of the C++ kernel."""

    def execute(self, x: Var, kernel: Var, scale: int) -> Var:
        """(B, C, h, w) and (B, 1, k, k) -> (B, C, ceil(h / scale), ceil(w / scale))."""
        self.saved = x, kernel, scale
        height, width = (-(-side // scale) for side in x.shape[2:])
        return _call("forward", [x, kernel], (*x.shape[:2], height, width), x, kernel, scale)

    def grad(self, gradient: Var) -> tuple[Var, Var, None]:
        """The gradients of image and kernel; what nobody asks for is never computed."""
        x, kernel, scale = self.saved
        return (
            _call("backward_image", [gradient, kernel], x.shape, x, kernel, scale),
            _call("backward_kernel", [gradient, x], kernel.shape, x, kernel, scale),
            None,
        )


def blur_down(x: Var, kernel: Var, scale: int) -> Var:
    """As `jittor_ops.blur_down`; float32 on the CPU.

    TypeError for another type, ValueError for shapes that do not fit.
    """
    if str(x.dtype) != "float32" or str(kernel.dtype) != "float32":
        raise TypeError(f"the blur takes float32, not {x.dtype} and {kernel.dtype}")
    require_fitting(tuple(x.shape), tuple(kernel.shape))
    return BlurDown.apply(x, kernel, scale)


def _call(function: str, inputs: list[Var], shape: tuple[int, ...], x: Var, kernel: Var, scale: int) -> Var:
    # The sizes travel as data: written into the source, each would be compiled anew.
    data = dict(zip(("b", "c", "h", "w"), x.shape))
    code = (
        f'blur::{function}(in0_p, in1_p, out0_p, {{(int)data["b"], (int)data["c"], (int)data["h"], '
        '(int)data["w"]}, omp_get_max_threads());'
    )
    # The header's text goes into the operation's source, and with it into Jittor's compile key: a change recompiles.
    return jt.code(
        shape,
        "float32",
        inputs,
        cpu_header="#include <omp.h>\n" + source(kernel.shape[2], scale),
        cpu_src=code,
        data=data,
    )
