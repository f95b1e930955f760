"""The streaming engine with several windows at once, which keeps a GPU busy where one small frame does not."""

from collections.abc import Iterator, Sequence
from typing import Any

from vsrlib.networks.architecture import CENTRE
from vsrlib.networks.fast_flow import Pyramid, flows_from
from vsrlib.restoration.engines import Frames, Streaming


class Batched(Streaming):
    """An `Engine` whose window may be several ones, their indices one after the other: `run` gives (B, 3, 4h, 4w).

    New frames are taken as one batch, so are the flows of all windows, and all that follows. The order of sums may
    change with the size of a batch, and nothing else.
    """

    def upload(self, window: Sequence[int], frames: Frames) -> None:
        super().upload(window, frames)
        count = self._network.config.frames
        self._windows = [window[begin : begin + count] for begin in range(0, len(window), count)]

    def run(self) -> Any:
        with self._network.backend.no_grad():
            new = [index for index in dict.fromkeys(self._window) if index not in self._features]
            if new:
                self._see(new)
            return self._residual(self._aligned()) + self._module.base(self._at(self._frames, CENTRE))

    def kernel(self) -> Any:
        with self._network.backend.no_grad():
            places = range(self._network.config.frames)
            return self._module.kernel(
                self._ops.concat([self._at(self._frames, place)[:, None] for place in places], 1)
            )

    def _see(self, new: list[int]) -> None:
        """Features and pyramids of frames that no window had before."""
        frames = self._ops.concat([self._frames[index] for index in new], 0)
        features, pyramids = self._blocks.features(frames), self._module.flow_net.pyramid(frames)
        for i, index in enumerate(new):
            self._features[index] = features[i : i + 1]
            self._pyramids[index] = {level: value[i : i + 1] for level, value in pyramids.items()}

    def _at(self, known: dict[int, Any], place: int) -> Any:
        """What is known of the frame at a place of each window, as one batch."""
        return self._ops.concat([known[window[place]] for window in self._windows], 0)

    def _aligned(self) -> Iterator[Any]:
        flows = self._flows()
        for place in range(self._network.config.frames):
            features = self._at(self._features, place)
            yield features if place == CENTRE else self._blocks.align(features, flows.pop(0))

    def _flows(self) -> list[Any]:
        centres, *others = (self._pyramids_at(place) for place in (CENTRE, *range(CENTRE), *range(CENTRE + 1, 5)))
        size = tuple(self._frames[self._window[CENTRE]].shape[2:])
        return flows_from(centres, others, self._blocks.flow_net, self._ops, size)

    def _pyramids_at(self, place: int) -> Pyramid:
        pyramids = [self._pyramids[window[place]] for window in self._windows]
        return {level: self._ops.concat([one[level] for one in pyramids], 0) for level in pyramids[0]}
