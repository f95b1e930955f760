"""The charts of picture quality: by clip, by frame, and as distributions."""

import math
from collections import Counter
from collections.abc import Sequence

from matplotlib.axes import Axes

from vsrlib.claims.quality import difference_of, gains_of
from vsrlib.claims.results import is_skipped
from vsrlib.common.names import FILMED, FRAMEWORKS, KINDS, NAMES
from vsrlib.common.numbers import fixed
from vsrlib.report.charts.comparison import (
    UNITS,
    by_blur,
    counted_clips,
    each,
    measured_frames,
    methods_of,
    paired,
    totals,
    why_empty,
)
from vsrlib.report.charts.style import LISTED, LOOKS, Chart, difference_axis, key, labels

_FEW, _MANY = 5, 16  # clips whose names fit beside each other, and upright


def comparison_by_clip(found: dict, metric: str) -> Chart:
    """Mean quality of each clip and over the scenes of each kind: bicubic, PyTorch and Jittor as marks on one line."""

    def draw(axes: Axes, one: dict) -> str | None:
        rows = _rows(one["quality"])
        shown = [m for m in LOOKS if any(m in row and row[m][metric] is not None for row in rows)]
        if not shown:
            return why_empty(one)
        for method in shown:
            marks = [(row[method][metric], y) for y, row in enumerate(rows) if row[method][metric] is not None]
            look = LOOKS[method].marks() if len(rows) <= LISTED else LOOKS[method].small_marks()
            axes.plot(*zip(*marks, strict=True), linestyle="none", clip_on=False, **look)
        for y in (y for y, row in enumerate(rows) if "scenes" in row):
            for edge in (y - 0.5, y + 0.5) if y + 1 < len(rows) else (y - 0.5,):
                axes.axhline(edge, color="black", linewidth=0.8)
        named = [y for y, row in enumerate(rows) if len(rows) <= LISTED or "scenes" in row]
        axes.set_yticks(named, labels([rows[y]["name"] for y in named]))
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(axis="y", color="#e0e0e0")
        axes.margins(x=0.08)
        return None

    def apart(axes: Axes, one: dict) -> None:
        rows = _rows(one["quality"])
        means = [[row[f][metric] for f in FRAMEWORKS] for row in rows]
        gaps = [(y, jittor - torch) for y, (torch, jittor) in enumerate(means) if None not in (torch, jittor)]
        _draw_gaps(axes, gaps, metric)
        axes.grid(axis="y", color="#e0e0e0")

    label, axis_unit, *_ = UNITS[metric]
    counts = [max(2, len(_rows(blur["quality"]))) for blur in found["blurs"].values()]
    heights = [0.75 + 0.3 * min(count, LISTED) for count in counts]
    return by_blur(
        found, quality_title(found, metric), heights, key(methods_of(found)),
        f"of a clip the mean over its frames; by scene: the mean over scenes{_unnamed(max(counts))}",
        f"{label}{axis_unit}, means\nfurther right is better", draw, totals(found, metric), "x", apart,
    )  # fmt: skip


def _draw_gaps(axes: Axes, gaps: Sequence[tuple[float, float]], metric: str) -> None:
    """(row, difference) as marks, on an axis that they fill: where the frameworks' own marks lie on each other."""
    if not gaps:
        axes.set_axis_off()
        return
    axes.plot([gap for _, gap in gaps], [y for y, _ in gaps], "D", markersize=4, color="black", clip_on=False)
    unit = f",{UNITS[metric][2]}" if UNITS[metric][2] else ""
    difference_axis(axes, max((abs(gap) for _, gap in gaps), default=0.0), unit)


def _unnamed(count: int) -> str:
    """Why so many rows have no names."""
    return f"; more than {LISTED} clips stand without their names, in the order of the table" * (count > LISTED)


def _rows(quality: dict) -> list[dict]:
    """The clips of each kind, filmed ones first, and below them the mean over their scenes."""
    rows = []
    for kind in (one for one in KINDS if not is_skipped(quality[one])):
        rows += [clip for clip in quality["clips"] if clip["kind"] == kind]
        rows.append({"name": f"{kind}, by scene", **quality[kind]["total"]})
    return rows


def _names(quality: dict) -> list[str]:
    """The clips' names, filmed ones first."""
    return [clip["name"] for clip in sorted(quality["clips"], key=lambda clip: clip["kind"] != FILMED)]


def trend(found: dict) -> Chart:
    """PSNR of every frame, clip after clip."""
    every = [_names(blur["quality"]) for blur in found["blurs"].values()]
    upright = [names for names in every if len(names) <= _MANY and _turned(names) == 90]
    room = max((len(name) for names in upright for name in labels(names)), default=0) / 12
    heights, legend = [2.3 + room] * len(found["blurs"]), key(methods_of(found), line=True)
    return by_blur(
        found, trend_title(found), heights, legend, "clips side by side", "frames in order, clip after clip",
        _draw_trend, totals(found, "psnr"), "y", _draw_trend_gaps, 0.75,
    )  # fmt: skip


