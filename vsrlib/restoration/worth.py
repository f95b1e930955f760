"""What weights are worth on clips whose truth is known, beside bicubic upsampling: `vsrlib weights LR HR`."""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.common import provenance
from vsrlib.common.numbers import markdown, number
from vsrlib.networks.weights import weights_file
from vsrlib.restoration.infer import infer
from vsrlib.restoration.options import InferOptions

CLIP_BY_CLIP = 12
"""As many clips have a column each."""
SCORES = ("psnr", "bicubic_psnr", "ssim", "bicubic_ssim")


def worth(
    low: Path, high: Path, names: Sequence[str], device: str = InferOptions.device, progress: bool = True
) -> dict[str, Any]:
    """Restore LR clips with each of these weights (names or files) and score them, without the ends of the clips.

    Per weights their digest, and per clip its scene and kind, the means of PSNR and SSIM and of bicubic upsampling's,
    tOF (`tof_norm`), and the median seconds of a frame. None is a mean of nothing: PSNR where every frame equals the
    truth, tOF of one restored frame or of small ones. UserError as for `infer`.
    """
    found = {}
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            result = infer(
                Path(low),
                Path(folder) / "out",
                Path(high),
                InferOptions(
                    weights=name,
                    preset=weights_file.metadata(name).get("preset", InferOptions.preset),
                    device=device,
                    all_metrics=True,
                ),
                progress,
            )
        clips = {clip["name"]: _of_clip(clip) for clip in result["clips"]}
        found[Path(name).stem] = {"sha256": result["weights"]["sha256"], "clips": clips}
    told = ("set", "device", "threads", "convolution", "input_digest", "gt_digest", "flow")
    return {name: result[name] for name in told} | {"weights": found, "provenance": provenance.collect()}


def gain(clip: dict[str, Any]) -> float | None:
    """Of a clip, dB over bicubic upsampling; None where either has no finite PSNR."""
    return _difference(clip, "psnr")


def table(result: dict[str, Any]) -> str:
    """The gain over bicubic upsampling, means over all clips, and the median seconds of a frame, in Markdown.

    Of up to CLIP_BY_CLIP clips each has a column, of more the one that gains least and the one that gains most. Means
    are over the clips that have the value; "-" where none has.
    """
    weights = result["weights"]
    clips = list(next(iter(weights.values()))["clips"])
    each = len(clips) <= CLIP_BY_CLIP
    rows = []
    for name, one in weights.items():
        scores = one["clips"].values()
        gains = [gain(one["clips"][clip]) for clip in clips]
        ssim, tof = _mean(_difference(score, "ssim") for score in scores), _mean(score["tof_norm"] for score in scores)
        seconds = float(np.median([score["seconds"] for score in scores]))
        shown = [number(value, 2) for value in gains] if each else _ends(gains, clips)
        rows.append([name, number(_mean(gains), 2), *shown, number(ssim, 3), number(tof, 2), number(seconds, 2)])
    columns = clips if each else ["least", "most"]
    return markdown(["gain over bicubic, dB", "mean", *columns, "SSIM gain", "tOF", "seconds a frame"], rows)


def _ends(gains: list[float | None], clips: list[str]) -> list[str]:
    """The least gain and the most, each with its clip."""
    known = [(value, clip) for value, clip in zip(gains, clips) if value is not None]
    if not known:
        return [number(None, 2)] * 2
    values = [value for value, _ in known]
    return [f"{number(value, 2)} ({clip})" for value, clip in (known[np.argmin(values)], known[np.argmax(values)])]


def _difference(clip: dict[str, Any], score: str) -> float | None:
    """Of a clip, the score less that of bicubic upsampling; None where either is."""
    ours, bicubic = clip[score], clip[f"bicubic_{score}"]
    return None if ours is None or bicubic is None else ours - bicubic


def _mean(values: Iterable[float | None]) -> float | None:
    """Of the values that there are; None where there is none."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _of_clip(clip: dict[str, Any]) -> dict[str, Any]:
    frames = clip["frames"]
    means = {name: _mean(frame[name] for frame in frames) for name in SCORES}
    kept = {name: clip[name] for name in ("scene", "kind", "tof_norm")}
    return {**kept, **means, "frames": len(frames), "seconds": float(np.median([frame["forward"] for frame in frames]))}
