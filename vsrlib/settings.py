"""The parameters of the notebooks: one frozen dataclass for each, with its checks.

The fields and defaults of a class are exactly those of the notebook's `parameters` cell. Building it checks the
values; `require_inputs` checks that what it reads is there, which is not yet true when a whole study is planned.
Relative paths are taken from the project's folder, so that a notebook finds the same files from JupyterLab
(which works in notebooks/) and from papermill.
"""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Self

from vsrlib import shipped
from vsrlib.bench.options import Options
from vsrlib.checks import require_at_least, require_choice, require_list, require_types
from vsrlib.errors import UserError
from vsrlib.names import BLURS, CONVOLUTIONS, CORRELATIONS, DEVICES, ENGINES, FRAMEWORKS, OBJECTIVES, PRESETS
from vsrlib.provenance import PROJECT_ROOT

QUICK = "runs/quick"
"""The run folder of the notebooks' defaults."""


def resolve(path: str) -> Path:
    """The absolute path of a parameter; a relative one is taken from the project's folder.

    The name of weights that come with the project, such as "study-gaussian", stands for their file.
    """
    return shipped.path_of(path) if path in shipped.NAMES else PROJECT_ROOT / Path(path).expanduser()


def shown(path: Path) -> str:
    """A path as it stands in parameters and messages: relative to the project's folder where it lies inside."""
    return str(path.relative_to(PROJECT_ROOT)) if path.is_relative_to(PROJECT_ROOT) else str(path)


@dataclass(frozen=True, repr=False)
class Settings:
    """What the settings of all notebooks share.

    A class says in `inputs` which files and folders its notebook reads, and in `outputs` which it writes;
    `folder` is where the results go. The notebook and the study both rely on these three.
    """

    @property
    def folder(self) -> Path:
        """The folder that receives the results."""
        return resolve(self.output)

    def inputs(self) -> dict[str, Path]:
        """What the notebook reads: name of the parameter -> absolute path."""
        return {}

    def outputs(self) -> list[Path]:
        """What the notebook writes, absolute."""
        return [self.folder]

    def require_inputs(self) -> Self:
        """Return these settings; raise UserError for the first input that does not exist."""
        for name, path in self.inputs().items():
            if not path.exists():
                raise UserError(self.missing(name, path))
        return self

    def __repr__(self) -> str:
        # One parameter a line, as a notebook shows it.
        lines = (f"    {entry.name}={getattr(self, entry.name)!r}," for entry in fields(self))
        return "\n".join((f"{type(self).__name__}(", *lines, ")"))

    def missing(self, name: str, path: Path) -> str:
        """The sentence for an input that does not exist."""
        if path.parent == shipped.FOLDER and path.stem in shipped.NAMES:
            return shipped.why_missing(path.stem)
        maker = _MADE_BY.get(name, "the notebook before this one")
        return f"{name} is {shown(path)}, which does not exist: run {maker} first, or give another path."


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


def _require_frame(settings: "DataSettings | AblationSettings") -> None:
    """Height and width of HR frames."""
    for name in ("height", "width"):
        require_at_least(settings, name, 64, "smaller frames leave nothing to measure")
        if getattr(settings, name) % 4:
            raise UserError(f"{name} is {getattr(settings, name)}; give a multiple of 4, the scale.")


_MADE_BY = {
    "hr_root": "02_generate_data",
    "validation_root": "02_generate_data",
    "input_path": "02_generate_data",
    "gt_path": "02_generate_data",
    "weights": "03_train_network",
    "inference_files": "04_infer_clips",
    "training_files": "03_train_network",
    "comparison_file": "05_compare_frameworks",
    "parity_file": "06_prove_parity",
    "ablation_file": "07_ablate_alignment",
    "costs_file": "08_measure_costs",
}


