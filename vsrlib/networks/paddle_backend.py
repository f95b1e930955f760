"""What the rest of vsrlib asks of PaddlePaddle; `backend.py` says what that is. Twin: `torch_backend.py`."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import SimpleNamespace
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
_POWERS = ("beta1_pow_acc", "beta2_pow_acc")


class PaddleAdam(Adam):
    """PaddlePaddle's own Adam, one for each group, whose rate is then the optimiser's. `team` is one process."""

    _updates = 0

    def step(self, loss: Tensor) -> bool:
        values = list(self._parameters.values())
        found = paddle.grad(loss, values, allow_unused=True)
        gradients = [one for one in found if one is not None]
        if not (bool(paddle.isfinite(loss)) and bool(paddle.isfinite(_norm(gradients)))):
            return False
        if self._clip_value:
            gradients = [one.clip(-self._clip_value, self._clip_value) for one in gradients]
        if self._clip_norm:
            factor = (self._clip_norm / (_norm(gradients) + 1e-6)).clip(max=1.0)
            gradients = [one * factor for one in gradients]
        rest = iter(gradients)
        self._update([None if one is None else next(rest) for one in found])
        self._updates += 1
        return True

    def state(self) -> tuple[Values, int]:
        moments = {}
        for ours, theirs in _MOMENTS.items():
            kept = self._kept(theirs)
            for name, value in self._parameters.items():
                known = kept.get(value.name)
                moments[f"{ours}.{name}"] = np.zeros(value.shape, np.float32) if known is None else known.numpy()
        return moments, self._updates

    def load(self, moments: Values, updates: int) -> None:
        self._updates = updates
        if not updates:
            return  # PaddlePaddle makes them at the first update
        self._update([paddle.zeros_like(value) for value in self._parameters.values()])  # which changes no parameter
        for ours, theirs in _MOMENTS.items():
            kept = self._kept(theirs)
            for name, value in self._parameters.items():
                kept[value.name].set_value(moments[f"{ours}.{name}"])
        for beta, theirs in zip(self.BETAS, _POWERS, strict=True):
            # Multiplied up in float32, one after the other, as PaddlePaddle does: the same to the bit.
            power = np.multiply.accumulate(np.full(updates + 1, beta, np.float32))[-1:]
            for one in self._kept(theirs).values():
                one.set_value(power)

    def _make(self, groups: list[dict[str, Any]]) -> Any:
        for group in groups:
            group["adam"] = paddle.optimizer.Adam(group["lr"], *self.BETAS, self.EPSILON, parameters=group["params"])
        return SimpleNamespace(param_groups=groups)

    def _update(self, gradients: list[Tensor | None]) -> None:
        for value, gradient in zip(self._parameters.values(), gradients, strict=True):
            value.grad = gradient
        for group in self._optimiser.param_groups:
            group["adam"].set_lr(group["lr"])
            group["adam"].step()

    def _kept(self, theirs: str) -> dict[str, Tensor]:
        """What PaddlePaddle keeps of the parameters that have been updated, by their names there.

        Its `state_dict` puts numbers to the names that depend on which optimisers there were before.
        """
        groups = self._optimiser.param_groups
        return {name: one for group in groups for name, one in group["adam"]._accumulators.get(theirs, {}).items()}


def _norm(gradients: list[Tensor]) -> Tensor:
    return paddle.stack([ops.mean(one * one) * one.size for one in gradients]).sum().sqrt()  # its sum is naive


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

    def learn(self, module: SelfBlindVSR, name: str, values: np.ndarray) -> None:
        parameter = module.create_parameter(list(values.shape))
        parameter.set_value(self.tensor(values))
        setattr(module, name, parameter)

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
