"""Ready-made training configurations. A value that is given elsewhere replaces the template's.

The two of the paper's authors presume a trained flow network, whose rate is a hundredth of the others'; without weights
that hold one, its flow hardly learns. So does "study", by which the weights were made that come with the project.
"""

from types import MappingProxyType
from typing import Any

from vsrlib.errors import UserError

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
"""Name -> parameters of `vsrlib.training.train`; what is not named is the default."""


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
