"""The options of the clips that are made from photographs."""

from dataclasses import dataclass

from vsrlib.common.options import JobOptions, option
from vsrlib.data.synthetic.pictures import PHOTOGRAPHS


@dataclass(frozen=True)
class ClipsOptions(JobOptions):
    """What `vsrlib clips` is asked for; see `vsrlib.data.synthetic.clips.embedded_clips`."""

    split: str = option("train", "whose photographs", choices=tuple(PHOTOGRAPHS))
    count: int = option(64, "clips")
    frames: int = option(7, "frames of a clip")
    height: int = option(256, "of a frame, pixels")
    width: int = option(384, "of a frame, pixels")
    leaves: int = option(9, "drawn pictures (dead leaves) beside the photographs", least=0)
    speed: list[float] = option(
        [1.0, 3.0, 5.0, 8.0, 12.0], "mean motion per frame, taken by the clips in turn", metavar="PIXELS"
    )
    seed: int = option(0)


@dataclass(frozen=True)
class SetsOptions(JobOptions):
    """How large the embedded sets are: `height` x `width` HR pixels, so many clips of so many frames.

    There is one clip to validate on. seed: of the camera paths and of the blur kernels.
    """

    height: int = option(256)
    width: int = option(384)
    train_clips: int = option(8)
    train_frames: int = option(15)
    validation_frames: int = option(7)
    test_clips: int = option(4)
    test_frames: int = option(10)
    seed: int = option(0)
