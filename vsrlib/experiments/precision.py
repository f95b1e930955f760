"""Experiment E3 of the protocol, precision as a dose: how many bits must convolutions lose to lose 1.195 dB?

A float32 has 23 bits of mantissa, TF32 10 and bfloat16 7. Inputs and weights of every layer that multiplies by weights
are rounded; products, sums and biases stay float32, as in a GPU's units for those formats.
"""

import copy
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vsrlib.claims.ten_claims import GAIN
from vsrlib.common.names import BLURS
from vsrlib.common.numbers import interval, markdown, number
from vsrlib.data.frames import to_uint8
from vsrlib.experiments.options import SceneOptions
from vsrlib.experiments.restored import Found, Frames, mean_of, measured, restored
from vsrlib.networks.network import Network
from vsrlib.restoration.metrics import psnr, ssim

RESULT = "precision.json"
BITS = (23, 16, 12, 10, 8, 7, 6, 5, 4)
"""Of the mantissa, explicit ones: a float32 has 23."""
FORMATS = {23: "float32", 10: "TF32", 7: "bfloat16"}
LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
_WHOLE = 23


def precision(output: Path, options: SceneOptions, progress: bool = True) -> dict[str, Any]:
    """Measure, and write OUTPUT/precision.json, which is returned. UserError for scenes or weights of no use."""
    doses: dict[tuple[int, int], Network] = {}

    def measure(network: Network, blur: str, high: np.ndarray, low: Frames) -> dict[str, dict[str, float]]:
        found, whole = {}, dict(restored(network, low))
        for bits in BITS:
            key = id(network), bits
            doses[key] = doses.get(key) or with_bits(network, bits)
            found[str(bits)] = _scores(dict(restored(doses[key], low)), whole, high)
        return found

    found, parts = measured(Path(output), options, "precision", measure, progress, bits=list(BITS))
    result = {
        "question": f"How many bits of mantissa must be lost for {GAIN['psnr']} dB?",
        **found.about,
        "claimed": GAIN["psnr"],
        "rounded": "inputs and weights to nearest, ties to even; products, sums and biases are float32",
        "blurs": {blur: _doses(found, blur) for blur in BLURS},
    }
    return parts.finish(Path(output) / RESULT, result)


def with_bits(network: Network, bits: int) -> Network:
    """A copy of a PyTorch network that rounds inputs and weights of its LAYERS to so many bits of mantissa."""
    changed = copy.copy(network)
    changed.module = copy.deepcopy(network.module)
    for layer in changed.module.modules():
        if isinstance(layer, LAYERS):
            layer.weight.data = rounded(layer.weight.data, bits)
            layer.register_forward_pre_hook(lambda _, given: (rounded(given[0], bits), *given[1:]))
    return changed


def rounded(x: Tensor, bits: int) -> Tensor:
    """A float32 tensor with mantissas of `bits` bits, 1 to 23: to nearest, ties to even; the exponent keeps its range.

    >>> rounded(torch.tensor([1.0, 1.0625, 1.1875, -1.2]), 3).tolist()
    [1.0, 1.0, 1.25, -1.25]
    """
    if bits == _WHOLE:
        return x
    lost = _WHOLE - bits
    whole = x.contiguous().view(torch.int32)
    # A little less than half of the last bit that stays, or half of it where that bit is odd; a carry ends up in the
    # exponent, where it belongs.
    up = ((whole >> lost) & 1) + ((1 << (lost - 1)) - 1)
    return torch.where(torch.isfinite(x), ((whole + up) >> lost << lost).view(torch.float32), x)


def reached(bits: Sequence[int], losses: Sequence[float], claimed: float) -> float | None:
    """Bits, falling, at which the loss first reaches `claimed`, by linear interpolation; None: at none of these."""
    for (more, before), (fewer, after) in pairwise(zip(bits, losses, strict=True)):
        if before < claimed <= after:
            return more - (more - fewer) * (claimed - before) / (after - before)
    return None


def _scores(images: Frames, whole: Frames, high: np.ndarray) -> dict[str, float]:
    """Means over the frames of one clip, and the largest difference from the unrounded network in 8-bit levels."""
    levels = {index: to_uint8(image) for index, image in images.items()}
    return {
        "psnr": mean_of([psnr(image, high[index]) for index, image in levels.items()]),
        "ssim": mean_of([ssim(image, high[index]) for index, image in levels.items()]),
        "largest_difference": max(
            int(np.abs(image.astype(int) - to_uint8(whole[index])).max()) for index, image in levels.items()
        ),
    }


def _doses(found: Found, blur: str) -> dict[str, Any]:
    clips = found.by_blur[blur]

    def scores(bits: int, name: str) -> np.ndarray:
        return np.array([clip[str(bits)][name] for clip in clips])

    doses = []
    for bits in BITS:
        loss, ssim_loss = (scores(_WHOLE, name) - scores(bits, name) for name in ("psnr", "ssim"))
        doses.append(
            {
                "bits": bits,
                "format": FORMATS.get(bits),
                "psnr": found.interval(scores(bits, "psnr"))["value"],
                "loss": found.interval(loss),
                "ssim_loss": found.interval(ssim_loss),
                "largest_difference": int(scores(bits, "largest_difference").max()),
                "by_clip": {"loss": loss.tolist(), "ssim_loss": ssim_loss.tolist()},
            }
        )
    return {"doses": doses, "reached_at": reached(BITS, [one["loss"]["value"] for one in doses], GAIN["psnr"])}


def table(result: dict[str, Any]) -> str:
    """The experiment in words and as a Markdown table for each blur."""
    fewest = BITS[-1]
    lines = [
        f"# How many bits of mantissa {result['claimed']} dB take",
        f"Rounded in the convolutions and linear layers: {result['rounded']}. Engine "
        f"{result['engine']}, convolutions of PyTorch. {result['n']} filmed scenes ({', '.join(result['sets'])}); "
        "losses are means against the same network with 23 bits, with 95 % intervals over the scenes.",
    ]
    for blur, found in result["blurs"].items():
        at = found["reached_at"]
        lines.append(
            f"**{blur} blur.** "
            + (
                f"With {fewest} bits the mean loss is still below {result['claimed']} dB."
                if at is None
                else f"The mean loss is {result['claimed']} dB at {at:.2f} bits."
            )
        )
        rows = [
            [
                f"{one['bits']}{'' if one['format'] is None else ' (' + one['format'] + ')'}",
                number(one["psnr"], 2),
                interval(one["loss"], 4),
                interval(one["ssim_loss"], 5),
                str(one["largest_difference"]),
            ]
            for one in found["doses"]
        ]
        header = ["bits", "PSNR (dB)", "loss of PSNR (dB)", "loss of SSIM", "largest difference (of 255)"]
        lines.append(markdown(header, rows))
    return "\n\n".join(lines) + "\n"
