"""The losses of the flow network's training, written once for both frameworks, and what they compare with, in numpy.

`ops` is `vsrlib.networks.torch_ops` or `jittor_ops`; tensors are its framework's; `network` is the PWCNet.
"""

from types import ModuleType
from typing import Any

import numpy as np

from vsrlib.kernels.correlation import SEARCH_RANGE
from vsrlib.networks.architecture import FLOW_SCALE, LEVELS
from vsrlib.networks.losses import require_same_shape
from vsrlib.networks.network import Network

Tensor = Any
MATCHED_LEVELS = (2, 3, 4)
"""The pyramid levels that are trained as matchers; above, a patch has too few pixels."""
LEVEL_WEIGHTS = {6: 0.25, 5: 0.25, 4: 0.25, 3: 0.5, 2: 1.0}
"""PWC-Net's (Sun et al., CVPR 2018, section 4), for means over a level's pixels in place of sums, and 1 at level 2."""
_TINY = 1e-8
_SIDE = 2 * SEARCH_RANGE + 1


def step_losses(
    model: Network, batch: dict[str, np.ndarray], temperatures: Tensor, match_weight: float | None
) -> dict[str, Tensor]:
    """The losses of a batch: `match` (mean of levels 2 to 4), `epe_2` to `epe_6` (pixels) and their `total`.

    `batch` is that of `vsrlib.training.flow.batches`; temperatures (3,). `match_weight` None: the matching alone;
    otherwise the end-point errors with that much of the matching beside.
    """
    ops, flow_net = model.backend.ops, model.module.flow_net
    first, second = (flow_net.pyramid(model.tensor(batch[name])) for name in ("first", "second"))
    parts = []
    for index, level in enumerate(MATCHED_LEVELS):
        target, weight = (model.tensor(part) for part in matching_target(batch["flow"], batch["visible"], level))
        temperature = temperatures[index : index + 1]
        parts.append(
            matching_loss(first[level], second[level], target, weight, temperature, flow_net.moduleNetwork, ops)
        )
    match = sum(parts[1:], parts[0]) / len(parts)
    if match_weight is None:
        return {"match": match, "total": match * 1}
    errors = endpoint_errors(model, batch["flow"], first, second)
    return {"match": match, **errors, "total": match * match_weight + weighted(errors)}


def endpoint_errors(
    model: Network, truth: np.ndarray, first: dict[int, Tensor], second: dict[int, Tensor]
) -> dict[str, Tensor]:
    """`epe_6` to `epe_2`, in pixels, of the flow between two batches of pyramids; truth (B, 2, h, w)."""
    ops, flows = model.backend.ops, flows_by_level(model.module.flow_net.moduleNetwork, first, second)
    return {
        f"epe_{level}": endpoint_error(flow, model.tensor(level_flow(truth, level)), ops)
        for level, flow in flows.items()
    }


def weighted(errors: dict[str, Tensor]) -> Tensor:
    """The sum of `endpoint_errors` by LEVEL_WEIGHTS, the coarsest first."""
    first, *rest = (errors[f"epe_{level}"] * LEVEL_WEIGHTS[level] for level in sorted(LEVELS, reverse=True))
    return sum(rest, first)


def matching_loss(
    first: Tensor, second: Tensor, target: Tensor, weight: Tensor, temperature: Tensor, network: Any, ops: ModuleType
) -> Tensor:
    """Cross-entropy, in nats, of the softmax over the 81 displacements of two feature maps against the true one.

    first, second (B, C, h, w); target (B, 81, h, w) and weight (B, h, w) of `matching_target`. The logits are the
    cosines of the features times `temperature` (1,), which is learned.
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
    """Mean Euclidean distance of two flows (B, 2, h, w), in their unit; no gradient where it is below 1e-4.

    ValueError for different shapes.
    """
    require_same_shape(flow, truth)
    difference = flow - truth
    return ops.mean(ops.floored((difference * difference).sum(1), _TINY).sqrt())


def level_flow(flow: np.ndarray, level: int) -> np.ndarray:
    """Flow (B, 2, h, w) -> its means over blocks of 2^level pixels a side, still in pixels of the frame.

    h and w are multiples of 2^level (ValueError otherwise).
    """
    return _blocks(flow, level).mean(axis=(3, 5))


def matching_target(flow: np.ndarray, visible: np.ndarray, level: int) -> tuple[np.ndarray, np.ndarray]:
    """Which of the 81 displacements is right at each pixel of a level, and how much that pixel counts.

    flow (B, 2, h, w), visible (B, h, w) -> target (B, 81, h', w') float32, the correlation's channels, and weight
    (B, h', w') float32 with mean 1 (all 0 where nothing counts). The displacement is split bilinearly over its four
    neighbours. A pixel counts where its whole block is visible and moves as one (to half a pixel of the level), by no
    more than the search range, to a place inside the frame.
    """
    blocks = _blocks(flow, level) / 2**level
    seen = _blocks(visible[:, None], level).all(axis=(3, 5))[:, 0]
    together = (blocks.max(axis=(3, 5)) - blocks.min(axis=(3, 5)) <= 0.5).all(axis=1)
    moved = blocks.mean(axis=(3, 5))
    height, width = moved.shape[2:]
    x, y = np.arange(width) + moved[:, 0], np.arange(height)[:, None] + moved[:, 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    counts = seen & together & inside & (np.abs(moved) <= SEARCH_RANGE).all(axis=1)
    start = np.clip(np.floor(moved), -SEARCH_RANGE, SEARCH_RANGE - 1).astype(int)
    part = np.clip(moved - start, 0, 1)
    target = np.zeros((len(flow), _SIDE**2, height, width), np.float32)
    sample, row, column = np.ogrid[: len(flow), :height, :width]
    for down in (0, 1):
        for right in (0, 1):
            channel = (start[:, 1] + down + SEARCH_RANGE) * _SIDE + start[:, 0] + right + SEARCH_RANGE
            share = (part[:, 1] if down else 1 - part[:, 1]) * (part[:, 0] if right else 1 - part[:, 0])
            target[sample, channel, row, column] += share
    return target, (counts / max(counts.mean(), 1e-9)).astype(np.float32)


def _unit(features: Tensor, ops: ModuleType) -> Tensor:
    length = ops.floored((features * features).sum(1), _TINY**2).sqrt()
    return features / length.unsqueeze(1)


def _blocks(values: np.ndarray, level: int) -> np.ndarray:
    batch, channels, height, width = values.shape
    side = 2**level
    return values.reshape(batch, channels, height // side, side, width // side, side)
