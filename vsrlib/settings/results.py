"""Settings of the notebooks that read what others have found: 05, 09 and 10."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from vsrlib.checks import require_at_least, require_types
from vsrlib.errors import UserError
from vsrlib.settings.base import QUICK, Settings, resolve


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
