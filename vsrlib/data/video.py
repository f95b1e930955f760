"""Frames out of video files, through PyAV (FFmpeg's libraries)."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.data.video_integrity import Progress, require_whole_file

if TYPE_CHECKING:
    import av

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg")
"""File name endings (in lower case) of what is read as a video."""

DEFAULT_RATE = Fraction(25)
"""Frames a second of a video that does not say, or says what cannot be."""

_RATES = (1, 250)  # what can be: null frames in AVI and time stamps in milliseconds lead to rates such as 1000


def frame_name(index: int) -> str:
    """Name of a video's frame: eight digits, counted from 0, so that string order is temporal order."""
    return f"{index:08d}"


def count_frames(path: Path) -> int:
    """Number of frames, found by decoding: the number stored in a video's header is missing or wrong too often.

    Also the check of a whole video: the UserErrors of `read_frames`.
    """
    return sum(1 for _ in _decode(path))


def read_frames(path: Path) -> Iterator[np.ndarray]:
    """Yield every frame as (H, W, 3) uint8 RGB, converted from the video's own colour space.

    UserError for a file that cannot be decoded, has no video stream or no frame, more than 8 bits a channel,
    an alpha channel, a rotation flag, or frames that change their size; and, where the file lets it be known, for one
    that is cut short or damaged (see `vsrlib.data.video_integrity`; then frames may come before the error).
    """
    from vsrlib.data.ffmpeg import av

    kinds = av.video.reformatter.Interpolation
    # The default conversion is faster and darkens 4:2:0 video by one level.
    exact = kinds.BICUBIC | kinds.ACCURATE_RND | kinds.FULL_CHR_H_INT
    for frame in _decode(path):
        yield frame.reformat(format="rgb24", interpolation=exact).to_ndarray()


def frame_rate(path: Path) -> Fraction:
    """Frames a second, on average; 25 for a video that does not say. UserError for what is no video or cut short."""
    from vsrlib.data.ffmpeg import av

    try:
        require_whole_file(path)
        with av.open(str(path), metadata_errors="replace") as container:
            stream = _video_stream(path, container)
            rates = (stream.average_rate, stream.guessed_rate)
    except av.FFmpegError as error:
        raise _undecodable(path, error) from error
    possible = [rate for rate in rates if rate is not None and _RATES[0] <= rate <= _RATES[1]]
    return possible[0].limit_denominator(1001) if possible else DEFAULT_RATE  # 30000/1001 and its like stay exact


def _decode(path: Path) -> Iterator["av.VideoFrame"]:
    from vsrlib.data.ffmpeg import av  # here, so that reading PNG frames does not load FFmpeg

    first = None
    try:
        require_whole_file(path)
        with av.open(str(path), metadata_errors="replace") as container:
            stream = _video_stream(path, container)
            if stream.codec_context.codec.intra_only:
                # A damaged frame would be left out or patched up without a word. Not for other codecs, where this
                # would refuse every good clip that begins with frames whose references were cut away.
                stream.codec_context.options = {"err_detect": "explode"}
            progress = Progress(path, container, stream)
            for packet in container.demux(stream):
                progress.add_packet(packet)
                for frame in packet.decode():
                    first = first or frame
                    _check(path, frame, first)
                    progress.add_frame(frame)
                    yield frame
            progress.require_end()
    except av.FFmpegError as error:
        raise _undecodable(path, error) from error
    if first is None:
        raise UserError(f"{path} holds no frames: give a video with at least one.")


def _video_stream(path: Path, container: "av.container.InputContainer") -> "av.VideoStream":
    if not container.streams.video:
        raise UserError(f"{path} has no video stream: give a video file.")
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise UserError(f"{path} is in a format that FFmpeg does not know, or damaged: copy or export it again.")
    return stream


def _undecodable(path: Path, error: "av.FFmpegError") -> UserError:
    return UserError(f"{path} cannot be decoded as a video ({error.strerror}): copy or export it again.")


def _check(path: Path, frame: "av.VideoFrame", first: "av.VideoFrame") -> None:
    if any(component.bits > 8 for component in frame.format.components):
        raise UserError(f"{path} has more than 8 bits a channel, which is not supported: export it as 8-bit video.")
    if any(component.is_alpha for component in frame.format.components):
        raise UserError(f"{path} has an alpha channel, which has no meaning here: export it without transparency.")
    if frame.rotation:
        raise UserError(
            f"{path} is to be shown rotated by {frame.rotation} degrees, which is not supported: export it upright."
        )
    if (frame.width, frame.height) != (first.width, first.height):
        raise UserError(
            f"{path} changes its frame size from {first.width}x{first.height} to "
            f"{frame.width}x{frame.height}: export it at one size."
        )
