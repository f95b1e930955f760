"""Settings of the notebooks about the machine and the data: 00, 01, 02 and 11."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vsrlib.common.errors import UserError
from vsrlib.common.files import resolve, shown
from vsrlib.common.names import BLURS, FRAMEWORKS, TRAINERS
from vsrlib.common.options import option, require_at_least, require_frame
from vsrlib.data.synthetic.sets import SetsOptions
from vsrlib.restoration.options import DemoOptions
from vsrlib.study.settings.base import INTERACTIVE, Settings


@dataclass(frozen=True, repr=False)
class StartSettings(Settings):
    """00_start_here: a second of film, made small and restored, by PyTorch alone."""

    film_frames: int = option(5, least=5, because="a window has five")
    blur: str = option("Realistic", choices=BLURS)
    output: str = f"{INTERACTIVE}/00_start_here"

    @property
    def options(self) -> DemoOptions:
        """What the demonstration is asked for."""
        return DemoOptions(frames=self.film_frames, blur=self.blur)


@dataclass(frozen=True, repr=False)
class EnvironmentSettings(Settings):
    """01_check_environment: which frameworks can be used here."""

    frameworks: list[str] = option(list(FRAMEWORKS), choices=TRAINERS)
    output: str = f"{INTERACTIVE}/01_check_environment"


@dataclass(frozen=True, repr=False)
class DataSettings(Settings, SetsOptions):
    """02_generate_data: clips for training, validation and test, the latter degraded by both blurs.

    `test_root`: None for clips made from photographs and filmed scenes, or a folder of HR clips of your own; then only
    the test sets are made, from those clips. `name` begins the names of the sets (Embedded_Train,
    Embedded_BlurDown_Gaussian, ...) and is Embedded for photographs, anything else for your own.
    """

    data_root: str = "data"
    name: str = "Embedded"
    test_root: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.name.replace("_", "").replace("-", "").isalnum():
            raise UserError(f"name is {self.name!r}; use letters, digits, _ and - only, because it names folders.")
        if (self.name == "Embedded") != (self.test_root is None):
            raise UserError(
                f"name is {self.name!r} and test_root is {self.test_root!r}: clips of your own need a name other than "
                "Embedded, which stands for photographs."
            )
        require_frame(self)
        for name in ("train_frames", "validation_frames", "test_frames"):
            require_at_least(self, name, 5, "the network looks at five frames at once")
        if self.filmed_frames != 0:
            require_at_least(self, "filmed_frames", 5, "the network looks at five frames at once; 0 leaves them out")
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


def lr_clips(input_path: str | None, blur: str) -> Path:
    """The low-resolution clips: those given, or the embedded ones with this blur."""
    return resolve(input_path or f"data/Embedded_BlurDown_{blur}/LR_blurdown_x4")


def hr_clips(gt_path: str | None, input_path: str | None, blur: str) -> Path | None:
    """The high-resolution clips; None for clips of your own without any, because nothing is guessed."""
    if gt_path is not None:
        return resolve(gt_path)
    return resolve(f"data/Embedded_BlurDown_{blur}/HR") if input_path is None else None


def absent_sets(paths: Iterable[Path]) -> list[Path]:
    """Folders of those embedded sets in the project's data folder that hold one of the paths, which does not exist."""
    absent = [path for path in paths if not path.exists()]
    return [folder for folder in DataSettings().outputs() if any(path.is_relative_to(folder) for path in absent)]


@dataclass(frozen=True, repr=False)
class LookSettings(Settings):
    """11_look_at_data: one clip, its two degradations, their kernels and the motion. It is part of no profile.

    `hr_root`: HR clips of your own, or None for one made from a photograph; `clip`: which one, None for the first.
    """

    hr_root: str | None = None
    clip: str | int | None = None
    frames: int = option(5, least=2, because="motion takes two")
    seed: int = option(0, least=0)
    output: str = f"{INTERACTIVE}/11_look_at_data"

    def inputs(self) -> dict[str, Path]:
        return {} if self.hr_root is None else {"hr_root": resolve(self.hr_root)}

    def missing(self, name: str, path: Path) -> str:
        return f"{name} is {shown(path)}, which does not exist: give a folder of HR clips, or None for a photograph."
