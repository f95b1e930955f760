"""What the charts of a comparison have in common: a panel for each blur type, and what may be shown and said there."""

from collections.abc import Callable, Mapping, Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes

from vsrlib.claims.quality import decisive, difference_of, frames_of, identical_in, pair_frames, totals_of
from vsrlib.claims.results import (
    absence,
    device_words,
    is_skipped,
    unlike_fields,
    was_asked_for,
    why_not_alike,
    why_not_both,
)
from vsrlib.common.names import FRAMEWORKS, NAMES
from vsrlib.common.numbers import counted
from vsrlib.report.charts.style import LOOKS, Chart, canvas, empty, seconds_axis

UNITS = {"psnr": ("PSNR", " (dB)", " dB", 2), "ssim": ("SSIM", "", "", 4)}
NO_TRUTH = "no ground truth, so no quality was measured"


def by_blur(
    found: dict, title: str, heights: Sequence[float], legend: Sequence[Artist], how: str, label: str,
    draw: Callable[[Axes, dict], str | None], spoken: str = "", shared: str = "",
    apart: Callable[[Axes, dict], None] | None = None, below: float = 0.0,
) -> Chart:  # fmt: skip
    """A chart with one panel for each blur type of a comparison.

    heights: of the panels, inches. how: what the marks are, for the footer.
    label: of the lowest panel's x axis; with {unit}, that is of seconds.
    draw: fills the panel of one blur, or returns why there is nothing to show. shared: the axis, "x" or "y", that has
    one scale in all panels, so that the blur types can be read against each other. apart: fills a narrow panel beside
    each, or one of the height `below` under it, with what both frameworks differ by, on an axis of its own; left out
    where no blur type has both.
    """
    notes = skip_notes(found)
    if not any(paired(one) for one in found["blurs"].values()):
        apart = None
    if apart is not None and below:
        heights = [height for one in heights for height in (one, below)]
    widths = (3.4, 1) if apart is not None and not below else (1,)
    figure, every = canvas(title, heights, legend, notes, footer(found, how), widths=widths)
    panels = every if apart is None else every[::2]
    for axes, (blur, one) in zip(panels, found["blurs"].items(), strict=True):
        if why := draw(axes, one):
            empty(axes, f"{blur} blur: {why}")
        else:
            axes.set_title(f"{blur} blur", loc="left")
    if apart is not None:
        for axes, side, one in zip(panels, every[1::2], found["blurs"].values(), strict=True):
            if not (axes.axison and paired(one)):
                side.set_axis_off()
                continue
            apart(side, one)
            if below:
                side.set_xlim(axes.get_xlim())
            else:
                side.tick_params(axis="y", left=False, labelleft=False)
    drawn = [axes for axes in panels if axes.axison]
    if shared:
        limits = [getattr(axes, f"get_{shared}lim")() for axes in drawn]
        for axes in drawn:
            getattr(axes, f"set_{shared}lim")(min(low for low, _ in limits), max(high for _, high in limits))
    if "{unit}" in label:
        seconds_axis(drawn or panels, label)
    else:
        (every if below else panels)[-1].set_xlabel(label)
    return Chart(figure, title, " ".join(filter(None, [spoken, sentences(notes)])))


def paired(blur: dict) -> list[tuple[dict, dict]]:
    """The frames of both frameworks, (torch, jittor), where these may be set against each other; else none."""
    return [] if is_skipped(difference_of(blur["quality"])) else list(pair_frames(blur["runs"]))


# What is said


def sentences(notes: Sequence[str]) -> str:
    """Notes as an alternative text goes on with them."""
    return " ".join(f"{note.rstrip('.')}." for note in notes)


def each(words: Mapping[str, str]) -> str:
    """What holds of every blur type, and once what is the same of all."""
    if len(set(words.values())) == 1:
        return next(iter(words.values()))
    return " and ".join(f"{text} ({blur} blur)" for blur, text in words.items())


def skip_notes(found: dict) -> list[str]:
    """One line for each framework that was skipped, and why, and for runs that do not compare like with like."""
    notes: dict[str, list[str]] = {}
    for blur, one in found["blurs"].items():
        for framework, run in one["runs"].items():
            if is_skipped(run) and was_asked_for(run):
                notes.setdefault(f"{NAMES[framework]}: {absence(run)}", []).append(blur)
        for note in _unlike_notes(one) + _identical_notes(one):
            notes.setdefault(note, []).append(blur)
    every = len(found["blurs"])
    return [note if len(blurs) == every else f"{note} ({', '.join(blurs)} blur)" for note, blurs in notes.items()]


