"""What the rest of vsrlib asks of PyTorch; `backend.py` says what that is. Twin: `jittor_backend.py`."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vsrlib.common import memory
from vsrlib.common.errors import UserError
from vsrlib.networks import torch_ops as ops
from vsrlib.networks.architecture import NetworkConfig
from vsrlib.networks.backend import Adam, Backend, Values
from vsrlib.networks.torch_net import BlurDown, Correlation, SelfBlindVSR

_MOMENTS = {"first": "exp_avg", "second": "exp_avg_sq"}


class TorchAdam(Adam):
    """PyTorch's own Adam."""

    _updates = 0

    def step(self, loss: Tensor) -> bool:
        # Before the backward pass: PyTorch's CPU grid_sample crashes the process in that of a NaN.
        if not self._team.all(bool(torch.isfinite(loss))):
            return False
        self._optimiser.zero_grad()
        loss.backward()
        values = list(self._parameters.values())
        gradients = [value.grad for value in values if value.grad is not None]
        self._team.add(gradients)
        if not bool(torch.isfinite(torch.nn.utils.get_total_norm(gradients))):
            return False
        if self._clip_value:
            torch.nn.utils.clip_grad_value_(values, self._clip_value)
        if self._clip_norm:
            torch.nn.utils.clip_grad_norm_(values, self._clip_norm)
        self._optimiser.step()
        self._updates += 1
        return True

    def state(self) -> tuple[Values, int]:
        moments = {}
        for name, value in self._parameters.items():
            kept = self._optimiser.state.get(value, {})
            for ours, theirs in _MOMENTS.items():
                moments[f"{ours}.{name}"] = kept.get(theirs, torch.zeros_like(value)).detach().cpu().numpy().copy()
        return moments, self._updates

    def load(self, moments: Values, updates: int) -> None:
        self._updates = updates
        if not updates:
            return  # PyTorch makes them at the first update
        for name, value in self._parameters.items():
            kept = {theirs: torch.tensor(moments[f"{ours}.{name}"]).to(value) for ours, theirs in _MOMENTS.items()}
            self._optimiser.state[value] = {"step": torch.tensor(float(updates)), **kept}

    def _make(self, groups: list[dict[str, Any]]) -> torch.optim.Adam:
        memory.keep_blocks()  # what a step's tensors leave behind, the next one's need
        return torch.optim.Adam(groups, betas=self.BETAS, eps=self.EPSILON, fused=True)  # one pass over each tensor


class TorchBackend(Backend):
    """PyTorch, on the CPU and on CUDA devices, in float32 or in float64."""

    ops = ops
    call = "forward"
    functions = "F"
    Optimiser = TorchAdam

    def pick_device(self, device: str) -> str:
        if device == "auto":
            return "cuda" if torch.cuda.is_available() else "cpu"
        if device not in ("cpu", "cuda"):
            raise UserError(f"There is no device {device!r}; choose auto, cpu or cuda.")
        if device == "cuda" and not torch.cuda.is_available():
            raise UserError("PyTorch sees no CUDA device here; choose --device cpu, or check the driver.")
        return device

    def device_name(self, device: str) -> str:
        return torch.cuda.get_device_name() if device == "cuda" else "cpu, oneDNN"

    def threads(self) -> int:
        return torch.get_num_threads()

    def synchronise(self, device: str) -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    def peak_device_memory(self, device: str) -> int | None:
        return torch.cuda.max_memory_allocated() if device == "cuda" else None

    def own_memory(self, device: str) -> int | None:
        """The most that PyTorch's allocator has held on the GPU; it counts nothing on the CPU."""
        return torch.cuda.max_memory_reserved() if device == "cuda" else None

    def keep_memory(self, device: str, largest_mib: int) -> int:
        return memory.keep_blocks(largest_mib) if device == "cpu" else 0

    def build(self, config: NetworkConfig, device: str, correlation: Correlation, blur_down: BlurDown) -> SelfBlindVSR:
        # TF32 would keep 10 bits of the mantissa, and would be a difference between the frameworks.
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        return SelfBlindVSR(config, correlation, blur_down).to(device, self._type)

    def load(self, module: SelfBlindVSR, values: Values) -> None:
        module.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in values.items()})

    def state(self, module: SelfBlindVSR) -> Values:
        return {name: value.detach().cpu().numpy().copy() for name, value in module.state_dict().items()}

    def learn(self, module: SelfBlindVSR, name: str, values: np.ndarray) -> None:
        setattr(module, name, torch.nn.Parameter(self.tensor(values, next(module.parameters()).device)))

    def tensor(self, values: np.ndarray, device: str = "cpu") -> Tensor:
        kind = np.float64 if self.double else np.float32
        return torch.from_numpy(np.require(values, kind, ["C", "W"])).to(device)  # writeable, or PyTorch warns

    def array(self, tensor: Tensor) -> np.ndarray:
        return tensor.detach().cpu().numpy()

    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, Tensor) and value.is_floating_point()

    def no_grad(self) -> AbstractContextManager[Any]:
        return torch.no_grad()

    def enable_grad(self) -> AbstractContextManager[Any]:
        return torch.enable_grad()

    def detached(self, tensor: Tensor) -> Tensor:
        return tensor.detach()

    def leaf(self, tensor: Tensor) -> Tensor:
        return tensor.detach().requires_grad_()

    def gradients(self, loss: Tensor, inputs: Sequence[Tensor], again: bool = False) -> list[Tensor]:
        if not loss.requires_grad:
            return [torch.zeros_like(value) for value in inputs]
        found = torch.autograd.grad(loss, inputs, retain_graph=again, allow_unused=True, materialize_grads=True)
        return list(found)

    def losses_and_gradients(self, module: SelfBlindVSR, batch: Tensor) -> tuple[dict[str, float], Values]:
        """On the CPU PyTorch's own convolutions are used, not oneDNN's.

        Those choose another algorithm on every type of processor, and a sum that is rounded differently can open or
        shut a ReLU whose input is nearly zero, which moves some gradients by per cents.
        """
        enabled = torch.backends.mkldnn.enabled
        torch.backends.mkldnn.enabled = False
        try:
            return super().losses_and_gradients(module, batch)
        finally:
            torch.backends.mkldnn.enabled = enabled

    @property
    def _type(self) -> torch.dtype:
        return torch.float64 if self.double else torch.float32


IMPLEMENTATION = TorchBackend
