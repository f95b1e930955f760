"""The experiments of the protocol as charts, each drawn from its result file and nothing else."""

from pathlib import Path
from typing import Any

from matplotlib.lines import Line2D

from vsrlib.common.numbers import number
from vsrlib.report.charts.style import BLUR_LOOKS, Chart, canvas, save, style


def draw(name: str, result: dict[str, Any], folder: Path) -> list[Path]:
    """Write the chart of an experiment's result as `folder`/chart_NAME.svg and .png; none where it has no chart."""
    return save(CHARTS[name](result), Path(folder) / f"chart_{name}") if name in CHARTS else []


def precision(result: dict[str, Any]) -> Chart:
    """Loss of PSNR against bits of mantissa, from many to few, with the claimed gain as a dashed line."""
    claimed, blurs = result["claimed"], result["blurs"]
    any_blur = next(iter(blurs.values()))
    last = any_blur["doses"][-1]["bits"]
    most = max(found["doses"][-1]["loss"]["value"] for found in blurs.values())
    reached = [found["reached_at"] for found in blurs.values() if found["reached_at"] is not None]
    title = (
        f"Convolutions must fall to {max(reached):.1f} bits of mantissa to lose {claimed} dB"
        if reached
        else f"Even {last} bits of mantissa in every convolution cost {most:.2f} dB on average, not {claimed}"
    )
    with style():
        legend = [
            Line2D([], [], color=color, marker=marker, linestyle=line, label=f"{blur} blur")
            for blur, (color, marker, line) in BLUR_LOOKS.items()
        ]
        footer = (
            f"Mean over {result['n']} filmed scenes against 23 bits (float32), with 95 % intervals. Dashed: the "
            f"{claimed} dB of the earlier report. Inputs and weights are rounded, sums stay float32."
        )
        figure, (axes,) = canvas(title, [2.8], legend, footer=footer)
        for shift, (blur, found) in zip((-0.08, 0.08), blurs.items()):
            color, marker, line = BLUR_LOOKS[blur]
            bits = [one["bits"] + shift for one in found["doses"]]
            losses = [one["loss"] for one in found["doses"]]
            axes.plot(
                bits, [loss["value"] for loss in losses], color=color, marker=marker, markersize=5, linestyle=line
            )
            for x, loss in zip(bits, losses):
                if loss["low"] is not None:
                    axes.plot([x, x], [loss["low"], loss["high"]], color=color, linewidth=2)
        axes.axhline(claimed, color="black", linewidth=1, linestyle="--")
        axes.axhline(0, color="black", linewidth=0.8)
        ticks = [one["bits"] for one in any_blur["doses"]]
        for one in any_blur["doses"]:
            if one["format"] is not None:
                axes.axvline(one["bits"], color="#8c8c8c", linewidth=0.8, linestyle=":")
                axes.annotate(one["format"], (one["bits"], 0.6 * claimed), ha="center", fontsize=11,
                              bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
        axes.set_xticks(ticks, [str(bits) for bits in ticks])
        axes.set_xlim(ticks[0] + 1.5, ticks[-1] - 1)
        axes.set_xlabel("bits of mantissa")
        axes.set_ylabel("loss of PSNR (dB)")
    spoken = "; ".join(
        f"{blur} blur: "
        + ", ".join(f"{one['bits']} bits {number(one['loss']['value'], 3)} dB" for one in found["doses"])
        for blur, found in blurs.items()
    )
    return Chart(figure, title, f"{spoken}.")


CHARTS = {"precision": precision}
"""Experiment -> what draws it."""
