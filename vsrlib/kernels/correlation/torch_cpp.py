"""Correlation volume in PyTorch on the CPU: `correlation.h`, compiled on first use."""

import ctypes
import functools

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from vsrlib.kernels import native
from vsrlib.kernels.correlation import CHANNELS, require_alike, source

_FUNCTIONS = """
extern "C" {
#define ARGUMENTS const float* one, const float* two, float* out, int b, int c, int h, int w, int threads
void forward(ARGUMENTS) { correlation::forward(one, two, out, b, c, h, w, threads); }
void backward_first(ARGUMENTS) { correlation::backward<1>(one, two, out, b, c, h, w, threads); }
void backward_second(ARGUMENTS) { correlation::backward<-1>(one, two, out, b, c, h, w, threads); }
}
"""


def source_text() -> str:
    """The C++ that is compiled: the kernels, and their names for ctypes."""
    return source("correlation.h") + _FUNCTIONS


@functools.cache
def library() -> ctypes.CDLL:
    """The compiled kernels; the first call on a machine takes some seconds."""
    loaded = native.load(source_text(), 'the correlation kernel "cpp"', 'correlation="pure"')
    for name in ("forward", "backward_first", "backward_second"):
        getattr(loaded, name).argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_int] * 5
        getattr(loaded, name).restype = None
    return loaded


def prepare() -> None:
    """Compile and load the kernels now. UserError when they cannot be compiled."""
    library()


def correlation(first: Tensor, second: Tensor) -> Tensor:
    """(B, C, h, w) twice -> (B, 81, h, w), as defined by `vsrlib.kernels.correlation.reference`; float32 on the CPU.

    Differentiable once in both maps. TypeError for another type or device, ValueError for unlike shapes.
    """
    for one in (first, second):
        if one.dtype != torch.float32 or one.device.type != "cpu":
            raise TypeError(f'the kernel "cpp" takes float32 on the CPU, not {one.dtype} on {one.device}: use "pure"')
    require_alike(first.shape, second.shape)
    return _Correlation.apply(first, second)


class _Correlation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, first: Tensor, second: Tensor) -> Tensor:
        first, second = first.contiguous(), second.contiguous()
        ctx.save_for_backward(first, second)
        return _call("forward", first, second, first.new_empty(first.shape[0], CHANNELS, *first.shape[2:]), first.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        first, second = ctx.saved_tensors
        gradient = gradient.contiguous()
        return (
            _call("backward_first", gradient, second, torch.empty_like(first), first.shape)
            if ctx.needs_input_grad[0]
            else None,
            _call("backward_second", gradient, first, torch.empty_like(second), first.shape)
            if ctx.needs_input_grad[1]
            else None,
        )


def _call(name: str, one: Tensor, two: Tensor, out: Tensor, shape: torch.Size) -> Tensor:
    # The number of threads is said outright: PyTorch sets OpenMP's own only in threads that it has computed in.
    getattr(library(), name)(one.data_ptr(), two.data_ptr(), out.data_ptr(), *shape, torch.get_num_threads())
    return out
