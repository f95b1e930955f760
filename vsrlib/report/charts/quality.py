"""The charts of picture quality: per clip, per frame, as distributions, and against time."""

from collections import Counter
from collections.abc import Sequence

from matplotlib.axes import Axes

from vsrlib.claims.results import why_not_alike
from vsrlib.report.charts.style import LOOKS, Chart, canvas, empty, key
from vsrlib.report.charts.words import (
    UNITS,
    footer,
    measured_frames,
    methods_of,
    quality_title,
    quality_vs_speed_title,
    skip_notes,
    speed_points,
    spread_title,
    totals,
    trend_title,
    why_empty,
)

_NOT_BOTH = "no framework has both its quality and its time measured"


def comparison_by_clip(found: dict, name: str, metric: str) -> Chart:
    """Mean quality of each clip and of all frames: bicubic, PyTorch and Jittor as marks on one line."""
    label, axis_unit, *_ = UNITS[metric]
    title = quality_title(found, metric)
    heights = [0.75 + 0.3 * (len(blur["quality"]["clips"]) + 1) for blur in found["blurs"].values()]
    figure, panels = canvas(
        title, heights, key(methods_of(found)), skip_notes(found), footer(found, "mean over frames")
    )
    for axes, (blur, one) in zip(panels, found["blurs"].items(), strict=True):
        rows = [*one["quality"]["clips"], {"name": "all frames", **one["quality"]["total"]}]
        shown = [m for m in LOOKS if m in one["quality"]["total"] and one["quality"]["total"][m][metric] is not None]
        if not shown:
            empty(axes, f"{blur} blur: {why_empty(one)}")
            continue
        for method in shown:
            marks = [(row[method][metric], y) for y, row in enumerate(rows) if row[method][metric] is not None]
            axes.plot(*zip(*marks, strict=True), linestyle="none", clip_on=False, **LOOKS[method].marks())
        axes.axhline(len(rows) - 1.5, color="black", linewidth=0.8)
        axes.set_yticks(range(len(rows)), [_label(row["name"]) for row in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(axis="y", color="#e0e0e0")
        axes.set_title(f"{blur} blur", loc="left")
        axes.margins(x=0.08)
    _share_limits(panels, "x")
    panels[-1].set_xlabel(f"{label}{axis_unit}, mean over frames; further right is better")
    return Chart(name, title, f"{title}. {totals(found, metric)} {' '.join(skip_notes(found))}".strip(), figure)


def trend(found: dict, name: str) -> Chart:
    """PSNR of every frame, clip after clip."""
    title = trend_title(found)
    figure, panels = canvas(
        title, [2.3] * len(found["blurs"]), key(methods_of(found), line=True), skip_notes(found),
        footer(found, "clips side by side"),
    )  # fmt: skip
    for axes, (blur, one) in zip(panels, found["blurs"].items(), strict=True):
        methods = measured_frames(one, "psnr")
        if not methods:
            empty(axes, f"{blur} blur: {why_empty(one)}")
            continue
        names = [clip["name"] for clip in one["quality"]["clips"]]
        lengths = {m: Counter(frame["clip"] for frame in frames) for m, frames in methods.items()}
        longest = {clip: max(count[clip] for count in lengths.values()) for clip in names}
        starts = {clip: sum(longest[before] for before in names[: names.index(clip)]) for clip in names}
        for method, frames in methods.items():
            marks = LOOKS[method].marks()
            marks["markersize"] = min(marks["markersize"], 8) if sum(longest.values()) <= 60 else 0
            for clip in names:
                values = [frame["psnr"] for frame in frames if frame["clip"] == clip]
                at = [starts[clip] + i for i in range(len(values))]
                axes.plot(at, values, linestyle=LOOKS[method].line, linewidth=1.6, **marks)
        for clip in names[1:]:
            axes.axvline(starts[clip] - 0.5, color="#bbbbbb", linewidth=0.8)
        # Names of many clips would overlap; the other charts name them.
        few = len(names) <= 5
        ticks = [starts[clip] + (longest[clip] - 1) / 2 for clip in names]
        axes.set_xticks(
            ticks if few else [], list(map(_label, names)) if few else [], rotation=18 if len(names) > 3 else 0
        )
        axes.tick_params(axis="x", length=0)
        axes.margins(y=0.1)
        axes.set_ylabel("PSNR (dB)")
        axes.set_title(f"{blur} blur", loc="left")
    _share_limits(panels, "y")
    panels[-1].set_xlabel("frames in order, clip after clip")
    return Chart(name, title, f"{title}. {totals(found, 'psnr')} {' '.join(skip_notes(found))}".strip(), figure)


def distribution(found: dict, name: str, metric: str) -> Chart:
    """Every frame as a mark, one lane per method within each clip, with the median as a bar."""
    label, axis_unit, _, _ = UNITS[metric]
    title = spread_title(found, metric)
    heights = [0.75 + 0.55 * max(1, len(blur["quality"]["clips"])) for blur in found["blurs"].values()]
    figure, panels = canvas(
        title, heights, key(methods_of(found)), skip_notes(found),
        footer(found, "one mark per frame, black bar: median"),
    )  # fmt: skip
    for axes, (blur, one) in zip(panels, found["blurs"].items(), strict=True):
        methods = measured_frames(one, metric)
        if not methods:
            empty(axes, f"{blur} blur: {why_empty(one)}")
            continue
        names = [clip["name"] for clip in one["quality"]["clips"]]
        for lane, (method, frames) in enumerate(methods.items()):
            marks = {**LOOKS[method].marks(), "markersize": min(LOOKS[method].size, 7), "markeredgewidth": 1}
            for row, clip in enumerate(names):
                y = row + 0.26 * (lane - (len(methods) - 1) / 2)
                values = sorted(frame[metric] for frame in frames if frame["clip"] == clip)
                axes.plot(values, [y] * len(values), linestyle="none", clip_on=False, **marks)
                if values:
                    median = (values[len(values) // 2] + values[(len(values) - 1) // 2]) / 2
                    axes.plot([median] * 2, [y - 0.13, y + 0.13], color="black", linewidth=1.8)
        for row in range(1, len(names)):
            axes.axhline(row - 0.5, color="#e0e0e0", linewidth=0.8)
        axes.set_yticks(range(len(names)), list(map(_label, names)))
        axes.set_ylim(len(names) - 0.45, -0.55)
        axes.set_title(f"{blur} blur", loc="left")
    _share_limits(panels, "x")
    panels[-1].set_xlabel(f"{label}{axis_unit} of single frames; further right is better")
    return Chart(name, title, f"{title}. {totals(found, metric)} {' '.join(skip_notes(found))}".strip(), figure)


def quality_vs_speed(found: dict, name: str) -> Chart:
    """PSNR against the synchronised time per frame; bicubic, whose time was not measured, as a line."""
    title = quality_vs_speed_title(found)
    entries = [*key([m for m in methods_of(found) if m != "bicubic"])]
    figure, panels = canvas(
        title, [2.2] * len(found["blurs"]), entries, skip_notes(found),
        footer(found, "bars: shortest to longest repeat; dotted line: bicubic, whose time was not measured"),
    )  # fmt: skip
    for axes, (blur, one) in zip(panels, found["blurs"].items(), strict=True):
        points = speed_points(one)
        if not points:
            unlike = why_not_alike(one["runs"])
            empty(axes, f"{blur} blur: {why_empty(one, f'skipped, {unlike}' if unlike else _NOT_BOTH)}")
            continue
        for framework, (seconds, psnr) in points.items():
            low, middle, high = seconds
            color = LOOKS[framework].color
            axes.plot([low, high], [psnr, psnr], color=color, linewidth=2.2)
            axes.plot([middle], [psnr], linestyle="none", **LOOKS[framework].marks())
        bicubic = one["quality"]["total"]["bicubic"]["psnr"]
        levels = [psnr for _, psnr in points.values()]
        if bicubic is not None:
            axes.axhline(bicubic, color=LOOKS["bicubic"].color, linestyle=":", linewidth=2)
            levels.append(bicubic)
        margin = 0.4 * max(max(levels) - min(levels), 0.05)
        axes.set_ylim(min(levels) - margin, max(levels) + margin)
        axes.set_xlim(0, 1.12 * max(seconds[2] for seconds, _ in points.values()))
        axes.set_ylabel("PSNR (dB)")
        axes.set_title(f"{blur} blur", loc="left")
    panels[-1].set_xlabel("seconds per frame, synchronised; left and up is better")
    return Chart(name, title, f"{title}. {' '.join(skip_notes(found))}".strip(), figure)


def _share_limits(panels: Sequence[Axes], axis: str) -> None:
    """Give the panels that show something one scale, so that the blur types can be read against each other."""
    drawn = [axes for axes in panels if axes.axison]
    limits = [getattr(axes, f"get_{axis}lim")() for axes in drawn]
    for axes in drawn:
        getattr(axes, f"set_{axis}lim")(min(low for low, _ in limits), max(high for _, high in limits))


def _label(name: str) -> str:
    """A clip's name as Matplotlib shows it: a dollar would begin a formula."""
    return name.replace("$", r"\$")