def footer(found: dict, how: str) -> str:
    """What was run on what, for the last line of a chart."""
    runs = [run for blur in found["blurs"].values() for run in blur["runs"].values() if not is_skipped(run)]
    if not runs:
        return "Nothing was run."
    presets, sets = (", ".join(sorted({run[k] for run in runs})) for k in ("preset", "set"))
    devices = " and ".join(sorted({device_words(run) for run in runs}))
    return f"{how[0].upper()}{how[1:]}. {sets.replace('_', ' ')}; network: {presets}; device: {devices}."


def totals(found: dict, metric: str) -> str:
    """The means over the scenes, in words."""
    label, _, unit, digits = UNITS[metric]
    parts = []
    for blur, one in found["blurs"].items():
        total = totals_of(one["quality"])
        known = [m for m in LOOKS if m in total and total[m][metric] is not None]
        values = [f"{LOOKS[m].label} {total[m][metric]:.{digits}f}{unit}" for m in known]
        clips = counted_clips(one["quality"])
        parts.append(f"{blur} blur, {label}, mean over {clips}: {', '.join(values) or 'none'}.")
    return " ".join(parts)


def counted_clips(quality: dict) -> str:
    """What the headlines of a blur are about: "8 filmed scenes"; or "4 made scenes" where nothing was filmed."""
    return counted(totals_of(quality).get("scenes", 0), f"{decisive(quality)} scene")


def why_empty(blur: dict, otherwise: str = NO_TRUTH) -> str:
    """Why a panel has nothing to show."""
    runs = {framework: run for framework, run in blur["runs"].items() if was_asked_for(run)}
    reasons = [f"{NAMES[f]}: {absence(run)}" for f, run in runs.items() if is_skipped(run)]
    return "; ".join(reasons) if len(reasons) == len(runs) else otherwise


def _unlike_notes(blur: dict) -> list[str]:
    """What keeps the two frameworks of one blur type from being compared."""
    runs, difference = blur["runs"], difference_of(blur["quality"])
    if why_not_both(runs):
        return []
    notes = [
        f"The two frameworks did not run the same {what}"
        for what in ("weights", "input")
        if blur["outputs"][f"same_{what}"] is False
    ]
    judged = any(run["gt_digest"] for run in runs.values())
    if judged and is_skipped(difference):
        notes.append(f"Difference in quality: {absence(difference)}")
    unlike = why_not_alike(runs)
    if unlike:
        notes.append(f"Times and memory: skipped, {unlike}")
    elif runs["torch"]["device_type"] == "cpu":
        notes += [f"The two frameworks differ in {words}" for words in unlike_fields(runs, ["threads"])]
    return notes


def _identical_notes(blur: dict) -> list[str]:
    return [
        f"{LOOKS[method].label}: {count} frames equal the truth; their infinite PSNR is left out"
        for method, count in identical_in(blur["quality"]).items()
    ]


# What may be shown


def methods_of(found: dict) -> list[str]:
    """Methods that any blur type has quality of, in the order of the legend."""
    return [m for m in LOOKS if any(m in totals_of(blur["quality"]) for blur in found["blurs"].values())]


def measured_frames(blur: dict, metric: str) -> dict[str, list[dict]]:
    """Frames with a value, by method, each with "clip", "psnr" and "ssim" of that method."""
    runs = {framework: run for framework, run in blur["runs"].items() if not is_skipped(run)}
    if not runs:
        return {}
    source = {"bicubic": (next(iter(runs.values())), "bicubic_"), **{f: (run, "") for f, run in runs.items()}}
    frames = {
        method: [{"clip": frame["clip"], metric: frame[prefix + metric]} for frame in frames_of(run)]
        for method, (run, prefix) in source.items()
    }
    return {
        method: measured
        for method, every in frames.items()
        if (measured := [frame for frame in every if frame[metric] is not None])
    }


def drawn_together(blur: dict) -> list[str]:
    """Frameworks whose memory and time may stand side by side: those that ran, if under the same conditions."""
    if why_not_alike(blur["runs"]):
        return []
    return [framework for framework in FRAMEWORKS if not is_skipped(blur["runs"][framework])]


def timed(blur: dict) -> list[str]:
    """Those of `drawn_together` that were timed."""
    return [framework for framework in drawn_together(blur) if not is_skipped(blur["timing"][framework])]
