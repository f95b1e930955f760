"""The ablation as charts: every effect with its interval, and the error by distance from the centre."""

import textwrap
from pathlib import Path
from typing import Any

from matplotlib.transforms import blended_transform_factory

from vsrlib.claims.ablation.table import CLAIMED, REACHED, SIDES, reach, scenes
from vsrlib.claims.ablation.trials import CHANGED_DEFAULT
from vsrlib.common.numbers import interval
from vsrlib.report.charts.style import Chart, canvas, save, style

EFFECTS, RINGS = "chart_ablation_effects", "chart_ablation_rings"
_BLUE, _ORANGE, _GREY = "#0072B2", "#E69F00", "#606060"
_SURE = 0.05


def draw(result: dict[str, Any], folder: Path) -> tuple[Chart, Chart]:
    """Write both charts of an ablation.json into `folder`, each as SVG and as PNG, and return them."""
    charts = effects(result), rings(result)
    for chart, name in zip(charts, (EFFECTS, RINGS), strict=True):
        save(chart, Path(folder) / name)
    return charts


def effects(result: dict[str, Any]) -> Chart:
    """A point and an interval for every effect, and its scenes; a panel for each group; the claimed gain dashed."""
    groups = list(dict.fromkeys(one["group"] for one in result["effects"]))
    by_group = {group: [one for one in result["effects"] if one["group"] == group] for group in groups}
    title = _title(by_group.get(SIDES, []))
    names = {group: [textwrap.fill(one["name"], 34) for one in found] for group, found in by_group.items()}
    heights = [0.55 + sum(0.12 + 0.19 * (1 + name.count("\n")) for name in names[group]) for group in groups]
    with style():
        footer = (
            f"Points: mean over {scenes(result)}, filled where p < {_SURE} after correction for all contrasts; lines: "
            "95 % bootstrap interval over the scenes; small dots: one scene each. "
            f"Dashed: the {CLAIMED:+} dB of the earlier report. Ran on {result['ran_on']}."
        )
        figure, panels = canvas(title, heights, footer=footer)
        for axes, group in zip(panels, groups, strict=True):
            for row, one in enumerate(by_group[group]):
                found, own = one["effect"], list(one["by_scene"].values())
                axes.plot(own, [row + 0.28] * len(own), ".", markersize=4, color=_GREY, alpha=0.6, markeredgewidth=0)
                if found["low"] is not None:
                    axes.plot([found["low"], found["high"]], [row, row], color=_BLUE, linewidth=2.5)
                sure = one["p_holm"] is not None and one["p_holm"] < _SURE
                inside = _BLUE if sure else "white"
                value = [] if found["value"] is None else [found["value"]]
                axes.plot(value, [row] * len(value), "o", markersize=6, color=inside, markeredgecolor="black")
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
    spoken = "; ".join(f"{one['name']}: {interval(one['effect'], 3, signed=True)} dB" for one in result["effects"])
    return Chart(figure, title, f"{spoken}.")


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
    return Chart(figure, title, f"{'; '.join(words)}.")


def _limits(found: list[dict[str, Any]]) -> tuple[float, float]:
    """The same for all panels, so that they can be compared."""
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
