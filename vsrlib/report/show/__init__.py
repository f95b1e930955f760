"""One frame of a run, to look at: side by side, under a slider, with its kernels, its motion and a moving clip."""

from vsrlib.report.show.chosen import Chosen, Estimate, choose, estimate
from vsrlib.report.show.pictures import crops, flow, kernels, moving, slider
from vsrlib.report.show.record import RESULT, record
from vsrlib.study.prepare import restore_absent

__all__ = [
    "RESULT",
    "Chosen",
    "Estimate",
    "choose",
    "crops",
    "estimate",
    "flow",
    "kernels",
    "moving",
    "record",
    "restore_absent",
    "slider",
]
