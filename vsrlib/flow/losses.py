"""The losses of the flow network's training, written once for both frameworks.

`ops` is `vsrlib.networks.torch_ops` or `jittor_ops`; tensors are its framework's; `network` is the PWCNet.
"""

from types import ModuleType
from typing import Any

import numpy as np

from vsrlib.architecture import FLOW_SCALE, LEVELS
from vsrlib.flow.targets import level_flow, matching_target
from vsrlib.networks.interface import Network

Tensor = Any
MATCHED_LEVELS = (2, 3, 4)
"""The pyramid levels that are trained as matchers; above, a patch has too few pixels."""
LEVEL_WEIGHTS = {6: 0.25, 5: 0.25, 4: 0.25, 3: 0.5, 2: 1.0}
"""PWC-Net's (Sun et al., CVPR 2018, section 4), for means over a level's pixels in place of sums, and 1 at level 2."""
_TINY = 1e-8


def step_losses(
    model: Network, batch: dict[str, np.ndarray], temperatures: Tensor, match_weight: float | None
) -> dict[str, Tensor]:
    """The losses of a batch: `match` (mean of levels 2 to 4), `epe_2` to `epe_6` (pixels) and their `total`.

    `batch` is that of `vsrlib.flow.batches`; temperatures (3,). `match_weight` None: the matching alone; otherwise the
    end-point errors with that much of the matching beside.
    """
    ops, flow_net = model.backend.ops, model.module.flow_net
    first, second = (flow_net.pyramid(model.tensor(batch[name])) for name in ("first", "second"))
    parts = []
    for index, level in enumerate(MATCHED_LEVELS):
        target, weight = (model.tensor(part) for part in matching_target(batch["flow"], batch["visible"], level))
        parts.append(
            matching_loss(
                first[level],
                second[level],
                target,
                weight,
                temperatures[index : index + 1],
                flow_net.moduleNetwork,
                ops,
            )
        )
    match = sum(parts[1:], parts[0]) / len(parts)
    if match_weight is None:
        return {"match": match, "total": match * 1}
    flows, total, errors = flows_by_level(flow_net.moduleNetwork, first, second), match * match_weight, {}
    for level, flow in flows.items():
        errors[f"epe_{level}"] = endpoint_error(flow, model.tensor(level_flow(batch["flow"], level)), ops)
        total = total + errors[f"epe_{level}"] * LEVEL_WEIGHTS[level]
    return {"match": match, **errors, "total": total}


def matching_loss(
    first: Tensor, second: Tensor, target: Tensor, weight: Tensor, temperature: Tensor, network: Any, ops: ModuleType
) -> Tensor:
    """Cross-entropy, in nats, of the softmax over the 81 displacements of two feature maps against the true one.

    first, second (B, C, h, w); target (B, 81, h, w) and weight (B, h, w) of `vsrlib.flow.targets.matching_target`.
    The logits are the cosines of the features times `temperature` (1,), which is learned.
    """
    cosine = network.moduleTwo.correlation(_unit(first, ops), _unit(second, ops)) * first.shape[1]
    # A cosine is 1 at most, so no exponential exceeds 1.
    spread = ops.floored((temperature * cosine - temperature).exp().sum(1), 1e-30).log() + temperature
    return ops.mean((spread - (temperature * cosine * target).sum(1)) * weight)


def flows_by_level(network: Any, first: dict[int, Tensor], second: dict[int, Tensor]) -> dict[int, Tensor]:
    """What PWCNet computes, level by level: {6: (B, 2, h/64, w/64), ..., 2: (B, 2, h/4, w/4)}, in pixels of the frame.

    Level 2 is the network's output, refined.
    """
    flows: dict[int, Tensor] = {}
    coarser: Any = None
    for level in sorted(LEVELS, reverse=True):
        coarser = getattr(network, f"module{LEVELS[level]}")(first[level], second[level], coarser)
        flows[level] = coarser[0]
    flows[2] = flows[2] + network.moduleRefiner(coarser[1])
    return {level: flow * FLOW_SCALE for level, flow in flows.items()}


def endpoint_error(flow: Tensor, truth: Tensor, ops: ModuleType) -> Tensor:
    """Mean Euclidean distance of two flows (B, 2, h, w), in their unit; no gradient where it is below 1e-4."""
    difference = flow - truth
    return ops.mean(ops.floored((difference * difference).sum(1), _TINY).sqrt())


def _unit(features: Tensor, ops: ModuleType) -> Tensor:
    length = ops.floored((features * features).sum(1), _TINY**2).sqrt()
    return features / length.unsqueeze(1)
