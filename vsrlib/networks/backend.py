"""What a framework owes the rest of vsrlib: a `Backend`, and an `Adam` in it.

`FRAMEWORK_backend.py` is each one's; what they do alike is written here. A tensor is the framework's
own, a module its network, `SelfBlindVSR` of `FRAMEWORK_net.py`. Importing this imports no framework.
"""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any

import numpy as np

from vsrlib.networks.architecture import NetworkConfig
from vsrlib.networks.distributed import ALONE, Team
from vsrlib.networks.losses import losses as losses_of

Tensor = Any
Module = Any
Values = dict[str, np.ndarray]


class Adam(ABC):
    """Adam (BETAS, EPSILON, no weight decay) over groups of parameters with a rate each."""

    BETAS = (0.9, 0.999)
    EPSILON = 1e-8

    def __init__(
        self,
        module: Module,
        groups: list[tuple[list[str], float]],
        clip_value: float = 0.0,
        clip_norm: float = 0.0,
        team: Team = ALONE,
    ) -> None:
        """groups: names of parameters, and their learning rate.

        clip_value: bound of every gradient's entries; clip_norm: bound of the norm of all gradients together; 0: none.
        team: the processes that train together, whose gradients are added; several are for PyTorch.
        """
        parameters = dict(module.named_parameters())
        self._parameters = {name: parameters[name] for names, _ in groups for name in names}
        self._optimiser = self._make(
            [{"params": [parameters[name] for name in names], "lr": rate} for names, rate in groups]
        )
        self._clip_value, self._clip_norm, self._team = clip_value, clip_norm, team

    def set_rates(self, rates: list[float]) -> None:
        """Set each group's learning rate."""
        for group, rate in zip(self._optimiser.param_groups, rates, strict=True):
            group["lr"] = rate

    @abstractmethod
    def step(self, loss: Tensor) -> bool:
        """Change the parameters by the gradients of `loss`; changes nothing and is False where one is not finite."""

    @abstractmethod
    def state(self) -> tuple[Values, int]:
        """Adam's two moments of every parameter, as `first.NAME` and `second.NAME`, and the number of updates."""

    @abstractmethod
    def load(self, moments: Values, updates: int) -> None:
        """Go on from a `state`."""

    @abstractmethod
    def _make(self, groups: list[dict[str, Any]]) -> Any:
        """The framework's own optimiser over groups of {"params", "lr"}, which it has as `param_groups`."""


