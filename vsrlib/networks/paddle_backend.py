"""What the rest of vsrlib asks of PaddlePaddle; `backend.py` says what that is. Twin: `torch_backend.py`."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from vsrlib.common import memory
from vsrlib.common.errors import UserError
from vsrlib.kernels.native import openmp_threads
from vsrlib.networks import paddle_ops as ops
from vsrlib.networks.architecture import NetworkConfig
from vsrlib.networks.backend import Adam, Backend, Values
from vsrlib.networks.paddle_net import BlurDown, Correlation, SelfBlindVSR
from vsrlib.networks.paddle_ops import Tensor, paddle

_MOMENTS = {"first": "moment1", "second": "moment2"}


class PaddleAdam(Adam):
    """PaddlePaddle's own Adam, one for each group, whose rate is then the optimiser's. `team` is one process."""

    _updates = 0

    def set_rates(self, rates: list[float]) -> None:
        for optimiser, rate in zip(self._optimiser, rates, strict=True):
            optimiser.set_lr(rate)

    def step(self, loss: Tensor) -> bool:
        values = list(self._parameters.values())
        found = paddle.grad(loss, values, allow_unused=True)
        gradients = [one for one in found if one is not None]
        size = paddle.stack([(one * one).sum() for one in gradients]).sum().sqrt()
        if not (bool(paddle.isfinite(loss)) and bool(paddle.isfinite(size))):
            return False
        if self._clip_value:
            gradients = [one.clip(-self._clip_value, self._clip_value) for one in gradients]
        if self._clip_norm:
            size = paddle.stack([(one * one).sum() for one in gradients]).sum().sqrt()
            gradients = [one * (self._clip_norm / (size + 1e-6)).clip(max=1.0) for one in gradients]
        rest = iter(gradients)
        for value, one in zip(values, found):
            value.grad = None if one is None else next(rest)
        for optimiser in self._optimiser:
            optimiser.step()
        self._updates += 1
        return True

    def state(self) -> tuple[Values, int]:
        kept = {name: value for optimiser in self._optimiser for name, value in optimiser.state_dict().items()}
        moments = {}
        for name, value in self._parameters.items():
            for ours, theirs in _MOMENTS.items():
                found = kept.get(f"{value.name}_{theirs}_0")
                moments[f"{ours}.{name}"] = np.zeros(value.shape, np.float32) if found is None else found.numpy()
        return moments, self._updates

    def load(self, moments: Values, updates: int) -> None:
        self._updates = updates
        # The powers of the betas, multiplied up in float32 as the optimiser does: the same to the bit.
        powers = [np.multiply.reduce(np.full(updates + 1, beta, np.float32), dtype=np.float32) for beta in self.BETAS]
        for optimiser, names in zip(self._optimiser, self._names, strict=True):
            state = {}
            for name in names:
                own = self._parameters[name].name
                state |= {f"{own}_{theirs}_0": moments[f"{ours}.{name}"] for ours, theirs in _MOMENTS.items()}
                state |= {f"{own}_beta{i}_pow_acc_0": np.array([power]) for i, power in enumerate(powers, 1)}
            optimiser.set_state_dict({name: paddle.to_tensor(value) for name, value in state.items()})

    def _make(self, groups: list[dict[str, Any]]) -> list[Any]:
        by_id = {id(value): name for name, value in self._parameters.items()}
        self._names = [[by_id[id(value)] for value in group["params"]] for group in groups]
        return [
            paddle.optimizer.Adam(group["lr"], *self.BETAS, self.EPSILON, parameters=group["params"])
            for group in groups
        ]


class PaddleBackend(Backend):
    """PaddlePaddle, on the CPU, in float32."""

    ops = ops
    call = "forward"
    functions = "F"
    Optimiser = PaddleAdam

    def __init__(self, double: bool = False) -> None:
        if double:
            raise UserError("The PaddlePaddle side has no float64; let PyTorch compute the reference.")
        super().__init__()
        paddle.set_device("cpu")

    def pick_device(self, device: str) -> str:
        if device not in ("auto", "cpu", "cuda"):
            raise UserError(f"There is no device {device!r}; choose auto or cpu.")
        if device == "cuda":
            raise UserError("The PaddlePaddle side runs on the CPU only; choose --device cpu.")
        return "cpu"

    def device_name(self, device: str) -> str:
        return "cpu"

    def threads(self) -> int:
        """Those that it was told of when it was imported."""
        return openmp_threads()

    def synchronise(self, device: str) -> None:
        """On the CPU every call has computed what it returns."""

    def peak_device_memory(self, device: str) -> int | None:
        return None

    def own_memory(self, device: str) -> int | None:
        """It counts nothing on the CPU."""
        return None

    def keep_memory(self, device: str, largest_mib: int) -> int:
        return memory.keep_blocks(largest_mib)

    def build(self, config: NetworkConfig, device: str, correlation: Correlation, blur_down: BlurDown) -> SelfBlindVSR:
        return SelfBlindVSR(config, correlation, blur_down)

    def load(self, module: SelfBlindVSR, values: Values) -> None:
        parameters = dict(module.named_parameters())
        if unlike := parameters.keys() ^ values.keys():
            raise KeyError(f"{min(unlike)} is missing or unknown")  # PaddlePaddle itself would only warn
        for name, parameter in parameters.items():
            parameter.set_value(np.ascontiguousarray(values[name], np.float32))

    def state(self, module: SelfBlindVSR) -> Values:
        return {name: value.numpy() for name, value in module.named_parameters()}

    def tensor(self, values: np.ndarray, device: str = "cpu") -> Tensor:
        return paddle.to_tensor(np.ascontiguousarray(values, dtype=np.float32))

    def array(self, tensor: Tensor) -> np.ndarray:
        return tensor.numpy()

    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, Tensor) and value.is_floating_point()

    def no_grad(self) -> AbstractContextManager[Any]:
        return paddle.no_grad()

    def enable_grad(self) -> AbstractContextManager[Any]:
        return paddle.enable_grad()

    def detached(self, tensor: Tensor) -> Tensor:
        return tensor.detach()

    def leaf(self, tensor: Tensor) -> Tensor:
        found = tensor.detach().clone()
        found.stop_gradient = False
        return found

    def gradients(self, loss: Tensor, inputs: Sequence[Tensor], again: bool = False) -> list[Tensor]:
        if loss.stop_gradient:
            return [paddle.zeros_like(value) for value in inputs]
        found = paddle.grad(loss, list(inputs), retain_graph=again, allow_unused=True)
        return [paddle.zeros_like(value) if one is None else one for value, one in zip(inputs, found)]


IMPLEMENTATION = PaddleBackend
