"""The options of a restoration."""

import re
from dataclasses import dataclass
from typing import TypeVar

from vsrlib.common.errors import UserError
from vsrlib.common.names import (
    BFLOAT16,
    BLURS,
    COLOUR_RANGES,
    COLOURS,
    CONVOLUTIONS,
    ENGINES,
    FLOAT32,
    ONNX,
    PRECISIONS,
    RESTORERS,
    SAMPLINGS,
    VIDEO_FORMATS,
)
from vsrlib.common.options import changed, option, require_precision
from vsrlib.networks.network import NetworkOptions

Item = TypeVar("Item")


@dataclass(frozen=True)
class Shard:
    """Part `number` of `count`, counted from 1."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """From "2/4". UserError for anything else."""
        found = re.fullmatch(r"(\d+)/(\d+)", text)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise UserError(f"shard is {text!r}; give i/n with i from 1 to n, such as 2/4.")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @property
    def folder(self) -> str:
        """Name of the folder that takes this part's results."""
        return f"shard_{self.number}_of_{self.count}"

    def of(self, items: list[Item]) -> list[Item]:
        """This part of the items: neighbours stay together, and the parts differ by one item at most."""
        begin, end = (len(items) * part // self.count for part in (self.number - 1, self.number))
        return items[begin:end]


@dataclass(frozen=True)
class RestorationOptions(NetworkOptions):
    """How clips are restored.

    weights: a file or a name, or None for values drawn from `seed`. engine, tile: see `vsrlib.restoration.engines`.
    correlation, convolution: which kernels compute, see `vsrlib.kernels.correlation.choice` and
    `vsrlib.kernels.winograd`. timing_repeats: how often the first window is timed in the published algorithm, with and
    without synchronisation (see `vsrlib.restoration.timing`).
    """

    blur: str | None = option(None, "recorded with the result; else what the set's manifest says", choices=BLURS)
    weights: str | None = option(
        None,
        "weights to start from: a file (.safetensors, .pt, .pkl, .npz, .pdparams), or a name such as study-gaussian",
    )
    engine: str = option(
        "streaming",
        "streaming: fast; cached: the reference's result to the bit; reference: the published sliding window, the "
        "baseline",
        choices=ENGINES,
    )
    convolution: str = option(
        "auto", "of the streaming engine; winograd: compiled here, CPU only", choices=CONVOLUTIONS
    )
    tile: int = option(
        0,
        "restore in tiles of N LR pixels a side, for frames that do not fit into memory; 0: whole",
        least=0,
        metavar="N",
    )
    border: bool = option(False, "repeat the end frames, so that all frames are restored")
    timing_repeats: int = option(
        0, "time one frame N times with and N times without synchronisation", least=0, metavar="N"
    )
    seed: int = option(0, "of the run", least=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.engine != "streaming" and self.convolution == "winograd":
            raise UserError(
                f'The engine "{self.engine}" is a baseline and takes the framework\'s convolutions; '
                "give --convolution winograd with --engine streaming only."
            )
        if self.engine == "reference" and self.tile:
            raise UserError(
                'The engine "reference" is the published algorithm, which knows no tiles; give --tile with another '
                "engine."
            )


@dataclass(frozen=True)
class InferOptions(RestorationOptions):
    """What `vsrlib.restoration.infer.infer` is asked for: also which frames are restored, and what is written of them.

    video: None for PNG frames, "mp4", or "mkv" (lossless). audio: the sound of a video goes into the one made of it.
    colour, colour_range, deinterlace: how a video is read (see `vsrlib.data.video_picture.Reading`). kernels: also save
    the blur kernel estimated for each frame. shard: "2/4" restores the second of four parts of the frames, to a folder
    of its own below the output; `vsrlib.restoration.shards` puts the parts together. all_metrics: also measure each
    clip's `psnr_y`, `ssim_y`, `tof_norm` and `warping_error` against the ground truth (see
    `vsrlib.restoration.loop.ClipScores`). precision: see `vsrlib.networks.torch_precision`; batch: see
    `vsrlib.restoration.batched`.
    """

    framework: str = option(
        "torch",
        "jittor, paddle, onnx: on the CPU; with onnx --weights may also be a model that `vsrlib export` wrote",
        choices=RESTORERS,
    )
    video: str | None = option(
        None, "write a video of each clip instead of PNG; mkv is lossless", choices=VIDEO_FORMATS
    )
    audio: bool = option(True, "with --video: copy the sound of a video; subtitles always are")
    sampling: str = option(
        SAMPLINGS[0],
        "where LR pixels lie: decimated, on every fourth HR pixel, as in the published sets; centred, in the middle of "
        "four, as an ordinary resize has it",
        choices=SAMPLINGS,
    )
    fps: float | None = option(None, "with --video: frames a second of a folder of frames; 25 where it is not given")
    colour: str = option(
        "auto",
        "colour matrix that a video is read by; auto: as it is tagged, and untagged bt709 from 720 lines or 1280 "
        "pixels a line on, else bt601",
        choices=COLOURS,
    )
    colour_range: str = option(
        "auto",
        "levels of a video: full, 0 to 255, or limited, 16 to 235; auto: as it is tagged, and untagged limited",
        choices=COLOUR_RANGES,
    )
    deinterlace: bool = option(False, "make whole frames of an interlaced video, which is refused otherwise")
    kernels: bool = option(False, "also save the blur kernel estimated for each frame (.npy)")
    precision: str = option(
        FLOAT32,
        "of the convolutions that reconstruct (tf32: of all products); others than float32 in PyTorch alone, by the "
        "streaming engine: tf32 for GPUs, bfloat16 for these and for processors with AMX",
        choices=PRECISIONS,
    )
    shard: str | None = option(None, "restore part I of N only; then `vsrlib gather OUTPUT`", metavar="I/N")
    batch: int = option(
        1,
        "windows that are restored at once, by the streaming engine, for GPUs that one small frame may leave idle",
        least=1,
        metavar="N",
    )
    all_metrics: bool = option(
        False, "with --gt: also each clip's PSNR and SSIM on luma, tOF and warping error, which take time"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.part is not None and self.video is not None:
            raise UserError("A part of a video cannot be joined to the others; give --shard without --video.")
        if self.fps is not None and not 1 <= self.fps <= 1000:
            raise UserError(f"fps is {self.fps:g}; give frames a second from 1 to 1000.")
        if self.part is not None and self.all_metrics:
            raise UserError("Metrics of a clip need all of its frames; give --all-metrics without --shard.")
        require_precision(self)
        if self.precision != FLOAT32 and self.engine != "streaming":
            raise UserError(
                f'precision is {self.precision} and the engine "{self.engine}" is a baseline, which computes in '
                f"{FLOAT32}; leave one of them out."
            )
        if self.precision != FLOAT32 and self.timing_repeats:
            raise UserError(
                f"precision is {self.precision} and timing_repeats {self.timing_repeats}, which times the published "
                f"algorithm, in {FLOAT32}; leave one of them out."
            )
        if self.precision == BFLOAT16 and self.convolution == "winograd":
            raise UserError(
                f"precision is {BFLOAT16} and convolution is winograd, which computes in {FLOAT32}; leave one of them "
                "out."
            )
        if self.batch > 1 and self.engine != "streaming":
            raise UserError(
                f'batch is {self.batch} and the engine "{self.engine}" is a baseline, which restores one frame after '
                "the other; leave one of them out."
            )
        if self.framework == ONNX:
            self._require_fit_for_onnx()

    def _require_fit_for_onnx(self) -> None:
        taken = {"device": ("auto", "cpu"), "engine": ("streaming", "reference"), "tile": (0,), "batch": (1,)}
        taken |= {"correlation": ("auto",), "convolution": ("auto", "framework")}
        for name, values in taken.items():
            if (value := getattr(self, name)) not in values:
                raise UserError(
                    f"{name} is {value!r} and framework is 'onnx', whose graphs restore one whole frame after the "
                    f"other on the CPU by ONNX Runtime's operations; leave --{name} out, or take --framework torch."
                )

    @property
    def part(self) -> Shard | None:
        """The part of the frames that is restored; None for all."""
        return None if self.shard is None else Shard.parse(self.shard)


@dataclass(frozen=True)
class DemoOptions(NetworkOptions):
    """What `vsrlib.restoration.demo.demo` is asked for: which network, given what, and how much of it."""

    blur: str = option("Realistic", "of the film before it is made small; the network is not told", choices=BLURS)
    frames: int = option(25, "of the film, a second of it", least=5, because="a window has five")
    preset: str = changed(NetworkOptions, "preset", "medium")
    device: str = changed(NetworkOptions, "device", "cpu")
