"""A training step in bfloat16, in PyTorch: where it is rounded, and where it is not.

The convolutions that reconstruct are most of a step's work, and what they round is averaged over thousands of pixels.
Flow, kernels, warps and losses stay float32: of a position in a frame 100 pixels wide bfloat16 keeps half a pixel, and
on a CPU its gradients of warps and of repeated borders stop growing at 256 equal parts.
"""

import functools
from collections.abc import Callable

import torch
from torch import Tensor, nn

PARTS = ("in_conv", "extra_feat", "fusion_conv", "recons_net", "upsample_layers", "out_conv")
"""The parts of `torch_net.SelfBlindVSR` that reconstruct."""


def reconstruct_in_bfloat16(module: nn.Module) -> None:
    """From now on the parts that reconstruct compute in bfloat16 where gradients are asked for, and return float32.

    module: a `torch_net.SelfBlindVSR`. Its weights, their gradients, and everything without gradients, so every
    validation, stay float32.
    """
    for name in PARTS:
        part = module.get_submodule(name)
        part.forward = functools.partial(_in_bfloat16, part.forward)


def _in_bfloat16(forward: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    if not torch.is_grad_enabled():
        return forward(x)
    x = x.contiguous(memory_format=torch.channels_last)  # the order that these convolutions take; others are copied
    with torch.autocast(x.device.type, torch.bfloat16):
        return forward(x).float()
