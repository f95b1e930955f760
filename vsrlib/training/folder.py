"""The files in the output folder of a training: what only its end leaves, and what an earlier one has left."""

from pathlib import Path

from vsrlib.training import checkpoint
from vsrlib.training.events import remove_events
from vsrlib.training.validation import CRITERIA, PICTURES, best_file

RESULT, WEIGHTS = "train.json", "weights.safetensors"
_ENDED = ("curves.svg", "curves.png", WEIGHTS, RESULT)
"""What only a training that has ended leaves, in the reverse order: never beside the log of one that goes on."""


def clear(folder: Path) -> None:
    """Make the folder, and remove what an earlier training left, so that a broken run does not look like that."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = (path.relative_to(folder) for path in (folder / PICTURES).glob("*.png"))
    remove(folder, *_ENDED, *map(best_file, CRITERIA), *map(str, pictures))
    checkpoint.remove(folder)
    remove_events(folder)


def set_aside(folder: Path) -> None:
    """Set aside what a training had at its end until it has another."""
    checkpoint.set_aside(folder, (*map(best_file, CRITERIA), *_ENDED))
    remove(folder, *_ENDED)  # where it was killed between the first of them and the last


def remove(folder: Path, *names: str) -> None:
    """Remove the files of these names that are there."""
    for name in names:
        (folder / name).unlink(missing_ok=True)
