"""What the referee watches in this project's network; a port of another network brings its own file like this one."""

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import numpy as np

from vsrlib.networks.architecture import PRESETS, NetworkConfig, initial_values
from vsrlib.networks.losses import losses
from vsrlib.networks.network import Network
from vsrlib.parity.recorder import Recorder

LOSSES = ("down", "cycle", "boundaries", "sparse", "center")
KERNELS = ("correlation", "blur_down")  # functions that a module was given
METHODS = ("features", "warp", "fuse", "upsample", "base", "reconstruct", "kernel", "pyramid", "between")
OPERATIONS = ("above", "adaptive_mean", "at_least", "global_mean", "ones", "resize", "sample")  # of `ops`
FUNCTIONS = ("relu", "leaky_relu", "softmax")  # of the framework's own
TINY = NetworkConfig(
    features=8,
    extra_blocks=1,
    recons_blocks=1,
    pyramid=(4, 6, 8, 8, 8, 8),
    decoder=(8, 8, 6, 4, 4),
    refiner=(8, 8, 8, 6, 4, 4),
    kernel_features=16,
    kernel_hidden=32,
)
CONFIGS = {"tiny": TINY, **PRESETS}
"""The networks that the referee can be asked for; "tiny" has every layer and hardly any width."""

_FROM_INTEGER = 2.0**-9  # pixels


class Watched:
    """A module's names, some of them replaced."""

    def __init__(self, module: Any, replaced: dict[str, Any]) -> None:
        self._module, self._replaced = module, replaced

    def __getattr__(self, name: str) -> Any:
        return self._replaced[name] if name in self._replaced else getattr(self._module, name)


def random_values(config: NetworkConfig, seed: int) -> dict[str, np.ndarray]:
    """Seeded parameters for a check: the initial ones, with the flow network's weights doubled.

    With the initial ones, all flow is a hundredth of a pixel, and a warp that is wrong would hardly differ.
    """
    values = initial_values(config, seed)
    return {
        name: value * np.float32(2 if name.startswith("flow_net") and name.endswith("weight") else 1)
        for name, value in values.items()
    }


@contextmanager
def watched(network: Network, recorder: Recorder) -> Iterator[None]:
    """Within it, every step of the network is recorded: modules, the methods above, and functions that are no module.

    The functions are replaced under the names that the network's file calls them by, and nowhere else.
    """
    file, call = sys.modules[type(network.module).__module__], network.backend.call
    modules = dict(network.module.named_modules())
    with ExitStack() as stack:
        for name, module in modules.items():
            _watch_methods(stack, recorder, name, module)
            alone = name and not any(other.startswith(f"{name}.") for other in modules)
            parameters = [getattr(module, part) for part in ("weight", "bias") if alone and hasattr(module, part)]
            if name:
                step = recorder.step(name, getattr(module, call), bool(alone), parameters)
                stack.enter_context(_attribute(module, call, step))
        for holder, names in (("ops", OPERATIONS), (network.backend.functions, FUNCTIONS)):
            original = getattr(file, holder)
            steps = {name: recorder.inner(name, getattr(original, name)) for name in names}
            stack.enter_context(mock.patch.object(file, holder, Watched(original, steps)))
        yield


def _watch_methods(stack: ExitStack, recorder: Recorder, name: str, module: Any) -> None:
    for method in (*METHODS, *KERNELS):
        if callable(getattr(module, method, None)) and method not in dict(module.named_modules()):
            step = recorder.step(f"{name}.{method}".lstrip("."), getattr(module, method), method in KERNELS)
            stack.enter_context(_attribute(module, method, step))


@contextmanager
def _attribute(instance: Any, name: str, value: Any) -> Iterator[None]:
    """Set an attribute of an instance, and leave it as it was, the class's where it had none of its own."""
    own = vars(instance)
    before = own.get(name)
    setattr(instance, name, value)
    try:
        yield
    finally:
        if before is None:
            delattr(instance, name)
        else:
            setattr(instance, name, before)


def training_losses(network: Network, batch: Any, recorder: Recorder | None = None) -> dict[str, Any]:
    """The five losses and their total of a batch, a tensor (B, 5, 3, h, w); with a recorder, as its last step."""
    take = losses if recorder is None else recorder.step("losses", losses)
    cycle = network.module.cycle if recorder is None else recorder.step("cycle", network.module.cycle)
    return take(cycle(batch), network.backend.ops)


def away_from_kinks(step: str, inputs: list[np.ndarray], constants: list[str]) -> list[np.ndarray]:
    """The inputs of a step, moved to where it has a gradient: a sample's flow points beside pixels, not at them.

    At a pixel bilinear interpolation has two derivatives, and which one is taken depends on how the place is rounded.
    """
    if not re.search(r"\bsample(\.\d+)?$", step):
        return inputs
    x, flow = inputs
    moved = flow.astype(np.float64)
    for axis, size in ((0, flow.shape[3]), (1, flow.shape[2])):
        own = np.arange(size, dtype=np.float64).reshape((1, size) if axis == 0 else (size, 1))
        stretch, shift = (1.0, 0.0) if "True" in constants else (size / max(size - 1, 1), -0.5)
        place = (own + moved[:, axis]) * stretch + shift
        beside = place - np.round(place)
        wanted = np.where(beside < 0, -_FROM_INTEGER, _FROM_INTEGER)
        moved[:, axis] += np.where(np.abs(beside) < _FROM_INTEGER, (wanted - beside) / stretch, 0)
    return [x, moved.astype(np.float32)]