@dataclass(frozen=True, repr=False)
class EnvironmentSettings(Settings):
    """01_check_environment: which frameworks can be used here."""

    frameworks: list[str] = field(default_factory=lambda: ["torch", "jittor"])
    output: str = f"{QUICK}/01_check_environment"

    def __post_init__(self) -> None:
        require_types(self)
        require_list("frameworks", self.frameworks, FRAMEWORKS)


@dataclass(frozen=True, repr=False)
class DataSettings(Settings):
    """02_generate_data: clips for training, validation and test, the latter degraded by both blurs.

    `test_root`: None for clips made from photographs, or a folder of HR clips of your own; then only the test sets
    are made, from those clips. `name` begins the names of the sets (Embedded_Train, Embedded_BlurDown_Gaussian, ...)
    and is Embedded for photographs, anything else for your own.
    """

    data_root: str = "data"
    name: str = "Embedded"
    test_root: str | None = None
    height: int = 256
    width: int = 384
    train_clips: int = 8
    train_frames: int = 15
    validation_frames: int = 7
    test_clips: int = 4
    test_frames: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        require_types(self)
        if not self.name.replace("_", "").replace("-", "").isalnum():
            raise UserError(f"name is {self.name!r}; use letters, digits, _ and - only, because it names folders.")
        if (self.name == "Embedded") != (self.test_root is None):
            raise UserError(
                f"name is {self.name!r} and test_root is {self.test_root!r}: clips of your own need a name other than "
                "Embedded, which stands for photographs."
            )
        _require_frame(self)
        for name in ("train_frames", "validation_frames", "test_frames"):
            require_at_least(self, name, 5, "the network looks at five frames at once")
        for name in ("train_clips", "test_clips"):
            require_at_least(self, name, 1)
        require_at_least(self, "seed", 0)

    @property
    def folder(self) -> Path:
        return resolve(self.data_root)

    def test_set(self, blur: str) -> Path:
        """Folder of the test set of one blur type."""
        return self.folder / f"{self.name}_BlurDown_{blur}"

    def inputs(self) -> dict[str, Path]:
        return {} if self.test_root is None else {"test_root": resolve(self.test_root)}

    def outputs(self) -> list[Path]:
        tests = [self.test_set(blur) for blur in BLURS]
        made = [self.folder / "Embedded_Train", self.folder / "Embedded_Validation"]
        return tests if self.test_root is not None else [*made, *tests]

    def missing(self, name: str, path: Path) -> str:
        return f"{name} is {shown(path)}, which does not exist: give a folder that holds one folder of frames per clip."


