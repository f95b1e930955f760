"""Experiment E4 of the protocol: can two ways of measuring the same frames be as far apart as the published figures?

The right network restores every scene once. Its frames are measured in every way in which reports differ; a pair of
ways is what the earlier PyTorch side and the earlier Jittor side may have done.
"""

import math
from collections.abc import Callable
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from vsrlib.claims.ten_claims import GAIN
from vsrlib.common.names import BLURS
from vsrlib.common.numbers import by_group, interval, markdown
from vsrlib.data.clips import WINDOW
from vsrlib.data.frames import to_uint8
from vsrlib.experiments.options import SceneOptions
from vsrlib.experiments.restored import Found, Frames, mean_of, measured, restored
from vsrlib.networks.network import Network
from vsrlib.restoration import metrics

RESULT = "measurement.json"
BETWEEN = (0.646, 1.655)
"""dB: the smallest and the largest gain of a clip in the earlier report; half of the scenes must lie between them."""

COLOURS, CROPS, LEVELS, FRAMES = ("RGB", "Y"), (0, 4, 8), ("rounded", "truncated"), ("inner", "all")
"""Y: luma of BT.601 in its video range, unrounded. Crop: pixels on each side. Levels: of 8 bits. Frames: without or
with the first and the last two, which have no neighbours on one side."""
WINDOWS = ("Gaussian 11x11", "uniform 7x7")
"""Of SSIM: as its authors and MATLAB have it, and scikit-image's default."""
_SIDE = 7
_SHOWN = 10


class Way(NamedTuple):
    """A way of measuring. Colour of PSNR and of SSIM by themselves: scripts exist for either mixture."""

    psnr_colour: str
    ssim_colour: str
    ssim_window: str
    crop: int
    levels: str
    frames: str

    @property
    def of_psnr(self) -> "PsnrWay":
        """What of it PSNR depends on."""
        return PsnrWay(self.psnr_colour, self.crop, self.levels, self.frames)

    @property
    def of_ssim(self) -> "SsimWay":
        """What of it SSIM depends on."""
        return SsimWay(self.ssim_colour, self.ssim_window, self.crop, self.levels, self.frames)

    def changes(self, other: "Way") -> int:
        """In how many respects another way differs; both colours at once are one."""
        differing = {name for name, a, b in zip(self._fields, self, other) if a != b}
        return len(differing) - ({"psnr_colour", "ssim_colour"} <= differing)

    def __str__(self) -> str:
        colours = (
            self.psnr_colour
            if self.psnr_colour == self.ssim_colour
            else f"PSNR {self.psnr_colour}, SSIM {self.ssim_colour}"
        )
        return f"{colours}; crop {self.crop}; {self.levels}; SSIM {self.ssim_window}; {self.frames} frames"


class PsnrWay(NamedTuple):
    """A way of measuring PSNR."""

    colour: str
    crop: int
    levels: str
    frames: str


class SsimWay(NamedTuple):
    """A way of measuring SSIM."""

    colour: str
    window: str
    crop: int
    levels: str
    frames: str


PSNR_WAYS = tuple(PsnrWay(*one) for one in product(COLOURS, CROPS, LEVELS, FRAMES))
SSIM_WAYS = tuple(SsimWay(*one) for one in product(COLOURS, WINDOWS, CROPS, LEVELS, FRAMES))
WAYS = tuple(Way(*one) for one in product(COLOURS, COLOURS, WINDOWS, CROPS, LEVELS, FRAMES))
OURS = Way("RGB", "RGB", WINDOWS[0], 4, LEVELS[0], FRAMES[0])
"""How this project measures, after the method's authors."""


def measurement(output: Path, options: SceneOptions, progress: bool = True) -> dict[str, Any]:
    """Measure, and write OUTPUT/measurement.json, which is returned. UserError for scenes or weights of no use."""
    found, parts = measured(Path(output), options, "measurement", measure, progress, ways=len(WAYS))
    result = {
        "question": f"Can a mix-up of the measurement make {GAIN['psnr']:+} dB and {GAIN['ssim']:+.4f} SSIM?",
        **found.about,
        "claimed": {**GAIN, "between": list(BETWEEN)},
        "ways": [way._asdict() for way in WAYS],
        "blurs": {blur: judged(found, blur) for blur in BLURS},
    }
    return parts.finish(Path(output) / RESULT, result)


