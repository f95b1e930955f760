"""The charts that set speed, memory and quality beside each other."""

import math
import textwrap
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from vsrlib.claims.quality import difference_of, totals_of
from vsrlib.claims.results import absence, is_skipped, why_not_alike, why_not_both
from vsrlib.common.names import FRAMEWORKS, NAMES
from vsrlib.common.numbers import significant
from vsrlib.report.charts.comparison import (
    by_blur,
    drawn_together,
    each,
    footer,
    methods_of,
    sentences,
    skip_notes,
    timed,
    why_empty,
)
from vsrlib.report.charts.style import EDGE, LOOKS, Chart, canvas, empty, key

_NOT_BOTH = "no framework has both its quality and its time measured"


def efficiency(found: dict) -> Chart:
    """Frames per second and peak memory of each process."""
    title, notes = efficiency_title(found), skip_notes(found)
    rows = [(blur, framework) for blur, one in found["blurs"].items() for framework in drawn_together(one)]
    height = 0.75 + 0.38 * max(1, len(rows))
    figure, panels = canvas(
        title, [height, height], (), notes,
        footer(found, "synchronised medians; white: memory once the network is loaded, before the first frame"),
    )  # fmt: skip
    speed, memory = panels
    if not rows:
        for axes in panels:
            empty(axes, "; ".join(notes))
        return Chart(figure, title, sentences(notes))
    for y, (blur, framework) in enumerate(rows):
        look, one = LOOKS[framework], found["blurs"][blur]
        timing, run = one["timing"][framework], one["runs"][framework]
        bar = {"color": look.color, "hatch": look.hatch, "height": 0.6, **EDGE}
        if is_skipped(timing):
            speed.text(0, y, "  not timed", va="center", fontsize=11)
        else:
            rate = 1 / timing["synchronised"]["total"]
            speed.barh(y, rate, **bar)
            speed.text(rate, y, f" {significant(rate)}", va="center", fontsize=11)
        memory.barh(y, run["peak_memory_mib"], **bar)
        memory.barh(y, run["import_memory_mib"], color="white", height=0.22, **EDGE)
        memory.text(run["peak_memory_mib"], y, f" {run['peak_memory_mib']:.0f}", va="center", fontsize=11)
    for axes in panels:
        axes.set_yticks(range(len(rows)), [f"{NAMES[framework]}, {blur}" for blur, framework in rows])
        axes.set_ylim(len(rows) - 0.45, -0.55)
        axes.margins(x=0.14)
        axes.set_xlim(left=0)
    speed.set_xlabel("frames per second; longer is better")
    memory.set_xlabel("peak memory (MiB); shorter is better")
    spoken = [
        f"{NAMES[f]}, {blur} blur: {_rate(found['blurs'][blur]['timing'][f])}peak memory "
        f"{found['blurs'][blur]['runs'][f]['peak_memory_mib']:.0f} MiB."
        for blur, f in rows
    ]
    return Chart(figure, title, " ".join([*spoken, sentences(notes)]))


def efficiency_title(found: dict) -> str:
    """Jittor's speed and memory as multiples of PyTorch's, in words, of every blur run in both."""
    both = {blur: one for blur, one in found["blurs"].items() if not is_skipped(one["timing"]["ratio"])}
    if not both:
        return "Speed and memory: no comparison of the frameworks"
    peaks = {blur: [one["runs"][f]["peak_memory_mib"] for f in FRAMEWORKS] for blur, one in both.items()}
    memory = each({blur: significant(jittor / torch) for blur, (torch, jittor) in peaks.items()})
    return f"{_speed(both)} and peaks at {memory} times its memory"


def _speed(blurs: dict[str, dict]) -> str:
    seconds = {blur: [one["timing"][f]["synchronised"]["total"] for f in FRAMEWORKS] for blur, one in blurs.items()}
    ratios = each({blur: significant(torch / jittor) for blur, (torch, jittor) in seconds.items()})
    return f"In one process each Jittor runs at {ratios} times PyTorch's speed"


def _rate(timing: dict) -> str:
    return "" if is_skipped(timing) else f"{significant(1 / timing['synchronised']['total'])} frames per second, "


# Quality against time


