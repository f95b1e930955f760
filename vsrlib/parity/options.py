"""The options of the referee, and those of its check."""

from dataclasses import dataclass

from vsrlib.common.errors import UserError
from vsrlib.common.names import PRESETS, TRAINERS
from vsrlib.common.options import JobOptions, option


@dataclass(frozen=True)
class ParityOptions(JobOptions):
    """What is compared with PyTorch: a network with weights, on a batch of windows of `height` x `width` LR pixels.

    weights: None: random. frames: a folder of clips; None: random noise. steps: of the trajectories, 0 for none;
    starts: of their control.
    """

    preset: str = option(
        "tiny", "size of the network; tiny has every layer and hardly any width", choices=("tiny", *PRESETS)
    )
    weights: str | None = option(None, "weights: a file, or a name such as study-gaussian (random)")
    frames: str | None = option(None, "folder of clips to cut the windows from (random noise)")
    height: int = option(32, "of the windows, LR pixels, a multiple of 4")
    width: int = option(36, "of the windows, LR pixels, a multiple of 4")
    steps: int = option(10, "training steps to compare, 0 for none", least=0)
    starts: int = option(3, "starts of the control band", least=1)
    seed: int = option(0, "of everything that is random", least=0)
    second: str = option("jittor", "what is compared with PyTorch", choices=TRAINERS[1:])

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.height, self.width) < 16 or self.height % 4 or self.width % 4:
            raise UserError(f"The size is {self.height}x{self.width}; give multiples of 4 of 16 and more.")


@dataclass(frozen=True)
class CheckOptions(JobOptions):
    """What the check of the referee is asked for: `runs` without a fault, and the faults in the framework `second`.

    With second="torch" no other framework is needed.
    """

    runs: int = option(50, "clean runs", least=0)
    second: str = option("jittor", "what is compared with PyTorch", choices=TRAINERS)
    seed: int = option(0, "of everything that is random", least=0)