@dataclass(frozen=True, repr=False)
class TrainSettings(Settings):
    """03_train_network: one training run in one framework; `vsrlib.training.train` says what each value means.

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

    def missing(self, name: str, path: Path) -> str:
        if name in ("weights", "flow_weights") and path.parent != shipped.FOLDER:
            return f"{name} is {shown(path)}, which does not exist: give the file to start from, or None for none."
        return super().missing(name, path)


@dataclass(frozen=True, repr=False)
class InferSettings(Settings):
    """04_infer_clips: super-resolution of the clips of one test set in one framework.

    Both frameworks read the same `weights`, so that a difference of their results is one of the frameworks.
    """

    framework: str = "torch"
    blur: str = "Realistic"
    input_path: str | None = None
    gt_path: str | None = None
    weights: str = f"{QUICK}/03_train_network_torch/weights.safetensors"
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

    @property
    def folder(self) -> Path:
        return resolve(self.output or f"{QUICK}/04_infer_clips_{self.framework}_{self.blur}")

    @property
    def clips(self) -> Path:
        """The low-resolution clips."""
        return resolve(self.input_path or f"data/Embedded_BlurDown_{self.blur}/LR_blurdown_x4")

    @property
    def ground_truth(self) -> Path | None:
        """The high-resolution clips; None for clips of your own without any, because nothing is guessed."""
        if self.gt_path is not None:
            return resolve(self.gt_path)
        return resolve(f"data/Embedded_BlurDown_{self.blur}/HR") if self.input_path is None else None

    def inputs(self) -> dict[str, Path]:
        truth = {} if self.ground_truth is None else {"gt_path": self.ground_truth}
        return {"input_path": self.clips, **truth, "weights": resolve(self.weights)}


@dataclass(frozen=True, repr=False)
class CompareSettings(Settings):
    """05_compare_frameworks: what the runs of both frameworks say, side by side.

    Without lists of files, all results of `run_folder` are compared: whatever has been run. An empty list of
    `training_files` says that nothing was trained.
    """

    run_folder: str = QUICK
    inference_files: list[str] | None = None
    training_files: list[str] | None = None
    output: str = f"{QUICK}/05_compare_frameworks"
    seed: int = 0

    def __post_init__(self) -> None:
        require_types(self)
        require_at_least(self, "seed", 0)

    @property
    def inference(self) -> list[Path]:
        """The inference.json files, sorted."""
        return self._files(self.inference_files, "04_*/inference.json")

    @property
    def training(self) -> list[Path]:
        """The train.json files, sorted."""
        return self._files(self.training_files, "03_*/train.json")

    def _files(self, given: list[str] | None, pattern: str) -> list[Path]:
        if given is None:
            return sorted(resolve(self.run_folder).glob(pattern))
        return [resolve(path) for path in given]

    def inputs(self) -> dict[str, Path]:
        files = {"inference_files": self.inference, "training_files": self.training}
        return {f"{name}[{i}]": path for name, paths in files.items() for i, path in enumerate(paths)}

    def require_inputs(self) -> Self:
        if not self.inference:
            raise UserError(f"{self.run_folder} holds no inference.json yet: run 04_infer_clips first.")
        return super().require_inputs()

    def missing(self, name: str, path: Path) -> str:
        return super().missing(name.split("[")[0], path)


@dataclass(frozen=True, repr=False)
class AblationSettings(Settings):
    """07_ablate_alignment: what each suspect of claim C1 costs; `vsrlib.ablation.study.ablate` says what values mean."""

    weights_gaussian: str = "study-gaussian"
    weights_realistic: str | None = "study-realistic"
    weights_gaussian_false: str | None = "study-gaussian-align-false"
    weights_realistic_false: str | None = None
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
        _require_frame(self)
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


@dataclass(frozen=True, repr=False)
class ClaimsSettings(Settings):
    """09_judge_claims: the earlier report's claims against this run; None leaves a file of further evidence out."""

    comparison_file: str = f"{QUICK}/05_compare_frameworks/comparison.json"
    ablation_file: str | None = f"{QUICK}/07_ablate_alignment/ablation.json"
    parity_file: str | None = f"{QUICK}/06_prove_parity/parity.json"
    costs_file: str | None = f"{QUICK}/08_measure_costs/costs.json"
    output: str = f"{QUICK}/09_judge_claims"

    def __post_init__(self) -> None:
        require_types(self)

    @property
    def further(self) -> dict[str, Path | None]:
        """The files of further evidence by what they hold."""
        given = {"ablation": self.ablation_file, "parity": self.parity_file, "costs": self.costs_file}
        return {name: None if path is None else resolve(path) for name, path in given.items()}

    def inputs(self) -> dict[str, Path]:
        further = {f"{name}_file": path for name, path in self.further.items() if path is not None}
        return {"comparison_file": resolve(self.comparison_file), **further}


@dataclass(frozen=True, repr=False)
class FigureSettings(Settings):
    """10_draw_figures: the ten charts."""

    comparison_file: str = f"{QUICK}/05_compare_frameworks/comparison.json"
    output: str = f"{QUICK}/figures"

    def __post_init__(self) -> None:
        require_types(self)

    def inputs(self) -> dict[str, Path]:
        return {"comparison_file": resolve(self.comparison_file)}


