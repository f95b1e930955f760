"""The frameworks as the probes see them: the same words where both have them, and each framework's own module."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Numbers = Any  # a number, a truth value, a text, or a list of these


class Framework:
    """`module` is `torch`, `jittor` or `paddle`, `layers` its layers, `functions` its functions of layers."""

    name: str
    module: Any
    layers: Any
    functions: Any
    schedules: Any

    def tensor(self, values: Any, dtype: str = "float32") -> Any:
        """An array as a tensor, of whatever type the framework makes of it."""
        raise NotImplementedError

    def numbers(self, tensor: Any) -> Numbers:
        """A tensor's values, nested lists of numbers."""
        return np.asarray(tensor.detach().numpy()).tolist()

    def gradient(self, function: Callable[[Any], Any], values: Any) -> Numbers:
        """The gradient of the sum of function(values)."""
        raise NotImplementedError

    def optimiser(self, name: str, parameters: list[Any], **options: Any) -> Any:
        """An optimiser by its name, which is the same in both."""
        return getattr(self.module.optim, name)(parameters, **options)

    def step(self, optimiser: Any, loss: Any) -> None:
        """One step, the way each framework's manual does it."""
        raise NotImplementedError

    def moves(self, name: str, gradients: Sequence[float], start: float = 0.0, **options: Any) -> list[float]:
        """Where a parameter stands after each step, given the gradient that it has in each."""
        parameter = self.parameter([start])
        optimiser, places = self.optimiser(name, [parameter], **options), []
        for gradient in gradients:
            self.step(optimiser, (parameter * gradient).sum())
            places.append(self.numbers(parameter)[0])
        return places

    def parameter(self, values: Any) -> Any:
        """A tensor that an optimiser can change."""
        raise NotImplementedError

    def seed(self, seed: int) -> None:
        """The seed, the way the manual says it."""
        raise NotImplementedError


class Torch(Framework):
    name = "torch"

    def __init__(self) -> None:
        self.module = importlib.import_module("torch")
        self.layers, self.functions = self.module.nn, self.module.nn.functional
        self.schedules = self.module.optim.lr_scheduler

    def tensor(self, values: Any, dtype: str = "float32") -> Any:
        return self.module.from_numpy(np.array(values, dtype))

    def gradient(self, function: Callable[[Any], Any], values: Any) -> Numbers:
        x = self.parameter(values)
        function(x).sum().backward()
        return self.numbers(x.grad)

    def step(self, optimiser: Any, loss: Any) -> None:
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    def parameter(self, values: Any) -> Any:
        return self.tensor(values).requires_grad_()

    def seed(self, seed: int) -> None:
        self.module.manual_seed(seed)


class Jittor(Framework):
    name = "jittor"

    def __init__(self) -> None:
        from vsrlib.kernels.jittor_env import import_jittor

        self.module = import_jittor()
        self.layers = self.functions = importlib.import_module("jittor.nn")
        self.schedules = importlib.import_module("jittor.lr_scheduler")

    def tensor(self, values: Any, dtype: str = "float32") -> Any:
        return self.module.array(np.array(values, dtype))

    def gradient(self, function: Callable[[Any], Any], values: Any) -> Numbers:
        x = self.parameter(values)
        return self.numbers(self.module.grad(function(x).sum(), x))

    def step(self, optimiser: Any, loss: Any) -> None:
        optimiser.step(loss)

    def parameter(self, values: Any) -> Any:
        return self.tensor(values)

    def seed(self, seed: int) -> None:
        self.module.set_global_seed(seed)


class Paddle(Framework):
    """PaddlePaddle has other names for some of them: what raises for that alone has no row."""

    name = "paddle"

    def __init__(self) -> None:
        from vsrlib.kernels.paddle_env import import_paddle

        self.module = import_paddle()
        self.layers, self.functions = self.module.nn, self.module.nn.functional
        self.schedules = self.module.optimizer.lr

    def tensor(self, values: Any, dtype: str = "float32") -> Any:
        return self.module.to_tensor(np.array(values, dtype))

    def gradient(self, function: Callable[[Any], Any], values: Any) -> Numbers:
        x = self.parameter(values)
        function(x).sum().backward()
        return self.numbers(x.grad)

    def optimiser(self, name: str, parameters: list[Any], **options: Any) -> Any:
        rate = {"learning_rate": float(options.pop("lr"))} if "lr" in options else {}  # it takes no whole number
        return getattr(self.module.optimizer, name)(parameters=parameters, **rate, **options)

    def step(self, optimiser: Any, loss: Any) -> None:
        optimiser.clear_grad()
        loss.backward()
        optimiser.step()

    def parameter(self, values: Any) -> Any:
        # one of its own: its optimisers take no other tensor
        made = self.module.create_parameter(list(np.shape(values)), "float32")
        made.set_value(np.array(values, "float32"))
        return made

    def seed(self, seed: int) -> None:
        self.module.seed(seed)


def outcome(work: Callable[[], Numbers]) -> Numbers:
    """What the work returns, or, where it fails, that it does."""
    try:
        return work()
    except Exception as error:  # whichever it is: that there is one is the answer
        return f"raises {type(error).__name__}"
