"""Small videos made by hand, and what is in one: by PyAV alone, as ffprobe would tell it."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

PAUSES = (0, 33, 66, 100, 133, 166, 1200)
"""Milliseconds of a video of variable rate."""


def pictures(count: int, height: int = 48, width: int = 64, seed: int = 0) -> np.ndarray:
    """Frames of large smooth patches that differ from one another, (N, H, W, 3) uint8."""
    coarse = np.random.default_rng(seed).integers(30, 220, (count, height // 8, width // 8, 3), dtype=np.uint8)
    return coarse.repeat(8, 1).repeat(8, 2)


def begin(container: av.container.OutputContainer, codec: str, rate: Fraction, size: Sequence[int], pixels: str) -> Any:
    """A video stream of `size` (height, width)."""
    stream = container.add_stream(codec, rate=rate)
    stream.height, stream.width, stream.pix_fmt = *size, pixels
    return stream


def timed(
    path: Path,
    stamps: Sequence[int],
    tick: Fraction,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    last: int = 0,
    rate: Fraction = Fraction(30),
) -> Path:
    """A video whose frames begin at these ticks; the last one lasts `last` ticks, or what the encoder says."""
    frames = pictures(len(stamps))
    with av.open(str(path), "w") as container:
        stream = begin(container, codec, rate, frames.shape[1:3], pixels)
        stream.codec_context.time_base = tick

        def mux(packets: list[av.Packet]) -> None:
            for packet in packets:
                if last and packet.pts == stamps[-1]:
                    packet.duration = last
                container.mux(packet)

        for stamp, rgb in zip(stamps, frames):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = stamp, tick
            mux(stream.encode(frame))
        mux(stream.encode())
    return path


def times(path: Path) -> list[float]:
    """When each frame of a video begins, in seconds from its first, and in the end when the last one ends."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    tick = float(packets[0].time_base)
    stamps = sorted((packet.pts, packet.duration) for packet in packets)
    first, (final, lasts) = stamps[0][0], stamps[-1]
    return [*((stamp - first) * tick for stamp, _ in stamps), (final + lasts - first) * tick]
