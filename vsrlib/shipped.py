"""Weights that come with the project and are called by name, such as "study-gaussian"."""

from pathlib import Path

from vsrlib.errors import UserError

FOLDER = Path(__file__).with_name("weights")
NAMES = tuple(f"study-{blur}{control}" for control in ("", "-align-false") for blur in ("gaussian", "realistic"))
"""`-align-false` marks the controls: the same training with the sampling grids read as by default since PyTorch 1.3."""


def path_of(name: str) -> Path:
    """Where the weights called `name` lie, or would lie."""
    return FOLDER / f"{name}.safetensors"


def why_missing(name: str) -> str:
    """The sentence for weights that are called by name and are not there."""
    blur = "Gaussian" if "gaussian" in name else "Realistic"
    control = " --no-align-corners" if name.endswith("-align-false") else ""
    return (
        f'The weights "{name}" are not part of this installation; train them by `vsrlib train --template study '
        f"--blur {blur}{control} --flow-weights FLOW HR VALIDATION OUTPUT` as docs/weights.md says, and give the file "
        "that it writes."
    )


def locate(weights: str | Path) -> Path:
    """The file of weights given as a name or as a path. Raises UserError for a name whose file is not there."""
    if str(weights) not in NAMES:
        return Path(weights)
    path = path_of(str(weights))
    if not path.is_file():
        raise UserError(why_missing(str(weights)))
    return path
