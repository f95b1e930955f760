"""Three ways to restore the frames of a clip, written once for both frameworks.

"reference" is the published algorithm: a sliding window in which everything is computed anew for every frame.
"cached" computes what belongs to one frame once, and gives the same result to the bit. "streaming" also takes the four
flows as one batch and the upsampling tail as one convolution, which changes the order of sums and nothing else.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from vsrlib.data.clips import FrameReader
from vsrlib.data.frames import to_float
from vsrlib.kernels import winograd
from vsrlib.networks.architecture import CENTRE, NetworkConfig
from vsrlib.networks.fast import REACH, FoldedTail, FrameworkBlocks, PublishedBlocks, WinogradBlocks
from vsrlib.networks.fast_flow import flows_from
from vsrlib.networks.network import Network

Frames = Mapping[int, np.ndarray] | FrameReader

KEPT_MIB = {"cached": 1024, "streaming": 128}
"""Size of the blocks of memory that an engine keeps between frames (see `vsrlib.common.memory.keep_blocks`).

The unfolded tail's tensors are the largest. Without it, those of a frame of 180x320 are below 128 MiB, and those of a
frame so large that memory matters more than time are above.
"""


@dataclass(frozen=True)
class Tile:
    """Along one axis: what is read, in LR pixels of the frame, and what is kept, in HR pixels of the tile.

    The rest is the halo, wide enough that every pixel that is kept comes out as it would in the whole frame.
    """

    read: slice
    keep: slice


class Engine(Protocol):
    """Restores one frame after the other. A clip's windows come in order, as `vsrlib.data.clips` lists them."""

    kept_mib: int
    """Size of the blocks of memory that the C library keeps for it; 0: it was not asked, or refused."""

    def reset(self) -> None:
        """Forget all frames: another clip follows."""

    def upload(self, window: Sequence[int], frames: Frames) -> None:
        """Bring a window to the device: five indices, and the frames (h, w, 3) uint8 by index."""

    def run(self) -> Any:
        """Start the restoration (1, 3, 4h, 4w) of the window uploaded last; it may not be computed yet."""

    def kernel(self) -> Any:
        """Start the blur kernel (1, 1, 13, 13) of the window uploaded last."""


def make(name: str, network: Network, convolution: str = "framework", tile: int = 0) -> Engine:
    """The engine called `name`, one of `vsrlib.common.names.ENGINES`; convolution, tile: see `Streaming`."""
    if name == "reference":
        return Reference(network)
    return Streaming(network, name == "cached", convolution, tile)


class Reference:
    """The published sliding window."""

    kept_mib = 0

    def __init__(self, network: Network) -> None:
        self._network = network

    def reset(self) -> None:
        self._window = self._kernel = None

    def upload(self, window: Sequence[int], frames: Frames) -> None:
        self._window = self._network.upload(to_float(np.stack([frames[index] for index in window])))

    def run(self) -> Any:
        outputs = self._network.run(self._window)
        self._kernel = outputs["kernel"]  # the published inference computes it whether it is used or not
        return outputs["recons"]

    def kernel(self) -> Any:
        return self._kernel


