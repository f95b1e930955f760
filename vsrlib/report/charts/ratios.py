"""The chart of ratios: each measure of Jittor over that of PyTorch, on a logarithmic axis with 1 in the middle."""

import math
import textwrap

import numpy as np
from matplotlib.lines import Line2D

from vsrlib.common.names import FRAMEWORKS
from vsrlib.report.charts.comparison import footer, skip_notes
from vsrlib.report.charts.efficiency import MEASURES
from vsrlib.report.charts.style import BLUR_LOOKS, Chart, canvas, empty


def ratios(found: dict) -> Chart:
    """Jittor's value of each measure over PyTorch's, a dot for each blur type, on a logarithmic axis round 1."""
    notes, known = skip_notes(found), _ratios(found)
    title = ratios_title(known)
    rows = [(measure, own) for measure, own in known.items() if own]
    figure, (axes,) = canvas(
        title, [0.9 + 0.46 * max(1, len(rows))], _blur_key(found) if rows else (), notes,
        footer(found, "Jittor's value over PyTorch's, of memory the other way round: right of 1 Jittor is better"),
    )  # fmt: skip
    if not rows:
        empty(axes, "; ".join(notes) or "no measure is known of both frameworks")
        return Chart(figure, title, " ".join(notes))
    most = max(abs(math.log(ratio)) for _, own in rows for ratio in own.values())
    end = math.exp(1.15 * max(most, math.log(1.25)))
    for y, (_, own) in enumerate(rows):
        axes.plot([1 / end, end], [y, y], color="#e0e0e0", linewidth=0.8)
        for shift, (blur, ratio) in zip((-0.13, 0.13), own.items()):
            color, marker, _ = BLUR_LOOKS[blur]
            axes.plot([1, ratio], [y + shift] * 2, color=color, linewidth=2)
            axes.plot([ratio], [y + shift], marker, color=color, markersize=7, markeredgecolor="black")
        words = "\n".join(f"{ratio:.3f}" for ratio in own.values())
        axes.text(1.02, y, words, transform=axes.get_yaxis_transform(), va="center", fontsize=10.5, linespacing=1.1)
    axes.set_xscale("log")
    axes.set_xlim(1 / end, end)
    ticks = [tick for tick in (0.1, 0.2, 0.5, 0.8, 1, 1.25, 2, 5, 10) if 1 / end <= tick <= end]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_yticks(range(len(rows)), ["\n".join(textwrap.wrap(measure, 16)) for measure, _ in rows])
    axes.set_ylim(len(rows) - 0.45, -0.55)
    axes.set_xlabel("PyTorch better  \N{LEFTWARDS ARROW}  1  \N{RIGHTWARDS ARROW}  Jittor better")
    spoken = [
        f"{measure}: {', '.join(f'{ratio:.3g} ({blur} blur)' for blur, ratio in own.items())}." for measure, own in rows
    ]
    return Chart(figure, title, " ".join([*spoken, *notes]))


def ratios_title(known: dict[str, dict[str, float]]) -> str:
    """The measure on which the frameworks are furthest apart, in words; levels of one part in a thousand are level."""
    means = {measure: math.exp(float(np.mean(np.log(list(own.values()))))) for measure, own in known.items() if own}
    if not means:
        return "Jittor over PyTorch: no comparison of the frameworks"
    measure = max(means, key=lambda name: abs(math.log(means[name])))
    level = [name for name, ratio in means.items() if abs(math.log(ratio)) <= 1e-3]
    if len(level) == len(means):
        return "PyTorch and Jittor are level on every measure"
    ahead = "Jittor" if means[measure] > 1 else "PyTorch"
    factor = max(means[measure], 1 / means[measure])
    same = f"; level on {' and '.join(level)}" if level else ""
    return f"Furthest apart in {measure}: {ahead} is better by a factor of {factor:.2f}{same}"


def _ratios(found: dict) -> dict[str, dict[str, float]]:
    """Measure -> blur -> Jittor's worth over PyTorch's, of blurs that have both."""
    known: dict[str, dict[str, float]] = {}
    for name, measure in MEASURES.items():
        for blur, one in found["blurs"].items():
            if list(measure.known(one)) != list(FRAMEWORKS):
                continue
            torch, jittor = (measure.read(one, f) for f in FRAMEWORKS)
            if torch and jittor:
                ratio = torch / jittor if measure.less_is_better else jittor / torch
                known.setdefault(name, {})[blur] = ratio
    return known


def _blur_key(found: dict) -> list[Line2D]:
    return [
        Line2D([], [], color=color, marker=marker, linestyle="none", markeredgecolor="black", label=f"{blur} blur")
        for blur, (color, marker, _) in BLUR_LOOKS.items()
        if blur in found["blurs"]
    ]