class Backend(ABC):
    """A framework, in float32. `backend_of` makes one."""

    ops: ModuleType
    """The operations that need care in a port: `torch_ops.py` has their names and shapes."""
    call: str
    """Name of the method by which a module is called."""
    functions: str
    """Name under which the network's file holds the framework's functions, such as `relu`."""
    Optimiser: type[Adam]

    def __init__(self, double: bool = False) -> None:
        """double: in float64. UserError where the framework's network has none."""
        self.double = double

    # Devices

    @abstractmethod
    def pick_device(self, device: str) -> str:
        """ "auto" becomes "cuda" where the network works on it, else "cpu". UserError for one that is not there."""

    @abstractmethod
    def device_name(self, device: str) -> str:
        """The device in words, for results."""

    @abstractmethod
    def threads(self) -> int:
        """Threads that a computation on the CPU uses."""

    @abstractmethod
    def synchronise(self, device: str) -> None:
        """Wait until everything that was asked for has been computed."""

    @abstractmethod
    def peak_device_memory(self, device: str) -> int | None:
        """Largest number of bytes that tensors held on the GPU, or None on the CPU, where it is the process's."""

    @abstractmethod
    def own_memory(self, device: str) -> int | None:
        """Bytes that the framework's own allocator holds, tensors and what it keeps for the next; None: none counts."""

    @abstractmethod
    def keep_memory(self, device: str, largest_mib: int) -> int:
        """Let the process keep what tensors of up to `largest_mib` MiB leave behind, not fetch it again and again.

        Returns the MiB that the C library agreed to; 0: it was not asked, or refused.
        """

    # The network

    @abstractmethod
    def build(
        self, config: NetworkConfig, device: str, correlation: Callable[..., Tensor], blur_down: Callable[..., Tensor]
    ) -> Module:
        """The network on a device; its values are not set yet.

        correlation: a kernel of `vsrlib.kernels.correlation`; blur_down: one of `vsrlib.kernels.blur`.
        """

    @abstractmethod
    def load(self, module: Module, values: Values) -> None:
        """Set all parameters: names and shapes as of `state`, else what the framework raises."""

    @abstractmethod
    def state(self, module: Module) -> Values:
        """All parameters by name, copied; of a network `architecture.parameter_shapes`, in that order."""

    @abstractmethod
    def learn(self, module: Module, name: str, values: np.ndarray) -> None:
        """Give a module, under a name of its own, what is learned beside its weights."""

    # Tensors

    @abstractmethod
    def tensor(self, values: np.ndarray, device: str = "cpu") -> Tensor:
        """An array of any type and shape as a tensor on the device; it may share the array's memory."""

    @abstractmethod
    def array(self, tensor: Tensor) -> np.ndarray:
        """A tensor as an array, which may share its memory; waits for it to be computed."""

    def copied(self, tensor: Tensor) -> np.ndarray:
        """A tensor as an array of its own, with one axis at least: Jittor's scalars have one."""
        return np.atleast_1d(self.array(tensor)).copy()

    @abstractmethod
    def is_tensor(self, value: Any) -> bool:
        """Whether a value is a tensor of floating-point numbers."""

    # Gradients

    @abstractmethod
    def no_grad(self) -> AbstractContextManager[Any]:
        """Within it, no gradients are prepared."""

    @abstractmethod
    def enable_grad(self) -> AbstractContextManager[Any]:
        """Within it, gradients are prepared, whatever surrounds it."""

    @abstractmethod
    def detached(self, tensor: Tensor) -> Tensor:
        """The tensor's values without its history."""

    @abstractmethod
    def leaf(self, tensor: Tensor) -> Tensor:
        """The tensor's values without its history, for which gradients can be asked."""

    @abstractmethod
    def gradients(self, loss: Tensor, inputs: Sequence[Tensor], again: bool = False) -> list[Tensor]:
        """The gradient of a scalar for each input, of its shape; zeros where there is no way to it.

        again: the graph is kept, so that the gradients of another scalar of the same graph can be asked for.
        """

    def vjp(self, outputs: Sequence[Tensor], cotangents: Sequence[Tensor], inputs: Sequence[Tensor]) -> list[Tensor]:
        """Vector-Jacobian products: the gradient of the sum of outputs times cotangents for each input, of its shape.

        cotangents: one for each output, of its shape. Zeros where there is no way from an input to an output.
        """
        total = sum((output * weight).sum() for output, weight in zip(outputs, cotangents, strict=True))
        return self.gradients(total, inputs)

    def losses_and_gradients(self, module: Module, batch: Tensor) -> tuple[dict[str, float], Values]:
        """The training losses of a batch (B, 5, 3, h, w), and the gradient of `total` for every parameter.

        For comparisons with a reference rather than for training.
        """
        losses = losses_of(module.cycle(batch), self.ops)
        names, parameters = zip(*module.named_parameters())
        found = self.gradients(losses["total"], parameters)
        return (
            {name: self.array(value).item() for name, value in losses.items()},
            {name: self.array(value) for name, value in zip(names, found)},
        )


def backend_of(framework: str, double: bool = False) -> Backend:
    """The backend of a framework, which is imported now; double: in float64, which PyTorch alone has.

    UserError where the framework cannot be used here.
    """
    return importlib.import_module(f"vsrlib.networks.{framework}_backend").IMPLEMENTATION(double)
