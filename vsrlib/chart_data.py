"""What the charts show, picked from a comparison."""

from vsrlib.chart_style import LOOKS
from vsrlib.comparison import frames_of, pair_frames
from vsrlib.names import FRAMEWORKS
from vsrlib.results import is_skipped, why_not_alike


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
