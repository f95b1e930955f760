"""The streaming engine in bfloat16, in PyTorch: for GPUs, and for processors with AMX."""

from collections.abc import Iterable
from typing import Any

from vsrlib.networks.fast import FrameworkBlocks
from vsrlib.networks.network import Network
from vsrlib.networks.torch_precision import channels_last, in_bfloat16
from vsrlib.restoration.batched import Batched


class InBfloat16(Batched):
    """Features, fusion, residual blocks and tail are rounded; pyramids, flows, warps and what is added to are not."""

    def __init__(self, network: Network, tile: int) -> None:
        super().__init__(network, tile=tile)
        tail = self._tail
        self._blocks = _Blocks(network, network.state())
        self._tail = lambda x: in_bfloat16(tail, x)


class _Blocks(FrameworkBlocks):
    """By the framework's convolutions, each part of them in bfloat16; what they return is float32."""

    def features(self, frames: Any) -> Any:
        return in_bfloat16(super().features, channels_last(frames))

    def fuse(self, aligned: Iterable[Any]) -> Any:
        # All are aligned before the first is rounded: flow and warps are computed as they come out of `aligned`.
        return in_bfloat16(super().fuse, [channels_last(one) for one in aligned])
