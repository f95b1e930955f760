"""The curves of one training, also while it runs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.claims.agreement import smooth, smoothing_window
from vsrlib.common.files import read_json
from vsrlib.report.charts.style import LOOKS, Chart, canvas, save, style
from vsrlib.report.panels import Picture


def training_curves(
    log: Sequence[dict[str, Any]], scores: Sequence[dict[str, Any]], bicubic: float, framework: str, name: str
) -> Picture:
    """Total loss of every step and its sliding mean; below it the PSNR of every validation, with bicubic's as a line.

    log: the lines of log.jsonl; scores: `validation` of train.json (a PSNR that was not finite is None and left out);
    framework: of vsrlib.common.names.FRAMEWORKS; name: of what is trained.
    """
    steps, totals = ([entry[key] for entry in log] for key in ("step", "total"))
    judged = [(entry["step"], entry["psnr"]) for entry in scores if entry["psnr"] is not None]
    best = max((psnr for _, psnr in judged), default=None)
    look = LOOKS[framework]
    title = f"{look.label}, {name}: step {steps[-1] if steps else 0}"
    title += "" if best is None else f", best validation {best:.2f} dB (bicubic {bicubic:.2f} dB)"
    with style():
        figure, (above, below) = canvas(
            title, [1.8, 1.8], footer="Thin: every step; thick: mean over a tenth of the steps."
        )
        if steps:
            window = smoothing_window(len(totals))
            above.plot(steps, totals, color=look.color, linewidth=0.6, alpha=0.6)
            above.plot(steps[window - 1 :], smooth(np.array(totals), window), color=look.color, linewidth=2)
        above.set_ylabel("total loss")
        above.set_ylim(bottom=0)
        below.plot([step for step, _ in judged], [psnr for _, psnr in judged], linewidth=1.6, **look.marks())
        below.axhline(bicubic, color=LOOKS["bicubic"].color, linestyle="--", linewidth=1.2)
        below.set_ylabel("PSNR, dB")
        below.set_xlabel("step")
        below.set_xlim(above.get_xlim())
    return Picture(figure, f"{title}.")


def save_curves(folder: Path) -> list[Path]:
    """Write curves.svg and curves.png of a finished training into its folder."""
    result = read_json(folder / "train.json")
    lines = (folder / result["log"]).read_text(encoding="utf-8").splitlines()
    picture = training_curves(
        [json.loads(line) for line in lines],
        result["validation"],
        result["validation_bicubic"],
        result["framework"],
        f"{result['blur']} blur, {result['objective']}",
    )
    return save(Chart("curves", picture.alt, picture.alt, picture.figure), folder)


class LiveCurves:
    """Draws the curves anew after every validation, in the place of the last drawing; for notebooks."""

    def __init__(self, framework: str, name: str) -> None:
        self._of = framework, name
        self._place: Any = None  # IPython's handle of what is displayed

    def __call__(self, log: Sequence[dict[str, Any]], scores: Sequence[dict[str, Any]], bicubic: float) -> None:
        from IPython.display import display

        picture = training_curves(log, scores, bicubic, *self._of)
        if self._place is None:
            self._place = display(picture, display_id=True)
        else:
            self._place.update(picture)
