"""Restores the frames to show, where no run has."""

from vsrlib import inference
from vsrlib.settings import ShowSettings, resolve, shown


def restore_absent(settings: ShowSettings) -> None:
    """Restore the clips in PyTorch with the weights that come with the project, and say so, unless a run has."""
    folder = settings.restored_here
    if folder is None or settings.inference[0].is_file():
        return
    print(
        f"{settings.run_folder} holds no {settings.blur} frames yet: restoring them into {shown(folder)} by PyTorch "
        "alone. Run 04_infer_clips in both frameworks to see them beside each other.",
        flush=True,
    )
    weights = resolve(f"study-{settings.blur.lower()}")
    inference.infer(
        "torch",
        settings.clips,
        folder,
        gt_path=settings.ground_truth,
        weights=weights,
        blur=settings.blur,
        device="cpu",
    )
