"""Settings of the notebooks that read what others have found: 05, 09, 10, 12, 13 and 14.

"auto" stands for what was run by hand where there is any, else for the quick study, and for the results that come with
the project where there is neither. A study names its files, so that nothing depends on what happens to lie there.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from vsrlib.claims import evidence
from vsrlib.claims.evidence import experiment_files
from vsrlib.common.errors import UserError
from vsrlib.common.files import located, read_json, resolve, shown
from vsrlib.common.names import BLURS, FRAMEWORKS, RESTORERS, TRAINERS
from vsrlib.common.options import option
from vsrlib.study.settings.base import INTERACTIVE, QUICK, Settings
from vsrlib.study.settings.data import absent_sets, hr_clips, lr_clips

AUTO = "auto"
COMMITTED = "figures/results"
"""The results of the project's last published run."""
EXPERIMENTS = "figures/experiments"
"""What `vsrlib experiment` found, once."""
PUBLISHED = "figures/claims.json"
"""Its verdicts."""
VERDICTS = "09_judge_claims/claims.json"
COMPARISON = "05_compare_frameworks/comparison.json"


def _source(run: Path) -> str:
    if run == resolve(COMMITTED):
        return f"{COMMITTED}, the results that come with the project: none of them was measured here"
    return shown(run)


def own_run(pattern: str) -> Path | None:
    """The folder of the notebooks run by hand, or that of the quick study, where such a file lies; None for neither."""
    return next((run for run in map(resolve, (INTERACTIVE, QUICK)) if any(run.glob(pattern))), None)


def _comparison(given: str) -> Path:
    return resolve(given) if given != AUTO else (own_run(COMPARISON) or resolve(COMMITTED)) / COMPARISON


def _source_of(comparison: Path) -> str:
    if comparison == resolve(COMMITTED) / COMPARISON:
        return _source(resolve(COMMITTED))
    try:
        return read_json(comparison)["source"]
    except (OSError, ValueError, KeyError, TypeError):  # whoever reads it next says what is wrong with it
        return shown(comparison)


def _run_of(comparison: Path) -> Path:
    """The folder of the run that a comparison is of: another one than it lies in, where it was made by hand."""
    try:
        files = [located(one["path"], comparison.parent) for one in read_json(comparison)["inputs"]]
    except (OSError, ValueError, KeyError, TypeError):  # as above
        files = []
    runs = {file.parent.parent for file in files}
    # Files that were named one by one are of no run, wherever they lie.
    named = runs.pop() if len(runs) == 1 else None
    return named if named is not None and _source(named) == _source_of(comparison) else comparison.parent.parent


_FURTHER = {
    "ablation": "07_ablate_alignment/ablation.json",
    "parity": "06_prove_parity/parity.json",
    "costs": "08_measure_costs/costs.json",
}


class _OfResults(Settings):
    """What notebooks share that read the results of a run, of some `frameworks`.

    Without lists of files, all results of these in `run_folder` are compared: whatever has been run. An empty list of
    `training_files` says that nothing was trained.
    """

    run_folder: str
    inference_files: list[str] | None
    training_files: list[str] | None
    frameworks: ClassVar[tuple[str, ...]]

    @property
    def run(self) -> Path:
        """The folder of the run that is compared."""
        if self.run_folder != AUTO:
            return resolve(self.run_folder)
        if self.inference_files is not None:
            return resolve(INTERACTIVE)
        return own_run("04_*/inference.json") or resolve(COMMITTED)

    @property
    def source(self) -> str:
        """Where the results were measured, for the reader."""
        named = self.inference_files is not None and self.run_folder == AUTO
        return "the files named in inference_files" if named else _source(self.run)

    @property
    def published(self) -> Path | None:
        """The published comparison of results whose pictures are not published; None for any other results."""
        return self.run / COMPARISON if self.run == resolve(COMMITTED) else None

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
            others = set(RESTORERS) - set(self.frameworks)  # whose results are another notebook's
            return [path for path in sorted(self.run.glob(pattern)) if _framework(path) not in others]
        return [resolve(path) for path in given]

    def inputs(self) -> dict[str, Path]:
        files = {"inference_files": self.inference, "training_files": self.training}
        return {f"{name}[{i}]": path for name, paths in files.items() for i, path in enumerate(paths)}

    def require_inputs(self) -> Self:
        _require_named(self.inference_files)
        if not self.inference:
            raise UserError(f"{shown(self.run)} holds no inference.json yet: run 04_infer_clips first.")
        return super().require_inputs()

    def missing(self, name: str, path: Path) -> str:
        return super().missing(name.split("[")[0], path)


