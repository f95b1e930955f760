"""Settings of the notebooks that look for evidence of their own: 06, 07 and 08."""

from dataclasses import dataclass, field
from pathlib import Path

from vsrlib.bench.options import Options
from vsrlib.checks import require_at_least, require_choice, require_frame, require_types
from vsrlib.errors import UserError
from vsrlib.names import DEVICES, PRESETS
from vsrlib.settings.base import QUICK, Settings, resolve


@dataclass(frozen=True, repr=False)
class ParitySettings(Settings):
    """06_prove_parity: the network in both frameworks, step by step; see `vsrlib.parity.referee.Options`."""

    preset: str = "tiny"
    weights: str | None = None
    frames: str | None = None
    height: int = 32
    width: int = 36
    steps: int = 10
    starts: int = 3
    seed: int = 0
    output: str = f"{QUICK}/06_prove_parity"

    def __post_init__(self) -> None:
        require_types(self)
        require_choice("preset", self.preset, ("tiny", *PRESETS))
        for name in ("height", "width"):
            require_at_least(self, name, 16)
        for name, least in (("steps", 0), ("starts", 1), ("seed", 0)):
            require_at_least(self, name, least)

    def inputs(self) -> dict[str, Path]:
        given = {"weights": self.weights, "frames": self.frames}
        return {name: resolve(path) for name, path in given.items() if path is not None}


@dataclass(frozen=True, repr=False)
class AblationSettings(Settings):
    """07_ablate_alignment: what each suspect of claim C1 costs; see `vsrlib.ablation.study.ablate`."""

    weights_gaussian: str = "study-gaussian"
    weights_realistic: str | None = "study-realistic"
    weights_gaussian_false: str | None = "study-gaussian-align-false"
    weights_realistic_false: str | None = "study-realistic-align-false"
    gaussian_set: str | None = None
    realistic_set: str | None = None
    output: str = f"{QUICK}/07_ablate_alignment"
    preset: str | None = None
    device: str = "cpu"
    seeds: list[int] = field(default_factory=lambda: [1, 2, 3])
    height: int = 192
    width: int = 256
    count: int = 2
    draws: int = 3

    def __post_init__(self) -> None:
        require_types(self)
        require_choice("device", self.device, DEVICES)
        if self.preset is not None:
            require_choice("preset", self.preset, PRESETS)
        require_frame(self)
        for name in ("count", "draws"):
            require_at_least(self, name, 1)
        if not self.seeds or min(self.seeds) < 0:
            raise UserError(f"seeds is {self.seeds}; give at least one number of 0 or more.")
        if self.realistic_set is not None and self.gaussian_set is None:
            raise UserError("realistic_set is given and gaussian_set is not; give both, or the Gaussian one alone.")

    @property
    def weights(self) -> dict[str, Path | None]:
        """The files of weights by their part in the ablation."""
        given = {
            "gaussian": self.weights_gaussian,
            "realistic": self.weights_realistic,
            "gaussian_false": self.weights_gaussian_false,
            "realistic_false": self.weights_realistic_false,
        }
        return {name: None if path is None else resolve(path) for name, path in given.items()}

    @property
    def sets(self) -> dict[str, Path | None]:
        """The test sets; None for clips made from photographs."""
        given = {"gaussian_set": self.gaussian_set, "realistic_set": self.realistic_set}
        return {name: None if path is None else resolve(path) for name, path in given.items()}

    def inputs(self) -> dict[str, Path]:
        weights = {f"weights_{name}": path for name, path in self.weights.items()}
        return {name: path for name, path in (weights | self.sets).items() if path is not None}


@dataclass(frozen=True, repr=False)
class CostsSettings(Settings):
    """08_measure_costs: what each framework costs to install, to start and to time; see `vsrlib.costs.study.costs`."""

    frameworks: list[str] = field(default_factory=lambda: ["torch", "jittor"])
    output: str = f"{QUICK}/08_measure_costs"
    preset: str = "study"
    device: str = "cpu"
    height: int = 64
    width: int = 96
    repeats: int = 15
    seconds: float = 10.0
    fresh: bool = False

    def __post_init__(self) -> None:
        require_types(self)
        _ = self.options  # building it checks the values

    @property
    def options(self) -> Options:
        """What the library takes."""
        return Options(
            frameworks=tuple(self.frameworks),
            preset=self.preset,
            size=(self.height, self.width),
            repeats=self.repeats,
            seconds=self.seconds,
            device=self.device,
        )
