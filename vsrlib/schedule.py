"""How long a training runs, and how its learning rates fall: in steps, or in epochs as the paper counts them."""

from dataclasses import dataclass

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