def measure(network: Network, blur: str, high: np.ndarray, low: Frames) -> dict[str, list[float]]:
    """PSNR in each of PSNR_WAYS and SSIM in each of SSIM_WAYS, means over the frames of one clip."""
    images = dict(restored(network, low, border=True))
    psnrs, ssims = ({}, {})
    for index, levels in product(images, LEVELS):
        image, truth = in_levels(images[index], levels), high[index]
        for colour, crop in product(COLOURS, CROPS):
            psnrs[colour, crop, levels, index] = PSNR[colour](image, truth, crop)
            for window in WINDOWS:
                ssims[colour, window, crop, levels, index] = SSIM[colour, window](image, truth, crop)
    half = WINDOW // 2
    chosen = {"inner": range(half, len(high) - half), "all": range(len(high))}
    return {
        "psnr": [mean_of([psnrs[*way[:-1], index] for index in chosen[way.frames]]) for way in PSNR_WAYS],
        "ssim": [mean_of([ssims[*way[:-1], index] for index in chosen[way.frames]]) for way in SSIM_WAYS],
    }


def in_levels(image: np.ndarray, levels: str) -> np.ndarray:
    """(3, H, W) float in [0, 1] to (H, W, 3) uint8, rounded to nearest or truncated as a plain conversion does it."""
    if levels == "rounded":
        return to_uint8(image)
    return np.clip(image * 255, 0, 255).astype(np.uint8).transpose(1, 2, 0).copy()


def ssim_uniform(a: np.ndarray, b: np.ndarray, crop: int) -> float:
    """SSIM of two (H, W) or (H, W, 3) images in [0, 255] with a uniform window of 7x7 and sample covariances.

    Only where the window lies inside, mean over the channels, as scikit-image has it by default.
    """
    inside = slice(crop, -crop or None)
    x, y = (np.ascontiguousarray(image[inside, inside], np.float64) for image in (a, b))
    mean_x, mean_y, squares, product_ = (_mean(one) for one in (x, y, x * x + y * y, x * y))
    sample = _SIDE**2 / (_SIDE**2 - 1)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    means, mean_squares = mean_x * mean_y, mean_x**2 + mean_y**2
    above = (2 * means + c1) * (2 * sample * (product_ - means) + c2)
    return float(np.mean(above / ((mean_squares + c1) * (sample * (squares - mean_squares) + c2))))