def _draw_trend(axes: Axes, one: dict) -> str | None:
    methods = measured_frames(one, "psnr")
    if not methods:
        return why_empty(one)
    names = _names(one["quality"])
    longest, starts = _places(names, methods)
    for method, frames in methods.items():
        marks = LOOKS[method].marks()
        marks["markersize"] = min(marks["markersize"], 8) if sum(longest.values()) <= 60 else 0
        for clip in names:
            values = [frame["psnr"] for frame in frames if frame["clip"] == clip]
            at = [starts[clip] + i for i in range(len(values))]
            axes.plot(at, values, linestyle=LOOKS[method].line, linewidth=1.6, **marks)
        single = [(starts[clip], frame["psnr"]) for frame in frames if longest[clip := frame["clip"]] == 1]
        if not marks["markersize"]:  # a line shows nothing of one frame
            axes.plot(*zip(*single, strict=True) if single else ([], []), ".", markersize=2, color=LOOKS[method].color)
    _part(axes, [starts[clip] for clip in names[1:]])
    # Names of many clips stand upright; of more they would overlap, and the other charts name them.
    named = len(names) <= _MANY
    ticks = [starts[clip] + (longest[clip] - 1) / 2 for clip in names]
    axes.set_xticks(ticks if named else [], labels(names) if named else [], rotation=_turned(names))
    axes.tick_params(axis="x", length=0)
    axes.margins(y=0.1)
    axes.set_ylabel("PSNR (dB)")
    return None


def _turned(names: Sequence[str]) -> int:
    """By how many degrees the names of clips stand upright, so that they do not run into each other."""
    longest = max(map(len, labels(names)), default=0)
    return 0 if len(names) <= 3 and len(names) * longest <= 48 else 18 if len(names) <= _FEW and longest <= 14 else 90


def _part(axes: Axes, places: Sequence[float]) -> None:
    """Lines between clips, behind what is drawn, and the thinner the more they are."""
    for place in places:
        axes.axvline(place - 0.5, color="#bbbbbb", linewidth=0.8 if len(places) < _MANY else 0.25, zorder=0.5)


def _places(names: list[str], methods: dict[str, list[dict]]) -> tuple[dict[str, int], dict[str, int]]:
    """How many frames each clip takes on the axis, and where it begins."""
    lengths = [Counter(frame["clip"] for frame in frames) for frames in methods.values()]
    longest = {clip: max(count[clip] for count in lengths) for clip in names}
    starts = {clip: sum(longest[before] for before in names[: names.index(clip)]) for clip in names}
    return longest, starts


def _draw_trend_gaps(axes: Axes, one: dict) -> None:
    names = _names(one["quality"])
    _, starts = _places(names, measured_frames(one, "psnr"))
    seen: Counter[str] = Counter()
    gaps = []
    for clip, gap in _gaps(one, "psnr"):
        gaps.append((starts[clip] + seen[clip], gap))
        seen[clip] += 1
    axes.vlines([x for x, _ in gaps], 0, [gap for _, gap in gaps], color="black", linewidth=1.4)
    _part(axes, [starts[clip] for clip in names[1:]])
    difference_axis(axes, max((abs(gap) for _, gap in gaps), default=0.0), " (dB)", vertical=True)
    axes.tick_params(axis="x", length=0, labelbottom=False)


