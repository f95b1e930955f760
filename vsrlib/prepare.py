"""Makes the data sets of a study, from photographs or from clips of your own."""

from typing import Any

from vsrlib.degrade import degrade_clips
from vsrlib.embedded import write_embedded_sets
from vsrlib.names import BLURS
from vsrlib.settings import DataSettings, resolve


def make_sets(settings: DataSettings) -> dict[str, dict[str, Any]]:
    """Write the data sets that the settings describe; return the manifest of each set by its name.

    UserError: clips that cannot be read, or files in the way that were not made here.
    """
    if settings.test_root is None:
        return write_embedded_sets(
            settings.folder,
            settings.seed,
            test_frames=settings.test_frames,
            train_frames=settings.train_frames,
            validation_frames=settings.validation_frames,
            size=(settings.height, settings.width),
            test_clips=settings.test_clips,
            train_clips=settings.train_clips,
        )
    source = resolve(settings.test_root)
    sets = [settings.test_set(blur) for blur in BLURS]
    made = [degrade_clips(source, folder, blur, settings.seed) for folder, blur in zip(sets, BLURS, strict=True)]
    return {folder.name: manifest for folder, manifest in zip(sets, made, strict=True)}
