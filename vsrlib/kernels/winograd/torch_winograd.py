"""Winograd convolutions in PyTorch. Twin: `jittor_winograd.py`."""

import ctypes
import functools

import torch
from torch import Tensor

from vsrlib.kernels import native
from vsrlib.kernels.winograd import source

_FUNCTIONS = """
extern "C" void convolve(const float* in, const float* weight, const float* bias, const float* residual, float* out,
                         int height, int width, int inputs, int outputs, int relu, int threads) {
    winograd::convolve(in, weight, bias, residual, out, height, width, inputs, outputs, relu, threads);
}
"""


@functools.cache
def _library() -> ctypes.CDLL:
    loaded = native.load(source() + _FUNCTIONS, 'the convolution "winograd"', 'convolution="framework"')
    loaded.convolve.argtypes = [ctypes.c_void_p] * 5 + [ctypes.c_int] * 6
    loaded.convolve.restype = None
    return loaded


def channels_last(x: Tensor) -> Tensor:
    """(1, C, h, w) -> (h, w, C)."""
    return x[0].permute(1, 2, 0).contiguous()


def channels_first(x: Tensor) -> Tensor:
    """(h, w, C) -> (1, C, h, w)."""
    return x.permute(2, 0, 1).contiguous()[None]


def convolve(x: Tensor, weight: Tensor, bias: Tensor, residual: Tensor | None = None, relu: bool = False) -> Tensor:
    """x (h, w, C), weight (36, C, D) as `transformed`, bias (D,) -> (h, w, D), plus `residual`, then ReLU if asked.

    `residual` is used up: the result may lie in its memory.
    """
    height, width, inputs = x.shape
    out = x.new_empty(height, width, weight.shape[2]) if residual is None else residual
    _library().convolve(
        x.data_ptr(),
        weight.data_ptr(),
        bias.data_ptr(),
        None if residual is None else residual.data_ptr(),
        out.data_ptr(),
        height,
        width,
        inputs,
        weight.shape[2],
        relu,
        torch.get_num_threads(),
    )
    return out
