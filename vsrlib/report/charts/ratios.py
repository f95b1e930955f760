"""The chart of ratios: each measure of Jittor over that of PyTorch, on a logarithmic axis with 1 in the middle."""

import math
import textwrap

from matplotlib.lines import Line2D

from vsrlib.common.names import FRAMEWORKS
from vsrlib.common.numbers import significant
from vsrlib.report.charts.comparison import footer, sentences, skip_notes
from vsrlib.report.charts.efficiency import MEASURES
from vsrlib.report.charts.style import BLUR_LOOKS, Chart, canvas, empty


def ratios(found: dict) -> Chart:
    """Jittor's value of each measure over PyTorch's, a dot for each blur type, on a logarithmic axis round 1."""
    notes, known = skip_notes(found), _ratios(found)
    title = ratios_title(known)
    rows = [(measure, own) for measure, own in known.items() if own]
    figure, (axes,) = canvas(
        title, [0.9 + 0.46 * max(1, len(rows))], _blur_key(found) if rows else (), notes,
        footer(
            found,
            "Jittor's value over PyTorch's, of memory the other way round: right of 1 Jittor is better. "
            "One process each",
        ),
    )  # fmt: skip
    if not rows:
        empty(axes, "; ".join(notes) or "no measure is known of both frameworks")
        return Chart(figure, title, sentences(notes))
    most = max(abs(math.log(ratio)) for _, own in rows for ratio in own.values())
    end = math.exp(1.15 * max(most, math.log(1.25)))
    for y, (_, own) in enumerate(rows):
        axes.plot([1 / end, end], [y, y], color="#e0e0e0", linewidth=0.8)
        for shift, (blur, ratio) in zip((-0.13, 0.13), own.items()):
            color, marker, _ = BLUR_LOOKS[blur]
            axes.plot([1, ratio], [y + shift] * 2, color=color, linewidth=2)
            axes.plot([ratio], [y + shift], marker, color=color, markersize=7, markeredgecolor="black")
        words = "\n".join(_shown(ratio) for ratio in own.values())
        axes.text(1.02, y, words, transform=axes.get_yaxis_transform(), va="center", fontsize=10.5, linespacing=1.1)
    axes.set_xscale("log")
    axes.set_xlim(1 / end, end)
    ticks = _ticks(end)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_yticks(range(len(rows)), ["\n".join(textwrap.wrap(measure, 16)) for measure, _ in rows])
    axes.set_ylim(len(rows) - 0.45, -0.55)
    axes.set_xlabel("PyTorch better  \N{LEFTWARDS ARROW}  1  \N{RIGHTWARDS ARROW}  Jittor better")
    spoken = [
        f"{measure}: {', '.join(f'{_shown(ratio)} ({blur} blur)' for blur, ratio in own.items())}."
        for measure, own in rows
    ]
    return Chart(figure, title, " ".join([*spoken, sentences(notes)]))


def ratios_title(known: dict[str, dict[str, float]]) -> str:
    """The measure on which the frameworks are furthest apart, in words; levels of one part in a thousand are level."""
    most = {measure: max(own.values(), key=_apart) for measure, own in known.items() if own}  # of the blur types
    if not most:
        return "Jittor over PyTorch: no comparison of the frameworks"
    measure = max(most, key=lambda name: _apart(most[name]))
    level = [name for name, ratio in most.items() if _apart(ratio) <= 1e-3]
    if len(level) == len(most):
        return "PyTorch and Jittor are level on every measure"
    ahead = "Jittor" if most[measure] > 1 else "PyTorch"
    factors = sorted(ratio if most[measure] > 1 else 1 / ratio for ratio in known[measure].values())
    words = " to ".join(dict.fromkeys(significant(factor) for factor in factors))
    if factors[0] < 1:
        words = f"{significant(factors[-1])}, but not with every blur"
    same = f"; level on {' and '.join(level)}" if level else ""
    return f"Furthest apart in {measure}: {ahead} is better by a factor of {words}{same}"


def _shown(ratio: float) -> str:
    return significant(ratio) if ratio < 0.1 else f"{ratio:.3f}"


def _apart(ratio: float) -> float:
    return abs(math.log(ratio))


def _ticks(end: float) -> list[float]:
    """Round numbers from 1 / end to end: near 1 in small steps, over decades as many as have room."""
    near = (0.1, 0.2, 0.5, 0.8, 1, 1.25, 2, 5, 10) if end > 2.5 else (0.4, 0.5, 0.6, 0.8, 1, 1.25, 1.6, 2, 2.5)
    if end <= 12:
        return [tick for tick in near if 1 / end <= tick <= end]
    decades = math.floor(math.log10(end))
    step = -(-decades // 3)
    return [10.0**power for power in range(-step * (decades // step), decades + 1, step)]


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
