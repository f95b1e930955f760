"""What a live network is made of, read off its modules and off how they act, never off what they were built from."""

from typing import Any

import numpy as np

from vsrlib.networks.backend import Backend
from vsrlib.networks.network import Network
from vsrlib.parity.comparison import distance

_ATTRIBUTES = ("stride", "padding", "dilation", "groups")
_PROBE = np.array([-1.0, -0.25, 0.25, 1.0], np.float32).reshape(1, 4, 1, 1)
_REACH = 37  # pixels: holds an impulse's response under the largest dilation, 16, on both sides
_RATE = 1e-4
_ALIKE = 0.01  # of what two windows differ by: a batch is computed, and rounded, otherwise than one window


def describe(network: Network) -> dict[str, Any]:
    """ "place: what" -> value, for every parameter, module and the optimiser of a live network."""
    found: dict[str, Any] = {}
    backend, modules = network.backend, dict(network.module.named_modules())
    for name, value in network.state().items():
        place, _, part = name.rpartition(".")
        found[f"{place}: shape of {part}"] = list(value.shape)
    for name, module in modules.items():
        if any(other.startswith(f"{name}.") for other in modules) or not name:
            continue
        for attribute in _ATTRIBUTES:
            if hasattr(module, attribute):
                found[f"{name}: {attribute}"] = _plain(getattr(module, attribute))
        weight = getattr(module, "weight", None)
        if weight is None:
            response = backend.array(module(backend.tensor(_PROBE))).ravel()
            found[f"{name}: answer to -1, -1/4, 1/4, 1"] = [round(float(value), 5) for value in response]
        elif len(weight.shape) == 4:
            found |= {f"{name}: {what}": value for what, value in _reach(module, backend).items()}
    found |= windows_of_a_batch(network)
    constants = optimiser_constants(network) | optimiser_groups(network)
    return found | {f"optimiser: {what}": value for what, value in constants.items()}


def windows_of_a_batch(network: Network) -> dict[str, bool]:
    """Whether two unlike windows give the same together as each alone: a batch of one hides axes that are mixed up.

    The blur is also asked by itself, because untrained networks estimate nearly the same blur kernel of any window.
    """
    backend, module = network.backend, network.module
    rng = np.random.default_rng(0)
    windows = rng.random((2, 5, 3, 16, 16), dtype=np.float32) * np.array([1, 0.25], np.float32).reshape(2, 1, 1, 1, 1)
    kernels = rng.random((2, 1, module.config.kernel_size, module.config.kernel_size), dtype=np.float32)

    def of(which: slice) -> dict[str, np.ndarray]:
        frames, kernel = network.tensor(windows[which]), network.tensor(kernels[which])
        found = {f"cycle: {name}": value for name, value in module.cycle(frames).items()}
        found["blur_down: image"] = module.blur_down(frames[:, 0], kernel, module.config.scale)
        return {name: backend.copied(value) for name, value in found.items()}

    with backend.no_grad():
        together, first, second = of(slice(2)), of(slice(1)), of(slice(1, 2))
    each = {name: np.concatenate([first[name], second[name]]) for name in together}
    return {
        f"{name} of two windows is that of each": distance(value, each[name], each[name] - each[name][::-1]) < _ALIKE
        for name, value in together.items()
    }


def optimiser_constants(network: Network) -> dict[str, float]:
    """Rate, epsilon and betas of the network's optimiser, from what two of its steps do to a parameter of zeros.

    Adam's first step is rate * g / (|g| + epsilon), its moments are then (1 - beta1) g and (1 - beta2) g^2.
    """
    state = network.state()
    name = max((name for name, value in state.items() if value.ndim == 1), key=lambda name: state[name].size)
    gradient = np.where(np.arange(state[name].size) % 2, 1.0, 1e-8).astype(np.float32)
    network.load(state | {name: np.zeros_like(state[name])})
    optimiser = network.backend.Optimiser(network.module, [([name], _RATE)])
    epsilons, before = [], np.zeros_like(gradient)
    for _ in range(2):
        optimiser.step((dict(network.module.named_parameters())[name] * network.tensor(gradient)).sum())
        after = network.state()[name]
        moved = np.abs((after - before).astype(np.float64))
        epsilons.append(float(1e-8 * (_RATE / moved[0] - 1)))
        if len(epsilons) == 1:
            moments, rate = optimiser.state()[0], moved[1]
        before = after
    network.load(state)
    return {
        "rate": _digits(rate),
        "epsilon in the first step": _digits(epsilons[0]),
        "epsilon in the second step": _digits(epsilons[1]),
        "beta1": round(1 - float(moments[f"first.{name}"][1]), 5),
        "beta2": round(1 - float(moments[f"second.{name}"][1]), 6),
    }


def optimiser_groups(network: Network) -> dict[str, float]:
    """How far values of 1 go in two groups with a rate each, then set anew, and without a gradient, by decay alone."""
    state = network.state()
    # A bias and a weight: some ports let only the latter decay.
    names = [
        min((name for name, value in state.items() if (value.ndim > 1) is wide), key=len) for wide in (False, True)
    ]
    network.load(state | {name: np.ones_like(state[name]) for name in names})
    gradients = [(np.arange(state[name].size) % 2).astype(np.float32).reshape(state[name].shape) for name in names]
    optimiser = network.backend.Optimiser(network.module, [([names[0]], 0.25), ([names[1]], 0.5)])
    found, before = {}, [np.ones(2), np.ones(2)]
    for when, rates in (("as made", None), ("set anew", [0.125, 0.0625])):
        if rates is not None:
            optimiser.set_rates(rates)
        parameters = dict(network.module.named_parameters())
        optimiser.step(sum((parameters[name] * network.tensor(value)).sum() for name, value in zip(names, gradients)))
        after = [network.state()[name].ravel()[:2].astype(np.float64) for name in names]
        for which, old, new in zip(("first", "second"), before, after):
            found[f"rate of the {which} group, {when}"] = _digits(old[1] - new[1])
            found[f"way of the {which} group's values without gradient, {when}"] = _digits(old[0] - new[0])
        before = after
    network.load(state)
    return found


def _reach(module: Any, backend: Backend) -> dict[str, Any]:
    """Where an impulse in the middle of the first channel shows: size of the output, and rows and columns."""
    shape = tuple(module.weight.shape)
    channels = shape[0] if "Transpose" in type(module).__name__ else shape[1]
    impulse = np.zeros((2, channels, _REACH, _REACH), np.float32)
    impulse[0, 0, _REACH // 2, _REACH // 2] = 1
    loud, silent = backend.array(module(backend.tensor(impulse)))
    answer = np.abs(loud - silent).max(axis=0)
    heard = answer > 1e-3 * answer.max()  # some algorithms spread rounding errors over a tile
    return {
        "size of the answer": list(answer.shape),
        "rows of the answer": np.flatnonzero(heard.any(1)).tolist(),
        "columns of the answer": np.flatnonzero(heard.any(0)).tolist(),
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (tuple, list)) else value


def _digits(value: float) -> float:
    """Two significant digits: more are rounding's."""
    return float(f"{value:.2g}")
