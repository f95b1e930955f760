"""Correlation volume in PyTorch on a CUDA device: `correlation.cu`, compiled and launched by CuPy."""

import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vsrlib.common.errors import UserError
from vsrlib.kernels import correlation as definition
from vsrlib.kernels.torch_cpp import Operation

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
    module = cupy.RawModule(code=definition.cuda_source(), options=("--std=c++14",))
    return {name: module.get_function(name) for name in definition.CUDA_KERNELS}


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
    definition.require_alike(first.shape, second.shape)
    return unchecked(first, second)


def unchecked(first: Tensor, second: Tensor) -> Tensor:
    """As `correlation`, without its checks."""
    size = (first.shape[0], definition.CHANNELS, *first.shape[2:])
    return Operation.apply(first, second, size, functools.partial(_run, tuple(first.shape)))


def _run(shape: tuple[int, int, int, int], name: str, one: Tensor, two: Tensor, out: Tensor) -> Tensor:
    kernel: Any = f"correlation_{name}"
    grid, block = definition.cuda_launch(kernel, shape)
    arguments = (one.data_ptr(), two.data_ptr(), out.data_ptr(), *(np.int32(size) for size in shape[1:]))
    # PyTorch's stream of this moment: the work that makes the maps may still be waiting on it.
    stream = torch.cuda.current_stream(one.device).cuda_stream
    with cupy.cuda.Device(one.device.index), cupy.cuda.ExternalStream(stream):
        kernels()[kernel](grid, block, arguments)
    return out
