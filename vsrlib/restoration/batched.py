"""The streaming engine with several windows at once, for a GPU that one small frame does not keep busy."""

from collections.abc import Iterator, Sequence
from typing import Any

from vsrlib.networks.architecture import CENTRE
from vsrlib.networks.fast_flow import Pyramid, flows_from
from vsrlib.restoration.engines import Frames, Streaming


class Batched(Streaming):
    """An `Engine` whose window may be several ones, their indices one after the other: `run` gives (B, 3, 4h, 4w).

    Features and pyramids are computed frame by frame, and all that follows for all windows at once. The order of sums
    may change with the number of windows, and with nothing else: what was restored before does not count.
    """

    def upload(self, window: Sequence[int], frames: Frames) -> None:
        super().upload(window, frames)
        count = self._network.config.frames
        self._windows = [window[begin : begin + count] for begin in range(0, len(window), count)]

    def kernel(self) -> Any:
        with self._network.backend.no_grad():
            return self._module.kernel(
                self._ops.concat([self._at(self._frames, place)[:, None] for place in self._places()], 1)
            )

    def _places(self) -> range:
        return range(self._network.config.frames)

    def _at(self, known: dict[int, Any], place: int) -> Any:
        """What is known of the frame at a place of each window, as one batch."""
        return self._ops.concat([known[window[place]] for window in self._windows], 0)

    def _centre(self) -> Any:
        return self._at(self._frames, CENTRE)

    def _aligned(self) -> Iterator[Any]:
        flows = self._flows()
        for place in self._places():
            features = self._at(self._features, place)
            yield features if place == CENTRE else self._blocks.align(features, flows.pop(0))

    def _flows(self) -> list[Any]:
        others = [self._pyramids_at(place) for place in self._places()]
        centres = others.pop(CENTRE)
        size = tuple(self._frames[self._window[CENTRE]].shape[2:])
        return flows_from(centres, others, self._blocks.flow_net, self._ops, size)

    def _pyramids_at(self, place: int) -> Pyramid:
        pyramids = [self._pyramids[window[place]] for window in self._windows]
        return {level: self._ops.concat([one[level] for one in pyramids], 0) for level in pyramids[0]}
