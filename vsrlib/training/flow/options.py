"""How the flow network is trained."""

from dataclasses import dataclass
from typing import Any

from vsrlib.common.errors import UserError
from vsrlib.common.options import option
from vsrlib.networks.architecture import FLOW_STRIDE
from vsrlib.networks.network import NetworkOptions

HELDOUT_SEED = 0
"""Of the synthetic pairs and clips that the error is measured on."""
_UNRECORDED = ("device", "correlation", "images", "weights", "resume", "workers", "checkpoint_every")
"""Whatever the result does not depend on, or is recorded as what came of it: digests, and the network's own."""


@dataclass(frozen=True)
class FlowOptions(NetworkOptions):
    """What `vsrlib.training.flow.train.train_flow` is asked for.

    Two stages: `match_steps` in which the pyramid learns to match, `flow_steps` in which all learns to give flow. Rates
    are of Adam; each falls linearly to a tenth over its stage's second half. images: None: the photographs of the
    training split but for the stereo pair, which the error is measured on. `bars` and `noise` make pairs harder than
    those that the error is measured on, as films are. weights: e.g. to go on with larger patches,
    without which the refiner never learns what its widest dilations see. On a GPU drawing pairs takes longer than
    learning; the result is the same for any number of `workers`.
    """

    match_steps: int = option(1000, "steps in which the pyramid learns to match", least=0)
    flow_steps: int = option(6000, "steps in which all learns to give flow", least=0)
    batch_size: int = option(8, "pairs in a step", least=1)
    patch_size: int = option(64, f"side of a pair, LR pixels, a multiple of {FLOW_STRIDE}")
    max_shift: float = option(8.0, "largest shift, LR pixels")
    match_learning_rate: float = option(1e-3, "of the first stage")
    learning_rate: float = option(5e-4, "of the second stage")
    match_weight: float = option(0.1, "of the matching loss in the second stage", least=0)
    leaves: int = option(0, "drawn pictures (dead leaves) beside the photographs", least=0)
    bars: int = option(0, "thin bars in front of a scene, at most", least=0)
    noise: float = option(0.0, "standard deviation of the frames' noise, at most; frames are in [0, 1]", least=0)
    align_corners: bool = option(
        True, "how the warp reads its sampling grid; --no-align-corners is for the study's control"
    )
    seed: int = option(1, "of the initial weights and of the pairs", least=0)
    images: str | None = option(
        None,
        "folder of pictures or clips, or a video, to make the pairs of (photographs that ship with scikit-image)",
    )
    weights: str | None = option(None, "weights that the flow network starts from (values drawn from the seed)")
    resume: bool = option(
        False, "take over a first stage that was finished in OUTPUT, and go on with the second from its checkpoint"
    )
    checkpoint_every: int = option(500, "of the second stage; 0: none", least=0, metavar="STEPS")
    workers: int = option(
        0, "processes that draw pairs ahead, as many as there are cores beside a GPU", least=0, metavar="N"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("match_learning_rate", "learning_rate"):
            if not 0 < getattr(self, name) < float("inf"):
                raise UserError(f"{name} is {getattr(self, name)}; give a positive number.")
        if self.patch_size < FLOW_STRIDE or self.patch_size % FLOW_STRIDE:
            raise UserError(
                f"patch_size is {self.patch_size}; give a multiple of {FLOW_STRIDE}, as which the "
                "flow network takes frames."
            )
        if self.leaves and self.images is not None:
            raise UserError(
                f"leaves is {self.leaves} and images is {self.images!r}, which are the pictures then; leave one of "
                "both out."
            )
        if not 0 < self.max_shift <= self.patch_size:
            raise UserError(
                f"max_shift is {self.max_shift}; give a positive number of at most {self.patch_size}, the patch_size, "
                "because beyond it the two frames of a pair may show nothing in common."
            )

    def recorded(self) -> dict[str, Any]:
        """Those that stand in train_flow.json."""
        return {name: value for name, value in self.to_json().items() if name not in _UNRECORDED}

    def of_matching(self) -> dict[str, Any]:
        """Those that the first stage depends on: a finished one is taken over where they are the same."""
        later = ("flow_steps", "learning_rate", "match_weight")
        return {name: value for name, value in self.recorded().items() if name not in later}


def rate_factor(step: int, steps: int) -> float:
    """What a rate is multiplied by at `step` (1 to `steps`): 1 over the first half, then falling linearly to 0.1."""
    return 1 - 0.9 * max(0.0, 2 * (step - 1) / max(steps - 1, 1) - 1)
