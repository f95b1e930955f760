"""The atlas: every operation that the network uses, and the frameworks' own of which it does not use, case by case."""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from vsrlib.networks import losses
from vsrlib.networks.architecture import MASK_THRESHOLD, Conv, Deconv, Linear
from vsrlib.networks.backend import Backend
from vsrlib.parity import cases
from vsrlib.parity.comparison import K, ruling

NOTHING = np.zeros((0, 0), np.float32)
"""In place of a result that could not be computed; it has the shape of none."""


@dataclass(frozen=True)
class Tools:
    """What an operation may use of one framework."""

    backend: Backend
    framework: Any  # the package itself
    ops: Any  # this, `functions` and `nn` as the network's file has them
    functions: Any
    nn: Any
    correlation: Callable  # these two as the network has them, from `vsrlib.kernels`
    blur_down: Callable


@dataclass(frozen=True)
class Operation:
    """`run`: tools and tensors in, tensor out. `used`: by the network; else it is in the atlas as a warning."""

    run: Callable[..., Any]
    cases: Callable[[np.random.Generator], Iterator[cases.Case]]
    used: bool = True
    differentiable: bool = True


def _layer(make: str, description: Any) -> Callable:
    def run(tools: Tools, x: Any, weight: Any, bias: Any) -> Any:
        module = getattr(tools.ops, make)(description)
        for name, value in (("weight", weight), ("bias", bias)):
            delattr(module, name)  # PyTorch takes no plain tensor in place of a parameter
            setattr(module, name, value)
        return module(x)

    return run


def _conv(inputs: int, outputs: int, **rest: int) -> Operation:
    description = Conv(inputs, outputs, **rest)
    return Operation(
        _layer("conv", description), partial(cases.layer, weight=description.weight_shape, outputs=outputs)
    )


def _sample(padding: str, align_corners: bool) -> Operation:
    return Operation(
        lambda tools, x, flow: tools.ops.sample(x, flow, padding, align_corners),
        partial(cases.flows, align_corners=align_corners),
    )


def _of_ops(name: str, inputs: Callable, *arguments: Any) -> Operation:
    return Operation(lambda tools, *tensors: getattr(tools.ops, name)(*tensors, *arguments), inputs)


def _adam(tools: Tools, series: Any) -> Any:
    """The parameters after a step for each of the gradients (n, 64), from zero, at a rate of 1e-3."""
    gradients = tools.backend.copied(series)
    module = tools.ops.linear(Linear(1, gradients.shape[1]))
    names = [name for name, _ in module.named_parameters()]
    tools.backend.load(
        module, {name: np.zeros(tuple(value.shape), np.float32) for name, value in module.named_parameters()}
    )
    optimiser = tools.backend.Optimiser(module, [(names, 1e-3)])
    for gradient in gradients:
        optimiser.step((module.bias * tools.backend.tensor(gradient)).sum() + module.weight.sum() * 0)
    return module.bias * 1


def _own_adam(tools: Tools, series: Any) -> Any:
    """As `_adam`, by what the framework has under that name."""
    backend = tools.backend
    value = backend.leaf(backend.tensor(np.zeros(series.shape[1])))
    if tools.framework.__name__ == "paddle":
        optimiser = tools.framework.optimizer.Adam(1e-3, parameters=[value])
    else:
        optimiser = tools.framework.optim.Adam([value], lr=1e-3)
    for gradient in backend.copied(series):
        loss = (value * backend.tensor(gradient)).sum()
        if tools.framework.__name__ != "jittor":
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        else:
            optimiser.step(loss)
    return value


def _own(run: Callable[..., Any], inputs: Callable, differentiable: bool = True) -> Operation:
    """What the framework has under the usual name, and the network has a replacement for."""
    return Operation(run, inputs, False, differentiable)


def _own_resize(tools: Tools, x: Any) -> Any:
    return tools.functions.interpolate(x, scale_factor=1.3, mode="bilinear", align_corners=False)