def quality_vs_speed(found: dict) -> Chart:
    """PSNR against the synchronised time per frame; bicubic, whose time was not measured, as a line."""
    return by_blur(
        found, quality_vs_speed_title(found), [2.2] * len(found["blurs"]),
        key([method for method in methods_of(found) if method != "bicubic"]),
        "bars: shortest to longest repeat of one process; dotted line: bicubic, whose time was not measured",
        "{unit} per frame, synchronised; left and up is better", _draw_points, _spoken_points(found),
    )  # fmt: skip


def _draw_points(axes: Axes, one: dict) -> str | None:
    points = _speed_points(one)
    if not points:
        unlike = why_not_alike(one["runs"])
        return why_empty(one, absence({"skipped": unlike}) if unlike else _NOT_BOTH)
    for framework, ((low, middle, high), psnr) in points.items():
        axes.plot([low, high], [psnr, psnr], color=LOOKS[framework].color, linewidth=2.2)
        axes.plot([middle], [psnr], linestyle="none", **LOOKS[framework].marks())
    bicubic = totals_of(one["quality"])["bicubic"]["psnr"]
    levels = [psnr for _, psnr in points.values()]
    if bicubic is not None:
        axes.axhline(bicubic, color=LOOKS["bicubic"].color, linestyle=":", linewidth=2)
        levels.append(bicubic)
    margin = 0.4 * max(max(levels) - min(levels), 0.05)
    axes.set_ylim(min(levels) - margin, max(levels) + margin)
    axes.set_xlim(0, 1.12 * max(seconds[2] for seconds, _ in points.values()))
    axes.set_ylabel("PSNR (dB)")
    return None


def quality_vs_speed_title(found: dict) -> str:
    """Jittor's speed and quality against PyTorch's, in words, of every blur that has both."""
    both = {
        blur: one
        for blur, one in found["blurs"].items()
        if len(_speed_points(one)) == 2 and difference_of(one["quality"]).get("psnr", {}).get("value") is not None
    }
    if not both:
        return "Quality against time: no comparison of the frameworks"
    # Paired by frame: the two means may leave out different frames.
    gains = {blur: difference_of(one["quality"])["psnr"]["value"] for blur, one in both.items()}
    return f"{_speed(both)}, for {each({blur: _more(gain) for blur, gain in gains.items()})}"


def _more(gain: float) -> str:
    return "the same PSNR" if abs(gain) < 0.005 else f"{abs(gain):.2f} dB {'more' if gain > 0 else 'less'} PSNR"


def _spoken_points(found: dict) -> str:
    points = {blur: _speed_points(one) for blur, one in found["blurs"].items()}
    return " ".join(
        f"{NAMES[f]}, {blur} blur: {psnr:.2f} dB at {significant(1000 * seconds[1])} ms a frame."
        for blur, own in points.items()
        for f, (seconds, psnr) in own.items()
    )


def _speed_points(blur: dict) -> dict[str, tuple[tuple[float, float, float], float]]:
    """Per framework: shortest, median and longest seconds per frame (synchronised), and mean PSNR over the scenes."""
    points = {}
    for framework in timed(blur):
        run, timing = blur["runs"][framework], blur["timing"][framework]
        psnr = totals_of(blur["quality"])[framework]["psnr"]
        if psnr is not None:
            seconds = run["timing"]["synchronised"]
            totals = [sum(parts) for parts in zip(seconds["pre"], seconds["forward"], seconds["post"], strict=True)]
            points[framework] = (min(totals), timing["synchronised"]["total"], max(totals)), psnr
    return points


# All measures in one picture


class _Measure(NamedTuple):
    """Of which frameworks of a blur it is known, its value there, the value in words, and which value is better."""

    known: Callable[[dict], list[str]]
    read: Callable[[dict, str], float | None]
    form: Callable[[float], str]
    less_is_better: bool = False


def _judged_alike(blur: dict) -> list[str]:
    if not why_not_both(blur["runs"]) and is_skipped(difference_of(blur["quality"])):
        return []
    return [framework for framework in FRAMEWORKS if not is_skipped(blur["runs"][framework])]


