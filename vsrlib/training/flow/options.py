"""How the flow network is trained."""

from dataclasses import asdict, dataclass
from typing import Any

from vsrlib.common.errors import UserError
from vsrlib.common.names import FRAMEWORKS, PRESETS
from vsrlib.common.options import require_at_least, require_choice, require_types
from vsrlib.networks.architecture import FLOW_STRIDE


@dataclass(frozen=True)
class FlowSettings:
    """Two stages: `match_steps` in which the pyramid learns to match, `flow_steps` in which all learns to give flow.

    `patch_size`: side of a training pair, LR pixels, a multiple of 64. `max_shift`: LR pixels. `match_weight`: of the
    matching loss in the second stage. `leaves`: pictures of dead leaves beside the photographs. Rates are of Adam; each
    falls linearly to a tenth over its stage's second half.
    """

    framework: str = "torch"
    preset: str = "study"
    match_steps: int = 1000
    flow_steps: int = 6000
    batch_size: int = 8
    patch_size: int = 64
    max_shift: float = 8.0
    match_learning_rate: float = 1e-3
    learning_rate: float = 5e-4
    match_weight: float = 0.1
    leaves: int = 0
    align_corners: bool = True
    seed: int = 1

    def __post_init__(self) -> None:
        require_types(self)
        require_choice("framework", self.framework, FRAMEWORKS)
        require_choice("preset", self.preset, PRESETS)
        for name, least in (
            ("match_steps", 0),
            ("flow_steps", 0),
            ("batch_size", 1),
            ("match_weight", 0),
            ("leaves", 0),
            ("seed", 0),
        ):
            require_at_least(self, name, least)
        for name in ("max_shift", "match_learning_rate", "learning_rate"):
            if not 0 < getattr(self, name) < float("inf"):
                raise UserError(f"{name} is {getattr(self, name)}; give a positive number.")
        if self.patch_size < FLOW_STRIDE or self.patch_size % FLOW_STRIDE:
            raise UserError(
                f"patch_size is {self.patch_size}; give a multiple of {FLOW_STRIDE}, as which the "
                "flow network takes frames."
            )

    def to_json(self) -> dict[str, Any]:
        """The settings as plain JSON values."""
        return asdict(self)

    def of_matching(self) -> dict[str, Any]:
        """Those that the first stage depends on: a finished one is taken over where they are the same."""
        later = ("flow_steps", "learning_rate", "match_weight")
        return {name: value for name, value in asdict(self).items() if name not in later}


def rate_factor(step: int, steps: int) -> float:
    """What a rate is multiplied by at `step` (1 to `steps`): 1 over the first half, then falling linearly to 0.1."""
    return 1 - 0.9 * max(0.0, 2 * (step - 1) / max(steps - 1, 1) - 1)
