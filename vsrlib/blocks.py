"""The convolutions that inference spends its time in, from one feature width to the same: residual blocks and fusion.

Both classes offer the network's `features` and `fuse`. Its sum over five frames is taken frame by frame, so that the
aligned features never lie in memory side by side.
"""

import importlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from vsrlib import convolution
from vsrlib.architecture import NetworkConfig
from vsrlib.networks.interface import Network

Weights = tuple[Any, Any]  # transformed weight and bias


class FrameworkBlocks:
    """By the framework's own convolutions."""

    def __init__(self, network: Network) -> None:
        self._module, self._ops = network.module, network.backend.ops
        values = network.state()
        weight, bias = values["fusion_conv.0.weight"], values["fusion_conv.0.bias"]
        self._fusion = [network.tensor(weight[:, one]) for one in _frames(network.config)]
        self._bias, self._zero = network.tensor(bias), network.tensor(0 * bias)

    def features(self, frame: Any) -> Any:
        """(1, 3, h, w) -> (1, F, h, w)."""
        return self._module.features(frame)

    def fuse(self, aligned: Iterable[Any]) -> Any:
        """Features of the five frames, aligned to the centre, (1, F, h, w) each -> (1, F, h, w)."""
        x = None
        for features, weight in zip(aligned, self._fusion):
            part = self._ops.conv2d(features, weight, self._bias if x is None else self._zero, (1, 1))
            x = part if x is None else x + part
        return self._module.recons_net(x)


class WinogradBlocks:
    """By `vsrlib.convolution`; for one frame at a time. `values`: the network's parameters by name."""

    def __init__(self, network: Network, values: dict[str, np.ndarray]) -> None:
        self._module = network.module
        self._native = importlib.import_module(f"vsrlib.convolution.{network.framework}_winograd")
        config = network.config

        def weights(name: str, inputs: slice = slice(None)) -> Weights:
            weight = convolution.transformed(values[f"{name}.weight"][:, inputs])
            return network.tensor(weight), network.tensor(values[f"{name}.bias"])

        def blocks(name: str, count: int) -> list[tuple[Weights, Weights]]:
            return [(weights(f"{name}.{i}.conv1"), weights(f"{name}.{i}.conv2")) for i in range(count)]

        self._fusion = [weights("fusion_conv.0", one) for one in _frames(config)]
        self._zero = network.tensor(0 * values["fusion_conv.0.bias"])
        self._extra = blocks("extra_feat", config.extra_blocks)
        self._recons = blocks("recons_net", config.recons_blocks)

    def features(self, frame: Any) -> Any:
        """(1, 3, h, w) -> (1, F, h, w)."""
        x = self._native.channels_last(self._module.in_conv(frame))
        return self._native.channels_first(self._residual(x, self._extra))

    def fuse(self, aligned: Iterable[Any]) -> Any:
        """Features of the five frames, aligned to the centre, (1, F, h, w) each -> (1, F, h, w)."""
        x = None
        for features, (weight, bias) in zip(aligned, self._fusion):
            x = self._native.convolve(
                self._native.channels_last(features), weight, bias if x is None else self._zero, x
            )
        return self._native.channels_first(self._residual(x, self._recons))

    def _residual(self, x: Any, blocks: list[tuple[Weights, Weights]]) -> Any:
        for first, second in blocks:
            x = self._native.convolve(self._native.convolve(x, *first, relu=True), *second, residual=x)
        return x


def _frames(config: NetworkConfig) -> list[slice]:
    return [slice(i * config.features, (i + 1) * config.features) for i in range(config.frames)]