MEASURES = {
    "PSNR": _Measure(_judged_alike, lambda one, f: totals_of(one["quality"])[f]["psnr"], "{:.2f} dB".format),
    "SSIM": _Measure(_judged_alike, lambda one, f: totals_of(one["quality"])[f]["ssim"], "{:.4f}".format),
    "frames per second": _Measure(timed, lambda one, f: 1 / one["timing"][f]["synchronised"]["total"], significant),
    "forward passes per second": _Measure(
        timed, lambda one, f: 1 / one["timing"][f]["synchronised"]["forward"], significant
    ),
    "low memory": _Measure(drawn_together, lambda one, f: one["runs"][f]["peak_memory_mib"], "{:.0f} MiB".format, True),
}
"""What is compared -> where it is known, its value, and which value is better."""


def radar(found: dict) -> Chart:
    """Each measure as a share of the better framework's value, so that 1 is the better one on every axis."""
    measures, notes = _measures(found), skip_notes(found)
    title = radar_title(measures)
    present = [f for f in FRAMEWORKS if any(f in values for values, _ in measures.values())]
    figure, (axes,) = canvas(
        title, [3.9], key(present, line=True), notes,
        footer(found, "each axis: share of the better framework's value, 1 at the rim; mean over the blur types"),
        projection="polar",
    )  # fmt: skip
    if not measures:
        empty(axes, "; ".join(notes) or "nothing was measured")
        return Chart(figure, title, sentences(notes))
    angles = [2 * math.pi * i / len(measures) for i in range(len(measures))]
    for framework in present:
        shares = [values.get(framework, 0) / max(values.values()) for values, _ in measures.values()]
        marks = {**LOOKS[framework].marks(), "clip_on": False}
        axes.plot([*angles, angles[0]], [*shares, shares[0]], linestyle=LOOKS[framework].line, linewidth=2, **marks)
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    axes.set_ylim(0, 1)
    axes.set_yticks([0.25, 0.5, 0.75, 1], ["0.25", "0.5", "0.75", "1"], fontsize=10, color="#444444")
    axes.set_rlabel_position(180 / len(measures))
    labels = [_radar_label(measure, shown) for measure, (_, shown) in measures.items()]
    axes.set_xticks(angles, labels)
    for angle, label in zip(angles, axes.get_xticklabels(), strict=True):
        right, up = math.sin(angle), math.cos(angle)
        label.set_horizontalalignment("center" if abs(right) < 0.01 else "left" if right > 0 else "right")
        label.set_verticalalignment("center" if abs(up) < 0.7 else "bottom" if up > 0 else "top")
    axes.tick_params(axis="x", pad=8)
    return Chart(figure, title, " ".join([*(f"{label.replace(chr(10), ' ')}." for label in labels), sentences(notes)]))


def radar_title(measures: dict) -> str:
    """On how many measures each framework is the better one, in words."""
    shared = [values for values, _ in measures.values() if len(values) == 2]
    if not shared:
        return "All measures in one picture: no comparison of the frameworks"
    # One part in a thousand is drawn as one point.
    apart = [values for values in shared if min(values.values()) <= 0.999 * max(values.values())]
    parts = [f"{NAMES[f]} ahead on {sum(values[f] == max(values.values()) for values in apart)}" for f in FRAMEWORKS]
    return f"Of {len(shared)} measures: level on {len(shared) - len(apart)}, {', '.join(parts)}"


def _measures(found: dict) -> dict[str, tuple[dict[str, float], dict[str, str]]]:
    """Measure -> (framework -> value of which more is better, framework -> the measured value in words)."""
    measures = {}
    for name, measure in MEASURES.items():
        values_by_blur = [
            {f: value for f in measure.known(one) if (value := measure.read(one, f)) is not None}
            for one in found["blurs"].values()
        ]
        present = [f for f in FRAMEWORKS if any(f in known for known in values_by_blur)]
        # A mean over other blur types in one framework than in the other would compare these.
        whole = [known for known in values_by_blur if len(known) == len(present)]
        values = {f: float(np.mean([known[f] for known in whole])) for f in present if whole}
        if values:
            worth = {f: 1 / value if measure.less_is_better else value for f, value in values.items()}
            measures[name] = worth, {f: measure.form(value) for f, value in values.items()}
    return measures


def _radar_label(measure: str, shown: dict[str, str]) -> str:
    return "\n".join([*textwrap.wrap(measure, 14), *(f"{NAMES[f]} {value}" for f, value in shown.items())])
