"""The ablation as charts: every effect with its interval, and the error by distance from the centre."""

import textwrap
from typing import Any

import numpy as np
from matplotlib.patches import Patch
from matplotlib.transforms import blended_transform_factory

from vsrlib.bench.costs.table import WAYS
from vsrlib.claims.ablation.table import CLAIMED, SIDES, reach
from vsrlib.claims.ablation.trials import CHANGED_DEFAULT
from vsrlib.claims.results import is_skipped
from vsrlib.common.names import FRAMEWORKS, NAMES
from vsrlib.common.tables import significant
from vsrlib.report.charts.style import LOOKS, PARTS, Chart, canvas, empty, key, style
from vsrlib.report.html import Page
from vsrlib.report.panels import Picture

_BLUE, _ORANGE = "#0072B2", "#E69F00"


def effects(result: dict[str, Any]) -> Chart:
    """A point and an interval for every effect, one panel for each group, the claimed gain as a dashed line."""
    groups = list(dict.fromkeys(one["group"] for one in result["effects"]))
    by_group = {group: [one for one in result["effects"] if one["group"] == group] for group in groups}
    title = _title(by_group.get(SIDES, []))
    names = {group: [textwrap.fill(one["name"], 34) for one in found] for group, found in by_group.items()}
    heights = [0.55 + sum(0.12 + 0.19 * (1 + name.count("\n")) for name in names[group]) for group in groups]
    with style():
        footer = (
            "Points: mean of the paired differences over all frames; lines: 95 % bootstrap interval over clips. "
            f"Dashed: the {CLAIMED:+} dB of the earlier report. Ran on {result['ran_on']}."
        )
        figure, panels = canvas(title, heights, footer=footer)
        for axes, group in zip(panels, groups, strict=True):
            for row, one in enumerate(by_group[group]):
                found = one["effect"]
                if found["low"] is not None:
                    axes.plot([found["low"], found["high"]], [row, row], color=_BLUE, linewidth=2.5)
                axes.plot(found["value"], row, marker="o", markersize=6, color=_BLUE, markeredgecolor="black")
            axes.axvline(0, color="black", linewidth=0.8)
            axes.axvline(CLAIMED, color="black", linewidth=1, linestyle="--")
            axes.set_yticks(range(len(names[group])), names[group], fontsize=9.5)
            axes.set_ylim(len(names[group]) - 0.4, -0.6)
            axes.set_title(" ", fontsize=11)  # keeps the room for the group's name, which begins at the figure's edge
            across = blended_transform_factory(figure.transFigure, axes.transAxes)
            name = axes.text(
                0.015, 1.02, f"{group[0].upper()}{group[1:]}", transform=across, fontsize=11, fontweight="bold"
            )
            name.set_in_layout(False)
            axes.set_xlim(_limits(result["effects"]))
            axes.grid(axis="x", color="#e0e0e0")
        panels[-1].set_xlabel("PSNR difference, dB")
    spoken = "; ".join(f"{one['name']}: {one['effect']['value']:+.3f} dB" for one in result["effects"])
    return Chart("chart_ablation_effects", title, f"{title}. {spoken}.", figure)


def rings(result: dict[str, Any]) -> Chart:
    """Root-mean-square error by distance from the frame's centre, right network against changed default."""
    pairs: dict[str, dict[str, Any]] = {}
    for one in result["rings"]:
        if "(" not in one["weights"] and one["weights"] == one["frames"]:
            pairs.setdefault(one["weights"], {})["changed" if tuple(one["factors"]) == CHANGED_DEFAULT else "right"] = (
                one
            )
    title = "Error of the restored frames by distance from the centre"
    words = []
    with style():
        figure, panels = canvas(
            title, [2.2] * len(pairs), footer="Ten rings of equal width, from the centre to the corner."
        )
        for axes, (blur, found) in zip(panels, pairs.items(), strict=True):
            for key, label, color, line, marker in (
                ("right", "right network", _BLUE, "-", "o"),
                ("changed", "changed default", _ORANGE, "--", "s"),
            ):
                values = found[key]["rmse"]
                axes.plot(
                    [(i + 0.5) / len(values) for i in range(len(values))],
                    values,
                    line,
                    marker=marker,
                    color=color,
                    label=label,
                    markeredgecolor="black",
                )
            axes.set_title(f"{blur} weights and frames", loc="left")
            axes.set_ylabel("RMS error, 8-bit levels")
            axes.legend(frameon=False)
            ratio = [b / a for a, b in zip(found["right"]["rmse"], found["changed"]["rmse"]) if a]
            words.append(
                f"{blur}: with the changed default {ratio[0]:.3f} times the error in the centre, {ratio[-1]:.3f} times "
                "in the corners"
            )
        panels[-1].set_xlabel("distance from the centre (1: the corner)")
    return Chart("chart_ablation_rings", title, f"{title}. {'; '.join(words)}.", figure)


def _limits(found: list[dict[str, Any]]) -> tuple[float, float]:
    """The same for all panels, so that they can be compared."""
    ends = [
        end
        for one in found
        for end in (one["effect"]["low"], one["effect"]["value"], one["effect"]["high"])
        if end is not None
    ]
    return min(0.0, *ends) - 0.1, max(CLAIMED, *ends) + 0.1


def _title(sides: list[dict[str, Any]]) -> str:
    same = [one for one in sides if one["name"].startswith("same weights")]
    if not same:
        return "What each suspect of claim C1 costs"
    able = [one for one in sides if reach(one["effect"]) != "no"]
    gain = f"Same weights, same frames: {same[0]['effect']['value']:+.2f} dB"
    return f"{gain}; {len(able)} of {len(sides)} cases reach {CLAIMED:+} dB"


# One run timed three ways, as a chart.

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


# The referee's figures as charts for the notebook, drawn from parity.json and nothing else.

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
