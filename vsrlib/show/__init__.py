"""One frame of a run, to look at: side by side, under a slider, with its kernels, its motion and a moving clip."""

from vsrlib.show.chosen import Chosen, choose
from vsrlib.show.estimate import Estimate, estimate
from vsrlib.show.film import moving
from vsrlib.show.pictures import crops, flow, kernels, slider
from vsrlib.show.record import RESULT, record
from vsrlib.show.restore import restore_absent

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
