"""Videos joined, and sound, subtitles and chapters of a film beside them: packet by packet, as they are."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import chain, count, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vsrlib.common.files import atomic_path
from vsrlib.data.video_film import Film
from vsrlib.data.video_integrity import load_av, main_stream, opened
from vsrlib.data.video_matroska import state_aspect

if TYPE_CHECKING:
    import av

_COPIED = ("audio", "subtitle")
_TOLD = ("language", "title")  # of a track's metadata
# Seconds of sound before the beginning that its decoder may want. What lies further back was cut away, as phones do by
# a list beside it: in an .mkv, which has no such list, it would be heard before the first picture.
_RUN_UP = Fraction(1, 10)
_CHAPTERS = "bin_data"  # the codec of the track in which an .mp4 repeats its chapters


def muxing(path: Path) -> dict[str, str]:
    """FFmpeg's options for a file with the ending of `path`."""
    # bitexact leaves out the random identifier and the program's version; faststart puts the index in front, for
    # players that begin before they have the whole file.
    return {"fflags": "+bitexact"} | ({"movflags": "+faststart"} if path.suffix.lower() == ".mp4" else {})


def join(path: Path, parts: Sequence[Path], rate: Fraction, film: Film | None, audio: bool) -> list[str]:
    """Write the video at `path`: the pictures of `parts`, which `write_video` has made alike, one after the other.

    rate: frames a second. film: the clock that the frames keep to in place of even steps, which .mkv rounds to
    milliseconds; its sound (unless `audio` is false), subtitles, chapters and attachments are copied. Returns the names
    of what the container cannot hold. The file appears whole. OSError for a full disk.
    """
    av = load_av()
    tick, stamps = (film.tick, film.stamps) if film else (1 / rate, count())
    with atomic_path(path) as temporary:
        with av.open(str(temporary), "w", options=muxing(path)) as target:
            with opened(parts[0]) as first:
                like = first.streams.video[0]
                pictures = target.add_mux_stream(like.codec_context.codec.canonical_name, rate=rate)
                av.bitstream.BitStreamFilterContext("null", like, pictures)  # copies all that a header says
            pictures.time_base = tick
            tracks = Tracks(target, film, audio) if film else None
            try:
                packets, shown = chain.from_iterable(map(_pictures, parts)), pairwise(stamps)
                for packet, (begin, end) in zip(packets, shown, strict=film is not None):
                    packet.stream, packet.time_base = pictures, tick
                    packet.pts = packet.dts = begin
                    packet.duration = end - begin
                    if tracks:
                        tracks.write(until=begin * tick)
                    target.mux(packet)
                if tracks:
                    tracks.write()
            finally:
                if tracks:
                    tracks.close()
        if film is not None and path.suffix.lower() == ".mkv" and film.picture.aspect != 1:
            state_aspect(temporary, film.picture.aspect)
    return tracks.left_out if tracks else []


def _pictures(path: Path) -> "Iterator[av.Packet]":
    """The packets of a video, a frame each, in the order in which they are shown."""
    with opened(path) as source:
        yield from (packet for packet in source.demux(video=0) if packet.size)


class Tracks:
    """What goes into `target` beside the pictures of `film`: made before the first packet is written.

    audio: whether sound is copied. `left_out` has the name of each track that is not copied because the container
    cannot hold it. Of a part of a film, sound that begins before the part or after it stays out, and a subtitle or a
    chapter is cut.
    """

    def __init__(self, target: "av.container.OutputContainer", film: Film, audio: bool) -> None:
        self._target, self._film = target, film
        self._source = opened(film.path)
        self._streams: dict[int, av.stream.Stream] = {}
        self.left_out: list[str] = []
        main, chapters = main_stream(self._source), self._source.chapters()
        taken = [stream for stream in self._source.streams if main is None or stream.index != main.index]
        for stream in taken:
            if stream.type == "audio" and not audio:
                continue
            if chapters and stream.type == "data" and _codec(stream) in (None, _CHAPTERS):
                continue
            if stream.type == "attachment" and target.format.name == "matroska":
                target.add_attachment(stream.name or "attachment", stream.mimetype or "", stream.data)
                continue
            copy = self._copy_of(stream)
            if copy is None:
                self.left_out.append(_name(stream))
            else:
                self._streams[stream.index] = copy
        target.set_chapters(self._chapters(chapters))
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

    def _chapters(self, chapters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Chapters on the film's clock: those of which something is shown."""
        moved, end = [], self._film.stamps[-1] * self._film.tick
        for chapter in chapters:
            unit = chapter["time_base"]
            span = [chapter[edge] * unit - self._film.begins for edge in ("start", "end")]
            if span[0] < end and span[1] > 0:
                start, stop = (round(min(max(edge, Fraction(0)), end) / unit) for edge in span)
                moved.append({**chapter, "start": start, "end": stop})
        return moved

    def _moved(self, streams: "list[av.stream.Stream]") -> "Iterator[av.Packet]":
        """The packets of the streams on the film's clock."""
        film, end = self._film, self._film.stamps[-1] * self._film.tick
        for packet in self._source.demux(streams) if streams else ():
            if packet.pts is None or packet.dts is None or not packet.size:
                continue
            unit, length = packet.time_base, packet.duration or 0
            shift = round(film.begins / unit)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            if (packet.pts + length) * unit < -_RUN_UP:
                continue
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
    if stream.type == "video":
        kind = "cover picture" if stream.disposition & load_av().stream.Disposition.attached_pic else "second video"
    language = stream.metadata.get("language")
    told = _codec(stream) or stream.metadata.get("handler_name") or "unknown"
    words = (told, language, stream.metadata.get("filename"))
    return f"{kind} ({', '.join(word for word in words if word and word != 'und')})"


def _codec(stream: "av.stream.Stream") -> str | None:
    return None if stream.codec_context is None else stream.codec_context.name
