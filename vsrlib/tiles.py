"""Tiles with a halo wide enough that every pixel that is kept comes out as it would in the whole frame."""

from dataclasses import dataclass

from vsrlib.architecture import NetworkConfig
from vsrlib.folding import REACH


@dataclass(frozen=True)
class Tile:
    """Along one axis: what is read, in LR pixels of the frame, and what is kept, in HR pixels of the tile."""

    read: slice
    keep: slice


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
