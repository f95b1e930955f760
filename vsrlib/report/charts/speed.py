"""The charts of time: total and by part, synchronised and as the earlier report timed it."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from vsrlib.bench.costs_tables import WAYS
from vsrlib.claims.results import absence, is_skipped, was_asked_for, why_not_alike
from vsrlib.common.names import FRAMEWORKS, NAMES
from vsrlib.common.numbers import counted, significant
from vsrlib.report.charts.comparison import by_blur, each, timed
from vsrlib.report.charts.style import EDGE, LOOKS, PARTS, Chart, canvas, empty, key, save, seconds_axis, style

_PROTOCOLS = {"synchronised": "synchronised", "as_reported": "unsynchronised"}
_UNSYNCHRONISED = (
    "unsynchronised: as the earlier report timed it, the clock read before the work has ended (its file reading and "
    "threefold SSIM left out)"
)
TWO_CLOCKS = "chart_time_two_clocks"


def time_performance(found: dict) -> Chart:
    """Total time per frame, every repeat as a mark: synchronised, and as the earlier report timed it."""

    def draw(axes: Axes, one: dict) -> str | None:
        rows = _rows(one)
        if not rows:
            return _why_no_times(one)
        for y, (protocol, framework) in enumerate(rows):
            seconds = one["runs"][framework]["timing"][protocol]
            totals = np.sum([seconds[part] for part in PARTS], axis=0)
            marks = LOOKS[framework].small_marks()
            axes.plot(totals, np.full(len(totals), y), linestyle="none", clip_on=False, **marks)
            median = one["timing"][framework][protocol]["total"]
            axes.plot([median] * 2, [y - 0.32, y + 0.32], color="black", linewidth=2)
        _label_rows(axes, rows)
        axes.set_xlim(left=0)
        return None

    present = [f for f in FRAMEWORKS if any(f in timed(blur) for blur in found["blurs"].values())]
    return by_blur(
        found, total_title(found), _heights(found), key(present),
        f"one mark per repeat of one process, black bar: median; {_UNSYNCHRONISED}",
        "{unit} per frame in total; further left is better", draw, _spoken(found, "total"),
    )  # fmt: skip


def time_breakdown(found: dict) -> Chart:
    """Median time per frame in its three parts, synchronised and as the earlier report timed it."""

    def draw(axes: Axes, one: dict) -> str | None:
        rows = _rows(one)
        if not rows:
            return _why_no_times(one)
        for y, (protocol, framework) in enumerate(rows):
            _print_parts(axes, y, one["timing"][framework][protocol])
        _label_rows(axes, rows)
        axes.set_xlim(0, 1.04 * axes.get_xlim()[1])
        return None

    return by_blur(
        found, breakdown_title(found), _heights(found), _legend(),
        f"medians over the repeats of one process, printed in the order of the legend; {_UNSYNCHRONISED}",
        "median {unit} per frame", draw, _spoken(found, "forward"),
    )  # fmt: skip


def two_clocks(result: dict) -> Chart:
    """Bars of a frame's time by part, of each clock and framework, for the published algorithm."""
    title = "The same work timed by two clocks: where the wait for the device is counted"
    spoken = []
    options = result["options"]
    size = "x".join(map(str, options["size"]))
    with style():
        footer = (
            f"Median time of a frame of {size}, {options['preset']} network, {options['device']}, over "
            f"{counted(options['processes'], 'process')} of each framework; lines: 95 % interval of the total, where "
            "there are six at least."
        )
        measured = {name: result["processes"][name] for name in FRAMEWORKS if name in result["processes"]}
        figure, panels = canvas(title, [1.65] * len(measured), legend=_legend(), footer=footer)
        longest = 0.0
        for axes, (framework, found) in zip(panels, measured.items(), strict=True):
            axes.set_title(NAMES[framework], loc="left", fontweight="bold")
            if is_skipped(found):
                empty(axes, absence(found))
                spoken.append(f"{NAMES[framework]}: {absence(found)}")
                continue
            for row, clock in enumerate(WAYS):
                longest = max(longest, _total(axes, row, found, clock))
                _print_parts(axes, row, {part: found[part][clock]["value"] for part in PARTS})
                spoken.append(f"{NAMES[framework]}, {WAYS[clock]}: {_words(found, clock)}")
            axes.set_yticks(range(len(WAYS)), WAYS.values())
            axes.set_ylim(len(WAYS) - 0.5, -0.75)
            axes.grid(axis="x", color="#e0e0e0")
        for axes in panels:
            axes.set_xlim(0, 1.08 * longest or 1)
        seconds_axis(panels, "{unit} per frame")
    return Chart(figure, title, f"{'; '.join(spoken)}.")


