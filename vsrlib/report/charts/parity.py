"""Both frameworks against the float64 reference, as charts for the notebook, drawn from parity.json alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from vsrlib.claims.results import is_skipped
from vsrlib.common.names import NAMES
from vsrlib.report.charts.style import LOOKS, Chart, canvas, key, style
from vsrlib.report.html import Page

_WAYS = {"fed": "Each step fed the reference's input", "free": "Each step fed its own framework's values"}
_SMALLEST = 1e-9  # what is exact is drawn here, on the logarithmic axis


def layers(result: dict[str, Any]) -> Chart | Page:
    """Error of every step against float64 in both frameworks: fed the reference's input, and each its own values."""
    if is_skipped(result):
        return _skipped(result)
    title = "How far every step of both frameworks is from float64"
    spoken = []
    with style():
        footer = f"Exact steps are drawn at {_SMALLEST:g}."
        figure, panels = canvas(title, [2.2, 2.2], key(result["sides"]), footer=footer)
        for axes, (way, words) in zip(panels, _WAYS.items(), strict=True):
            errors = {
                side: [one["relative_l2"] for one in found.values()] for side, found in result["layers"][way].items()
            }
            for side, values in errors.items():
                marks = {**LOOKS[side].marks(), "markersize": 5 if side == "torch" else 2.5, "markeredgewidth": 0.8}
                axes.plot(_drawable(values), linestyle="none", **marks)
            axes.set_yscale("log")
            axes.set_title(words, loc="left")
            axes.set_ylabel("relative error")
            most = ", ".join(f"{NAMES[side]} at most {max(values):.1e}" for side, values in errors.items())
            spoken.append(f"{words}: {most}.")
        panels[-1].set_xlabel("step, in the order in which they are taken")
    return Chart(figure, title, " ".join(spoken))


def gradients(result: dict[str, Any]) -> Chart | Page:
    """Error of the gradient of every loss for every parameter against float64, sorted, at the reference's point."""
    if is_skipped(result):
        return _skipped(result)
    title = "Gradients of the five losses for every parameter against float64"
    errors = {
        side: [one[name] for one in result["gradients"].values()]
        for side, name in zip(result["sides"], ("first", "second"), strict=True)
    }
    with style():
        footer = "At the float64 reference's point, so that no ReLU opens in one framework only."
        figure, (axes,) = canvas(title, [2.6], key(result["sides"], line=True), footer=footer)
        for side, values in errors.items():
            axes.plot(np.sort(_drawable(values)), color=LOOKS[side].color, linestyle=LOOKS[side].line, linewidth=2)
        axes.set_yscale("log")
        axes.set_ylabel("relative error")
        axes.set_xlabel("gradients of one loss for one parameter, sorted")
    most = ", ".join(f"{NAMES[side]} at most {max(values):.1e}" for side, values in errors.items())
    return Chart(figure, title, f"{most}.")


def trajectories(result: dict[str, Any]) -> Chart | Page:
    """Relative distance of the loss from PyTorch's, step by step: the other framework's, and that of the control."""
    if is_skipped(result):
        return _skipped(result)
    found = result["trajectories"]
    if found is None:
        return Page("<p>No training was compared.</p>", "No training was compared.")
    side = result["sides"][1]
    title = (
        f"Training in {NAMES[side]} {'stays inside' if found['inside'] else 'leaves'} the band of PyTorch beside itself"
    )
    losses = found["losses"]
    reference = np.array(losses["reference"], float)  # of a loss that was not finite, None, this makes NaN
    control, other = (
        [_drawable(np.abs(np.array(one, float) / reference - 1)) for one in several]
        for several in (losses["control"], [losses["other"]])
    )
    steps = np.arange(1, len(reference) + 1)
    with style():
        footer = "PyTorch: from weights one unit in the last place apart, several times."
        figure, (axes,) = canvas(title, [2.6], key(result["sides"], line=True), footer=footer)
        for one in control:
            axes.plot(steps, one, color=LOOKS["torch"].color, linewidth=1)
        axes.plot(steps, other[0], color=LOOKS[side].color, linestyle=LOOKS[side].line, linewidth=2)
        axes.set_yscale("log")
        axes.set_ylabel("relative difference\nof the loss")
        axes.set_xlabel("training step")
    ends = np.array([one[-1] for one in (*other, *control)])
    said = (
        f"{NAMES[side]}'s loss differs by {ends[0]:.1e}, the control's by up to {max(ends[1:]):.1e}."
        if np.isfinite(ends).all()
        else "a loss is no longer finite."
    )
    return Chart(figure, title, f"After {len(reference)} steps {said}")


def _drawable(errors: Sequence[float] | np.ndarray) -> np.ndarray:
    return np.maximum(errors, _SMALLEST)


def _skipped(result: dict[str, Any]) -> Page:
    words = f"The frameworks were not compared {result['skipped']}."
    return Page(f"<p>{words}</p>", words)