def _require_named(inference_files: list[str] | None) -> None:
    """UserError for a list of results that names none."""
    if inference_files == []:
        raise UserError("inference_files is an empty list; name a file, or give None for all of the run.")


def _framework(result: Path) -> str | None:
    """What an inference.json or train.json is of; None where it does not say, which whoever reads it next says."""
    try:
        return str(read_json(result)["framework"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True, repr=False)
class CompareSettings(_OfResults):
    """05_compare_frameworks: what the runs of both frameworks say, side by side."""

    frameworks = FRAMEWORKS
    run_folder: str = AUTO
    inference_files: list[str] | None = None
    training_files: list[str] | None = None
    output: str = f"{INTERACTIVE}/05_compare_frameworks"
    seed: int = option(0, least=0)


@dataclass(frozen=True, repr=False)
class PairsSettings(_OfResults):
    """14_compare_every_pair: each two of the frameworks that ran.

    Without a list, `parity_files` are those that lie in the run.
    """

    frameworks = TRAINERS
    run_folder: str = AUTO
    inference_files: list[str] | None = None
    training_files: list[str] | None = None
    parity_files: list[str] | None = None
    output: str = f"{INTERACTIVE}/14_compare_every_pair"
    seed: int = option(0, least=0)

    @property
    def parity(self) -> list[Path]:
        """The parity.json files, sorted."""
        return self._files(self.parity_files, "06_*/parity.json")

    def inputs(self) -> dict[str, Path]:
        return super().inputs() | {f"parity_files[{i}]": path for i, path in enumerate(self.parity)}


class _OfComparison:
    """What notebooks share that read one comparison, `comparison_file`."""

    comparison_file: str

    @property
    def comparison(self) -> Path:
        """The comparison."""
        return _comparison(self.comparison_file)

    @property
    def source(self) -> str:
        """Where its numbers were measured, for the reader."""
        return _source_of(self.comparison)


@dataclass(frozen=True, repr=False)
class ClaimsSettings(_OfComparison, Settings):
    """09_judge_claims: the earlier report's claims against a run.

    Of the files of further evidence, "auto" is that of the run whose numbers are compared, if it is there; None leaves
    one out. `experiments` is a folder of what `vsrlib experiment` wrote; "auto" are those that come with the
    project, each of which names the commit and machine of its measurement.
    """

    comparison_file: str = AUTO
    ablation_file: str | None = AUTO
    parity_file: str | None = AUTO
    costs_file: str | None = AUTO
    experiments: str | None = AUTO
    output: str = f"{INTERACTIVE}/09_judge_claims"

    @property
    def further(self) -> dict[str, Path | None]:
        """The files of further evidence by what they hold."""
        given = {"ablation": self.ablation_file, "parity": self.parity_file, "costs": self.costs_file}
        run = _run_of(self.comparison)
        own = {name: run / file if (run / file).is_file() else None for name, file in _FURTHER.items()}
        named = {name: None if path is None else resolve(path) for name, path in given.items()}
        return {name: own[name] if given[name] == AUTO else path for name, path in named.items()}

    @property
    def experiments_folder(self) -> Path | None:
        """Where the results of the experiments lie; None for none."""
        if self.experiments == AUTO:
            return folder if (folder := resolve(EXPERIMENTS)).is_dir() else None
        return None if self.experiments is None else resolve(self.experiments)

    @property
    def evidence(self) -> str:
        """Which further evidence there is, for the reader."""
        experiments = experiment_files(self.experiments_folder)
        given = self.further | {name: experiments.get(name) for name in evidence.EXPERIMENTS}
        there = [name for name, path in given.items() if path is not None]
        absent = [name for name, path in given.items() if path is None]
        return f"{', '.join(there) or 'none'}" + (f"; left out: {', '.join(absent)}" if absent else "")

    def inputs(self) -> dict[str, Path]:
        further = {f"{name}_file": path for name, path in self.further.items() if path is not None}
        folder = self.experiments_folder
        named = {f"experiments[{name}]": path for name, path in experiment_files(folder).items()}
        given = {} if folder is None or named else {"experiments": folder}
        return {"comparison_file": self.comparison, **further, **named, **given}


@dataclass(frozen=True, repr=False)
class FigureSettings(_OfComparison, Settings):
    """10_draw_figures: the charts of a comparison."""

    comparison_file: str = AUTO
    output: str = f"{INTERACTIVE}/figures"

    def inputs(self) -> dict[str, Path]:
        return {"comparison_file": self.comparison}


@dataclass(frozen=True, repr=False)
class ShowSettings(Settings):
    """12_show_frames: one frame of a run in pictures; `clip` and `frame` None are the first clip and its middle.

    Without a list of files, those of `run_folder` with this blur are taken, whichever frameworks they are of. Where the
    run of the notebooks' defaults holds none, the notebook restores the embedded clips itself, in PyTorch.
    """

    blur: str = option("Realistic", choices=BLURS)
    clip: str | int | None = None
    frame: str | int | None = None
    moving: int = option(6, least=2, because="one frame does not move")
    run_folder: str = AUTO
    inference_files: list[str] | None = None
    input_path: str | None = None
    gt_path: str | None = None
    output: str | None = None

    @property
    def folder(self) -> Path:
        return resolve(self.output or f"{INTERACTIVE}/12_show_frames_{self.blur}")

    @property
    def found(self) -> list[Path]:
        """The inference.json files that are named, or that lie in the run."""
        if self.inference_files is None:
            pattern = f"04_*_{self.blur}/inference.json"
            run = own_run(pattern) if self.run_folder == AUTO else resolve(self.run_folder)
            return [] if run is None else sorted(run.glob(pattern))
        return [resolve(path) for path in self.inference_files]

    @property
    def restored_here(self) -> Path | None:
        """The folder that the notebook restores the frames to; None where a run has them."""
        by_default = self.inference_files is None and self.run_folder == AUTO and self.input_path is None
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
        _require_named(self.inference_files)
        if not self.inference:
            raise UserError(f"{self.run_folder} holds no {self.blur} inference.json yet: run 04_infer_clips first.")
        return super().require_inputs()

    def missing(self, name: str, path: Path) -> str:
        return super().missing(name.split("[")[0], path)


@dataclass(frozen=True, repr=False)
class DiscussSettings(Settings):
    """13_discuss_answers: the verdicts of a run, drawn together; "auto": see the head of this file."""

    claims_file: str = AUTO
    output: str = f"{INTERACTIVE}/13_discuss_answers"

    @property
    def claims(self) -> Path:
        """The verdicts."""
        if self.claims_file != AUTO:
            return resolve(self.claims_file)
        own = own_run(VERDICTS)
        return resolve(PUBLISHED) if own is None else own / VERDICTS

    @property
    def source(self) -> str:
        """Whose verdicts they are, for the reader."""
        own = self.claims != resolve(PUBLISHED)
        return shown(self.claims) if own else "the published verdicts: none of them was measured here"

    def inputs(self) -> dict[str, Path]:
        return {"claims_file": self.claims}
