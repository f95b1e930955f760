"""Correlation volume in PyTorch, from tensor operations alone: any device, any type, differentiable."""

import torch
import torch.nn.functional as F
from torch import Tensor

from vsrlib.kernels.correlation import SEARCH_RANGE

_BLOCK = 16  # pixels of a row that are multiplied at once
_SIDE = 2 * SEARCH_RANGE + 1
_REACH = _BLOCK + 2 * SEARCH_RANGE


def correlation(first: Tensor, second: Tensor) -> Tensor:
    """(B, C, h, w) twice -> (B, 81, h, w), as defined by `vsrlib.kernels.correlation.reference`.

    For each vertical displacement, every block of a row times everything in its reach is one small matrix product;
    the displacements are the band beside its diagonal. Products outside the band are wasted, and it is still several
    times as fast as one multiplication for each displacement.
    """
    batch, channels, height, width = first.shape
    blocks = -(-width // _BLOCK)
    spare = blocks * _BLOCK - width
    rows = F.pad(first / channels, [0, spare]).unfold(3, _BLOCK, _BLOCK)
    padded = F.pad(second, [SEARCH_RANGE, SEARCH_RANGE + spare, SEARCH_RANGE, SEARCH_RANGE])
    reach = padded.unfold(3, _REACH, _BLOCK)
    # (B, C, h, blocks, n) -> (B, h, blocks, C, n): the channels are summed over.
    rows, reach = (x.permute(0, 2, 3, 1, 4).contiguous() for x in (rows, reach))
    rows = rows.reshape(-1, channels, _BLOCK).transpose(1, 2)
    bands = [_band(rows @ reach[:, dy : dy + height].reshape(-1, channels, _REACH)) for dy in range(_SIDE)]
    bands = [band.reshape(batch, height, blocks * _BLOCK, _SIDE)[:, :, :width].permute(0, 3, 1, 2) for band in bands]
    return torch.stack(bands, dim=1).reshape(batch, _SIDE**2, height, width)


def _band(products: Tensor) -> Tensor:
    """(n, _BLOCK, _REACH) -> (n, _BLOCK, 9): row x's columns x to x + 8."""
    size = (len(products), _BLOCK, _SIDE)
    return products.contiguous().as_strided(size, (_BLOCK * _REACH, _REACH + 1, 1))
