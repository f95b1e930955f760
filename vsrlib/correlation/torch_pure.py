"""Correlation volume in PyTorch, from tensor operations alone: any device, any type, differentiable."""

import torch
import torch.nn.functional as F
from torch import Tensor

from vsrlib.architecture import SEARCH_RANGE


def correlation(first: Tensor, second: Tensor) -> Tensor:
    """(B, C, h, w) twice -> (B, 81, h, w), as defined by `vsrlib.correlation.reference`."""
    height, width = first.shape[2:]
    padded = F.pad(second, [SEARCH_RANGE] * 4)
    shifts = range(2 * SEARCH_RANGE + 1)
    return torch.stack([(first * padded[:, :, dy:dy + height, dx:dx + width]).mean(dim=1)
                        for dy in shifts for dx in shifts], dim=1)
