"""What is computed beside a restoration: frames for nothing, until all is compiled, and one frame for its times."""

from itertools import chain
from typing import Any

import numpy as np

from vsrlib.data.degrade import SCALE
from vsrlib.networks.network import Network
from vsrlib.restoration.engines import Engine
from vsrlib.restoration.inputs import GivenClip, frames_at
from vsrlib.restoration.loop import enough_memory, in_batches, joined
from vsrlib.restoration.options import InferOptions
from vsrlib.restoration.timing import time_both_ways, warm_up


class Beforehand:
    """`seconds` of all that was computed for nothing, and `timing` of one frame, None before there is one."""

    def __init__(self, network: Network, engine: Engine, options: InferOptions) -> None:
        self._network, self._engine, self._options = network, engine, options
        self._warm: set[tuple[int, int]] = set()  # sizes of frames
        self.seconds = 0.0
        self.timing: dict[str, Any] | None = None

    def get_warm(self, clip: GivenClip, there: int) -> None:
        """Restore a clip's first frames behind those that are `there` for nothing, where their size is a new one."""
        if clip.size in self._warm or there == len(clip.jobs) or not _gets_warm(self._network, self._options):
            return
        self._warm.add(clip.size)  # another size may be another kernel to compile or to choose
        batch = self._options.batch
        batches = in_batches(clip.jobs, batch)[there // batch :]
        of_other_size = [some for some in batches[2:] if len(some) < batch]
        first_windows = [joined(some) for some in [*batches[:2], *of_other_size]]
        with enough_memory(batch):
            frames = frames_at(clip.source, chain(*first_windows))
            self.seconds += warm_up(self._network, self._engine, first_windows, frames, self._options.kernels)

    def time_first(self, clip: GivenClip) -> None:
        """Time the first frame of a clip, see `vsrlib.restoration.timing`."""
        index, window = clip.jobs[0].index, clip.jobs[0].window
        frames, high = frames_at(clip.source, window), None
        low = np.stack([frames[one] for one in window])
        if clip.truth is not None:
            high = frames_at(clip.truth, [index])[index][: SCALE * clip.size[0], : SCALE * clip.size[1]]
        repeats = self._options.timing_repeats
        self.timing = {"engine": "reference", **time_both_ways(self._network, low, high, repeats)}
        self.seconds += self.timing["warm_up_seconds"]


def _gets_warm(network: Network, options: InferOptions) -> bool:
    """Whether frames are restored for nothing first: on a CPU Jittor alone compiles; for times all do."""
    return options.timing_repeats > 0 or network.framework == "jittor" or network.device != "cpu"
