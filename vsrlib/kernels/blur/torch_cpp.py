"""Blur and decimation in PyTorch on the CPU: `blur_down.h`, compiled on first use. Twin: `jittor_cpp.py`."""

import ctypes
import functools
from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from vsrlib.kernels import native
from vsrlib.kernels.blur import require_fitting, source

_FUNCTIONS = """
extern "C" {
#define ARGUMENTS const float* one, const float* two, float* out, int b, int c, int h, int w, int threads
void forward(ARGUMENTS) { blur::forward(one, two, out, {b, c, h, w}, threads); }
void backward_image(ARGUMENTS) { blur::backward_image(one, two, out, {b, c, h, w}, threads); }
void backward_kernel(ARGUMENTS) { blur::backward_kernel(one, two, out, {b, c, h, w}, threads); }
}
"""


@functools.cache
def library(size: int, scale: int) -> ctypes.CDLL:
    """The compiled kernels; the first call on a machine takes some seconds. UserError when that fails."""
    loaded = native.load(source(size, scale) + _FUNCTIONS, "the blur of training", "no compiler at all")
    for name in ("forward", "backward_image", "backward_kernel"):
        getattr(loaded, name).argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_int] * 5
        getattr(loaded, name).restype = None
    return loaded


def blur_down(x: Tensor, kernel: Tensor, scale: int) -> Tensor:
    """As `torch_ops.blur_down`; float32 on the CPU. Differentiable once in both.

    TypeError for another type or device, ValueError for shapes that do not fit.
    """
    for one in (x, kernel):
        if one.dtype != torch.float32 or one.device.type != "cpu":
            raise TypeError(f'the blur "cpp" takes float32 on the CPU, not {one.dtype} on {one.device}')
    require_fitting(x.shape, kernel.shape)
    return _BlurDown.apply(x, kernel, scale)


class _BlurDown(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, kernel: Tensor, scale: int) -> Tensor:
        x, kernel = x.contiguous(), kernel.contiguous()
        ctx.save_for_backward(x, kernel)
        ctx.library = library(kernel.shape[2], scale)
        height, width = (-(-side // scale) for side in x.shape[2:])
        return _call(ctx.library.forward, x, kernel, x.new_empty(*x.shape[:2], height, width), x.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, kernel = ctx.saved_tensors
        gradient = gradient.contiguous()
        return (
            _call(ctx.library.backward_image, gradient, kernel, torch.empty_like(x), x.shape)
            if ctx.needs_input_grad[0]
            else None,
            _call(ctx.library.backward_kernel, gradient, x, torch.empty_like(kernel), x.shape)
            if ctx.needs_input_grad[1]
            else None,
            None,
        )


def _call(function: Callable[..., None], one: Tensor, two: Tensor, out: Tensor, shape: torch.Size) -> Tensor:
    # The number of threads is said outright: PyTorch sets OpenMP's own only in threads that it has computed in.
    function(one.data_ptr(), two.data_ptr(), out.data_ptr(), *shape, torch.get_num_threads())
    return out
