"""What is tried, and which trials are set against each other."""

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import MethodType
from typing import Literal

from torch import Tensor, nn

from vsrlib.claims.ablation.table import SIDES
from vsrlib.common.errors import UserError
from vsrlib.networks import torch_ops as ops
from vsrlib.networks.architecture import LEVELS, MASK_THRESHOLD, WARP_SCALE
from vsrlib.networks.network import Network

GAUSSIAN, REALISTIC = "Gaussian", "Realistic"
CONTROL = " (trained with align_corners=False)"


CHANGED_DEFAULT = ("feature warp", "flow warp", "masks")
"""What PyTorch 1.3 changed: the earlier PyTorch side."""
JITTOR_FAULTS = ("dilations", "flow mask")
"""What the port lost: the earlier Jittor side."""


BOTH = (*CHANGED_DEFAULT, *JITTOR_FAULTS)
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
"""Name -> what is changed. "no neighbours" is a change of the window, which `vsrlib.claims.ablation.cases` makes."""


@dataclass(frozen=True)
class Trial:
    """Weights (by the blur that they were trained for, perhaps with CONTROL), what is changed, and which LR frames."""

    weights: str
    factors: tuple[str, ...]
    frames: str


@dataclass(frozen=True)
class Contrast:
    """PSNR of one trial minus that of another, frame by frame. `group` is the part of the table it stands in."""

    group: str
    name: str
    one: Trial
    other: Trial


def contrasts(weights: set[str], frames: set[str]) -> list[Contrast]:
    """Every contrast whose weights and LR frames are at hand."""
    found = []
    for blur in (GAUSSIAN, REALISTIC):
        right = Trial(blur, (), blur)
        single = [((name,), f"{words}") for name, words in FACTORS.items()]
        joint = [
            (CHANGED_DEFAULT, "the changed default: all three readings of the grids at once"),
            (JITTOR_FAULTS, "the earlier Jittor side: neither dilations nor the flow network's mask"),
            (BOTH, "all of these at once"),
        ]
        found += [
            Contrast(f"{blur} weights and frames", words, Trial(blur, factors, blur), right)
            for factors, words in (*single, *joint)
        ]
        control = blur + CONTROL
        found.append(
            Contrast(
                "the control",
                f"{blur} weights trained with False: evaluated with False minus with True",
                Trial(control, CHANGED_DEFAULT, blur),
                Trial(control, (), blur),
            )
        )
    found += _frames(frames) + _sides(frames)
    return [
        one
        for one in found
        if all(trial.weights in weights and trial.frames in frames for trial in (one.one, one.other))
    ]


def _frames(frames: set[str]) -> list[Contrast]:
    group = "which frames and which weights"
    right = Trial(REALISTIC, (), REALISTIC)
    draws = sorted(name for name in frames if name.startswith(REALISTIC) and name != REALISTIC)
    return [
        Contrast(
            group, "Gaussian instead of realistic frames, realistic weights", Trial(REALISTIC, (), GAUSSIAN), right
        ),
        Contrast(
            group,
            "Gaussian instead of realistic frames, Gaussian weights",
            Trial(GAUSSIAN, (), GAUSSIAN),
            Trial(GAUSSIAN, (), REALISTIC),
        ),
        Contrast(
            group, "Gaussian instead of realistic weights, realistic frames", Trial(GAUSSIAN, (), REALISTIC), right
        ),
        Contrast(group, "Gaussian frames and weights instead of realistic ones", Trial(GAUSSIAN, (), GAUSSIAN), right),
        *(
            Contrast(
                group,
                f"another draw of the realistic kernels ({draw.rpartition(', ')[2]})",
                Trial(REALISTIC, (), draw),
                right,
            )
            for draw in draws
        ),
    ]


def _sides(frames: set[str]) -> list[Contrast]:
    """The earlier Jittor side minus the earlier PyTorch side, by what each may have been given."""
    torch_side = Trial(REALISTIC, CHANGED_DEFAULT, REALISTIC)
    given = {
        "same weights, same frames": Trial(REALISTIC, JITTOR_FAULTS, REALISTIC),
        "Jittor given Gaussian weights": Trial(GAUSSIAN, JITTOR_FAULTS, REALISTIC),
        "Jittor given Gaussian frames": Trial(REALISTIC, JITTOR_FAULTS, GAUSSIAN),
        "Jittor given Gaussian weights and frames": Trial(GAUSSIAN, JITTOR_FAULTS, GAUSSIAN),
    }
    for draw in sorted(name for name in frames if name.startswith(f"{REALISTIC},")):
        given[f"Jittor given another draw of the realistic kernels ({draw.rpartition(', ')[2]})"] = Trial(
            REALISTIC, JITTOR_FAULTS, draw
        )
    return [Contrast(SIDES, name, trial, torch_side) for name, trial in given.items()]


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
    warp = _warp(
        "border", "feature warp" not in factors, "masks" not in factors, "feature mask" not in factors, ops.at_least
    )
    module.warp = MethodType(warp, module)
    inner = _warp("zeros", "flow warp" not in factors, "masks" not in factors, "flow mask" not in factors, ops.above)
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
    padding: Literal["zeros", "border"],
    align: bool,
    mask_align: bool,
    masked: bool,
    seen: Callable[[Tensor, float], Tensor],
) -> Callable[..., tuple[Tensor, Tensor]]:
    # What SelfBlindVSR.warp and Decoder.warp do, with each of the choices by itself.
    def warp(self: nn.Module, x: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        sampled = ops.sample(x, flow, padding, align)
        mask = seen(ops.sample(ops.ones(x), flow, "zeros", mask_align), MASK_THRESHOLD)
        return (sampled * mask if masked else sampled), mask

    return warp
