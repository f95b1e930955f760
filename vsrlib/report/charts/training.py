"""The curves of trainings: of one, also while it runs, and of both frameworks beside each other."""

import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from vsrlib.claims import agreement, results
from vsrlib.claims.results import absence, is_skipped
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json
from vsrlib.common.names import NAMES, TRAINERS
from vsrlib.common.numbers import percent
from vsrlib.report.charts.style import LOOKS, Chart, canvas, key, save, style

_FOOTER = "Thin: every step; thick: mean over a tenth of the steps."
# PyTorch wide below, Jittor narrow above, so that both show where they coincide.
_WIDTHS = {"torch": 5.0, "jittor": 3.0, "paddle": 1.2}  # one on another, all are seen


def training_curves(
    log: Sequence[dict[str, Any]], scores: Sequence[dict[str, Any]], bicubic: float, framework: str, name: str
) -> Chart:
    """Total loss of every step and its sliding mean; below it the PSNR of every validation, with bicubic's as a line.

    log: the lines of log.jsonl; scores: `validation` of train.json (a PSNR that was not finite is None and left out);
    framework: of vsrlib.common.names.TRAINERS; name: of what is trained.
    """
    losses = {entry["step"]: entry["total"] for entry in log}
    judged = [(entry["step"], entry["psnr"]) for entry in scores if entry["psnr"] is not None]
    best = max((psnr for _, psnr in judged), default=None)
    look = LOOKS[framework]
    title = f"{look.label}, {name}: step {max(losses, default=0)}"
    title += "" if best is None else f", best validation {best:.2f} dB (bicubic {bicubic:.2f} dB)"
    with style():
        figure, (above, below) = canvas(title, [1.8, 1.8], footer=_FOOTER)
        if losses:
            _draw_losses(above, losses, framework, 2)
        above.set_ylabel("total loss")
        above.set_ylim(bottom=0)
        below.plot([step for step, _ in judged], [psnr for _, psnr in judged], linewidth=1.6, **look.marks())
        below.margins(y=0.15)  # else the panel's edge runs through the highest mark
        below.axhline(bicubic, color=LOOKS["bicubic"].color, linestyle="--", linewidth=1.2)
        below.set_ylabel("PSNR (dB)")
        below.set_xlabel("step")
        below.set_xlim(above.get_xlim())
    return Chart(figure, title)


def save_curves(folder: Path) -> list[Path]:
    """Write curves.svg and curves.png of a finished training into its folder."""
    result = read_json(folder / "train.json")
    lines = (folder / result["log"]).read_text(encoding="utf-8").splitlines()
    chart = training_curves(
        [json.loads(line) for line in lines],
        result["validation"],
        result["validation_bicubic"],
        result["framework"],
        f"{result['blur']} blur, {result['objective']}",
    )
    return save(chart, folder / "curves")


class LiveCurves:
    """Draws the curves anew after every validation, in the place of the last drawing; for notebooks."""

    def __init__(self, framework: str, name: str) -> None:
        self._of = framework, name
        self._place: Any = None  # IPython's handle of what is displayed

    def __call__(self, log: Sequence[dict[str, Any]], scores: Sequence[dict[str, Any]], bicubic: float) -> None:
        from IPython.display import display

        chart = training_curves(log, scores, bicubic, *self._of)
        if self._place is None:
            self._place = display(chart, display_id=True)
        else:
            self._place.update(chart)


def loss_curves(training_files: Sequence[Path]) -> Chart:
    """Loss curves of train.json files, one panel per blur type: every step thin, the sliding mean thick.

    A skipped training is named with its reason. UserError: no files.
    """
    runs = results.collect(training_files, Path(), results.TRAINING_FIELDS, TRAINERS)
    if not runs:
        raise UserError("There is no training to show; run the training first.")
    notes = [f"{NAMES[f]}, {blur}: {absence(run)}" for (f, blur), run in runs.items() if is_skipped(run)]
    done = {name: run for name, run in runs.items() if not is_skipped(run)}
    logs = {name: agreement.read_losses(Path(run["file"]).parent / run["log"]) for name, run in done.items()}
    blurs = list(dict.fromkeys(blur for _, blur in done))
    present = [f for f in NAMES if any(f == framework for framework, _ in done)]
    title = _losses_title(done, logs)
    spoken = [_ends(*name, run, max(logs[name])) for name, run in done.items()]
    with style():
        legend, footer = key(present, line=True), _FOOTER if done else ""
        figure, panels = canvas(title, [2.2] * len(blurs) or [0.4], legend, notes, footer)
        for axes, blur in zip(panels, blurs, strict=False):
            for framework in (f for f in present if (f, blur) in logs):
                _draw_losses(axes, logs[framework, blur], framework, _WIDTHS[framework])
            axes.set_title(f"{blur} blur", loc="left")
            axes.set_ylabel("total loss")
            axes.set_ylim(bottom=0)
        panels[-1].set_xlabel("step")
        if not done:
            panels[0].set_axis_off()
    return Chart(figure, title, " ".join([*spoken, *(f"{note}." for note in notes)]))


def _draw_losses(axes: Axes, losses: dict[int, float], framework: str, width: float) -> None:
    steps, values = np.array(sorted(losses)), np.array([losses[step] for step in sorted(losses)])
    window = agreement.smoothing_window(len(values))
    look = LOOKS[framework]
    axes.plot(steps, values, color=look.color, linewidth=0.6, alpha=0.6)
    centre = steps[window - 1 :] - (window - 1) / 2
    axes.plot(centre, agreement.smooth(values, window), color=look.color, linewidth=width, linestyle=look.line)


def _losses_title(done: dict, logs: dict) -> str:
    in_order = sorted(done, key=lambda one: TRAINERS.index(one[0]))
    of_one_blur = [(one, other) for one, other in combinations(in_order, 2) if one[1] == other[1]]
    pairs = [(a, b) for a, b in of_one_blur if not results.unlike_trainings({a[0]: done[a], b[0]: done[b]})]
    if pairs:
        largest = max(agreement.compare_losses(logs[a], logs[b])["smoothed"]["largest"] for a, b in pairs)
        *others, last = (NAMES[f] for f in TRAINERS if any(f in (a[0], b[0]) for a, b in pairs))
        return f"The smoothed losses of {', '.join(others)} and {last} differ by {percent(largest, 2)} at most"
    if of_one_blur:
        return "The losses of trainings that were not the same"
    if done:
        name, run = next(iter(done.items()))
        change = run["last_loss"] / run["first_loss"] - 1
        return f"The loss {'falls' if change < 0 else 'rises'} by {abs(change):.0%} in {max(logs[name])} steps"
    return "No training was run"


def _ends(framework: str, blur: str, run: dict, steps: int) -> str:
    return (
        f"{NAMES[framework]}, {blur} blur: total loss from {run['first_loss']:.4g} to {run['last_loss']:.4g} "
        f"in {steps} steps."
    )
