"""The charts of time and memory, and the radar of everything."""

import math
import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from vsrlib.claims.results import is_skipped, why_not_alike, why_not_both
from vsrlib.common.names import FRAMEWORKS, NAMES
from vsrlib.report.charts.style import LOOKS, PARTS, Chart, canvas, empty, key
from vsrlib.report.charts.words import drawn_together, footer, skip_notes, timed

_PROTOCOLS = {"synchronised": "synchronised", "as_reported": "as timed then"}
_THEN = "as timed then: as the earlier report timed it, without waiting (its file reading and threefold SSIM left out)"


def time_performance(found: dict, name: str) -> Chart:
    """Total time per frame, every repeat as a mark: synchronised, and as the earlier report timed it."""
    title = total_title(found)
    present = _timed_frameworks(found)
    figure, panels = canvas(
        title, [_height(one) for one in found["blurs"].values()], key(present), skip_notes(found),
        footer(found, f"one mark per repeat, black bar: median; {_THEN}"),
    )  # fmt: skip
    for axes, (blur, one) in zip(panels, found["blurs"].items(), strict=True):
        rows = _rows(one)
        if not rows:
            empty(axes, f"{blur} blur: {_why_no_times(one)}")
            continue
        for y, (protocol, framework) in enumerate(rows):
            seconds = one["runs"][framework]["timing"][protocol]
            totals = np.sum([seconds[part] for part in PARTS], axis=0)
            marks = {**LOOKS[framework].marks(), "markersize": min(LOOKS[framework].size, 7), "markeredgewidth": 1}
            axes.plot(totals, np.full(len(totals), y), linestyle="none", clip_on=False, **marks)
            median = one["timing"][framework][protocol]["total"]
            axes.plot([median] * 2, [y - 0.32, y + 0.32], color="black", linewidth=2)
        _label_rows(axes, rows, blur)
        axes.set_xlim(left=0)
    panels[-1].set_xlabel("seconds per frame in total; further left is better")
    return Chart(name, title, f"{title}. {_spoken(found, 'total')} {' '.join(skip_notes(found))}".strip(), figure)


def time_breakdown(found: dict, name: str) -> Chart:
    """Median time per frame in its three parts, synchronised and as the earlier report timed it."""
    title = breakdown_title(found)
    edge = {"edgecolor": "black", "linewidth": 0.6}
    legend = [Patch(facecolor=color, hatch=hatch, label=label, **edge) for label, color, hatch in PARTS.values()]
    figure, panels = canvas(
        title, [_height(one) for one in found["blurs"].values()], legend, skip_notes(found),
        footer(found, f"medians over the repeats; {_THEN}"),
    )  # fmt: skip
    for axes, (blur, one) in zip(panels, found["blurs"].items(), strict=True):
        rows = _rows(one)
        if not rows:
            empty(axes, f"{blur} blur: {_why_no_times(one)}")
            continue
        for y, (protocol, framework) in enumerate(rows):
            left = 0.0
            for part, (_, color, hatch) in PARTS.items():
                width = one["timing"][framework][protocol][part]
                axes.barh(y, width, left=left, color=color, hatch=hatch, height=0.62, **edge)
                left += width
        _label_rows(axes, rows, blur)
    panels[-1].set_xlabel("median seconds per frame")
    return Chart(name, title, f"{title}. {_spoken(found, 'forward')} {' '.join(skip_notes(found))}".strip(), figure)


def efficiency(found: dict, name: str) -> Chart:
    """Frames per second and peak memory of each process."""
    title = efficiency_title(found)
    rows = [(blur, framework) for blur, one in found["blurs"].items() for framework in drawn_together(one)]
    height = 0.75 + 0.38 * max(1, len(rows))
    figure, panels = canvas(
        title, [height, height], (), skip_notes(found),
        footer(found, "synchronised medians; white: memory once the network is loaded, before the first frame"),
    )  # fmt: skip
    speed, memory = panels
    if not rows:
        for axes in panels:
            empty(axes, "; ".join(skip_notes(found)))
        return Chart(name, title, f"{title}. {' '.join(skip_notes(found))}", figure)
    for y, (blur, framework) in enumerate(rows):
        look, one = LOOKS[framework], found["blurs"][blur]
        timing, run = one["timing"][framework], one["runs"][framework]
        bar = {"color": look.color, "hatch": look.hatch, "edgecolor": "black", "linewidth": 0.6, "height": 0.6}
        if is_skipped(timing):
            speed.text(0, y, "  not timed", va="center", fontsize=11)
        else:
            rate = 1 / timing["synchronised"]["total"]
            speed.barh(y, rate, **bar)
            speed.text(rate, y, f" {rate:.3g}", va="center", fontsize=11)
        memory.barh(y, run["peak_memory_mib"], **bar)
        memory.barh(y, run["import_memory_mib"], color="white", edgecolor="black", linewidth=0.6, height=0.22)
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
    return Chart(name, title, f"{title}. {' '.join([*spoken, *skip_notes(found)])}", figure)