def time_line(result: dict) -> Chart:
    """Laziness made visible: from the call of the network until it returns, and from there until its work is done."""
    done = {f: one for f in FRAMEWORKS if not is_skipped(one := result["processes"].get(f, {"skipped": ""}))}
    shares = {f: min(max(one["unseen_share"]["value"], 0.0), 1.0) for f, one in done.items()}
    lazy = max(shares, key=lambda f: shares[f], default=None)
    title = (
        f"{NAMES[lazy]}'s call returns with {shares[lazy]:.0%} of its work still to be done"
        if lazy is not None and shares[lazy] > 0.5
        else _eager(shares)
        if shares
        else "No call was timed"
    )
    with style():
        legend = [
            Patch(facecolor="#56B4E9", label="the call", **EDGE),
            Patch(facecolor="#D9D9D9", hatch="..", label="the wait for its result", **EDGE),
        ]
        footer = "Median forward pass of the published algorithm: the call, and the wait until its work is done."
        figure, (axes,) = canvas(title, [0.75 + 0.5 * max(1, len(done))], legend, footer=footer)
        for y, (framework, one) in enumerate(done.items()):
            whole = one["forward"]["synchronised"]["value"]
            call = (1 - shares[framework]) * whole
            axes.barh(y, call, color="#56B4E9", height=0.5, **EDGE)
            axes.barh(y, whole - call, left=call, color="#D9D9D9", hatch="..", height=0.5, **EDGE)
            axes.plot([call] * 2, [y - 0.42, y + 0.42], color="black", linewidth=2)
            axes.text(call, y - 0.44, f" returns after {_short(call)}", va="bottom", fontsize=10)
        axes.set_yticks(range(len(done)), [NAMES[f] for f in done])
        axes.set_ylim(len(done) - 0.4, -0.8)
        seconds_axis([axes], "{unit} from the call")
    spoken = "; ".join(f"{NAMES[f]}: {shares[f]:.0%} of the forward time is not waited for" for f in done)
    return Chart(figure, title, f"{spoken}." if spoken else "")


def _eager(shares: dict[str, float]) -> str:
    """In words, at most how much of their work the calls leave to be waited for."""
    whose = " and ".join(f"{NAMES[f]}'s" for f in shares)
    calls, their = ("calls return", "their") if len(shares) > 1 else ("call returns", "its")
    return f"{whose} {calls} with {max(shares.values()):.0%} of {their} work still to be done, at most"


def draw_two_clocks(result: dict, folder: Path) -> Chart:
    """Write `two_clocks` of a costs.json into `folder`, as SVG and as PNG, and return it."""
    chart = two_clocks(result)
    save(chart, Path(folder) / TWO_CLOCKS)
    return chart


# Titles, computed


def total_title(found: dict) -> str:
    """The ratio of the total times by both clocks, in words, of every blur timed in both."""
    timing = {blur: one["timing"]["ratio"] for blur, one in found["blurs"].items()}
    ratios = {
        blur: [ratio[protocol]["total"] for protocol in _PROTOCOLS]
        for blur, ratio in timing.items()
        if not is_skipped(ratio) and ratio["synchronised"]["total"]["value"] is not None
    }
    if not ratios:
        return "Total time per frame: no comparison of the frameworks"
    true, then = (each({blur: significant(one[i]["value"]) for blur, one in ratios.items()}) for i in (0, 1))
    return f"In one process each Jittor runs at {true} times PyTorch's speed, unsynchronised {then}"


