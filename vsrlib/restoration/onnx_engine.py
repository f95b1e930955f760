"""The streaming engine in ONNX Runtime: what belongs to one frame is computed once and kept while a window needs it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from vsrlib.data.frames import to_float
from vsrlib.networks.onnx_net import FEATURES, FRAMES, KERNEL, RECONS, RESTORATION
from vsrlib.networks.onnx_network import Arrays, OnnxNetwork
from vsrlib.restoration.engines import Engine, Frames, Reference


def make(name: str, network: OnnxNetwork) -> Engine:
    """The engine called `name`: "streaming", or "reference", which computes every window by itself."""
    return Reference(network) if name == "reference" else OnnxStreaming(network)


class OnnxStreaming:
    """The graphs FEATURES and RESTORATION of `vsrlib.networks.onnx_net` over a clip, as an `Engine`."""

    kept_mib = 0

    def __init__(self, network: OnnxNetwork) -> None:
        self._network = network
        self.reset()

    def reset(self) -> None:
        self._known: dict[int, Arrays] = {}
        self._window: Sequence[int] = ()

    def upload(self, window: Sequence[int], frames: Frames) -> None:
        self._window = window
        self._known = {index: known for index, known in self._known.items() if index in window}
        for index in window:
            if index not in self._known:
                self._known[index] = {FRAMES: self._network.tensor(to_float(frames[index])[None])}

    def run(self) -> Any:
        for index in self._window:
            if len(self._known[index]) == 1:
                self._known[index] |= self._network.compute(FEATURES, self._known[index])
        inputs = {name: self._stacked(name) for name in self._known[self._window[0]]}
        return self._network.compute(RESTORATION, inputs)[RECONS]

    def kernel(self) -> Any:
        return self._network.compute(KERNEL, {FRAMES: self._stacked(FRAMES)})["kernel"]

    def _stacked(self, name: str) -> np.ndarray:
        return np.concatenate([self._known[index][name] for index in self._window])