@dataclass(frozen=True, repr=False)
class LookSettings(Settings):
    """11_look_at_data: one clip, its two degradations, their kernels and the motion. It is part of no profile.

    `hr_root`: HR clips of your own, or None for one made from a photograph; `clip`: which one, None for the first.
    """

    hr_root: str | None = None
    clip: str | None = None
    frames: int = 5
    seed: int = 0
    output: str = f"{QUICK}/11_look_at_data"

    def __post_init__(self) -> None:
        require_types(self)
        require_at_least(self, "frames", 2, "motion takes two")
        require_at_least(self, "seed", 0)

    def inputs(self) -> dict[str, Path]:
        return {} if self.hr_root is None else {"hr_root": resolve(self.hr_root)}

    def missing(self, name: str, path: Path) -> str:
        return f"{name} is {shown(path)}, which does not exist: give a folder of HR clips, or None for a photograph."


@dataclass(frozen=True, repr=False)
class ShowSettings(Settings):
    """12_show_frames: one frame of a run in pictures; `clip` and `frame` None are the first clip and its middle.

    Without a list of files, those of `run_folder` with this blur are taken, whichever frameworks they are of.
    """

    blur: str = "Realistic"
    clip: str | None = None
    frame: str | None = None
    moving: int = 6
    run_folder: str = QUICK
    inference_files: list[str] | None = None
    input_path: str | None = None
    gt_path: str | None = None
    output: str | None = None

    def __post_init__(self) -> None:
        require_types(self)
        require_choice("blur", self.blur, BLURS)
        require_at_least(self, "moving", 2, "one frame does not move")

    @property
    def folder(self) -> Path:
        return resolve(self.output or f"{QUICK}/12_show_frames_{self.blur}")

    @property
    def inference(self) -> list[Path]:
        """The inference.json files, sorted."""
        if self.inference_files is None:
            return sorted(resolve(self.run_folder).glob(f"04_*_{self.blur}/inference.json"))
        return [resolve(path) for path in self.inference_files]

    @property
    def clips(self) -> Path:
        """The low-resolution clips that the run read."""
        return resolve(self.input_path or f"data/Embedded_BlurDown_{self.blur}/LR_blurdown_x4")

    @property
    def ground_truth(self) -> Path | None:
        """The high-resolution clips; None for clips of your own without any."""
        if self.gt_path is not None:
            return resolve(self.gt_path)
        return resolve(f"data/Embedded_BlurDown_{self.blur}/HR") if self.input_path is None else None

    def inputs(self) -> dict[str, Path]:
        files = {f"inference_files[{i}]": path for i, path in enumerate(self.inference)}
        truth = {} if self.ground_truth is None else {"gt_path": self.ground_truth}
        return {**files, "input_path": self.clips, **truth}

    def require_inputs(self) -> Self:
        if not self.inference:
            raise UserError(f"{self.run_folder} holds no {self.blur} inference.json yet: run 04_infer_clips first.")
        return super().require_inputs()

    def missing(self, name: str, path: Path) -> str:
        return super().missing(name.split("[")[0], path)


@dataclass(frozen=True, repr=False)
class ParitySettings(Settings):
    """06_prove_parity: the network in both frameworks, step by step; `vsrlib.parity.referee.Options` says what each is."""

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


NOTEBOOKS: dict[str, type[Settings]] = {
    "01_check_environment": EnvironmentSettings,
    "02_generate_data": DataSettings,
    "03_train_network": TrainSettings,
    "04_infer_clips": InferSettings,
    "05_compare_frameworks": CompareSettings,
    "06_prove_parity": ParitySettings,
    "07_ablate_alignment": AblationSettings,
    "08_measure_costs": CostsSettings,
    "09_judge_claims": ClaimsSettings,
    "10_draw_figures": FigureSettings,
    "11_look_at_data": LookSettings,
    "12_show_frames": ShowSettings,
}
"""The settings class of each notebook."""