def distribution(found: dict, metric: str) -> Chart:
    """Every frame as a mark, one lane per method within each clip, with the median as a bar."""

    def draw(axes: Axes, one: dict) -> str | None:
        methods = measured_frames(one, metric)
        if not methods:
            return why_empty(one)
        names = _names(one["quality"])
        for lane, (method, frames) in enumerate(methods.items()):
            marks = LOOKS[method].small_marks()
            for row, clip in enumerate(names):
                y = row + 0.26 * (lane - (len(methods) - 1) / 2)
                values = sorted(frame[metric] for frame in frames if frame["clip"] == clip)
                axes.plot(values, [y] * len(values), linestyle="none", clip_on=False, **marks)
                if values:
                    median = (values[len(values) // 2] + values[(len(values) - 1) // 2]) / 2
                    axes.plot([median] * 2, [y - 0.13, y + 0.13], color="black", linewidth=1.8)
        for row in range(1, len(names)):
            axes.axhline(row - 0.5, color="#e0e0e0", linewidth=0.8)
        listed = names if len(names) <= LISTED else []
        axes.set_yticks(range(len(listed)), labels(listed))
        axes.set_ylim(len(names) - 0.45, -0.55)
        return None

    def apart(axes: Axes, one: dict) -> None:
        rows = {name: row for row, name in enumerate(_names(one["quality"]))}
        gaps = [(rows[name], gap) for name, gap in _gaps(one, metric)]
        _draw_gaps(axes, gaps, metric)
        for row in range(1, len(rows)):
            axes.axhline(row - 0.5, color="#e0e0e0", linewidth=0.8)

    label, axis_unit, *_ = UNITS[metric]
    counts = [max(1, len(blur["quality"]["clips"])) for blur in found["blurs"].values()]
    heights = [0.75 + (0.55 if count <= _FEW else 0.42) * min(count, LISTED) for count in counts]
    return by_blur(
        found, spread_title(found, metric), heights, key(methods_of(found)),
        f"one mark per frame, black bar: median{_unnamed(max(counts))}",
        f"{label}{axis_unit} of single frames\nfurther right is better", draw, totals(found, metric), "x", apart,
    )  # fmt: skip


# Titles, computed


def quality_title(found: dict, metric: str) -> str:
    """What the frameworks' quality comes to, in words."""
    label, _, unit, digits = UNITS[metric]
    measured = {blur: difference_of(one["quality"]).get(metric, {}) for blur, one in found["blurs"].items()}
    known = {blur: one for blur, one in measured.items() if one.get("value") is not None}
    above = f"{_above_bicubic(found, metric)}{_on(found)}"
    if not known:
        alone = [NAMES[f] for f in FRAMEWORKS if f in methods_of(found)]
        who = f" of {alone[0]} alone" if len(alone) == 1 else ": no comparison of the frameworks"
        return f"{label}{who}{above}"
    apart = {blur: one for blur, one in known.items() if abs(one["value"]) >= 0.5 * 10**-digits}
    if not apart:
        return f"PyTorch and Jittor reach the same {label} to {digits} decimals{above}"
    ahead = {blur: "Jittor" if one["value"] > 0 else "PyTorch" for blur, one in apart.items()}
    amounts = {blur: f"{abs(one['value']):.{digits}f}{unit}" for blur, one in apart.items()}
    largest = amounts[max(apart, key=lambda blur: abs(apart[blur]["value"]))]
    if any(one["low"] is None or one["low"] <= 0 <= one["high"] for one in apart.values()):
        return f"PyTorch and Jittor differ by up to {largest} {label}, which is not told from none{above}"
    if len(set(ahead.values())) == 1:
        return f"{next(iter(ahead.values()))} is up to {largest} {label} ahead{above}"
    return f"{each({blur: f'{who} is {amounts[blur]} {label} ahead' for blur, who in ahead.items()})}{above}"


def trend_title(found: dict) -> str:
    """By how much the frameworks differ in a single frame, in words."""
    largest = [value for blur in found["blurs"].values() for value in _frame_differences(blur, "psnr")]
    if not largest:
        return "PSNR by frame: no comparison of the frameworks"
    bound = max(1, math.ceil(100 * max(largest) - 1e-9)) / 100
    pairings = [difference_of(blur["quality"], kind) for blur in found["blurs"].values() for kind in KINDS]
    infinite = sum(pairing["left_out_in_one"] for pairing in pairings if not is_skipped(pairing))
    if infinite:
        return f"PSNR is infinite in one framework only in {infinite} frames; else it differs by at most {bound:.2f} dB"
    return f"In no frame do PyTorch and Jittor differ by more than {bound:.2f} dB PSNR"


def spread_title(found: dict, metric: str) -> str:
    """How far the single frames lie apart, against how far the frameworks do, in words."""
    label, _, unit, digits = UNITS[metric]
    spreads = []
    for blur in found["blurs"].values():
        for frames in measured_frames(blur, metric).values():
            values = [frame[metric] for frame in frames]
            spreads.append(max(values) - min(values))
    if not spreads:
        return f"{label}: nothing was measured"
    words = f"Frames lie up to {fixed(max(spreads), digits)}{unit} {label} apart"
    differences = [value for blur in found["blurs"].values() for value in _frame_differences(blur, metric)]
    return (
        f"{words}, the frameworks {fixed(max(differences), digits)}{unit} in the same frame" if differences else words
    )


def _frame_differences(blur: dict, metric: str) -> list[float]:
    """Absolute finite differences of the frameworks, frame by frame; none where they cannot be paired."""
    return [abs(gap) for _, gap in _gaps(blur, metric)]


def _gaps(blur: dict, metric: str) -> list[tuple[str, float]]:
    """(clip, Jittor's minus PyTorch's) of every frame that has both."""
    pairs = [(torch["clip"], torch[metric], jittor[metric]) for torch, jittor in paired(blur)]
    return [(clip, jittor - torch) for clip, torch, jittor in pairs if torch is not None and jittor is not None]


def _above_bicubic(found: dict, metric: str) -> str:
    _, _, unit, digits = UNITS[metric]
    gaps = [
        gain[metric]["value"]
        for blur in found["blurs"].values()
        for gain in gains_of(blur["quality"]).values()
        if gain[metric]["value"] is not None
    ]
    if not gaps:
        return ""
    low, high = (f"{abs(gap):.{digits}f}" for gap in sorted((min(gaps), max(gaps)), key=abs))
    amount = low if low == high else f"{low} to {high}"
    if min(gaps) > 0 or max(gaps) < 0:
        return f", {amount}{unit} {'above' if min(gaps) > 0 else 'below'} bicubic"
    return f", from {min(gaps):.{digits}f} to {max(gaps):+.{digits}f}{unit} against bicubic"


def _on(found: dict) -> str:
    """On which clips, in words; nothing where there are none."""
    clips = {counted_clips(blur["quality"]) for blur in found["blurs"].values() if blur["quality"]["clips"]}
    return f", on {' and '.join(sorted(clips))}" if clips else ""
