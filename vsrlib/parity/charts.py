"""The referee's figures as charts for the notebook, drawn from parity.json and nothing else."""

from typing import Any

import numpy as np

from vsrlib.chart_style import LOOKS, canvas, key, style
from vsrlib.markup import Page
from vsrlib.panels import Picture
from vsrlib.results import NAMES

_WAYS = {"fed": "Each step fed the judge's input", "free": "Each step fed its own"}
_SMALLEST = 1e-9  # what is exact is drawn here, on the logarithmic axis


def layers(result: dict[str, Any]) -> Picture | Page:
    """Error of every step against float64 in both frameworks: fed the judge's input, and each its own."""
    if "skipped" in result:
        return _skipped(result)
    largest = {
        way: {side: max(one["relative_l2"] for one in found.values()) for side, found in sides.items()}
        for way, sides in result["layers"].items()
    }
    title = "How far every step of both frameworks is from float64"
    with style():
        figure, panels = canvas(
            title, [2.2, 2.2], key(["torch", "jittor"]), footer=f"Exact steps are drawn at {_SMALLEST:g}."
        )
        for axes, (way, words) in zip(panels, _WAYS.items()):
            for side, found in result["layers"][way].items():
                values = [max(one["relative_l2"], _SMALLEST) for one in found.values()]
                marks = {**LOOKS[side].marks(), "markersize": 5 if side == "torch" else 2.5, "markeredgewidth": 0.8}
                axes.plot(np.arange(len(values)), values, linestyle="none", **marks)
            axes.set_yscale("log")
            axes.set_title(words, loc="left")
            axes.set_ylabel("relative error")
        panels[-1].set_xlabel("step, in the order in which they are taken")
    spoken = [
        f"{_WAYS[way]}: " + ", ".join(f"{NAMES[side]} at most {value:.1e}" for side, value in sides.items())
        for way, sides in largest.items()
    ]
    return Picture(figure, f"{title}. {'. '.join(spoken)}.")


def gradients(result: dict[str, Any]) -> Picture | Page:
    """Error of the gradient of every loss for every parameter against float64, sorted, at the judge's point."""
    if "skipped" in result:
        return _skipped(result)
    title = "Gradients of the five losses for every parameter against float64"
    found = result["gradients"].values()
    with style():
        figure, (axes,) = canvas(
            title,
            [2.6],
            key(["torch", "jittor"], line=True),
            footer="At the judge's point, so that no ReLU opens in one framework only.",
        )
        for side, name in (("torch", "first"), ("jittor", "second")):
            values = np.sort([max(one[name], _SMALLEST) for one in found])
            axes.plot(values, color=LOOKS[side].color, linestyle=LOOKS[side].line, linewidth=2)
        axes.set_yscale("log")
        axes.set_ylabel("relative error")
        axes.set_xlabel("gradients of one loss for one parameter, sorted")
    worst = [
        f"{NAMES[side]} at most {max(one[name] for one in found):.1e}"
        for side, name in (("torch", "first"), ("jittor", "second"))
    ]
    return Picture(figure, f"{title}: {', '.join(worst)}.")


def trajectories(result: dict[str, Any]) -> Picture | Page:
    """Relative distance of the loss from PyTorch's, step by step: Jittor's, and that of the control."""
    if "skipped" in result:
        return _skipped(result)
    found = result["trajectories"]
    if found is None:
        return Page("<p>No training was compared.</p>", "No training was compared.")
    title = f"Training in Jittor {'stays inside' if found['inside'] else 'leaves'} the band of PyTorch beside itself"
    reference = np.array(found["losses"]["reference"])
    apart = [np.maximum(np.abs(np.array(one) / reference - 1), _SMALLEST) for one in found["losses"]["control"]]
    other = np.maximum(np.abs(np.array(found["losses"]["other"]) / reference - 1), _SMALLEST)
    steps = np.arange(1, len(reference) + 1)
    with style():
        figure, (axes,) = canvas(
            title,
            [2.6],
            key(["torch", "jittor"], line=True),
            footer="PyTorch: from weights one unit in the last place apart, several times.",
        )
        for one in apart:
            axes.plot(steps, one, color=LOOKS["torch"].color, linewidth=1)
        axes.plot(steps, other, color=LOOKS["jittor"].color, linestyle=LOOKS["jittor"].line, linewidth=2)
        axes.set_yscale("log")
        axes.set_ylabel("relative difference\nof the loss")
        axes.set_xlabel("training step")
    words = f"After {len(reference)} steps Jittor's loss differs by {other[-1]:.1e}, the control's by up to"
    return Picture(figure, f"{title}. {words} {max(one[-1] for one in apart):.1e}.")


def _skipped(result: dict[str, Any]) -> Page:
    words = f"The frameworks were not compared {result['skipped']}."
    return Page(f"<p>{words}</p>", words)
