"""Settings of the notebooks that run the network: 03 and 04."""

from dataclasses import dataclass, field
from pathlib import Path

from vsrlib.bench.options import Options
from vsrlib.common.errors import UserError
from vsrlib.common.files import shown
from vsrlib.common.names import BLURS, CONVOLUTIONS, CORRELATIONS, DEVICES, ENGINES, FRAMEWORKS, OBJECTIVES, PRESETS
from vsrlib.common.options import require_at_least, require_choice, require_frame, require_types
from vsrlib.networks.weights import weights_file
from vsrlib.study.settings.base import QUICK, Settings, resolve
from vsrlib.study.settings.data import absent_sets, hr_clips, lr_clips


@dataclass(frozen=True, repr=False)
class TrainSettings(Settings):
    """03_train_network: one training run in one framework; `vsrlib.training.train.train` says what each value means.

    `weights`: a file of weights to start from, or None for initial values drawn from `seed`.
    """

    framework: str = "torch"
    blur: str = "Realistic"
    hr_root: str = "data/Embedded_Train/HR"
    validation_root: str = "data/Embedded_Validation/HR"
    weights: str | None = None
    output: str | None = None
    preset: str = "study"
    device: str = "cpu"
    correlation: str = "auto"
    steps: int = 250
    batch_size: int = 2
    patch_size: int = 64
    learning_rate: float = 1e-4
    flow_learning_rate: float = 1e-4
    halve_every: int = 0
    validate_every: int = 50
    seed: int = 1
    objective: str = "self-supervised"
    epochs: int = 0
    test_every: int = 1000
    lr_decay: int = 100
    n_frames_per_video: int = 50
    clip_value: float = 0.0
    clip_norm: float = 0.0
    ema: float = 0.0
    patience: int = 0
    checkpoint_every: int = 50
    resume: bool = False
    align_corners: bool | None = None
    flow_weights: str | None = None

    def __post_init__(self) -> None:
        require_types(self)
        _require_network(self)
        require_choice("objective", self.objective, OBJECTIVES)
        require_at_least(self, "steps", 1)
        require_at_least(self, "batch_size", 1)
        require_at_least(self, "patch_size", 16, "the kernel network needs that much")
        for name in ("learning_rate", "flow_learning_rate"):
            if not 0 < getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}; give a number between 0 and 1, such as 0.0001.")
        for name in ("halve_every", "validate_every", "epochs", "patience", "checkpoint_every"):
            require_at_least(self, name, 0)
        for name in ("test_every", "lr_decay"):
            require_at_least(self, name, 1)
        require_at_least(self, "n_frames_per_video", 5, "the network looks at five frames at once")
        for name in ("clip_value", "clip_norm"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise UserError(f"{name} is {getattr(self, name)}; give a positive number, or 0 for none.")
        if not 0 <= self.ema < 1:
            raise UserError(f"ema is {self.ema}; give a number below 1, such as 0.999, or 0 for none.")

    @property
    def folder(self) -> Path:
        return resolve(self.output or f"{QUICK}/03_train_network_{self.framework}")

    @property
    def start(self) -> Path | None:
        """The file of weights to start from; None for initial values."""
        return None if self.weights is None else resolve(self.weights)

    @property
    def flow_start(self) -> Path | None:
        """The file that the flow network starts from; None for none of its own."""
        return None if self.flow_weights is None else resolve(self.flow_weights)

    def inputs(self) -> dict[str, Path]:
        files = {"weights": self.start, "flow_weights": self.flow_start}
        start = {name: path for name, path in files.items() if path is not None}
        return {"hr_root": resolve(self.hr_root), "validation_root": resolve(self.validation_root), **start}

    def sets_to_make(self) -> list[Path]:
        return absent_sets(self.inputs().values())

    def missing(self, name: str, path: Path) -> str:
        if name in ("weights", "flow_weights") and path.parent != weights_file.FOLDER:
            return f"{name} is {shown(path)}, which does not exist: give the file to start from, or None for none."
        return super().missing(name, path)


@dataclass(frozen=True, repr=False)
class InferSettings(Settings):
    """04_infer_clips: super-resolution of the clips of one test set in one framework.

    Both frameworks read the same `weights`, so that a difference of their results is one of the frameworks.
    None stands for those that come with the project for the blur.
    """

    framework: str = "torch"
    blur: str = "Realistic"
    input_path: str | None = None
    gt_path: str | None = None
    weights: str | None = None
    output: str | None = None
    preset: str = "study"
    device: str = "cpu"
    engine: str = "streaming"
    correlation: str = "auto"
    convolution: str = "auto"
    tile: int = 0
    border: bool = False
    timing_repeats: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        require_types(self)
        _require_network(self)
        require_choice("engine", self.engine, ENGINES)
        require_choice("convolution", self.convolution, CONVOLUTIONS)
        require_at_least(self, "tile", 0)
        require_at_least(self, "timing_repeats", 0)
        if self.weights is None and self.preset != "study":
            raise UserError(
                f"weights is None and preset is {self.preset!r}: give the file of weights, because those that come "
                "with the project are of the study network."
            )

    @property
    def folder(self) -> Path:
        return resolve(self.output or f"{QUICK}/04_infer_clips_{self.framework}_{self.blur}")

    @property
    def clips(self) -> Path:
        """The low-resolution clips."""
        return lr_clips(self.input_path, self.blur)

    @property
    def checkpoint(self) -> Path:
        """The file of weights."""
        return resolve(self.weights or f"study-{self.blur.lower()}")

    @property
    def ground_truth(self) -> Path | None:
        """The high-resolution clips; None for clips of your own without any, because nothing is guessed."""
        return hr_clips(self.gt_path, self.input_path, self.blur)

    def inputs(self) -> dict[str, Path]:
        truth = {} if self.ground_truth is None else {"gt_path": self.ground_truth}
        return {"input_path": self.clips, **truth, "weights": self.checkpoint}

    def sets_to_make(self) -> list[Path]:
        return absent_sets(self.inputs().values())


def _require_network(settings: "TrainSettings | InferSettings") -> None:
    """What every notebook that runs the network asks for is one of the choices."""
    require_choice("framework", settings.framework, FRAMEWORKS)
    require_choice("blur", settings.blur, BLURS)
    require_choice("preset", settings.preset, PRESETS)
    require_choice("device", settings.device, DEVICES)
    require_choice("correlation", settings.correlation, CORRELATIONS)
    if (settings.device, settings.framework) == ("cuda", "jittor"):
        raise UserError(
            "device is 'cuda' and framework is 'jittor', which runs on the CPU only: give cpu, "
            "or cuda to the steps of PyTorch alone."
        )
    require_at_least(settings, "seed", 0)


# Settings of the notebooks that look for evidence of their own: 06, 07 and 08.


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
    """07_ablate_alignment: what each suspect of claim C1 costs; see `vsrlib.claims.ablation.ablate.ablate`."""

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
    """08_measure_costs: what each framework costs to install, to start and to time; see `bench.costs.study.costs`."""

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