def radar(found: dict, name: str) -> Chart:
    """Each measure as a share of the better framework's value, so that 1 is the better one on every axis."""
    measures = _measures(found)
    title = radar_title(measures)
    present = [f for f in FRAMEWORKS if any(f in values for values, _ in measures.values())]
    figure, (axes,) = canvas(
        title, [3.9], key(present, line=True), skip_notes(found),
        footer(found, "each axis: share of the better framework's value, 1 at the rim; mean over the blur types"),
        projection="polar",
    )  # fmt: skip
    if not measures:
        empty(axes, "; ".join(skip_notes(found)) or "nothing was measured")
        return Chart(name, title, f"{title}. {' '.join(skip_notes(found))}".strip(), figure)
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
    axes.set_xticks(angles, [_radar_label(measure, values, shown) for measure, (values, shown) in measures.items()])
    for angle, label in zip(angles, axes.get_xticklabels(), strict=True):
        right, up = math.sin(angle), math.cos(angle)
        label.set_horizontalalignment("center" if abs(right) < 0.01 else "left" if right > 0 else "right")
        label.set_verticalalignment("center" if abs(up) < 0.7 else "bottom" if up > 0 else "top")
    axes.tick_params(axis="x", pad=8)
    spoken = [f"{_radar_label(m, values, shown).replace(chr(10), ' ')}." for m, (values, shown) in measures.items()]
    return Chart(name, title, f"{title}. {' '.join([*spoken, *skip_notes(found)])}", figure)


# Words, computed


def total_title(found: dict) -> str:
    """The ratio of the total times by both clocks, in words; of the last blur timed in both."""
    ratios = [blur["timing"]["ratio"] for blur in found["blurs"].values() if not is_skipped(blur["timing"]["ratio"])]
    if not ratios or ratios[-1]["synchronised"]["total"]["value"] is None:
        return "Total time per frame: no comparison of the frameworks"
    true, then = (ratios[-1][protocol]["total"] for protocol in _PROTOCOLS)
    interval = "" if true["low"] is None else f" ({true['low']:.2f} to {true['high']:.2f})"
    return (
        f"PyTorch takes {true['value']:.2f}{interval} of Jittor's total time; {then['value']:.2f} by the earlier clock"
    )


def breakdown_title(found: dict) -> str:
    """What the earlier clock makes of the forward pass, in words; of the last blur timed in Jittor, else in PyTorch."""
    for framework in reversed(FRAMEWORKS):
        medians = [blur["timing"][framework] for blur in found["blurs"].values() if framework in timed(blur)]
        if medians:
            true, then = (medians[-1][protocol]["forward"] for protocol in _PROTOCOLS)
            return f"{NAMES[framework]}'s forward pass takes {duration(true)}; the earlier clock shows {duration(then)}"
    return "Time per frame by part: nothing was timed"


def efficiency_title(found: dict) -> str:
    """Who needs less memory and who is faster, in words; of the last blur run in both."""
    both = [blur for blur in found["blurs"].values() if not is_skipped(blur["timing"]["ratio"])]
    if not both:
        return "Speed and memory: no comparison of the frameworks"
    rate = {f: 1 / both[-1]["timing"][f]["synchronised"]["total"] for f in FRAMEWORKS}
    peak = {f: both[-1]["runs"][f]["peak_memory_mib"] for f in FRAMEWORKS}
    fast, slow = sorted(FRAMEWORKS, key=lambda f: -rate[f])
    small, large = sorted(FRAMEWORKS, key=lambda f: peak[f])
    return (
        f"{NAMES[fast]} makes {rate[fast] / rate[slow]:.2f} times as many frames a second; "
        f"{NAMES[small]} peaks at {peak[small] / peak[large]:.0%} of the memory"
    )


