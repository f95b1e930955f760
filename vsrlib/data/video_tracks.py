"""Sound and subtitles of a video, copied into another one packet by packet, as they are."""

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from vsrlib.data.video_film import Film
from vsrlib.data.video_integrity import opened

if TYPE_CHECKING:
    import av

_COPIED = ("audio", "subtitle")
_TOLD = ("language", "title")  # of a track's metadata


class Tracks:
    """What goes into `target` beside the pictures of `film`: made before the first packet is written.

    audio: whether sound is copied. `left_out` has the name of each track that is not copied because the container
    cannot hold it. Of a part of a film, sound that begins before the part or after it stays out, and a subtitle is cut.
    """

    def __init__(self, target: "av.container.OutputContainer", film: Film, audio: bool) -> None:
        self._target, self._film = target, film
        self._source = opened(film.path)
        self._streams: dict[int, av.stream.Stream] = {}
        self.left_out: list[str] = []
        taken = [stream for stream in self._source.streams if stream is not self._source.streams.video[0]]
        for stream in taken:
            if stream.type == "audio" and not audio:
                continue
            copy = self._copy_of(stream)
            if copy is None:
                self.left_out.append(_name(stream))
            else:
                self._streams[stream.index] = copy
        self._packets = self._moved([stream for stream in taken if stream.index in self._streams])
        self._next = next(self._packets, None)

    def write(self, until: Fraction | None = None) -> None:
        """Write what begins before a time in seconds on the film's clock; all that is left without one."""
        while self._next is not None and (until is None or self._next.dts * self._next.time_base < until):
            self._target.mux(self._next)
            self._next = next(self._packets, None)

    def close(self) -> None:
        """Let go of the film's file."""
        self._source.close()

    def _copy_of(self, stream: "av.stream.Stream") -> "av.stream.Stream | None":
        if stream.type not in _COPIED or stream.codec_context is None:
            return None
        try:
            copy = self._target.add_stream_from_template(stream, opaque=True)
        except ValueError:  # the container does not take the codec
            return None
        copy.metadata.update({key: stream.metadata[key] for key in _TOLD if key in stream.metadata})
        copy.disposition = stream.disposition
        return copy

    def _moved(self, streams: "list[av.stream.Stream]") -> "Iterator[av.Packet]":
        """The packets of the streams on the film's clock."""
        film, end = self._film, self._film.stamps[-1] * self._film.tick
        for packet in self._source.demux(streams) if streams else ():
            if packet.pts is None or packet.dts is None or not packet.size:
                continue
            unit, length = packet.time_base, packet.duration or 0
            shift = round(film.begins / unit)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            if not film.whole:
                if packet.stream.type == "subtitle" and packet.pts < 0 < packet.pts + length:
                    packet.duration, packet.pts, packet.dts = packet.pts + length, 0, 0
                if packet.pts < 0 or packet.pts * unit >= end:
                    continue
            packet.stream = self._streams[packet.stream_index]
            yield packet


def _name(stream: "av.stream.Stream") -> str:
    """What a user calls a track: its kind, its codec, its language."""
    kind = {"audio": "sound", "subtitle": "subtitles"}.get(stream.type, stream.type)
    codec = "unknown" if stream.codec_context is None else stream.codec_context.name
    language = stream.metadata.get("language")
    return f"{kind} ({', '.join(word for word in (codec, language) if word and word != 'und')})"
