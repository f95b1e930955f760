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
    size: tuple[int, int] = (48, 64),
) -> Path:
    """A video whose frames begin at these ticks; the last one lasts `last` ticks, or what the encoder says."""
    frames = pictures(len(stamps), *size)
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


SUBTITLES = ((100, 300, b"one"), (1150, 250, b"two"))
"""Milliseconds at which each begins, and how long it is shown."""


def with_sound(path: Path, source: Path, codec: str = "aac", seconds: float = 2, subtitles: bool = False) -> Path:
    """The pictures of `source` with a tone beside them, and with two subtitles (SubRip)."""
    with av.open(str(source)) as film, av.open(str(path), "w") as target:
        template = film.streams.video[0]
        video = target.add_stream_from_template(template, opaque=True)
        sound = target.add_stream(codec, rate=48000)
        sound.layout = "mono"
        text = target.add_mux_stream("subrip", time_base=Fraction(1, 1000)) if subtitles else None
        packets = [packet for packet in film.demux(template) if packet.size]
        for packet in packets:
            packet.stream = video
            target.mux(packet)
        size = sound.codec_context.frame_size or 1024
        for start in range(0, int(seconds * 48000), size):
            wave = np.sin(np.arange(start, start + size) * 440 * 2 * np.pi / 48000)
            kind = sound.codec_context.format.name
            samples = (wave * 0.3).astype(np.float32) if kind == "fltp" else np.uint8(128 + 40 * wave)
            tone = av.AudioFrame.from_ndarray(samples[None], format=kind, layout="mono")
            tone.sample_rate, tone.pts = 48000, start
            target.mux(sound.encode(tone))
        target.mux(sound.encode())
        for begin, lasts, words in SUBTITLES if text else ():
            packet = av.Packet(words)
            packet.pts = packet.dts = begin
            packet.duration, packet.time_base, packet.stream = lasts, Fraction(1, 1000), text
            target.mux(packet)
    return path


def remuxed(path: Path, source: Path, which: Sequence[int], languages: Sequence[str] = ()) -> Path:
    """The tracks of a file at these indices, one of them twice if it is named twice, in these languages."""
    with av.open(str(source)) as film, av.open(str(path), "w") as target:
        copies = [(index, target.add_stream_from_template(film.streams[index], opaque=True)) for index in which]
        for (_, copy), language in zip(copies, languages):
            copy.metadata["language"] = language
        for packet in film.demux():
            for index, copy in copies if packet.size else ():
                if index == packet.stream_index:
                    again = av.Packet(bytes(packet))
                    again.pts, again.dts, again.duration = packet.pts, packet.dts, packet.duration
                    again.time_base, again.is_keyframe, again.stream = packet.time_base, packet.is_keyframe, copy
                    target.mux(again)
    return path


def tracks(path: Path, kind: str) -> list[tuple[float, bytes]]:
    """Time in seconds and content of each packet of the file's sound ("audio") or subtitles ("subtitle")."""
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        packets = [packet for packet in container.demux(streams) if packet.size] if streams else []
        return [(float(packet.pts * packet.time_base), bytes(packet)) for packet in packets]


def times(path: Path) -> list[float]:
    """When each frame of a video begins, in seconds from its first, and in the end when the last one ends."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    tick = float(packets[0].time_base)
    stamps = sorted((packet.pts, packet.duration) for packet in packets)
    first, (final, lasts) = stamps[0][0], stamps[-1]
    return [*((stamp - first) * tick for stamp, _ in stamps), (final + lasts - first) * tick]


def begins(path: Path) -> float:
    """When the first picture of a video is shown, on the file's own clock."""
    with av.open(str(path)) as container:
        return min(float(packet.pts * packet.time_base) for packet in container.demux(video=0) if packet.size)