def radar_title(measures: dict) -> str:
    """On how many measures each framework is the better one, in words."""
    shared = [values for values, _ in measures.values() if len(values) == 2]
    if not shared:
        return "All measures in one picture: no comparison of the frameworks"
    # One part in a thousand is drawn as one point.
    level = sum(min(values.values()) > 0.999 * max(values.values()) for values in shared)
    ahead = {f: sum(values[f] == max(values.values()) and min(values.values()) <= 0.999 * max(values.values())
                    for values in shared) for f in FRAMEWORKS}  # fmt: skip
    parts = [f"{NAMES[f]} ahead on {ahead[f]}" for f in FRAMEWORKS]
    return f"Of {len(shared)} measures: level on {level}, {', '.join(parts)}"


def duration(seconds: float) -> str:
    """Seconds as s, ms or microseconds with three digits."""
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e3:.2g} ms"


# What the charts show


def _rows(blur: dict) -> list[tuple[str, str]]:
    return [(protocol, f) for protocol in _PROTOCOLS for f in timed(blur)]


def _height(blur: dict) -> float:
    return 0.75 + 0.52 * max(2, len(_rows(blur)))


def _label_rows(axes: Axes, rows: list[tuple[str, str]], blur: str) -> None:
    axes.set_yticks(range(len(rows)), [f"{NAMES[framework]},\n{_PROTOCOLS[protocol]}" for protocol, framework in rows])
    axes.set_ylim(len(rows) - 0.45, -0.55)
    axes.set_title(f"{blur} blur", loc="left")


def _timed_frameworks(found: dict) -> list[str]:
    return [f for f in FRAMEWORKS if any(f in timed(blur) for blur in found["blurs"].values())]


def _why_no_times(blur: dict) -> str:
    unlike = why_not_alike(blur["runs"])
    if unlike:
        return f"skipped, {unlike}"
    return "; ".join(f"{NAMES[f]}: skipped, {blur['timing'][f]['skipped']}" for f in FRAMEWORKS)


def _spoken(found: dict, part: str) -> str:
    return " ".join(
        f"{blur} blur, {NAMES[f]}, {part}: {duration(one['timing'][f]['synchronised'][part])} synchronised, "
        f"{duration(one['timing'][f]['as_reported'][part])} as timed then."
        for blur, one in found["blurs"].items()
        for f in timed(one)
    )


def _rate(timing: dict) -> str:
    return "" if is_skipped(timing) else f"{1 / timing['synchronised']['total']:.3g} frames per second, "


def _measures(found: dict) -> dict[str, tuple[dict[str, float], dict[str, str]]]:
    """Measure -> (framework -> value of which more is better, framework -> the measured value in words)."""
    measures: dict = {}
    for measure, read, form in (
        ("PSNR", lambda one, f: one["quality"]["total"][f]["psnr"], "{:.2f} dB"),
        ("SSIM", lambda one, f: one["quality"]["total"][f]["ssim"], "{:.4f}"),
        ("frames per second", lambda one, f: 1 / one["timing"][f]["synchronised"]["total"], "{:.3g}"),
        ("forward passes per second", lambda one, f: 1 / one["timing"][f]["synchronised"]["forward"], "{:.3g}"),
        ("little memory", lambda one, f: one["runs"][f]["peak_memory_mib"], "{:.0f} MiB"),
    ):
        usable = timed if "second" in measure else drawn_together if "memory" in measure else _judged_alike
        by_blur = [
            {f: value for f in usable(one) if (value := read(one, f)) is not None} for one in found["blurs"].values()
        ]
        present = [f for f in FRAMEWORKS if any(f in known for known in by_blur)]
        # A mean over other blur types in one framework than in the other would compare these.
        whole = [known for known in by_blur if len(known) == len(present)]
        values = {f: float(np.mean([known[f] for known in whole])) for f in present if whole}
        if values:
            worth = {f: 1 / value if measure == "little memory" else value for f, value in values.items()}
            measures[measure] = worth, {f: form.format(value) for f, value in values.items()}
    return measures


def _judged_alike(blur: dict) -> list[str]:
    if not why_not_both(blur["runs"]) and is_skipped(blur["quality"]["difference"]):
        return []
    return [framework for framework in FRAMEWORKS if not is_skipped(blur["runs"][framework])]


def _radar_label(measure: str, values: dict, shown: dict[str, str]) -> str:
    lines = [*textwrap.wrap(measure, 14), *(f"{NAMES[f]} {shown[f]}" for f in values)]
    return "\n".join(lines)
