"""What the settings of all notebooks share: how paths are meant, and what a missing input is called.

The fields and defaults of a class are exactly those of the notebook's `parameters` cell. Building it checks the
values; `require_inputs` checks that what it reads is there, which is not yet true when a whole study is planned.
Relative paths are taken from the project's folder, so that a notebook finds the same files from JupyterLab
(which works in notebooks/) and from papermill.
"""

import ast
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from vsrlib.common.errors import UserError
from vsrlib.common.files import require_folder, resolve, shown
from vsrlib.common.names import NAMES, TRAINERS
from vsrlib.common.options import JobOptions, nearest
from vsrlib.networks.weights import weights_file

QUICK, INTERACTIVE = "runs/quick", "runs/interactive"
"""The run folder of the quick study, and that of the notebooks' defaults: one that is run by hand changes no study."""


def weights_path(weights: str) -> Path:
    """The absolute path of weights; a name of those that come with the project, such as "study-gaussian", is theirs."""
    return weights_file.path_of(weights) if weights in weights_file.NAMES else resolve(weights)


@dataclass(frozen=True, repr=False)
class Settings(JobOptions):
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

        Also for weights of another `preset`, and for an output that cannot be a folder; and in a notebook for a name
        given by papermill that no notebook has, and where its kernel has used another `framework`.
        """
        require_known([entry.name for entry in fields(self)], known_names())
        for name, path in self.inputs().items():
            if not path.exists() and not any(path.is_relative_to(folder) for folder in self.sets_to_make()):
                raise UserError(self.missing(name, path))
        self._require_preset()
        require_folder(self.folder)
        require_alone(getattr(self, "framework", None))
        return self

    def _require_preset(self) -> None:
        """UserError for weights that note the size of another network than `preset`, where there are both."""
        weights, preset = self.inputs().get("weights"), getattr(self, "preset", None)
        if weights is None or preset is None:
            return
        noted = weights_file.metadata(weights).get("preset", preset)
        if noted != preset:
            raise UserError(
                f"preset is {preset!r}, and the weights {shown(weights)} are {noted!r}: give that as preset."
            )

    def __repr__(self) -> str:
        # One parameter a line, as a notebook shows it.
        lines = (f"    {entry.name}={getattr(self, entry.name)!r}," for entry in fields(self))
        return "\n".join((f"{type(self).__name__}(", *lines, ")"))

    def missing(self, name: str, path: Path) -> str:
        """The sentence for an input that does not exist."""
        if path.parent == weights_file.FOLDER and path.stem in weights_file.NAMES:
            return weights_file.why_missing(path.stem)
        maker = _MADE_BY.get(name)
        first = "" if maker is None else f"run {maker} first, or "
        return f"{name} is {shown(path)}, which does not exist: {first}give another path."


def known_names() -> set[str]:
    """The parameters of all notebooks."""
    return {entry.name for settings in _classes(Settings) for entry in fields(settings)}


def _classes(settings: type[Settings]) -> Iterator[type[Settings]]:
    for one in settings.__subclasses__():
        yield one
        yield from _classes(one)


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
    "parity_files": "06_prove_parity",
    "ablation_file": "07_ablate_alignment",
    "costs_file": "08_measure_costs",
    "claims_file": "09_judge_claims",
    "experiments": "vsrlib experiment",
    "gaussian_set": "vsrlib degrade",
    "realistic_set": "vsrlib degrade",
}


# The notebook that is running: what papermill was told, in the cell that it puts after the parameters cell, and what
# its kernel has done before.

_BEGIN = "# Parameters\n"


def names() -> list[str]:
    """The names that papermill gave to the running notebook; empty outside of a notebook and without any."""
    shell = _shell()
    cells = [] if shell is None else shell.user_ns.get("In", [])
    source = next((cell for cell in cells if cell.startswith(_BEGIN)), "")
    return [
        node.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]


def require_alone(framework: str | None) -> None:
    """UserError in a notebook whose kernel has used another framework than the one that it is now asked for.

    A result has the memory of its process, of which it would say that it is this framework's.
    """
    other = next((name for name in TRAINERS if name != framework and name in sys.modules), None)
    if framework is not None and other is not None and _shell() is not None:
        raise UserError(
            f"framework is {framework!r}, and this kernel has used {NAMES[other]}, whose memory would be counted with "
            f"{NAMES[framework]}'s: restart the kernel and run all cells."
        )


def _shell() -> Any:
    """IPython's shell; None outside of a notebook."""
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None


def require_known(own: Sequence[str], known: Collection[str]) -> None:
    """Say which of the given names change nothing here. UserError for one that no notebook has.

    `own`: the notebook's parameters; `known`: those of all notebooks, so that one command line does for several.
    """
    for name in names():
        if name not in known:
            raise UserError(f"There is no parameter {name!r}; the nearest is {nearest(name, list(own))!r}.")
        if name not in own:
            print(f"{name} was given and changes nothing: this notebook has no such parameter.")
