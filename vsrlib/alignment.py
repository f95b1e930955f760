"""The flows from a window's centre to its neighbours as one batch, from pyramids that were computed once a frame."""

from types import ModuleType
from typing import Any

Pyramid = dict[int, Any]


def flows_from(
    centre: Pyramid, others: list[Pyramid], flow_net: Any, ops: ModuleType, size: tuple[int, int]
) -> list[Any]:
    """The flow from `centre` to each of `others`, (B, 2, h, w) each, for frames of `size` (height, width)."""
    repeated = {level: ops.concat([value] * len(others), 0) for level, value in centre.items()}
    batch = {level: ops.concat([other[level] for other in others], 0) for level in centre}
    flows, count = flow_net.between(repeated, batch, size), centre[1].shape[0]
    return [flows[i * count : (i + 1) * count] for i in range(len(others))]
