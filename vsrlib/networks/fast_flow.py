"""The flows from a window's centre to its neighbours, small frames' as one batch, their largest layers by Winograd.

The dense layers of the two finest levels and the refiner are nine tenths of the flow network's arithmetic. They compute
with channels last; a dilated convolution is a plain one on each of the grids that it leaves apart.
"""

import importlib
from types import ModuleType
from typing import Any

import numpy as np

from vsrlib.kernels import winograd
from vsrlib.networks.architecture import LEAKY_SLOPE, LEVELS
from vsrlib.networks.network import Network

Pyramid = dict[int, Any]
Weights = tuple[Any, Any]  # transformed weight and bias
Coarser = tuple[Any, Any]  # a level's flow and its features, (B, C, h, w) each

TOGETHER = 2**18  # pixels of frames whose flows are one batch: that spares time where maps are small, and takes memory
_FINE = (3, 2)  # the levels by Winograd; of the others' small maps tiles would fill few
_LAYERS = ("One", "Two", "Thr", "Fou", "Fiv", "Six")


def flows_from(
    centre: Pyramid, others: list[Pyramid], flow_net: Any, ops: ModuleType, size: tuple[int, int]
) -> list[Any]:
    """The flow from `centre` to each of `others`, (B, 2, h, w) each, for frames of `size` (height, width).

    flow_net: the network's, or a `WinogradFlow`.
    """
    count = centre[1].shape[0]
    at_once = max(TOGETHER // (count * size[0] * size[1]), 1)
    if len(others) > at_once:
        groups = [others[i : i + at_once] for i in range(0, len(others), at_once)]
        return [flow for group in groups for flow in flows_from(centre, group, flow_net, ops, size)]
    repeated = {level: ops.concat([value] * len(others), 0) for level, value in centre.items()}
    batch = {level: ops.concat([other[level] for other in others], 0) for level in centre}
    flows = flow_net.between(repeated, batch, size)
    return [flows[i * count : (i + 1) * count] for i in range(len(others))]


class WinogradFlow:
    """The flow network of `network`; for use without gradients. `values`: its parameters by name."""

    def __init__(self, network: Network, values: dict[str, np.ndarray]) -> None:
        self._flow_net, self._ops = network.module.flow_net, network.backend.ops
        self._native = importlib.import_module(f"vsrlib.kernels.{network.framework}_cpp")

        def weights(name: str, widths: list[int] | None = None) -> Weights:
            weight, bias = (values[f"flow_net.moduleNetwork.{name}.{part}"] for part in ("weight", "bias"))
            return network.tensor(winograd.transformed(weight, widths)), network.tensor(winograd.filled(bias))

        decoder, self._widths, self._levels = network.config.decoder, {}, {}
        for level in _FINE:
            inputs = values[f"flow_net.moduleNetwork.module{LEVELS[level]}.moduleOne.0.weight"].shape[1]
            self._widths[level] = widths = [*reversed(decoder), inputs]  # the newest features come first
            self._levels[level] = [
                weights(f"module{LEVELS[level]}.module{layer}.0", widths[len(decoder) - i :])
                for i, layer in enumerate(_LAYERS)
            ]
        self._dilations = network.config.refiner_dilations
        self._refiner = [
            weights(f"moduleRefiner.moduleMain.{2 * i}", None if i else self._widths[_FINE[-1]])
            for i in range(len(self._dilations))
        ]

    def between(self, first: Pyramid, second: Pyramid, size: tuple[int, int]) -> Any:
        """As the method of the network."""
        net, native = self._flow_net.moduleNetwork, self._native
        coarser: Coarser = net.moduleSix(first[6], second[6], None)
        coarser = net.moduleFiv(first[5], second[5], coarser)
        coarser = net.moduleFou(first[4], second[4], coarser)
        flow, parts = self._decoded(net.moduleThr, 3, first, second, coarser)
        dense = [native.channels_first(part, width) for part, width in zip(parts, self._widths[3])]
        flow, parts = self._decoded(net.moduleTwo, 2, first, second, (flow, self._ops.concat(dense, 1)))
        for (weight, bias), dilation in zip(self._refiner[:-1], self._dilations):
            parts = [native.convolve(parts, weight, bias, slope=LEAKY_SLOPE, dilation=dilation)]
        correction = native.convolve(parts, *self._refiner[-1], dilation=self._dilations[-1])
        return self._flow_net.in_pixels(flow + native.channels_first(correction, 2), size)

    def _decoded(
        self, decoder: Any, level: int, first: Pyramid, second: Pyramid, coarser: Coarser
    ) -> tuple[Any, list[Any]]:
        """A level's flow (B, 2, h, w), and the parts of its features, channels last."""
        parts = [self._native.channels_last(decoder.gathered(first[level], second[level], coarser))]
        for weights in self._levels[level][:-1]:
            parts.insert(0, self._native.convolve(parts, *weights, slope=LEAKY_SLOPE))
        return self._native.channels_first(self._native.convolve(parts, *self._levels[level][-1]), 2), parts
