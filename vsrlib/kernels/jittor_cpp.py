"""The C++ kernels in Jittor on the CPU: correlation, blur and Winograd convolutions. Twin: `torch_cpp.py`.

Each is an operation of Jittor's own. Its C++ goes into the operation's source, and with it into Jittor's compile key: a
change recompiles.
"""

import functools
from collections.abc import Callable, Sequence
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
_PARTS = range(winograd.MOST_PARTS)
# One source and one number of inputs for all calls, because any other would be compiled anew.
_CONVOLVE = f"""
    const float* const pixels[] = {{{", ".join(f"in{i}_p" for i in _PARTS)}}};
    const int channels[] = {{{", ".join(f"(int)in{i}_shape3" for i in _PARTS)}}};
    std::vector<winograd::Part> in;
    for (int i = 0; i < (int)data["parts"]; i++) in.push_back({{pixels[i], channels[i]}});
    @alias(residual, in{len(_PARTS)})
    @alias(weight, in{len(_PARTS) + 1})
    @alias(bias, in{len(_PARTS) + 2})
    winograd::convolve(in, weight_p, {{bias_p, data["residual"] ? residual_p : nullptr, out0_p, (int)out0_shape3,
                       (float)data["slope"]}}, {{(int)in0_shape0, (int)in0_shape1, (int)in0_shape2,
                       (int)data["dilation"]}}, omp_get_max_threads());
"""
_WARP = """
    @alias(x, in0)
    warp::forward(x_p, in1_p, in2_p, out0_p, x_shape0, x_shape1, x_shape2, x_shape3, data["align_corners"],
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
    """(B, C, h, w) -> (B, h, w, C), with channels of zeros after them up to a multiple of `winograd.LANES`."""
    batch, channels, height, width = x.shape
    missing = -channels % winograd.LANES
    parts = [x, jt.zeros((batch, missing, height, width))] if missing else [x]
    return jt.concat(parts, 1).transpose(0, 2, 3, 1) if missing else x.transpose(0, 2, 3, 1)


def channels_last_of(conv: Callable[[Var], Var], x: Var) -> Var:
    """`channels_last` of conv(x)."""
    return channels_last(conv(x))


def channels_first(x: Var, channels: int | None = None) -> Var:
    """(B, h, w, C) -> (B, C, h, w), or the first `channels` of them."""
    return x[:, :, :, :channels].transpose(0, 3, 1, 2) if channels else x.transpose(0, 3, 1, 2)


def convolve(
    parts: Sequence[Var],
    weight: Var,
    bias: Var,
    residual: Var | None = None,
    slope: float = winograd.LINEAR,
    dilation: int = 1,
) -> Var:
    """A 3x3 convolution of `parts`, (B, h, w, C) each, together C channels -> (B, h, w, D); plus `residual`, activated.

    weight as `winograd.transformed`; bias (D,); slope: what values below zero are multiplied by. `residual` is used up:
    in PyTorch the result lies in its memory. Without gradients.
    """
    missing = [parts[0]] * (len(_PARTS) - len(parts))
    inputs = [*parts, *missing, parts[0] if residual is None else residual, weight, bias]
    data = {"parts": len(parts), "residual": int(residual is not None), "slope": slope, "dilation": dilation}
    size = (*parts[0].shape[:3], bias.shape[0])
    return jt.code(size, "float32", inputs, cpu_header=_WINOGRAD, cpu_src=_CONVOLVE, data=data)


def warp(x: Var, flow: Var, mask: Var, align_corners: bool) -> Var:
    """x (B, h, w, C) where flow (B, 2, h, w) points, borders repeated, times mask (B, 1, h, w). Without gradients."""
    data = {"align_corners": int(align_corners)}
    return jt.code(x.shape, "float32", [x, flow, mask], cpu_header=_WINOGRAD, cpu_src=_WARP, data=data)


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