def _mean(image: np.ndarray) -> np.ndarray:
    inside = slice(_SIDE // 2, -(_SIDE // 2))
    return cv2.boxFilter(image, cv2.CV_64F, (_SIDE, _SIDE))[inside, inside]


Metric = Callable[[np.ndarray, np.ndarray, int], float]
"""Two images (H, W, 3) uint8 and the crop -> dB or SSIM."""
PSNR: dict[str, Metric] = {"RGB": metrics.psnr, "Y": metrics.psnr_y}
SSIM: dict[tuple[str, str], Metric] = {
    ("RGB", WINDOWS[0]): metrics.ssim,
    ("Y", WINDOWS[0]): metrics.ssim_y,
    ("RGB", WINDOWS[1]): ssim_uniform,
    ("Y", WINDOWS[1]): lambda a, b, crop: ssim_uniform(metrics.luma(a), metrics.luma(b), crop),
}


# Pairs of ways


def judged(found: Found, blur: str) -> dict[str, Any]:
    """Every ordered pair of ways, PyTorch's before Jittor's, by the protocol's three criteria."""
    values = {name: np.array([clip[name] for clip in found.by_blur[blur]]).T for name in ("psnr", "ssim")}

    @cache
    def of_psnr(one: PsnrWay, other: PsnrWay) -> tuple[dict[str, Any], dict[str, bool]]:
        """Interval of Jittor's way minus PyTorch's, and what scenes have of it; which criteria it meets."""
        difference = values["psnr"][PSNR_WAYS.index(other)] - values["psnr"][PSNR_WAYS.index(one)]
        own = found.interval(difference)
        scenes = np.array(list(by_group(difference, found.scenes).values()))
        between = int(np.count_nonzero((scenes >= BETWEEN[0]) & (scenes <= BETWEEN[1])))
        meets = {"psnr": holds(own, GAIN["psnr"]), "half": 2 * between >= own["n"]}
        found_by_scene = {"between": between, "smallest": float(scenes.min()), "largest": float(scenes.max())}
        return {"torch": one._asdict(), "jittor": other._asdict(), "psnr": own, **found_by_scene}, meets

    @cache
    def of_ssim(one: SsimWay, other: SsimWay) -> dict[str, Any]:
        return found.interval(values["ssim"][SSIM_WAYS.index(other)] - values["ssim"][SSIM_WAYS.index(one)])

    def pair(one: Way, other: Way) -> dict[str, Any]:
        psnr, meets = of_psnr(one.of_psnr, other.of_psnr)
        ssim = of_ssim(one.of_ssim, other.of_ssim)
        away = max(abs(psnr["psnr"]["value"] / GAIN["psnr"] - 1), abs(ssim["value"] / GAIN["ssim"] - 1))
        ways = {"torch": one._asdict(), "jittor": other._asdict(), "changes": one.changes(other)}
        return {**psnr, **ways, "ssim": ssim, "meets": {**meets, "ssim": holds(ssim, GAIN["ssim"])}, "away": away}

    pairs = [pair(one, other) for one, other in product(WAYS, WAYS) if one != other]
    fitting = [one for one in pairs if all(one["meets"].values())]
    alone = [of_psnr(one, other) for one, other in product(PSNR_WAYS, PSNR_WAYS) if one != other]
    return {
        "psnr": [{**way._asdict(), "mean": found.interval(own)} for way, own in zip(PSNR_WAYS, values["psnr"])],
        "ssim": [{**way._asdict(), "mean": found.interval(own)} for way, own in zip(SSIM_WAYS, values["ssim"])],
        "by_clip": {name: own.T.tolist() for name, own in values.items()},
        "pairs": len(pairs),
        "meeting": {name: sum(one["meets"][name] for one in pairs) for name in pairs[0]["meets"]}
        | {"all": len(fitting)},
        "fitting": sorted(fitting, key=lambda one: (one["changes"], one["away"])),
        "fitting_psnr": [one for one, meets in alone if all(meets.values())],
        "nearest": min(pairs, key=lambda one: one["away"]),
        "single_changes": [one for one in pairs if one["torch"] == OURS._asdict() and one["changes"] == 1],
    }


def holds(found: dict[str, Any], claimed: float) -> bool:
    """Whether there is an interval and the claimed value lies in it."""
    return found["low"] is not None and bool(found["low"] <= claimed <= found["high"])


# In words


def table(result: dict[str, Any]) -> str:
    """The experiment in words, with Markdown tables for each blur."""
    claimed = result["claimed"]
    low, high = claimed["between"]
    lines = [
        f"# Whether a mix-up of the measurement makes {claimed['psnr']:+} dB and {claimed['ssim']:+.4f}",
        f"The same restored frames of {result['n']} filmed scenes ({', '.join(result['sets'])}), measured in "
        f"{len(result['ways'])} ways: PSNR and SSIM each of RGB or of luma, {', '.join(map(str, CROPS))} pixels "
        "cropped, rounded to 8 bits or truncated, two windows of SSIM, and without or with the first and the last two "
        "frames. "
        "A pair of ways, one for each side, fits if the intervals of the differences (95 %, over the scenes) hold both "
        f"figures and half of the scenes lie between {low:+} and {high:+} dB, the report's smallest and largest clip.",
    ]
    for blur, found in result["blurs"].items():
        meeting = found["meeting"]
        lines.append(
            f"## {blur} blur\n\nOf {found['pairs']} pairs of ways {meeting['all'] or 'none'} "
            f"{'fit' if meeting['all'] > 1 else 'fits'}. The interval of PSNR holds {claimed['psnr']} dB in "
            f"{meeting['psnr']}, that of SSIM {claimed['ssim']:.4f} in {meeting['ssim']}, and half of the scenes lie "
            f"between the report's clips in {meeting['half']}. PSNR alone, with half of the scenes, fits in "
            f"{len(found['fitting_psnr'])} of {math.perm(len(found['psnr']), 2)} pairs of its ways."
        )
        if found["fitting"]:
            lines.append("Fitting, those with the fewest changes first:\n\n" + _rows(found["fitting"][:_SHOWN]))
        lines.append("The nearest in both figures:\n\n" + _rows([found["nearest"]]))
        lines.append(f"One change from the way of this project ({OURS}):\n\n" + _rows(found["single_changes"], False))
    return "\n\n".join(lines) + "\n"


def _rows(pairs: list[dict[str, Any]], both: bool = True) -> str:
    """both: name PyTorch's way, too."""
    rows = [
        [
            *([str(Way(**one["torch"]))] if both else []),
            str(Way(**one["jittor"])),
            interval(one["psnr"], 3, signed=True),
            f"{one['smallest']:+z.3f} to {one['largest']:+z.3f}",
            interval(one["ssim"], 4, signed=True),
            f"{one['between']} of {one['psnr']['n']}",
        ]
        for one in pairs
    ]
    figures = ["PSNR (dB)", "of a scene", "SSIM", "scenes between"]
    return markdown([*(["PyTorch"] if both else []), "Jittor", *figures], rows)
