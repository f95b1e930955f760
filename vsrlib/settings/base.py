"""What the settings of all notebooks share: how paths are meant, and what a missing input is called.

The fields and defaults of a class are exactly those of the notebook's `parameters` cell. Building it checks the
values; `require_inputs` checks that what it reads is there, which is not yet true when a whole study is planned.
Relative paths are taken from the project's folder, so that a notebook finds the same files from JupyterLab
(which works in notebooks/) and from papermill.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

from vsrlib import injected, shipped
from vsrlib.errors import UserError
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
        return resolve(self.output)  # type: ignore[attr-defined] # each class has this field

    def inputs(self) -> dict[str, Path]:
        """What the notebook reads: name of the parameter -> absolute path."""
        return {}

    def outputs(self) -> list[Path]:
        """What the notebook writes, absolute."""
        return [self.folder]

    def sets_to_make(self) -> list[Path]:
        """Folders of the embedded data sets that the notebook reads, that are not there, and that it makes first."""
        return []

    def require_inputs(self) -> Self:
        """Return these settings; raise UserError for the first input that does not exist and that is not made first.

        In a notebook also for a name given by papermill that no notebook has.
        """
        injected.require_known([entry.name for entry in fields(self)], known_names())
        for name, path in self.inputs().items():
            if not path.exists() and not any(path.is_relative_to(folder) for folder in self.sets_to_make()):
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


def known_names() -> set[str]:
    """The parameters of all notebooks."""
    return {entry.name for settings in Settings.__subclasses__() for entry in fields(settings)}


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
