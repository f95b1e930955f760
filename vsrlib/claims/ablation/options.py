"""The options of the ablation."""

from dataclasses import dataclass

from vsrlib.common.errors import UserError
from vsrlib.common.names import DEVICES, PRESETS
from vsrlib.common.options import JobOptions, option, require_frame


@dataclass(frozen=True)
class AblationOptions(JobOptions):
    """What `vsrlib.claims.ablation.ablate.ablate` is asked for.

    Weights are files or names; the Gaussian ones are needed, None leaves others out. The clips are the eight filmed
    scenes of `vsrlib.data.scenes`, and clips of `height` x `width` HR pixels that are made from the held-out
    photographs, as `vsrlib.claims.ablation.cases` says; or those of gaussian_set and realistic_set, test sets (HR and
    LR_blurdown_x4) of the same clips. Either way those in the folders `scenes` are added.
    """

    weights_gaussian: str = option("study-gaussian", "weights trained for the Gaussian blur: file or name")
    weights_realistic: str | None = option("study-realistic", "weights trained for the realistic blur: file or name")
    weights_gaussian_false: str | None = option(
        "study-gaussian-align-false",
        "trained with align_corners=False, for the control (those that come with the project, beside them)",
    )
    weights_realistic_false: str | None = option(
        "study-realistic-align-false",
        "the same for the realistic blur (those that come with the project, beside them)",
    )
    scenes: list[str] | None = option(None, "folders of further filmed HR clips", metavar="ROOT")
    gaussian_set: str | None = option(
        None, "test set (HR and LR_blurdown_x4) with Gaussian blur; none: eight filmed scenes, and made clips"
    )
    realistic_set: str | None = option(None, "the same clips with realistic blur; none: without")
    preset: str | None = option(None, "size of the network (what the weights note)", choices=PRESETS)
    device: str = option("auto", choices=DEVICES)
    seeds: list[int] = option([1], "of the made clips; the first one also of the kernels of filmed scenes")
    height: int = option(192, "of the made frames, HR pixels")
    width: int = option(256, "of the made frames, HR pixels")
    count: int = option(2, "photographs", least=1)
    draws: int = option(3, "of the realistic kernels", least=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        require_frame(self)
        if not self.seeds or min(self.seeds) < 0:
            raise UserError(f"seeds is {self.seeds}; give at least one number of 0 or more.")
        if self.realistic_set is not None and self.gaussian_set is None:
            raise UserError("realistic_set is given and gaussian_set is not; give both, or the Gaussian one alone.")

    @property
    def weights(self) -> dict[str, str]:
        """The weights that are given, by the blur they were trained for; those of the control by it and "_false"."""
        given = {
            "gaussian": self.weights_gaussian,
            "realistic": self.weights_realistic,
            "gaussian_false": self.weights_gaussian_false,
            "realistic_false": self.weights_realistic_false,
        }
        return {part: weights for part, weights in given.items() if weights is not None}
