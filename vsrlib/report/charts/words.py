"""Titles and notes of the charts: findings in words, computed from a comparison."""

import math

from vsrlib.claims.comparison import frames_of, pair_frames
from vsrlib.claims.results import device_words, is_skipped, unlike_fields, why_not_alike, why_not_both
from vsrlib.common.names import FRAMEWORKS, NAMES
from vsrlib.report.charts.style import LOOKS

UNITS = {"psnr": ("PSNR", " (dB)", " dB", 2), "ssim": ("SSIM", "", "", 4)}
NO_TRUTH = "no ground truth, so no quality was measured"


def quality_title(found: dict, metric: str) -> str:
    """What the frameworks' quality comes to, in words."""
    label, _, unit, digits = UNITS[metric]
    differences = [
        blur["quality"]["difference"][metric]["value"]
        for blur in found["blurs"].values()
        if not is_skipped(blur["quality"]["difference"]) and blur["quality"]["difference"][metric]["value"] is not None
    ]
    above = _above_bicubic(found, metric)
    if not differences:
        alone = [NAMES[f] for f in FRAMEWORKS if f in methods_of(found)]
        who = f" of {alone[0]} alone" if len(alone) == 1 else ": no comparison of the frameworks"
        return f"{label}{who}{above}"
    largest = max(differences, key=abs)
    if abs(largest) < 0.5 * 10**-digits:
        return f"PyTorch and Jittor reach the same {label} to {digits} decimals{above}"
    who = "Jittor" if largest > 0 else "PyTorch"
    return f"{who} is up to {abs(largest):.{digits}f}{unit} {label} ahead{above}"


def trend_title(found: dict) -> str:
    """By how much the frameworks differ in a single frame, in words."""
    largest = [value for blur in found["blurs"].values() for value in frame_differences(blur, "psnr")]
    if not largest:
        return "PSNR by frame: no comparison of the frameworks"
    bound = max(1, math.ceil(100 * max(largest) - 1e-9)) / 100
    pairings = [blur["quality"]["difference"] for blur in found["blurs"].values()]
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
    words = f"Frames lie up to {max(spreads):.{digits}f}{unit} {label} apart"
    differences = [value for blur in found["blurs"].values() for value in frame_differences(blur, metric)]
    return f"{words}, the frameworks {max(differences):.{digits}f}{unit} in the same frame" if differences else words


def quality_vs_speed_title(found: dict) -> str:
    """Who is faster and by how much quality it differs, in words; of the last blur that has both."""
    both = [
        blur
        for blur in found["blurs"].values()
        if len(speed_points(blur)) == 2
        and not is_skipped(blur["quality"]["difference"])
        and blur["quality"]["difference"]["psnr"]["value"] is not None
    ]
    if not both:
        return "Quality against time: no comparison of the frameworks"
    points = speed_points(both[-1])
    seconds = {framework: points[framework][0][1] for framework in FRAMEWORKS}
    fast, slow = sorted(seconds, key=lambda framework: seconds[framework])
    # Paired by frame: the two means may leave out different frames.
    jittor_gain = both[-1]["quality"]["difference"]["psnr"]["value"]
    gap = jittor_gain if slow == "jittor" else -jittor_gain
    words = "the same PSNR" if abs(gap) < 0.005 else f"{abs(gap):.2f} dB {'less' if gap > 0 else 'more'} PSNR"
    return f"{NAMES[fast]} takes {seconds[fast] / seconds[slow]:.0%} of {NAMES[slow]}'s time, for {words}"


def skip_notes(found: dict) -> list[str]:
    """One line for each framework that was skipped, and why, and for runs that do not compare like with like."""
    notes: dict[str, list[str]] = {}
    for blur, one in found["blurs"].items():
        for framework, run in one["runs"].items():
            if is_skipped(run):
                notes.setdefault(f"{NAMES[framework]}: skipped, {run['skipped']}", []).append(blur)
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
    """The means over all frames, in words."""
    label, _, unit, digits = UNITS[metric]
    parts = []
    for blur, one in found["blurs"].items():
        total = one["quality"]["total"]
        known = [m for m in LOOKS if m in total and total[m][metric] is not None]
        values = [f"{LOOKS[m].label} {total[m][metric]:.{digits}f}{unit}" for m in known]
        parts.append(f"{blur} blur, {label} over all frames: {', '.join(values) or 'none'}.")
    return " ".join(parts)


