"""One run timed three ways, as a chart."""

from typing import Any

from matplotlib.patches import Patch

from vsrlib.chart_style import PARTS, Chart, canvas, empty, style
from vsrlib.comparison_table import significant
from vsrlib.costs.table import WAYS
from vsrlib.names import FRAMEWORKS
from vsrlib.results import NAMES, is_skipped

_WHOLE = "#bfbfbf"
_PARTS = PARTS.values()


def three_ways(result: dict[str, Any]) -> Chart:
    """Bars of a frame's seconds by part, each way of timing and framework; from end to end there are no parts."""
    title = "The same work, timed three ways: who is billed for the waiting"
    spoken = []
    legend = [Patch(facecolor=fill, hatch=hatch, edgecolor="black", label=name) for name, fill, hatch in _PARTS]
    with style():
        options = result["options"]
        size = "x".join(map(str, options["size"]))
        footer = (
            f"Median seconds of a frame of {size}, {options['preset']} network, {options['device']}; lines: "
            "95\u00a0% interval of the total. Grey: end to end, no parts. Each way does the same work."
        )
        figure, panels = canvas(title, [1.7] * len(FRAMEWORKS), legend=legend, footer=footer)
        longest = 0.0
        for axes, framework in zip(panels, FRAMEWORKS, strict=True):
            found = result["protocols"].get(framework, {"skipped": "because it was not measured"})
            axes.set_title(NAMES[framework], loc="left", fontweight="bold")
            if is_skipped(found):
                empty(axes, f"skipped, {found['skipped']}")
                spoken.append(f"{NAMES[framework]}: skipped, {found['skipped']}")
                continue
            for row, way in enumerate(WAYS):
                longest = max(longest, _bar(axes, row, found[way]))
                spoken.append(f"{NAMES[framework]}, {WAYS[way]}: {_words(found[way])}")
            axes.set_yticks(range(len(WAYS)), WAYS.values())
            axes.set_ylim(len(WAYS) - 0.5, -0.5)
            axes.grid(axis="x", color="#e0e0e0")
        for axes in panels:
            axes.set_xlim(0, 1.08 * longest or 1)
        panels[-1].set_xlabel("seconds a frame")
    return Chart("chart_time_three_ways", title, f"{title}. {'; '.join(spoken)}.", figure)


def _bar(axes: Any, row: int, found: dict[str, Any]) -> float:
    """Draw one bar; returns where it ends."""
    begin, total = 0.0, found["total"]
    parts = [(found[part]["value"], *PARTS[part][1:]) for part in PARTS if part in found]
    for width, color, hatch in parts or [(total["value"], _WHOLE, "")]:
        axes.barh(row, width, left=begin, color=color, hatch=hatch, edgecolor="black", height=0.62, linewidth=0.6)
        begin += width
    if total["low"] is not None:
        axes.plot([total["low"], total["high"]], [row, row], color="black", linewidth=1.6)
    return max(begin, total["high"] or 0.0)


def _words(found: dict[str, Any]) -> str:
    parts = [f"{PARTS[part][0]} {significant(found[part]['value'])} s" for part in PARTS if part in found]
    return ", ".join([f"{significant(found['total']['value'])} s in all", *parts])
