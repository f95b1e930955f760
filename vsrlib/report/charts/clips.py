"""What one restoration found, clip by clip: the gain over bicubic upsampling, and where the time goes."""

from typing import Any

import numpy as np

from vsrlib.common.names import NAMES
from vsrlib.common.numbers import significant
from vsrlib.report.charts.style import LISTED, LOOKS, PARTS, Chart, canvas, empty, labels, seconds_axis, style
from vsrlib.report.said import equals_the_truth, gains_by_clip


def gains(result: dict[str, Any]) -> Chart:
    """A dot for each frame's PSNR above bicubic, a bar for the mean of its clip."""
    found = gains_by_clip(result)
    means = {name: float(np.mean(values)) for name, values in found.items()}
    kinds = {clip["name"]: clip["kind"] for clip in result["clips"]}
    order = sorted(found, key=lambda name: (kinds[name], -means[name]))
    title = (
        f"From {min(means.values()):+.2f} to {max(means.values()):+.2f} dB against bicubic upsampling, clip by clip"
        if means
        else "Equal to the ground truth, so no gain over bicubic upsampling"
        if equals_the_truth(result)
        else "No ground truth, so no gain over bicubic upsampling"
    )
    with style():
        footer = f"One dot a frame, bar: mean of the clip. {NAMES[result['framework']]}, {result['preset']} network."
        listed = len(order) <= LISTED
        footer += "" if listed else f" More than {LISTED} clips stand without their names."
        figure, (axes,) = canvas(title, [0.8 + 0.3 * min(max(1, len(order)), LISTED)], footer=footer)
        if not order:
            empty(axes, "nothing to compare with")
            return Chart(figure, title)
        look = LOOKS[result["framework"]]
        for y, name in enumerate(order):
            axes.plot(found[name], [y] * len(found[name]), "o", markersize=5, color=look.color, alpha=0.6)
            axes.plot([means[name]] * 2, [y - 0.3, y + 0.3], color="black", linewidth=2)
        axes.axvline(0, color="black", linewidth=0.8)
        names = [f"{name} ({kinds[kind]})" for name, kind in zip(labels(order), order, strict=True)]
        axes.set_yticks(range(len(order)) if listed else [], names if listed else [])
        axes.set_ylim(len(order) - 0.4, -0.6)
        axes.set_xlabel("PSNR above bicubic, dB")
    return Chart(figure, title, f"{', '.join(f'{name} {means[name]:+.2f} dB' for name in order)}.")


def times(result: dict[str, Any]) -> Chart:
    """The time of every frame in its three parts, each frame a dot, the median a bar."""
    frames = [frame for clip in result["clips"] for frame in clip["frames"]]
    medians = {part: float(np.median([frame[part] for frame in frames])) if frames else 0.0 for part in PARTS}
    most = max(medians, key=lambda part: medians[part])
    whole = sum(medians.values())
    title = f"{PARTS[most][0].capitalize()} takes {_milliseconds(medians[most])} of {_milliseconds(whole)} ms a frame"
    with style():
        footer = (
            "One dot a frame, bar and number: median. By a clock that waits for the work; scoring and writing run "
            "beside "
            "the next frame."
        )
        figure, (axes,) = canvas(title, [1.7], footer=footer)
        for y, (part, (_, color, _)) in enumerate(PARTS.items()):
            values = [frame[part] for frame in frames]
            axes.plot(values, [y] * len(values), "o", markersize=5, color=color, markeredgecolor="black", alpha=0.7)
            axes.plot([medians[part]] * 2, [y - 0.3, y + 0.3], color="black", linewidth=2)
            axes.text(1.02, y, f"{_milliseconds(medians[part])} ms", transform=axes.get_yaxis_transform(), va="center")
        axes.set_yticks(range(len(PARTS)), [name for name, _, _ in PARTS.values()])
        axes.set_ylim(len(PARTS) - 0.4, -0.6)
        axes.set_xlim(left=0)
        seconds_axis([axes], "{unit} per frame")
    spoken = ", ".join(f"{PARTS[part][0]} {_milliseconds(value)} ms" for part, value in medians.items())
    return Chart(figure, title, f"Medians: {spoken}.")


def _milliseconds(seconds: float) -> str:
    return significant(1000 * seconds)