OPERATIONS: dict[str, Operation] = {
    "convolution 3x3": _conv(4, 6),
    "convolution 3x3, stride 2": _conv(4, 6, stride=2),
    "convolution 3x3, dilation 16": _conv(4, 6, padding=16, dilation=16),
    "convolution 1x1": _conv(4, 6, kernel=1, padding=0),
    "transposed convolution 4x4, stride 2": Operation(
        _layer("deconv", Deconv(4, 2)), partial(cases.layer, weight=(4, 2, 4, 4), outputs=2)
    ),
    "fully connected": Operation(_layer("linear", Linear(169, 100)), cases.dense),
    "ReLU": Operation(lambda tools, x: tools.functions.relu(x), cases.maps),
    "leaky ReLU": Operation(lambda tools, x: tools.functions.leaky_relu(x, 0.1), cases.maps),
    "sigmoid": Operation(lambda tools, x: x.sigmoid(), cases.moderate),
    "softmax": Operation(lambda tools, x: tools.functions.softmax(x, dim=1), cases.rows),
    "pixel shuffle": _of_ops("pixel_shuffle", cases.maps, 2),
    "resize up": _of_ops("resize", cases.maps, (28, 36)),
    "resize to odd sizes": _of_ops("resize", cases.maps, (5, 13)),
    "sample, zeros, align_corners=True": _sample("zeros", True),
    "sample, border, align_corners=True": _sample("border", True),
    "sample, zeros, align_corners=False": _sample("zeros", False),
    "sample, border, align_corners=False": _sample("border", False),
    "mask": _of_ops("at_least", cases.thresholds, MASK_THRESHOLD),
    "mask of the flow network": _of_ops("above", cases.thresholds, MASK_THRESHOLD),
    "correlation": Operation(lambda tools, a, b: tools.correlation(a, b), cases.pairs),
    "adaptive mean": _of_ops("adaptive_mean", cases.windows, 13),
    "mean over height and width": _of_ops("global_mean", cases.maps),
    "mean of all": _of_ops("mean", cases.many),
    "blur and decimate": Operation(lambda tools, x, kernel: tools.blur_down(x, kernel, 4), cases.blurred),
    "absolute value": _of_ops("absolute", cases.maps),
    "mean absolute difference": Operation(lambda tools, a, b: losses.l1(a, b, tools.ops), cases.alike),
    "boundary loss": Operation(lambda tools, k: losses.boundaries(k, tools.ops), cases.kernels),
    "sparsity loss": Operation(lambda tools, k: losses.sparse(k, tools.ops), cases.kernels),
    "centre loss": Operation(lambda tools, k: losses.center(k, tools.ops), cases.kernels),
    "Adam, ten steps": Operation(_adam, cases.gradients, differentiable=False),
    "own sigmoid far below zero": _own(lambda tools, x: x.sigmoid(), cases.saturated),
    "own adaptive pooling": _own(lambda tools, x: tools.nn.AdaptiveAvgPool2d(13)(x), cases.windows),
    "own absolute value": _own(lambda tools, x: x.abs(), cases.maps),
    "own mean of all": _own(lambda tools, x: x.mean(), cases.many),
    "own resize by a factor": _own(_own_resize, cases.maps),
    "own rounding": _own(lambda tools, x: (x * 2.5).round(), cases.maps, differentiable=False),
    "own Adam, ten steps": _own(_own_adam, cases.gradients, differentiable=False),
}
"""By name. "own ...": what the framework offers under the usual name, and what the network has a replacement for."""


def run_all(tools: Tools, seed: int) -> dict[str, np.ndarray]:
    """Every case of every operation: {"operation | case | output" or "... | gradient n": array}."""
    found: dict[str, np.ndarray] = {}
    for name, operation in OPERATIONS.items():
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        for case, arrays in operation.cases(rng):
            weights = np.random.default_rng(zlib.crc32(case.encode())).standard_normal
            try:
                parts = _run(tools, operation, arrays, weights)
            except Exception:  # a framework's own operation that breaks off is part of the atlas
                if operation.used:
                    raise
                parts = {"output": NOTHING}
            found |= {f"{name} | {case} | {part}": value for part, value in parts.items()}
    return found


def _run(tools: Tools, operation: Operation, arrays: cases.Inputs, weights: Callable) -> dict[str, np.ndarray]:
    backend = tools.backend
    inputs = [backend.leaf(backend.tensor(array)) for array in arrays]
    output = operation.run(tools, *inputs)
    values = backend.copied(output)
    cotangent = weights(values.shape).astype(np.float32)
    found = {"output": values}
    if operation.differentiable:
        gradients = backend.vjp([output], [backend.tensor(cotangent.reshape(tuple(output.shape)))], inputs)
        found |= {f"gradient {number}": backend.copied(value) for number, value in enumerate(gradients, 1)}
    return found


def compare(reference: dict, first: dict, second: dict) -> dict[str, dict[str, Any]]:
    """The atlas: for each operation whether it is used, whether the frameworks differ, and its worst case.

    "worst": name of the case, what of it, and the distances of `vsrlib.parity.comparison.Ruling`. Where a gradient has
    two right values (`cases.AT_PIXELS`), it is in "at a kink" instead: its worst case there, by which neither
    framework is wrong.
    """
    atlas = {}
    for name, operation in OPERATIONS.items():
        parts: dict[bool, list[dict]] = {False: [], True: []}
        for key in (key for key in reference if key.startswith(f"{name} | ")):
            _, case, part = key.split(" | ")
            rule = ruling(first.get(key, NOTHING), second.get(key, NOTHING), reference[key])
            parts[cases.AT_PIXELS in case and part == "gradient 2"].append({"case": case, "of": part, **asdict(rule)})
        worst = max(parts[False], key=lambda one: one["ratio"])
        kink = max(parts[True], key=lambda one: one["ratio"], default=None)
        atlas[name] = {
            "used": operation.used,
            "cases": len(parts[False]),
            "differs": worst["ratio"] > K,
            "worst": worst,
            **({"at a kink": kink} if kink else {}),
        }
    return atlas
