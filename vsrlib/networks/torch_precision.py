"""Lower precisions than float32, in PyTorch: where is rounded, and where is not.

In bfloat16 the convolutions that reconstruct are computed, which are most of the work, of a training step and of a
restored frame; what they round is averaged over thousands of values. Flow, kernels, warps and losses stay float32: of a
position in a frame 100 pixels wide bfloat16 keeps half a pixel, and on a CPU its gradients of warps and of repeated
borders stop growing at 256 equal parts. TF32 is what NVIDIA's units for products read a float32 as, 10 bits of its
mantissa; positions, sums and all else stay as they are, so it is allowed in all products.
"""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from vsrlib.common.errors import UserError
from vsrlib.common.names import FLOAT32, TF32

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


def allow_tf32(device: str) -> None:
    """From now on this process multiplies in TF32. UserError for a device that is no GPU: no other has such units."""
    if device != "cuda":
        raise UserError(
            f"precision is {TF32} and the network runs on the device {device}, which has no such numbers; give "
            f"{FLOAT32}, or --device cuda where there is an NVIDIA GPU."
        )
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True


def in_bfloat16(compute: Callable[[Any], Tensor], x: Any) -> Tensor:
    """What `compute` makes of x, a tensor or several, with its convolutions in bfloat16; float32 again."""
    first = x if isinstance(x, Tensor) else x[0]
    with torch.autocast(first.device.type, torch.bfloat16):
        return compute(x).float()


def channels_last(x: Tensor) -> Tensor:
    """In the order that convolutions in bfloat16 take; others are copied by each."""
    return x.contiguous(memory_format=torch.channels_last)


def _in_bfloat16(forward: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    return in_bfloat16(forward, channels_last(x)) if torch.is_grad_enabled() else forward(x)
