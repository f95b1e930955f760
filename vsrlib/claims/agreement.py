"""How far two runs agree: their pictures, value by value, and their training losses, step by step."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.data.frames import read_frame


def compare_images(pairs: Iterable[tuple[Path, Path]]) -> dict:
    """Differences between pairs of 8-bit pictures of equal size, over all pairs together.

    Returns "frames" (number of pairs), "largest" (largest absolute difference of two 8-bit values), "share"
    (share of values that differ), "identical", and "psnr" in dB over all values of all pairs, no border cropped
    (None when identical, because it is then infinite).
    """
    frames = values = differing = largest = squares = 0
    for first_path, second_path in pairs:
        first, second = read_frame(first_path).astype(np.int64), read_frame(second_path).astype(np.int64)
        if first.shape != second.shape:
            raise UserError(
                f"{first_path} is {_size(first)} and {second_path} is {_size(second)}, so they cannot be compared; "
                "run both frameworks on the same input."
            )
        difference = np.abs(first - second)
        frames += 1
        values += difference.size
        differing += int(np.count_nonzero(difference))
        largest = max(largest, int(difference.max()))
        squares += int((difference**2).sum())
    if not frames:
        raise ValueError("no pair of pictures to compare")
    psnr = None if squares == 0 else float(10 * np.log10(255**2 * values / squares))
    return {
        "frames": frames,
        "largest": largest,
        "share": differing / values,
        "identical": squares == 0,
        "psnr": psnr,
    }


def read_losses(log: Path) -> dict[int, float]:
    """Total loss per step of a training log (one JSON object a line)."""
    try:
        lines = Path(log).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UserError(f"The training log {log} cannot be read ({error.strerror}); run the training again.") from None
    try:
        entries = [json.loads(line) for line in lines if line.strip()]
        losses = {int(entry["step"]): float(entry["total"]) for entry in entries}
    except (ValueError, KeyError, TypeError):
        raise UserError(f"The training log {log} is damaged; run the training again.") from None
    if not losses or not np.isfinite(list(losses.values())).all():
        raise UserError(f"The training log {log} is empty or holds a loss that is not finite; run the training again.")
    return losses


def smooth(values: np.ndarray, window: int) -> np.ndarray:
    """Mean over a sliding window that lies wholly inside: (n,) -> (n - window + 1,)."""
    return np.convolve(np.asarray(values, np.float64), np.full(window, 1 / window), mode="valid")


def smoothing_window(steps: int) -> int:
    """A tenth of the steps, at least one."""
    return max(1, steps // 10)


def compare_losses(reference: dict[int, float], other: dict[int, float]) -> dict:
    """Relative differences |other - reference| / |reference| of the total loss, over the steps that both have.

    Returns "steps" (how many), "per_step" and "smoothed", each with "largest" and "mean" (shares, 0.01 = 1 %),
    "smoothed" also with its "window" in steps.
    """
    steps = sorted(reference.keys() & other.keys())
    if not steps:
        raise UserError("The two training logs have no step in common; train both frameworks for the same steps.")
    first = np.array([reference[step] for step in steps])
    second = np.array([other[step] for step in steps])
    window = smoothing_window(len(steps))
    smoothed = _relative(smooth(first, window), smooth(second, window))
    return {
        "steps": len(steps),
        "per_step": _summary(_relative(first, second)),
        "smoothed": {"window": window, **_summary(smoothed)},
    }


def _relative(reference: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.abs(other - reference) / np.maximum(np.abs(reference), 1e-12)


def _summary(values: np.ndarray) -> dict:
    return {"largest": float(values.max()), "mean": float(values.mean())}


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]} x {image.shape[0]}"