def breakdown_title(found: dict) -> str:
    """What the earlier clock makes of the forward pass, in words, of every blur timed in Jittor, else in PyTorch."""
    for framework in reversed(FRAMEWORKS):
        medians = {blur: one["timing"][framework] for blur, one in found["blurs"].items() if framework in timed(one)}
        if medians:
            true, then = (
                each({blur: _short(one[protocol]["forward"]) for blur, one in medians.items()})
                for protocol in _PROTOCOLS
            )
            return f"{NAMES[framework]}'s forward pass takes {true}; unsynchronised it seems to be {then}"
    return "Time per frame by part: nothing was timed"


# Rows and bars


def _rows(blur: dict) -> list[tuple[str, str]]:
    return [(protocol, f) for protocol in _PROTOCOLS for f in timed(blur)]


def _heights(found: dict) -> list[float]:
    return [0.75 + 0.52 * max(2, len(_rows(blur))) for blur in found["blurs"].values()]


def _label_rows(axes: Axes, rows: list[tuple[str, str]]) -> None:
    axes.set_yticks(range(len(rows)), [f"{NAMES[framework]},\n{_PROTOCOLS[protocol]}" for protocol, framework in rows])
    axes.set_ylim(len(rows) - 0.45, -0.55)


def _legend() -> list[Patch]:
    return [Patch(facecolor=color, hatch=hatch, label=label, **EDGE) for label, color, hatch in PARTS.values()]


def _print_parts(axes: Axes, y: float, seconds: dict[str, float]) -> None:
    """The bar, and above it the milliseconds of each part: one of a thousandth of the whole cannot be seen."""
    _stack(axes, y, seconds)
    words = " + ".join(significant(1000 * seconds[part]) for part in PARTS)
    axes.text(0, y - 0.34, f"{words} ms", va="bottom", fontsize=9.5)


def _stack(axes: Axes, y: float, seconds: dict[str, float]) -> float:
    """A bar of the parts that were timed, one after another; returns where it ends."""
    left = 0.0
    for part in (part for part in PARTS if part in seconds):
        _, color, hatch = PARTS[part]
        axes.barh(y, seconds[part], left=left, color=color, hatch=hatch, height=0.5, **EDGE)
        left += seconds[part]
    return left


def _total(axes: Axes, row: int, found: dict, clock: str) -> float:
    """The interval of the total by one clock; returns where it or the bar ends."""
    total = found["total"][clock]
    end = sum(found[part][clock]["value"] for part in PARTS)
    if total["low"] is not None:
        axes.plot([total["low"], total["high"]], [row, row], color="black", linewidth=1.6)
    return max(end, total["high"] or 0.0)


# What is said besides


def _words(found: dict, clock: str) -> str:
    parts = [f"{PARTS[part][0]} {significant(found[part][clock]['value'])} s" for part in PARTS]
    return ", ".join([f"{significant(found['total'][clock]['value'])} s in all", *parts])


def _why_no_times(blur: dict) -> str:
    unlike = why_not_alike(blur["runs"])
    if unlike:
        return absence({"skipped": unlike})
    timing = blur["timing"]
    return "; ".join(f"{NAMES[f]}: {absence(timing[f])}" for f in FRAMEWORKS if was_asked_for(timing[f]))


def _spoken(found: dict, part: str) -> str:
    return " ".join(
        f"{blur} blur, {NAMES[f]}, {part}: {_short(one['timing'][f]['synchronised'][part])} synchronised, "
        f"{_short(one['timing'][f]['as_reported'][part])} unsynchronised."
        for blur, one in found["blurs"].items()
        for f in timed(one)
    )


def _short(seconds: float) -> str:
    """Seconds as s or ms, with three digits, below a millisecond with two."""
    if seconds >= 0.9995:
        return f"{significant(seconds)} s"
    return f"{significant(seconds * 1e3, 3 if seconds >= 1e-3 else 2)} ms"
