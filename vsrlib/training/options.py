"""The options of a training, ready-made ones, and its schedule: in steps, or in epochs as the paper counts them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from vsrlib.common.errors import UserError
from vsrlib.common.names import BLURS, FLOAT32, OBJECTIVES, PRECISIONS, PRESETS
from vsrlib.common.options import JobOptions, changed, option, require_multiple, require_precision
from vsrlib.networks.network import NetworkOptions

GAMMA = 0.5  # what the rates are multiplied by
LEAST_PATCH = 16  # LR pixels

_UNRECORDED = (
    "weights", "flow_weights", "device", "correlation", "align_corners", "resume", "checkpoint_every", "epochs",
    "test_every", "lr_decay", "workers", "cache_mib", "tensorboard",
)  # fmt: skip
"""What the result does not depend on, or is recorded as what came of it: digests, the network's own, the schedule."""


@dataclass(frozen=True)
class TrainOptions(NetworkOptions):
    """What `vsrlib.training.train.train` is asked for.

    objective: "self-supervised", on the network's own input, or "supervised", on the HR frames; see
    `vsrlib.training.step`. Adam; every part of the network has `learning_rate` but the flow network, which has its own.
    Starts from `weights` (a file or a name), or from values drawn from `seed`; the flow network from `flow_weights`, if
    given. align_corners: None: as the `weights` note, or True. ema: with it, the average is what is validated and
    written. `pictures`: see `vsrlib.training.made`. `flow_supervision`: on pairs of these, or of embedded pictures,
    see `vsrlib.training.flow.supervision`. `workers` and `cache_mib` change no sample. `resume` goes on from the last
    checkpoint as if nothing had happened, with the same options, training files and validation frames only.
    """

    blur: str = option("Realistic", "of the training samples", choices=BLURS)
    objective: str = option("self-supervised", "supervised: learn from the HR frames themselves", choices=OBJECTIVES)
    weights: str | None = option(None, "weights to start from, .safetensors or .pt, or a name such as study-gaussian")
    flow_weights: str | None = option(
        None, "weights that the flow network starts from, e.g. flow.safetensors of train-flow"
    )
    align_corners: bool | None = option(None, "how the warps read their sampling grids (as the weights note, or yes)")
    seed: int = option(1, "of the initial weights and of the samples", least=0)
    steps: int = option(250, "optimiser steps", least=1)
    epochs: int = option(
        0, "the paper's epochs, which replace --steps, --halve-every and --validate-every; 0: steps count", least=0
    )
    test_every: int = option(1000, "steps that an epoch of few windows has about", least=1, metavar="STEPS")
    lr_decay: int = option(100, "with --epochs: halve the rates", least=1, metavar="EPOCHS")
    batch_size: int = option(2, "samples in a step", least=1)
    patch_size: int = option(
        64,
        "side of a sample, LR pixels; self-supervised: a multiple of 4",
        least=LEAST_PATCH,
        because="the kernel network needs that much",
    )
    n_frames_per_video: int = option(
        50,
        "frames of a clip that are used, at most",
        least=5,
        because="the network looks at five frames at once",
        metavar="N",
    )
    workers: int = option(
        0, "processes that make samples ahead, the paper's four beside a GPU; 0: none", least=0, metavar="N"
    )
    cache_mib: int = option(
        1024,
        "memory for decoded training frames, MiB, of all workers together and in each process of a torchrun; "
        "what does not fit is decoded again",
        least=0,
        metavar="MIB",
    )
    learning_rate: float = option(1e-4, "of Adam, at the start")
    flow_learning_rate: float = option(
        1e-4, "of the flow network; the paper's is a hundredth of the others'; 0: it stays as it is"
    )
    flow_supervision: float = option(
        0.0,
        "of the end-point error on pairs with known flow beside the other losses, e.g. 0.01; 0: none",
        least=0,
        metavar="WEIGHT",
    )
    pictures: bool = option(False, "HR is a folder of pictures, of which windows in motion are made on the fly")
    soft: float = option(
        0.0,
        "with --pictures: of the windows, the share that is blurred, as films are out of focus",
        least=0,
        metavar="SHARE",
    )
    halve_every: int = option(0, "halve the rates; 0: never", least=0, metavar="STEPS")
    clip_value: float = option(0.0, "bound of the entries of the gradients; 0: none")
    clip_norm: float = option(0.0, "bound of the norm of all gradients; 0: none")
    ema: float = option(0.0, "average the weights, e.g. 0.999; 0: no average", metavar="DECAY")
    validate_every: int = option(50, "0: before and after", least=0, metavar="STEPS")
    patience: int = option(0, "stop after N validations without a higher PSNR; 0: never", least=0, metavar="N")
    checkpoint_every: int = option(50, "0: at the end", least=0, metavar="STEPS")
    precision: str = option(
        FLOAT32,
        "of the convolutions that reconstruct, within a step (tf32: of all products); others than float32 in PyTorch "
        "alone: tf32 for GPUs, bfloat16 for these and for processors with AMX",
        choices=PRECISIONS,
    )
    resume: bool = option(False, "go on from the checkpoint in the output folder")
    tensorboard: bool = option(
        False, "also write an event file for TensorBoard into OUTPUT/tensorboard; needs the package tensorboard"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.objective == OBJECTIVES[0]:
            require_multiple(self, "patch_size", 4, "a patch learns from itself at a quarter of its size")
        for name, least in (("learning_rate", "above 0"), ("flow_learning_rate", "from 0")):
            rate = getattr(self, name)
            if not 0 <= rate < 1 or (rate == 0 and least == "above 0"):
                raise UserError(f"{name} is {rate}; give a number between 0 and 1, such as 0.0001.")
        require_precision(self)
        if self.flow_supervision and not self.flow_learning_rate:
            raise UserError(
                f"flow_supervision is {self.flow_supervision} and flow_learning_rate is 0, with which the flow network "
                "learns nothing; give a rate, or leave the supervision out."
            )
        if self.soft > 1 or (self.soft and not self.pictures):
            raise UserError(
                f"soft is {self.soft} and pictures is {self.pictures}; give a share between 0 and 1 of windows "
                "that are made of pictures, or leave it out."
            )
        for name in ("clip_value", "clip_norm"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise UserError(f"{name} is {getattr(self, name)}; give a positive number, or 0 for none.")
        if not 0 <= self.ema < 1:
            raise UserError(f"ema is {self.ema}; give a number below 1, such as 0.999, or 0 for none.")

    def schedule(self, windows: int) -> "Schedule":
        """The steps of a training on so many windows; with `epochs` they follow from these, whatever was given."""
        if self.epochs:
            return in_epochs(windows, self.batch_size, self.epochs, self.test_every, self.lr_decay)
        return Schedule(self.steps, self.halve_every, self.validate_every)

    def recorded(self) -> dict[str, Any]:
        """Those that stand in train.json, and that a checkpoint is gone on with by."""
        return {name: value for name, value in self.to_json().items() if name not in _UNRECORDED}


_PAPER = TrainOptions(
    preset="published", batch_size=8, patch_size=160, learning_rate=1e-4, flow_learning_rate=1e-6, epochs=500,
    test_every=1000, lr_decay=100, n_frames_per_video=50, checkpoint_every=1000, workers=4, seed=1,
)  # fmt: skip

TEMPLATES: Mapping[str, TrainOptions] = MappingProxyType(
    {
        "Self_Blind_VSR_Gaussian": replace(_PAPER, blur="Gaussian"),
        "Self_Blind_VSR_Realistic": replace(_PAPER, blur="Realistic"),
        "small-budget": replace(
            _PAPER, blur="Gaussian", batch_size=4, patch_size=80, n_frames_per_video=20, epochs=50, test_every=100,
            checkpoint_every=100,
        ),
        "study": TrainOptions(
            blur="Gaussian", preset="study", objective="supervised", steps=1600, batch_size=4, patch_size=48,
            learning_rate=5e-4, flow_learning_rate=2e-5, halve_every=400, ema=0.99, validate_every=200,
            checkpoint_every=100, seed=1,
        ),
        "medium": TrainOptions(
            blur="Gaussian", preset="medium", objective="supervised", pictures=True, steps=12000, batch_size=4,
            patch_size=48, learning_rate=4e-4, flow_learning_rate=2e-5, flow_supervision=0.01, halve_every=3000,
            ema=0.999, validate_every=500, checkpoint_every=250, seed=1,
        ),
    }
)  # fmt: skip
"""Ready-made options by name.

The two of the paper's authors presume a trained flow network, whose rate is a hundredth of the others'; without weights
that hold one, its flow hardly learns. So do "study" and "medium", of which the weights of the project come.
"""


def begun_with(template: str | None, given: Mapping[str, Any]) -> TrainOptions:
    """The template's options (the defaults for None), replaced by those that are given; steps replace epochs.

    UserError for a value that the epochs would replace.
    """
    options = TEMPLATES[template] if template else TrainOptions()
    if "steps" in given and "epochs" not in given:
        options = replace(options, epochs=0)
    options = replace(options, **given)
    for name in ("steps", "halve_every", "validate_every"):
        if name in given and options.epochs:
            raise UserError(
                f"{name} is {given[name]}, but epochs is {options.epochs}, from which it follows; "
                "leave it out, or give steps without epochs."
            )
    return options


@dataclass(frozen=True)
class AdaptOptions(JobOptions):
    """What `vsrlib.training.adapt.adapt` is asked for. The flow network stays as it is.

    steps: 0: as many as the minutes allow; with a number the result depends on the machine's speed only where the
    minutes are over before.
    """

    framework: str = changed(NetworkOptions, "framework", NetworkOptions.framework)
    preset: str | None = option(None, "size of the network (what the weights note)", choices=PRESETS)
    device: str = changed(NetworkOptions, "device", NetworkOptions.device)
    correlation: str = changed(NetworkOptions, "correlation", NetworkOptions.correlation)
    weights: str = option("medium-realistic", "weights to start from: a file or a name")
    minutes: float = option(10.0, "time to train, at most")
    steps: int = option(0, "optimiser steps, at most; 0: as many as the minutes allow", least=0)
    batch_size: int = option(2, "samples in a step", least=1)
    patch_size: int = option(
        64,
        "side of a sample, LR pixels, a multiple of 4",
        least=LEAST_PATCH,
        because="the kernel network needs that much",
    )
    learning_rate: float = option(2e-5, "of Adam")
    measure_every: int = option(20, "measure the cycle loss", least=1, metavar="STEPS")
    patience: int = option(5, "stop after N measurements in a row that are no smaller; 0: never", least=0, metavar="N")
    precision: str = changed(TrainOptions, "precision", TrainOptions.precision)
    seed: int = option(1, "of the samples", least=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        require_multiple(self, "patch_size", 4, "a patch learns from itself at a quarter of its size")
        require_precision(self)
        if not 0 < self.minutes < float("inf"):
            raise UserError(f"minutes is {self.minutes}; give a positive number.")
        if not 0 < self.learning_rate < 1:
            raise UserError(f"learning_rate is {self.learning_rate}; give a number between 0 and 1, such as 0.00002.")


def fitting_patch(side: int) -> str:
    """What to do about a clip whose shorter side is `side` LR pixels, which is less than a patch's."""
    if side < LEAST_PATCH:
        return f"leave the clip out, because the smallest patch has {LEAST_PATCH}"
    return f"give a patch_size of at most {side - side % 4}, or leave the clip out"


@dataclass(frozen=True)
class Schedule:
    """A training in steps.

    The rates are halved every `halve_every` steps and the validation clips restored every `validate_every` (0: never).
    `repeat`: how often an epoch shows every window. `whole_epochs`: no batch reaches into the next epoch, so that the
    last one of an epoch may be short.
    """

    steps: int
    halve_every: int
    validate_every: int
    repeat: int = 1
    whole_epochs: bool = False

    def factor(self, step: int) -> float:
        """What the learning rates are multiplied by at a step, the first being 1."""
        return GAMMA ** ((step - 1) // self.halve_every) if self.halve_every else 1.0


def in_epochs(windows: int, batch_size: int, epochs: int, test_every: int, lr_decay: int) -> Schedule:
    """The paper's schedule: validation after every epoch, the rate of epoch e (from 1) times 0.5^((e - 1) // lr_decay).

    `windows`: how many windows of five frames the training clips hold.
    """
    repeat, length = epoch_length(windows, batch_size, test_every)
    return Schedule(epochs * length, lr_decay * length, length, repeat, whole_epochs=True)


def epoch_length(windows: int, batch_size: int, test_every: int) -> tuple[int, int]:
    """How often an epoch shows every window, and how many steps it has.

    Few windows are shown repeatedly, so that an epoch has about `test_every` steps; 11,040 windows in batches of 8 are
    1,380 steps with `test_every` 1,000.
    """
    repeat = max(test_every // max(windows // batch_size, 1), 1)
    return repeat, -(-windows * repeat // batch_size)
