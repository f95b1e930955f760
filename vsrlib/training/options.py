"""Ready-made training configurations. A value that is given elsewhere replaces the template's.

The two of the paper's authors presume a trained flow network, whose rate is a hundredth of the others'; without weights
that hold one, its flow hardly learns. So does "study", by which the weights were made that come with the project.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from vsrlib.common.errors import UserError

_PAPER = {
    "preset": "published", "batch_size": 8, "patch_size": 160, "learning_rate": 1e-4, "flow_learning_rate": 1e-6,
    "epochs": 500, "test_every": 1000, "lr_decay": 100, "n_frames_per_video": 50, "checkpoint_every": 1000, "seed": 1,
}  # fmt: skip

_SMALL = {
    "batch_size": 4,
    "patch_size": 80,
    "n_frames_per_video": 20,
    "epochs": 50,
    "test_every": 100,
    "checkpoint_every": 100,
}

TEMPLATES = MappingProxyType(
    {
        "Self_Blind_VSR_Gaussian": MappingProxyType(_PAPER | {"blur": "Gaussian"}),
        "Self_Blind_VSR_Realistic": MappingProxyType(_PAPER | {"blur": "Realistic"}),
        "small-budget": MappingProxyType(_PAPER | _SMALL | {"blur": "Gaussian"}),
        "study": MappingProxyType(
            {
                "blur": "Gaussian",
                "preset": "study",
                "objective": "supervised",
                "steps": 1600,
                "batch_size": 4,
                "patch_size": 48,
                "learning_rate": 5e-4,
                "flow_learning_rate": 2e-5,
                "halve_every": 400,
                "ema": 0.99,
                "validate_every": 200,
                "checkpoint_every": 100,
                "seed": 1,
            }
        ),
    }
)
"""Name -> parameters of `vsrlib.training.train.train`; what is not named is the default."""


def settings_of(template: str | None, given: dict[str, Any]) -> dict[str, Any]:
    """The template's parameters (none for None), replaced by those that are given; steps replace epochs.

    UserError for a value that the epochs would replace.
    """
    values = {**(TEMPLATES[template] if template else {}), **given}
    if "steps" in given and "epochs" not in given:
        values["epochs"] = 0
    for name in ("steps", "halve_every", "validate_every"):
        if name in given and values.get("epochs"):
            raise UserError(
                f"{name} is {given[name]}, but epochs is {values['epochs']}, from which it follows; "
                "leave it out, or give steps without epochs."
            )
    return values


# How long a training runs, and how its learning rates fall: in steps, or in epochs as the paper counts them.

GAMMA = 0.5  # what the rates are multiplied by


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
