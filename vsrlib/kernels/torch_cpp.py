"""The C++ kernels in PyTorch on the CPU: correlation, blur and Winograd convolutions. Twin: `jittor_cpp.py`.

Compiled on first use and called through ctypes on float32 tensors.
"""

import ctypes
import functools
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from vsrlib.kernels import blur, libraries, winograd
from vsrlib.kernels import correlation as definition

Run = Callable[[str, Tensor, Tensor, Tensor], Tensor]


def prepare() -> None:
    """Compile and load the correlation now; some seconds, once on a machine. UserError when it cannot be compiled."""
    libraries.correlation()


def prepare_blur_down(size: int, scale: int) -> None:
    """As `prepare`, for blur kernels of size x size and a decimation by `scale`."""
    libraries.blur_down(size, scale)


def prepare_convolve() -> None:
    """As `prepare`, for the convolutions."""
    libraries.convolutions()


def correlation(first: Tensor, second: Tensor) -> Tensor:
    """(B, C, h, w) twice -> (B, 81, h, w), as defined by `vsrlib.kernels.correlation.reference`; float32 on the CPU.

    Differentiable once in both maps. TypeError for another type or device, ValueError for unlike shapes.
    """
    _require_float32('the kernel "cpp"', ': use "pure"', first, second)
    definition.require_alike(first.shape, second.shape)
    size = (first.shape[0], definition.CHANNELS, *first.shape[2:])
    return Operation.apply(first, second, size, functools.partial(_run, libraries.correlation(), first.shape))


def blur_down(x: Tensor, kernel: Tensor, scale: int) -> Tensor:
    """As `torch_ops.blur_down`; float32 on the CPU. Differentiable once in both.

    TypeError for another type or device, ValueError for shapes that do not fit.
    """
    _require_float32('the blur "cpp"', "", x, kernel)
    blur.require_fitting(x.shape, kernel.shape)
    size = (*x.shape[:2], *(-(-side // scale) for side in x.shape[2:]))
    return Operation.apply(
        x, kernel, size, functools.partial(_run, libraries.blur_down(kernel.shape[2], scale), x.shape)
    )


def channels_last(x: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, h, w, C), with channels of zeros after them up to a multiple of `winograd.LANES`."""
    missing = -x.shape[1] % winograd.LANES
    last = x.permute(0, 2, 3, 1)
    return F.pad(last, (0, missing)).contiguous() if missing else last.contiguous()


def channels_last_of(conv: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """`channels_last` of conv(x). oneDNN computes in the order in which x lies, and three channels faster as pixels."""
    return channels_last(conv(x.contiguous(memory_format=torch.channels_last)))


def channels_first(x: Tensor, channels: int | None = None) -> Tensor:
    """(B, h, w, C) -> (B, C, h, w), or the first `channels` of them."""
    return x[..., :channels].permute(0, 3, 1, 2).contiguous()


def convolve(
    parts: Sequence[Tensor],
    weight: Tensor,
    bias: Tensor,
    residual: Tensor | None = None,
    slope: float = winograd.LINEAR,
    dilation: int = 1,
) -> Tensor:
    """A 3x3 convolution of `parts`, (B, h, w, C) each, together C channels -> (B, h, w, D); plus `residual`, activated.

    weight as `winograd.transformed`; bias (D,); slope: what values below zero are multiplied by. `residual` is used up:
    the result may lie in its memory. Without gradients.
    """
    parts = [part.contiguous() for part in parts]
    images, height, width, _ = parts[0].shape
    outputs = bias.shape[0]
    out = parts[0].new_empty(images, height, width, outputs) if residual is None else residual
    libraries.convolutions().convolve(
        (ctypes.c_void_p * len(parts))(*(part.data_ptr() for part in parts)),
        (ctypes.c_int * len(parts))(*(part.shape[3] for part in parts)),
        weight.data_ptr(),
        bias.data_ptr(),
        None if residual is None else residual.data_ptr(),
        out.data_ptr(),
        *(len(parts), images, height, width, outputs, dilation, torch.get_num_threads(), slope),
    )
    return out


def warp(x: Tensor, flow: Tensor, mask: Tensor, align_corners: bool) -> Tensor:
    """x (B, h, w, C) where flow (B, 2, h, w) points, borders repeated, times mask (B, 1, h, w). Without gradients."""
    out, flow, mask = torch.empty_like(x), flow.contiguous(), mask.contiguous()
    libraries.convolutions().warp_forward(
        *(one.data_ptr() for one in (x, flow, mask, out)), *x.shape, align_corners, torch.get_num_threads()
    )
    return out


class Operation(torch.autograd.Function):
    """An operation of two tensors that is compiled, and its gradients for both.

    Called with the tensors, the result's size, and `run(NAME, one, two, out)`, which fills `out` and returns it. NAME
    is "forward" of the two tensors; "backward_first" of the result's gradient and the second; "backward_second" of the
    result's gradient and the first. All are contiguous.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, first: Tensor, second: Tensor, size: tuple[int, ...], run: Run) -> Tensor:
        first, second = first.contiguous(), second.contiguous()
        ctx.save_for_backward(first, second)
        ctx.run = run
        return run("forward", first, second, first.new_empty(size))

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        """The gradients that are asked for."""
        first, second = ctx.saved_tensors
        gradient, (for_first, for_second, *_) = gradient.contiguous(), ctx.needs_input_grad
        return (
            ctx.run("backward_first", gradient, second, torch.empty_like(first)) if for_first else None,
            ctx.run("backward_second", gradient, first, torch.empty_like(second)) if for_second else None,
            None,
            None,
        )


def _run(library: ctypes.CDLL, shape: torch.Size, name: str, one: Tensor, two: Tensor, out: Tensor) -> Tensor:
    # The number of threads is said outright: PyTorch sets OpenMP's own only in threads that it has computed in.
    getattr(library, name)(one.data_ptr(), two.data_ptr(), out.data_ptr(), *shape, torch.get_num_threads())
    return out


def _require_float32(what: str, instead: str, *tensors: Tensor) -> None:
    for one in tensors:
        if one.dtype != torch.float32 or one.device.type != "cpu":
            raise TypeError(f"{what} takes float32 on the CPU, not {one.dtype} on {one.device}{instead}")
