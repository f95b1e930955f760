"""Settings of the notebook that shows the frames of a run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from vsrlib.common.errors import UserError
from vsrlib.common.files import resolve
from vsrlib.common.names import BLURS
from vsrlib.common.options import option
from vsrlib.study.settings.base import QUICK, Settings
from vsrlib.study.settings.data import absent_sets, hr_clips, lr_clips


@dataclass(frozen=True, repr=False)
class ShowSettings(Settings):
    """12_show_frames: one frame of a run in pictures; `clip` and `frame` None are the first clip and its middle.

    Without a list of files, those of `run_folder` with this blur are taken, whichever frameworks they are of. Where the
    run of the notebooks' defaults holds none, the notebook restores the embedded clips itself, in PyTorch.
    """

    blur: str = option("Realistic", choices=BLURS)
    clip: str | None = None
    frame: str | None = None
    moving: int = option(6, least=2, because="one frame does not move")
    run_folder: str = QUICK
    inference_files: list[str] | None = None
    input_path: str | None = None
    gt_path: str | None = None
    output: str | None = None

    @property
    def folder(self) -> Path:
        return resolve(self.output or f"{QUICK}/12_show_frames_{self.blur}")

    @property
    def found(self) -> list[Path]:
        """The inference.json files that are named, or that lie in the run."""
        if self.inference_files is None:
            return sorted(resolve(self.run_folder).glob(f"04_*_{self.blur}/inference.json"))
        return [resolve(path) for path in self.inference_files]

    @property
    def restored_here(self) -> Path | None:
        """The folder that the notebook restores the frames to; None where a run has them."""
        by_default = self.inference_files is None and self.run_folder == QUICK and self.input_path is None
        return self.folder / "restored" if by_default and not self.found else None

    @property
    def inference(self) -> list[Path]:
        """The inference.json files that are shown, sorted."""
        return self.found if self.restored_here is None else [self.restored_here / "inference.json"]

    @property
    def clips(self) -> Path:
        """The low-resolution clips that the run read."""
        return lr_clips(self.input_path, self.blur)

    @property
    def ground_truth(self) -> Path | None:
        """The high-resolution clips; None for clips of your own without any."""
        return hr_clips(self.gt_path, self.input_path, self.blur)

    def inputs(self) -> dict[str, Path]:
        files = {f"inference_files[{i}]": path for i, path in enumerate(self.found)}
        truth = {} if self.ground_truth is None else {"gt_path": self.ground_truth}
        return {**files, "input_path": self.clips, **truth}

    def sets_to_make(self) -> list[Path]:
        return absent_sets(self.inputs().values()) if self.restored_here is not None else []

    def require_inputs(self) -> Self:
        if not self.inference:
            raise UserError(f"{self.run_folder} holds no {self.blur} inference.json yet: run 04_infer_clips first.")
        return super().require_inputs()

    def missing(self, name: str, path: Path) -> str:
        return super().missing(name.split("[")[0], path)
