"""What weights are worth on clips whose truth is known, beside bicubic upsampling: `vsrlib weights LR HR`."""

import tempfile
from collections.abc import Sequence
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
    tOF (`tof_norm`), and the median seconds of a frame. UserError as for `infer`.
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


def gain(clip: dict[str, Any]) -> float:
    """Of a clip, dB over bicubic upsampling."""
    return clip["psnr"] - clip["bicubic_psnr"]


def table(result: dict[str, Any]) -> str:
    """The gain over bicubic upsampling, means over all clips, and the median seconds of a frame, in Markdown.

    Of up to CLIP_BY_CLIP clips each has a column, of more the one that gains least and the one that gains most.
    """
    weights = result["weights"]
    clips = list(next(iter(weights.values()))["clips"])
    each = len(clips) <= CLIP_BY_CLIP
    rows = []
    for name, one in weights.items():
        scores = one["clips"].values()
        gains = [gain(one["clips"][clip]) for clip in clips]
        ssim, tof = (
            float(np.mean(values))
            for values in (
                [score["ssim"] - score["bicubic_ssim"] for score in scores],
                [score["tof_norm"] for score in scores],
            )
        )
        seconds = float(np.median([score["seconds"] for score in scores]))
        ends = [f"{number(gains[at], 2)} ({clips[at]})" for at in (int(np.argmin(gains)), int(np.argmax(gains)))]
        shown = [number(value, 2) for value in gains] if each else ends
        rows.append(
            [name, number(float(np.mean(gains)), 2), *shown, number(ssim, 3), number(tof, 2), number(seconds, 2)]
        )
    columns = clips if each else ["least", "most"]
    return markdown(["gain over bicubic, dB", "mean", *columns, "SSIM gain", "tOF", "seconds a frame"], rows)


def _of_clip(clip: dict[str, Any]) -> dict[str, Any]:
    frames = clip["frames"]
    means = {name: float(np.mean([frame[name] for frame in frames if frame[name] is not None])) for name in SCORES}
    kept = {name: clip[name] for name in ("scene", "kind", "tof_norm")}
    return {**kept, **means, "frames": len(frames), "seconds": float(np.median([frame["forward"] for frame in frames]))}
