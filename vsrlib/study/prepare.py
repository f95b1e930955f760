"""What a notebook needs and no step before it has made: data sets, embedded or of your clips, and HR frames."""

from collections.abc import Collection
from typing import Any

from vsrlib.common.files import in_turn, resolve, shown
from vsrlib.common.names import BLURS
from vsrlib.data.degrade import degrade_clips
from vsrlib.data.synthetic.sets import write_embedded_sets
from vsrlib.restoration import infer
from vsrlib.restoration.options import InferOptions
from vsrlib.study.settings import DataSettings, Settings, ShowSettings

_LOCK = ".making"


def make_sets(settings: DataSettings) -> dict[str, dict[str, Any]]:
    """Write the data sets that the settings describe; return the manifest of each set by its name.

    UserError: clips that cannot be read, or files in the way that were not made here.
    """
    with in_turn(settings.folder / _LOCK):
        return _make(settings)


def make_absent(settings: Settings) -> list[str]:
    """Make those embedded sets that a notebook reads and that are not there, as 02_generate_data makes them; say so.

    Returns their names. What is there stays as it is.
    """
    if not settings.sets_to_make():
        print("All clips are there.")
        return []
    with in_turn(DataSettings().folder / _LOCK):
        folders = settings.sets_to_make()  # another process may have made them meanwhile
        for folder in folders:
            print(f"{shown(folder)} is not there yet: making it as 02_generate_data does.", flush=True)
        made = _make(DataSettings(), [folder.name for folder in folders]) if folders else {}
    return list(made)


def restore_absent(settings: ShowSettings) -> None:
    """Restore the clips in PyTorch with the weights that come with the project, and say so, unless a run has."""
    folder = settings.restored_here
    if folder is None or settings.inference[0].is_file():
        return
    print(
        f"No run has frames of {settings.blur} blur yet: restoring them into {shown(folder)} by PyTorch alone. Run "
        "04_infer_clips in both frameworks to see them beside each other.",
        flush=True,
    )
    options = InferOptions(weights=f"study-{settings.blur.lower()}", blur=settings.blur, device="cpu")
    infer.infer(settings.clips, folder, settings.ground_truth, options)


def _make(settings: DataSettings, only: Collection[str] | None = None) -> dict[str, dict[str, Any]]:
    if settings.test_root is None:
        return write_embedded_sets(settings.folder, settings, only=only)
    source = resolve(settings.test_root)
    sets = [settings.test_set(blur) for blur in BLURS]
    made = [degrade_clips(source, folder, blur, settings.seed) for folder, blur in zip(sets, BLURS, strict=True)]
    return {folder.name: manifest for folder, manifest in zip(sets, made, strict=True)}
