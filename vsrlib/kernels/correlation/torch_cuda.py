"""Correlation volume in PyTorch on a CUDA device: `correlation.cu`, compiled and launched by CuPy."""

import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from vsrlib.common.errors import UserError
from vsrlib.kernels.correlation import CHANNELS, cuda, require_alike

try:
    import cupy
except ImportError as error:
    raise UserError(
        f'CuPy cannot be imported ({error}), and the correlation kernel "cuda" needs it with PyTorch: '
        'install cupy-cuda12x, or choose correlation="pure".'
    ) from error


@functools.cache
def kernels() -> dict[str, Any]:
    """The kernels by name. Each is compiled once for every device it is called on, and CuPy keeps it on disk."""
    module = cupy.RawModule(code=cuda.source(), options=("--std=c++14",))
    return {name: module.get_function(name) for name in cuda.KERNELS}


def prepare() -> None:
    """Compile and load the kernels for the current device. UserError when they cannot be compiled."""
    try:
        for kernel in kernels().values():
            kernel.compile()
    except (cupy.cuda.compiler.CompileException, ImportError, OSError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0][:200]
        raise UserError(
            f'CuPy could not compile the correlation kernel "cuda" ({reason}): install CUDA 12\'s nvrtc '
            '(nvidia-cuda-nvrtc-cu12), or choose correlation="pure".'
        ) from error


def correlation(first: Tensor, second: Tensor) -> Tensor:
    """(B, C, h, w) twice -> (B, 81, h, w), as defined by `kernels.correlation.reference`; float32 on one CUDA device.

    Differentiable once in both maps. TypeError for another type or device, ValueError for unlike shapes.
    """
    for one in (first, second):
        if one.dtype != torch.float32 or one.device.type != "cuda" or one.device != first.device:
            raise TypeError(
                f'the kernel "cuda" takes float32 on one CUDA device, not {one.dtype} on {one.device}: use "pure"'
            )
    require_alike(first.shape, second.shape)
    return Correlation.apply(first, second)


class Correlation(torch.autograd.Function):
    """Forward and both gradients, each one launch."""

    @staticmethod
    def forward(ctx: FunctionCtx, first: Tensor, second: Tensor) -> Tensor:
        """Without the checks of `correlation`."""
        first, second = first.contiguous(), second.contiguous()
        ctx.save_for_backward(first, second)
        out = first.new_empty(first.shape[0], CHANNELS, *first.shape[2:])
        return _call("correlation_forward", first, second, out, first.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """The gradients that are asked for."""
        first, second = ctx.saved_tensors
        gradient = gradient.contiguous()
        return (
            _call("correlation_backward_first", gradient, second, torch.empty_like(first), first.shape)
            if ctx.needs_input_grad[0]
            else None,
            _call("correlation_backward_second", gradient, first, torch.empty_like(second), first.shape)
            if ctx.needs_input_grad[1]
            else None,
        )


def _call(kernel: cuda.Kernel, one: Tensor, two: Tensor, out: Tensor, shape: torch.Size) -> Tensor:
    grid, block = cuda.launch(kernel, tuple(shape))
    arguments = (one.data_ptr(), two.data_ptr(), out.data_ptr(), *(np.int32(size) for size in shape[1:]))
    # PyTorch's stream of this moment: the work that makes the maps may still be waiting on it.
    stream = torch.cuda.current_stream(one.device).cuda_stream
    with cupy.cuda.Device(one.device.index), cupy.cuda.ExternalStream(stream):
        kernels()[kernel](grid, block, arguments)
    return out
