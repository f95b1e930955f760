"""Whether all frames of a video came: FFmpeg decodes what it finds of a file cut short, and calls that the end.

What tells beside the file's bytes (`vsrlib.video_file`): the number of packets in the index of MP4, MOV and AVI, the
claimed duration, and what the demultiplexer and the decoder flag as damaged.

Not noticed: what is missing at the end of a programme stream (.mpg, .mpeg), of a live recording (Matroska of unknown
size and duration) and of a fragmented MP4 cut between two fragments, none of which says how long it should be; damage
that leaves a frame decodable, without a check sum; a frame damaged beyond recognition in a programme stream or, coded
as a difference from others, in AVI; and damage to the time tables of MP4, which looks like a clip trimmed on purpose.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from vsrlib.errors import UserError

if TYPE_CHECKING:
    import av

_SLACK = 2.5  # frames by which a claimed duration may be wrong: rounding, and an audio track that ends later
_EXACT = 0.5  # an AVI states its number of frames, and where its index is gone nothing else tells


class Progress:
    """What has been read of a video stream, against what the container claims."""

    def __init__(self, path: Path, container: "av.container.InputContainer", stream: "av.VideoStream") -> None:
        self.path, self.stream = path, stream
        self.kind = container.format.name
        self.indexed = len(stream.index_entries) if self.kind == "avi" or "mp4" in self.kind else 0
        self.claimed = _claimed_end(container, stream)
        # FFmpeg puts the packets that it probes into an index that is gone; null frames need not stand in a sound one.
        self.bare = self.kind == "avi" and 2 * self.indexed < stream.frames
        self.packets = self.frames = 0
        self.end = self.longest = 0.0

    def add_packet(self, packet: "av.Packet") -> None:
        """Count a packet. UserError for one that the file holds in part."""
        self.packets += packet.size > 0
        if packet.is_corrupt:
            raise self._cut(max(self.stream.frames, self.frames + 1))

    def add_frame(self, frame: "av.VideoFrame") -> None:
        """Count a frame. UserError for one that the decoder had to patch up."""
        if frame.is_corrupt:
            raise UserError(f"{self.path} is damaged at frame {self.frames}: copy or export it again.")
        self.frames += 1
        if frame.time is None:
            return
        period = float((frame.duration or 0) * frame.time_base) or float(1 / (self.stream.average_rate or 25))
        self.longest = max(self.longest, period, frame.time - self.end if self.frames > 1 else 0)
        self.end = max(self.end, frame.time + period)

    def require_end(self) -> None:
        """UserError when packets of the index, or frames of the claimed duration, did not come."""
        if self.packets < self.indexed:
            raise self._cut(self.frames + self.indexed - self.packets)
        rate = float(self.stream.average_rate or 25)
        # A still picture at the end of a video of variable rate may last: not missed unless longer than any before.
        slack = _EXACT / rate if self.bare else max(_SLACK / rate, self.longest)
        if self.claimed is not None and self.claimed - self.end > slack:
            raise self._cut(self.frames + round((self.claimed - self.end) * rate))

    def _cut(self, about: int) -> UserError:
        return UserError(
            f"{self.path} is cut short: {self.frames} of about {about} frames can be decoded; copy it again."
        )


def _claimed_end(container: "av.container.InputContainer", stream: "av.VideoStream") -> float | None:
    """The time in seconds at which the last frame should end, or None."""
    kind = container.format.name
    if kind == "avi":  # FFmpeg shortens the duration to fit a file that was cut, but not the number
        return float(stream.frames / stream.average_rate) if stream.frames and stream.average_rate else None
    if "matroska" in kind:
        tag = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
        if tag:
            hours, minutes, seconds = tag.groups()
            return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        alone = len(container.streams) == 1 and container.duration is not None
        return container.duration / 1_000_000 if alone else None
    if "mp4" in kind and stream.duration is not None:
        return float((stream.duration + (stream.start_time or 0)) * stream.time_base)
    return None