class Streaming:
    """What belongs to one frame is computed once and kept while a window needs it.

    exact: leave out what changes the order of a sum. convolution: "framework", or "winograd" (see
    `vsrlib.kernels.winograd`; not if exact; UserError for a network or a device that it is not for). tile: side in LR
    pixels of the tiles in which the aligned features are fused and upsampled, for frames that do not fit into memory
    whole; 0 for whole frames.
    """

    def __init__(self, network: Network, exact: bool = False, convolution: str = "framework", tile: int = 0) -> None:
        if not exact:  # which asks for no Winograd
            winograd.pick(convolution, network.device, network.config.features)
        self._network = network
        self._ops = network.backend.ops
        self._module = network.module
        self._exact = exact
        self._tile = tile
        values = {} if exact else network.state()
        self._blocks = (
            PublishedBlocks(network)
            if exact
            else WinogradBlocks(network, values)
            if convolution == "winograd"
            else FrameworkBlocks(network, values)
        )
        self._tail = network.module.upsample if exact else FoldedTail(values, self._ops, network.tensor)
        self.kept_mib = network.backend.keep_memory(network.device, KEPT_MIB["cached" if exact else "streaming"])
        self.reset()

    def reset(self) -> None:
        self._frames: dict[int, Any] = {}
        self._features: dict[int, Any] = {}
        self._pyramids: dict[int, dict[int, Any]] = {}
        self._window: Sequence[int] = ()

    def upload(self, window: Sequence[int], frames: Frames) -> None:
        self._window = window
        for known in (self._frames, self._features, self._pyramids):
            for index in [index for index in known if index not in window]:
                del known[index]
        for index in window:
            if index not in self._frames:
                self._frames[index] = self._network.tensor(to_float(frames[index])[None])

    def run(self) -> Any:
        with self._network.backend.no_grad():
            for index in self._window:
                if index not in self._features:
                    self._features[index] = self._blocks.features(self._frames[index])
                    self._pyramids[index] = self._module.flow_net.pyramid(self._frames[index])
            return self._residual(self._aligned()) + self._module.base(self._centre())

    def kernel(self) -> Any:
        with self._network.backend.no_grad():
            return self._module.kernel(self._ops.concat([self._frames[index][None] for index in self._window], 1))

    def _centre(self) -> Any:
        """The frame that is restored."""
        return self._frames[self._window[CENTRE]]

    def _aligned(self) -> Iterator[Any]:
        """The features of the window's frames, warped to the centre, one after the other."""
        flows = self._flows()
        for place, index in enumerate(self._window):
            features = self._features[index]
            yield features if place == CENTRE else self._blocks.align(features, flows.pop(0))

    def _flows(self) -> list[Any]:
        """The flow from the centre to each neighbour, in the window's order."""
        centre = self._window[CENTRE]
        size = tuple(self._frames[centre].shape[2:])
        first = self._pyramids[centre]
        others = [self._pyramids[index] for place, index in enumerate(self._window) if place != CENTRE]
        flow_net = self._blocks.flow_net
        if self._exact:
            return [flow_net.between(first, second, size) for second in others]
        return flows_from(first, others, flow_net, self._ops, size)

    def _residual(self, aligned: Iterator[Any]) -> Any:
        """Aligned features -> residual image; by tiles, each with a halo that all its pixels' reach lies in."""
        if not self._tile:
            return self._tail(self._blocks.fuse(aligned))
        whole, config, rows = list(aligned), self._network.config, []
        height, width = self._frames[self._window[CENTRE]].shape[2:]
        for row in tiles(height, self._tile, config):
            parts = []
            for column in tiles(width, self._tile, config):
                cut = (self._blocks.cut(features, row.read, column.read) for features in whole)
                parts.append(self._tail(self._blocks.fuse(cut))[:, :, row.keep, column.keep])
                self._network.synchronise()  # a lazy framework would hold all tiles at once
            rows.append(self._ops.concat(parts, 3))
        return self._ops.concat(rows, 2)


def halo(config: NetworkConfig) -> int:
    """LR pixels that fusion, residual blocks and tail look to either side: 43 in the published configuration."""
    return 1 + 2 * config.recons_blocks + REACH


def tiles(side: int, tile: int, config: NetworkConfig) -> list[Tile]:
    """Cut `side` LR pixels into tiles of `tile` or fewer. A tile at the frame's edge has no halo there."""
    margin, found = halo(config), []
    for begin in range(0, side, tile):
        end = min(begin + tile, side)
        read = slice(max(begin - margin, 0), min(end + margin, side))
        keep = slice(config.scale * (begin - read.start), config.scale * (end - read.start))
        found.append(Tile(read, keep))
    return found
