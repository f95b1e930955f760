"""Settings of the notebooks that run a job: its options with the notebook's paths, and with the study's defaults.

The study compares the frameworks, which both run on the CPU only: there a job's device is "cpu" by default.
"""

from dataclasses import dataclass
from pathlib import Path

from vsrlib.bench.options import CostsOptions
from vsrlib.claims.ablation.options import AblationOptions
from vsrlib.common.errors import UserError
from vsrlib.common.files import resolve, shown
from vsrlib.common.names import FRAMEWORKS
from vsrlib.common.options import changed
from vsrlib.networks.network import NetworkOptions
from vsrlib.networks.weights import weights_file
from vsrlib.parity.options import ParityOptions
from vsrlib.restoration.options import InferOptions, RestorationOptions
from vsrlib.study.settings.base import INTERACTIVE, Settings, weights_path
from vsrlib.study.settings.data import absent_sets, hr_clips, lr_clips
from vsrlib.training.options import TrainOptions


@dataclass(frozen=True, repr=False)
class TrainSettings(Settings, TrainOptions):
    """03_train_network: one training run in one framework."""

    device: str = changed(NetworkOptions, "device", "cpu")
    hr_root: str = "data/Embedded_Train/HR"
    validation_root: str = "data/Embedded_Validation/HR"
    output: str | None = None

    @property
    def folder(self) -> Path:
        return resolve(self.output or f"{INTERACTIVE}/03_train_network_{self.framework}")

    @property
    def roots(self) -> dict[str, Path]:
        """The clips to train on and to validate on."""
        return {"hr_root": resolve(self.hr_root), "validation_root": resolve(self.validation_root)}

    @property
    def starts(self) -> dict[str, Path]:
        """The files of weights to start from, where there are any."""
        given = {"weights": self.weights, "flow_weights": self.flow_weights}
        return {name: weights_path(path) for name, path in given.items() if path is not None}

    @property
    def options(self) -> TrainOptions:
        """What the library takes."""
        return TrainOptions.of(self.to_json() | {name: str(path) for name, path in self.starts.items()})

    def inputs(self) -> dict[str, Path]:
        return self.roots | self.starts

    def sets_to_make(self) -> list[Path]:
        return absent_sets(self.inputs().values())

    def missing(self, name: str, path: Path) -> str:
        if name in ("weights", "flow_weights") and path.parent != weights_file.FOLDER:
            return f"{name} is {shown(path)}, which does not exist: give the file to start from, or None for none."
        return super().missing(name, path)


@dataclass(frozen=True, repr=False)
class InferSettings(Settings, RestorationOptions):
    """04_infer_clips: super-resolution of the clips of one test set in one framework.

    Both frameworks read the same `weights`, so that a difference of their results is one of the frameworks.
    None stands for those that come with the project for the blur.
    """

    blur: str = changed(RestorationOptions, "blur", "Realistic")
    device: str = changed(NetworkOptions, "device", "cpu")
    timing_repeats: int = changed(RestorationOptions, "timing_repeats", 10)
    input_path: str | None = None
    gt_path: str | None = None
    output: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weights is None and self.preset != "study":
            raise UserError(
                f"weights is None and preset is {self.preset!r}: give the file of weights, because those that come "
                "with the project are of the study network."
            )

    @property
    def folder(self) -> Path:
        return resolve(self.output or f"{INTERACTIVE}/04_infer_clips_{self.framework}_{self.blur}")

    @property
    def clips(self) -> Path:
        """The low-resolution clips."""
        return lr_clips(self.input_path, self.blur)

    @property
    def checkpoint(self) -> Path:
        """The file of weights."""
        return weights_path(self.weights or f"study-{self.blur.lower()}")

    @property
    def ground_truth(self) -> Path | None:
        """The high-resolution clips; None for clips of your own without any, because nothing is guessed."""
        return hr_clips(self.gt_path, self.input_path, self.blur)

    @property
    def options(self) -> InferOptions:
        """What the library takes."""
        return InferOptions.of(self.to_json() | {"weights": str(self.checkpoint)})

    def inputs(self) -> dict[str, Path]:
        truth = {} if self.ground_truth is None else {"gt_path": self.ground_truth}
        return {"input_path": self.clips, **truth, "weights": self.checkpoint}

    def sets_to_make(self) -> list[Path]:
        return absent_sets(self.inputs().values())


@dataclass(frozen=True, repr=False)
class ParitySettings(Settings, ParityOptions):
    """06_prove_parity: the network in both frameworks, layer by layer."""

    output: str | None = None

    @property
    def folder(self) -> Path:
        # The claims are about the two, and read no other framework's referee in its place.
        other = "" if self.second == FRAMEWORKS[1] else f"_{self.second}"
        return resolve(self.output or f"{INTERACTIVE}/06_prove_parity{other}")

    @property
    def options(self) -> ParityOptions:
        """What the library takes."""
        return ParityOptions.of(self.to_json() | {name: str(path) for name, path in self.inputs().items()})

    def inputs(self) -> dict[str, Path]:
        weights = {} if self.weights is None else {"weights": weights_path(self.weights)}
        return weights if self.frames is None else {**weights, "frames": resolve(self.frames)}


@dataclass(frozen=True, repr=False)
class AblationSettings(Settings, AblationOptions):
    """07_ablate_alignment: what each factor that may explain claim C1 costs."""

    device: str = changed(AblationOptions, "device", "cpu")
    output: str = f"{INTERACTIVE}/07_ablate_alignment"

    @property
    def options(self) -> AblationOptions:
        """What the library takes."""
        paths = {name: str(path) for name, path in self.inputs().items()}
        scenes = None if self.scenes is None else [str(resolve(root)) for root in self.scenes]
        return AblationOptions.of(self.to_json() | paths | {"scenes": scenes})

    def inputs(self) -> dict[str, Path]:
        weights = {f"weights_{part}": weights_path(given) for part, given in self.weights.items()}
        sets = {"gaussian_set": self.gaussian_set, "realistic_set": self.realistic_set}
        sets |= {f"scenes[{index}]": root for index, root in enumerate(self.scenes or ())}
        return weights | {name: resolve(path) for name, path in sets.items() if path is not None}


@dataclass(frozen=True, repr=False)
class CostsSettings(Settings, CostsOptions):
    """08_measure_costs: what each framework costs to install, to start and to time."""

    output: str = f"{INTERACTIVE}/08_measure_costs"
