"""The two reconstructions of a training step, with what belongs to one frame computed once.

The network's own `reconstruct` is the published formulation: features and pyramids anew for every pair, every stage of
the upsampling tail. Here the four flows are one batch, and where no gradients flow the tail is one convolution and the
residual blocks are Winograd's where those can be had. Sums are taken in another order, and nothing else differs.
"""

from typing import Any

from vsrlib import convolution
from vsrlib.alignment import flows_from
from vsrlib.architecture import CENTRE
from vsrlib.blocks import WinogradBlocks
from vsrlib.folding import FoldedTail
from vsrlib.networks.interface import Network


class TrainingRestorer:
    """Restores by the network's weights as they are at each call. `convolution`: whose are used without gradients."""

    def __init__(self, network: Network) -> None:
        self._network, self._module, self._ops = network, network.module, network.backend.ops
        self.convolution = convolution.pick("auto", network.device, network.config.features)

    def rebuild(self, frames: Any) -> Any:
        """Windows (B, 5, 3, h, w) -> the centre frames restored, (B, 3, 4h, 4w), with gradients."""
        return self._restore(frames, self._module, self._module.upsample)

    def restore(self, frames: Any) -> Any:
        """As `rebuild`, without gradients; to be called where none are prepared."""
        if self._network.device != "cpu":  # to fold on the CPU takes longer than the tail on a GPU
            return self.rebuild(frames)
        values = self._network.state()
        tail = FoldedTail(values, self._ops, self._network.tensor)
        if self.convolution == "framework":
            return self._restore(frames, self._module, tail)
        blocks = WinogradBlocks(self._network, values)
        return self._ops.concat([self._restore(frames[i : i + 1], blocks, tail) for i in range(frames.shape[0])], 0)

    def _restore(self, frames: Any, blocks: Any, tail: Any) -> Any:
        places, size = range(self._network.config.frames), tuple(frames.shape[3:])
        features = [blocks.features(frames[:, i]) for i in places]
        pyramids = self._pyramids(frames)
        flows = flows_from(pyramids.pop(CENTRE), pyramids, self._module.flow_net, self._ops, size)
        aligned = [features[i] if i == CENTRE else self._module.warp(features[i], flows.pop(0))[0] for i in places]
        return tail(blocks.fuse(aligned)) + self._module.base(frames[:, CENTRE])

    def _pyramids(self, frames: Any) -> list[dict[int, Any]]:
        """Each frame's, all computed as one batch."""
        count, places = frames.shape[0], range(self._network.config.frames)
        batch = self._module.flow_net.pyramid(self._ops.concat([frames[:, i] for i in places], 0))
        return [{level: value[i * count : (i + 1) * count] for level, value in batch.items()} for i in places]