def why_empty(blur: dict, otherwise: str = NO_TRUTH) -> str:
    """Why a panel has nothing to show."""
    reasons = [f"{NAMES[f]}: skipped, {run['skipped']}" for f, run in blur["runs"].items() if is_skipped(run)]
    return "; ".join(reasons) if len(reasons) == len(FRAMEWORKS) else otherwise


def _unlike_notes(blur: dict) -> list[str]:
    """What keeps the two frameworks of one blur type from being compared."""
    runs, difference = blur["runs"], blur["quality"]["difference"]
    if why_not_both(runs):
        return []
    notes = [
        f"The two frameworks did not run the same {what}"
        for what in ("weights", "input")
        if blur["outputs"][f"same_{what}"] is False
    ]
    judged = any(run["gt_digest"] for run in runs.values())
    if judged and is_skipped(difference):
        notes.append(f"Difference in quality: skipped, {difference['skipped']}")
    unlike = why_not_alike(runs)
    if unlike:
        notes.append(f"Times and memory: skipped, {unlike}")
    elif runs["torch"]["device_type"] == "cpu":
        notes += [f"The two frameworks differ in {words}" for words in unlike_fields(runs, ["threads"])]
    return notes


def _identical_notes(blur: dict) -> list[str]:
    total = blur["quality"]["total"]
    return [
        f"{LOOKS[method].label}: {total[method]['identical']} frames equal the truth; their infinite PSNR is left out"
        for method in LOOKS
        if method in total and total[method]["identical"]
    ]


def _above_bicubic(found: dict, metric: str) -> str:
    _, _, unit, digits = UNITS[metric]
    gaps = [
        gain[metric]["value"]
        for blur in found["blurs"].values()
        for gain in blur["quality"]["gain_over_bicubic"].values()
        if gain[metric]["value"] is not None
    ]
    if not gaps:
        return ""
    low, high = (f"{abs(gap):.{digits}f}" for gap in sorted((min(gaps), max(gaps)), key=abs))
    amount = low if low == high else f"{low} to {high}"
    if min(gaps) > 0 or max(gaps) < 0:
        return f", {amount}{unit} {'above' if min(gaps) > 0 else 'below'} bicubic"
    return f", from {min(gaps):.{digits}f} to {max(gaps):+.{digits}f}{unit} against bicubic"


# What the charts show, picked from a comparison.


def methods_of(found: dict) -> list[str]:
    """Methods that any blur type has quality of, in the order of the legend."""
    return [m for m in LOOKS if any(m in blur["quality"]["total"] for blur in found["blurs"].values())]


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


def frame_differences(blur: dict, metric: str) -> list[float]:
    """Absolute finite differences of the frameworks, frame by frame; none where they cannot be paired."""
    if is_skipped(blur["quality"]["difference"]):
        return []
    pairs = [(torch[metric], jittor[metric]) for torch, jittor in pair_frames(blur["runs"])]
    return [abs(jittor - torch) for torch, jittor in pairs if torch is not None and jittor is not None]


def drawn_together(blur: dict) -> list[str]:
    """Frameworks whose memory and time may stand side by side: those that ran, if under the same conditions."""
    if why_not_alike(blur["runs"]):
        return []
    return [framework for framework in FRAMEWORKS if not is_skipped(blur["runs"][framework])]


def timed(blur: dict) -> list[str]:
    """Those of `drawn_together` that were timed."""
    return [framework for framework in drawn_together(blur) if not is_skipped(blur["timing"][framework])]


def speed_points(blur: dict) -> dict[str, tuple[tuple[float, float, float], float]]:
    """Per framework: shortest, median and longest seconds per frame (synchronised), and PSNR over all frames."""
    points = {}
    for framework in timed(blur):
        run, timing = blur["runs"][framework], blur["timing"][framework]
        psnr = blur["quality"]["total"][framework]["psnr"]
        if psnr is not None:
            seconds = run["timing"]["synchronised"]
            totals = [sum(parts) for parts in zip(seconds["pre"], seconds["forward"], seconds["post"], strict=True)]
            points[framework] = (min(totals), timing["synchronised"]["total"], max(totals)), psnr
    return points
