"""The ablation as charts: every effect with its interval, and the error by distance from the centre."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import blended_transform_factory

from vsrlib.claims.ablation.table import CLAIMED, REACHED, SIDES, reach, scenes
from vsrlib.claims.ablation.trials import CHANGED_DEFAULT
from vsrlib.common.numbers import fixed, interval, mean_interval
from vsrlib.report.charts.style import BLUR_LOOKS, Chart, canvas, save, style

EFFECTS, RINGS = "chart_ablation_effects", "chart_ablation_rings"
_SURE = 0.05
_OTHER = ("#404040", "D", "-")  # of what compares the blurs or the sides: no blur of its own
_SHORT = {
    "the feature warp reads its grid with align_corners=False": "feature warp: False",
    "the flow network's warps read their grids with align_corners=False": "flow network's warps: False",
    "the masks of both warps are sampled with align_corners=False": "masks: False",
    "the flow refiner's convolutions have no dilation": "no dilations",
    "the flow network's warps are not masked": "flow warps not masked",
    "the feature warp is not masked": "feature warp not masked",
    "every flow is zero, so that neighbours are not aligned at all": "every flow zero",
    "the centre frame stands in for all five, so that there are no neighbours at all": "no neighbours",
    "the changed default: all three readings of the grids at once": "all three False (PyTorch side)",
    "the earlier Jittor side: neither dilations nor the flow network's mask": "earlier Jittor side",
    "all of these at once": "both sides' changes",
    "Gaussian instead of realistic frames, realistic weights": "frames, with realistic weights",
    "Gaussian instead of realistic frames, Gaussian weights": "frames, with Gaussian weights",
    "Gaussian instead of realistic weights, realistic frames": "weights",
    "Gaussian frames and weights instead of realistic ones": "frames and weights",
    "same weights, same frames": "same weights, same frames",
    "Jittor given Gaussian weights": "Gaussian weights",
    "Jittor given Gaussian frames": "Gaussian frames",
    "Jittor given Gaussian weights and frames": "Gaussian weights and frames",
}
"""What an effect is called in ablation.json -> what it is called where there is little room."""
_Row = dict[str, dict[str, Any]]
"""Blur, or "" for none of its own -> effect."""
_BLOCKS = {
    "": "One change of the network at a time",
    "which frames and which weights": "Gaussian in place of realistic",
    SIDES: "Earlier Jittor side \N{MINUS SIGN} PyTorch side, Jittor given",
}
"""Group of effects -> its heading; the groups of each blur share the first."""


def draw(result: dict[str, Any], folder: Path) -> tuple[Chart, Chart]:
    """Write both charts of an ablation.json into `folder`, each as SVG and as PNG, and return them."""
    charts = effects(result), rings(result)
    for chart, name in zip(charts, (EFFECTS, RINGS), strict=True):
        save(chart, Path(folder) / name)
    return charts


def effects(result: dict[str, Any]) -> Chart:
    """Every effect with its scenes, in three blocks sorted by size, both blurs on a row; the claimed gain dashed."""
    blocks = {head: _sorted(rows) for head, rows in _rows(result["effects"]).items()}
    title = _title([one for one in result["effects"] if one["group"] == SIDES])
    lines: list[str | tuple[str, _Row]] = []
    for head, rows in blocks.items():
        lines += [head, *rows]
    drawn = any(one["effect"]["low"] is not None for one in result["effects"])
    with style():
        footer = (
            f"Means over {scenes(result)} (numbers, dB), filled where p < {_SURE} after correction for all contrasts; "
            f"{'lines: 95 % bootstrap intervals over the scenes; ' * drawn}small dots: one scene each. Dashed: the "
            f"{CLAIMED:+} dB of the earlier report. False: of align_corners. Ran on {result['ran_on']}."
        )
        figure, (axes,) = canvas(title, [0.55 + 0.23 * len(lines)], _legend(result["effects"]), footer=footer)
        labels = []
        for y, line in enumerate(lines):
            if isinstance(line, str):
                across = blended_transform_factory(figure.transFigure, axes.transData)
                head = axes.text(0.015, y + 0.1, line, transform=across, va="center", fontsize=9.5, fontweight="bold",
                                 bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
                head.set_in_layout(False)
                labels.append("")
                continue
            labels.append(line[0])
            _draw_row(axes, y, line[1])
        axes.axvline(0, color="black", linewidth=0.8)
        axes.axvline(CLAIMED, color="black", linewidth=1, linestyle="--")
        axes.set_yticks(range(len(lines)), labels, fontsize=9.5)
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(lines) - 0.4, -0.6)
        axes.set_xlim(_limits(result["effects"]))
        axes.grid(axis="x", color="#e0e0e0")
        axes.set_xlabel("PSNR difference, dB", fontsize=11)
    spoken = "; ".join(f"{one['name']}: {interval(one['effect'], 3, signed=True)} dB" for one in result["effects"])
    return Chart(figure, title, f"{spoken}.")


def short_name(one: dict[str, Any]) -> str:
    """What an effect is called in the chart."""
    draw = re.search(r"\((draw \d+)\)$", one["name"])
    control = re.match(r"\w+ weights trained with False", one["name"])
    return f"kernels of {draw[1]}" if draw else "control: trained False" if control else _SHORT.get(
        one["name"], one["name"]
    )  # fmt: skip


def _rows(found: Sequence[dict[str, Any]]) -> dict[str, dict[str, _Row]]:
    """Heading -> label -> blur ("" for none) -> effect."""
    blocks: dict[str, dict[str, _Row]] = {}
    for one in found:
        blur = next((name for name in BLUR_LOOKS if one["group"] not in _BLOCKS and one["trial"]["frames"] == name), "")
        head = _BLOCKS[one["group"] if one["group"] in _BLOCKS else ""]
        blocks.setdefault(head, {}).setdefault(short_name(one), {})[blur] = one
    return blocks


def _sorted(rows: dict[str, _Row]) -> list[tuple[str, _Row]]:
    """The largest loss first."""

    def size(row: tuple[str, _Row]) -> float:
        values = [one["effect"]["value"] for one in row[1].values() if one["effect"]["value"] is not None]
        return float(np.mean(values)) if values else 0.0

    return sorted(rows.items(), key=size)


def _draw_row(axes: Axes, y: float, own: _Row) -> None:
    shifts = (-0.17, 0.17) if len(own) == 2 else (0.0,)
    for (blur, one), shift in zip(own.items(), shifts):
        color, marker, _ = BLUR_LOOKS.get(blur, _OTHER)
        found = one["effect"]
        by_scene = list(one["by_scene"].values())
        axes.plot(by_scene, [y + shift] * len(by_scene), ".", markersize=3, color=color, alpha=0.35, markeredgewidth=0)
        if found["low"] is not None:
            axes.plot([found["low"], found["high"]], [y + shift] * 2, color=color, linewidth=2.2)
        if found["value"] is not None:
            sure = one["p_holm"] is not None and one["p_holm"] < _SURE
            face = color if sure else "white"
            axes.plot([found["value"]], [y + shift], marker, markersize=5, color=face, markeredgecolor="black")
        column = 1.01 if blur != "Realistic" or len(own) == 1 else 1.19
        words = "-" if found["value"] is None else fixed(found["value"], 3)
        axes.text(column, y, words, transform=axes.get_yaxis_transform(), va="center", fontsize=9,
                  color="#805800" if color == BLUR_LOOKS["Realistic"][0] else color)  # fmt: skip


def _legend(found: Sequence[dict[str, Any]]) -> list[Line2D]:
    present = [blur for blur in BLUR_LOOKS if any(one["trial"]["frames"] == blur for one in found)]
    marks = {f"{blur} blur": BLUR_LOOKS[blur] for blur in present} | {"between them": _OTHER}
    return [
        Line2D([], [], color=color, marker=marker, linestyle="none", markeredgecolor="black", label=label)
        for label, (color, marker, _) in marks.items()
    ]


def _limits(found: list[dict[str, Any]]) -> tuple[float, float]:
    ends = [
        end
        for one in found
        for end in (one["effect"]["low"], one["effect"]["value"], one["effect"]["high"], *one["by_scene"].values())
        if end is not None
    ]
    return min([0.0, *ends]) - 0.1, max([CLAIMED, *ends]) + 0.1


def _title(sides: list[dict[str, Any]]) -> str:
    same = [one for one in sides if one["name"].startswith("same weights")]
    if not same:
        return "What each ablated factor of claim C1 costs"
    able = [one for one in sides if reach(one["effect"]) in REACHED]
    if same[0]["effect"]["value"] is None:
        return "No filmed scene to measure the ablated factors of claim C1 on"
    gain = f"Same weights, same frames: {same[0]['effect']['value']:+.2f} dB"
    return f"{gain}; {len(able)} of {len(sides)} cases reach {CLAIMED:+} dB"


# The error by distance from the centre


def rings(result: dict[str, Any]) -> Chart:
    """How many times the right network's error the changed default makes, by distance from the frame's centre."""
    found = ring_ratios(result)
    title = rings_sentence(found)
    with style():
        title_is = "; in the title the mean of the blur types" * (len(found) > 1)
        each = any(ratio["low"] is not None for ratios in found.values() for ratio in ratios)
        footer = (
            "Root-mean-square error with the changed default over that of the right network, in ten rings of equal "
            f"width from the centre to the corner, mean over {scenes(result)}{title_is}"
            f"{'; lines: 95 % bootstrap intervals over the scenes' * each}."
        )
        legend = [
            Line2D([], [], color=color, marker=marker, linestyle=line, label=f"{blur} blur")
            for blur, (color, marker, line) in BLUR_LOOKS.items()
            if blur in found
        ]
        figure, (axes,) = canvas(title, [2.8], legend, footer=footer)
        for shift, (blur, ratios) in zip((-0.008, 0.008), found.items()):
            color, marker, line = BLUR_LOOKS[blur]
            at = [(i + 0.5) / len(ratios) + shift for i in range(len(ratios))]
            axes.plot(at, [one["value"] for one in ratios], line, marker=marker, color=color, markeredgecolor="black")
            for x, one in zip(at, ratios):
                if one["low"] is not None:
                    axes.plot([x, x], [one["low"], one["high"]], color=color, linewidth=1.8)
        axes.axhline(1, color="black", linewidth=0.8)
        axes.set_xlim(0, 1)
        axes.set_ylabel("times the error")
        axes.set_xlabel("distance from the centre (1: the corner)")
    spoken = "; ".join(
        f"{blur}: " + ", ".join(f"{one['value']:.3f}" for one in ratios) for blur, ratios in found.items()
    )
    return Chart(figure, title, f"From the centre to the corner, {spoken}." if spoken else "")


def ring_ratios(result: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Blur -> for each ring the mean over the scenes of the changed default's error over the right network's.

    Older results have the errors of all scenes together alone: their ratios have no interval.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for blur in BLUR_LOOKS:
        own = {tuple(one["factors"]): one for one in result["rings"] if one["weights"] == one["frames"] == blur}
        right, changed = own.get(()), own.get(CHANGED_DEFAULT)
        if right is None or changed is None:
            continue
        if right.get("by_scene"):
            rng = np.random.default_rng(0)
            every = np.array([np.divide(changed["by_scene"][name], rmse) for name, rmse in right["by_scene"].items()])
            found[blur] = [mean_interval(values, rng, "scene") for values in every.T]
        else:
            pooled = np.divide(changed["rmse"], right["rmse"])
            found[blur] = [
                {"value": float(ratio), "low": None, "high": None, "n": 0, "unit": "scene"} for ratio in pooled
            ]
    return found


def rings_sentence(found: dict[str, list[dict[str, Any]]]) -> str:
    """Where in the frame the changed default costs most, in a sentence."""
    if not found:
        return "Error by distance from the centre: nothing to compare"
    means = np.mean([[one["value"] for one in ratios] for ratios in found.values()], axis=0)
    most = int(np.argmax(means))
    if means[most] <= 1:
        return "The changed default costs nothing at any distance from the centre"
    share = most / max(1, len(means) - 1)
    where = "in the centre" if share < 0.25 else "half-way to the corner" if share < 0.75 else "towards the corner"
    ends = [f"{name} {_percent(means[index])}" for name, index in (("centre", 0), ("corner", -1))]
    return f"The changed default costs most {where}: {_percent(means[most])} error ({', '.join(ends)})"


def _percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f} %"
