"""The suspects that lie in the network: each is one change of the right network, made to a copy of it."""

import copy
from collections.abc import Callable, Iterable
from types import MethodType
from typing import Literal

from torch import Tensor, nn

from vsrlib.architecture import LEVELS, MASK_THRESHOLD, WARP_SCALE
from vsrlib.errors import UserError
from vsrlib.networks import torch_ops as ops
from vsrlib.networks.interface import Network

NO_NEIGHBOURS = "no neighbours"
FACTORS = {
    "feature warp": "the feature warp reads its grid with align_corners=False",
    "flow warp": "the flow network's warps read their grids with align_corners=False",
    "masks": "the masks of both warps are sampled with align_corners=False",
    "dilations": "the flow refiner's convolutions have no dilation",
    "flow mask": "the flow network's warps are not masked",
    "feature mask": "the feature warp is not masked",
    "no flow": "every flow is zero, so that neighbours are not aligned at all",
    NO_NEIGHBOURS: "the centre frame stands in for all five, so that there are no neighbours at all",
}
"""Name -> what is changed. "no neighbours" is a change of the window, which `vsrlib.ablation.evaluation` makes."""

CHANGED_DEFAULT = ("feature warp", "flow warp", "masks")
"""What PyTorch 1.3 changed: the earlier PyTorch side."""
JITTOR_FAULTS = ("dilations", "flow mask")
"""What the port lost: the earlier Jittor side."""


def altered(network: Network, factors: Iterable[str]) -> Network:
    """A copy of a PyTorch network with these factors changed; "the right network" is `altered(network, ())`.

    The right network is what `align_corners=True` gives, whatever the weights note.
    """
    factors = frozenset(factors)
    if factors - FACTORS.keys():
        raise ValueError(f"unknown factors: {sorted(factors - FACTORS.keys())}")
    if network.framework != "torch":
        raise UserError("The factors are changed in PyTorch; load the network with framework torch.")
    changed = copy.copy(network)
    changed.module = module = copy.deepcopy(network.module)
    warp = _warp("border", "feature warp" not in factors, "masks" not in factors, "feature mask" not in factors)
    module.warp = MethodType(warp, module)
    inner = _warp("zeros", "flow warp" not in factors, "masks" not in factors, "flow mask" not in factors)
    decoders = module.flow_net.moduleNetwork
    for level in WARP_SCALE:
        decoder = getattr(decoders, f"module{LEVELS[level]}")
        decoder.warp = MethodType(lambda self, x, flow: inner(self, x, flow)[0], decoder)
    if "dilations" in factors:
        for layer in decoders.moduleRefiner.modules():
            if isinstance(layer, nn.Conv2d):
                layer.dilation, layer.padding = (1, 1), (1, 1)
    if "no flow" in factors:
        still = module.flow_net.between
        module.flow_net.between = lambda first, second, size: 0 * still(first, second, size)
    return changed


def _warp(
    padding: Literal["zeros", "border"], align: bool, mask_align: bool, masked: bool
) -> Callable[..., tuple[Tensor, Tensor]]:
    # What SelfBlindVSR.warp and Decoder.warp do, with each of the choices by itself.
    def warp(self: nn.Module, x: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        sampled = ops.sample(x, flow, padding, align)
        mask = ops.at_least(ops.sample(ops.ones(x), flow, "zeros", mask_align), MASK_THRESHOLD)
        return (sampled * mask if masked else sampled), mask

    return warp
