"""What the recorder asks of a framework. The two implementations are `torch_side` and `jittor_side`."""

import importlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np


class Side(Protocol):
    """A framework, as the referee needs it."""

    call: str  # name of the method by which a module is called
    namespace: str  # name under which a network's file holds the framework's functions

    def is_tensor(self, value: Any) -> bool:
        """Whether a value is a tensor of floating-point numbers."""

    def tensor(self, array: np.ndarray) -> Any:
        """An array as a tensor in the side's type."""

    def array(self, tensor: Any) -> np.ndarray:
        """A tensor as an array; waits for it."""

    def fixed(self, tensor: Any) -> Any:
        """The tensor's values without its history."""

    def with_gradients(self) -> AbstractContextManager[Any]:
        """Within it, gradients are prepared, whatever surrounds it."""

    def pull(self, outputs: Sequence[Any], cotangents: Sequence[Any], inputs: Sequence[Any]) -> list[Any]:
        """Gradients of the sum of outputs times cotangents for each input; zeros where there is no way to it."""

    def variable(self, array: np.ndarray) -> Any:
        """An array as a tensor for which gradients can be asked."""

    def gradients(self, loss: Any, parameters: Sequence[Any]) -> list[Any]:
        """Gradients of a scalar; the graph is kept."""


def side_of(framework: str, double: bool = False) -> Side:
    """The side of a framework, "torch" or "jittor"; `double`: in float64, which PyTorch alone has."""
    module = importlib.import_module(f"vsrlib.parity.{framework}_side")
    return module.side(double)
