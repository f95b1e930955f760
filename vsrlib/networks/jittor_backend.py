"""What the rest of vsrlib asks of Jittor; `backend.py` says what that is. Twin: `torch_backend.py`."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.kernels.native import openmp_threads
from vsrlib.networks import jittor_ops as ops
from vsrlib.networks.architecture import NetworkConfig
from vsrlib.networks.backend import Adam, Backend, Values
from vsrlib.networks.jittor_net import BlurDown, Correlation, SelfBlindVSR
from vsrlib.networks.jittor_ops import Var, jt

_MOMENTS = {"first": "m", "second": "values"}


class JittorAdam(Adam):
    """Jittor's AdamW, which without weight decay is PyTorch's Adam.

    It adds epsilon after the bias correction, and Jittor's Adam, unlike PyTorch's, before. `team` is one process.
    """

    def step(self, loss: Var) -> bool:
        # The loss is read only after the update was asked for: Jittor fuses forward and backward only if it meets
        # them together, and otherwise keeps every intermediate of a convolution, which fills the memory. So a step
        # that must not count is taken back.
        before = [(part, part.clone()) for key in ("params", "values", "m") for part in self._all(key)]
        self._optimiser.backward(loss)
        gradients = self._all("grads")
        size = jt.concat([(gradient * gradient).sum().reshape(1) for gradient in gradients]).sum()
        if self._clip_value:
            for gradient in gradients:
                gradient.update(gradient.clamp(-self._clip_value, self._clip_value))
        if self._clip_norm:
            self._optimiser.clip_grad_norm(self._clip_norm, 2)
        self._optimiser.step()
        jt.sync_all()
        if np.isfinite(loss.item()) and np.isfinite(size.item()):
            return True
        for part, old in before:
            part.update(old)
        self._optimiser.n_step -= 1
        return False

    def state(self) -> tuple[Values, int]:
        moments = {
            f"{ours}.{name}": part.numpy()
            for ours, theirs in _MOMENTS.items()
            for name, part in zip(self._parameters, self._all(theirs), strict=True)
        }
        return moments, self._optimiser.n_step

    def load(self, moments: Values, updates: int) -> None:
        self._optimiser.n_step = updates
        for ours, theirs in _MOMENTS.items():
            for name, part in zip(self._parameters, self._all(theirs), strict=True):
                part.update(jt.array(moments[f"{ours}.{name}"]).stop_grad())

    def _make(self, groups: list[dict[str, Any]]) -> Any:
        return jt.optim.AdamW(groups, lr=groups[0]["lr"], eps=self.EPSILON, betas=self.BETAS, weight_decay=0)

    def _all(self, key: str) -> list[Var]:
        return [part for group in self._optimiser.param_groups for part in group[key]]


class JittorBackend(Backend):
    """Jittor, on the CPU, in float32: the only type that the network has there."""

    ops = ops
    call = "execute"
    functions = "nn"
    Optimiser = JittorAdam

    def __init__(self, double: bool = False) -> None:
        if double:
            raise UserError("The Jittor side has no float64; let PyTorch compute the reference.")
        super().__init__()

    def pick_device(self, device: str) -> str:
        if device not in ("auto", "cpu", "cuda"):
            raise UserError(f"There is no device {device!r}; choose auto or cpu.")
        if device == "cuda":
            raise UserError("The Jittor side has no CUDA correlation yet; choose --device cpu.")
        jt.flags.use_cuda = 0
        return "cpu"

    def device_name(self, device: str) -> str:
        return "cpu, oneDNN" if jt.compile_extern.mkl_ops is not None else "cpu, without oneDNN"

    def threads(self) -> int:
        """OpenMP's, one for each core that the process may use if not told."""
        return openmp_threads()

    def synchronise(self, device: str) -> None:
        """Before that, a call has only built a graph."""
        jt.sync_all(True)

    def peak_device_memory(self, device: str) -> int | None:
        return None

    def own_memory(self, device: str) -> int | None:
        """What Jittor's allocator holds now, in use or kept for the next variable."""
        return jt.get_mem_info().total_cpu_used

    def keep_memory(self, device: str, largest_mib: int) -> int:
        """Nothing is asked for: Jittor keeps what variables leave behind."""
        return 0

    def build(self, config: NetworkConfig, device: str, correlation: Correlation, blur_down: BlurDown) -> SelfBlindVSR:
        return SelfBlindVSR(config, correlation, blur_down)

    def load(self, module: SelfBlindVSR, values: Values) -> None:
        module.load_state_dict({name: np.array(value) for name, value in values.items()})

    def state(self, module: SelfBlindVSR) -> Values:
        return {name: value.numpy() for name, value in module.state_dict().items()}

    def learn(self, module: SelfBlindVSR, name: str, values: np.ndarray) -> None:
        setattr(module, name, self.tensor(values))

    def tensor(self, values: np.ndarray, device: str = "cpu") -> Var:
        return jt.array(np.ascontiguousarray(values, dtype=np.float32))

    def array(self, tensor: Var) -> np.ndarray:
        return tensor.numpy()

    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, jt.Var) and str(value.dtype).startswith("float")

    def no_grad(self) -> AbstractContextManager[Any]:
        return jt.no_grad()

    def enable_grad(self) -> AbstractContextManager[Any]:
        return jt.enable_grad()

    def detached(self, tensor: Var) -> Var:
        return tensor.detach()

    def leaf(self, tensor: Var) -> Var:
        return tensor.clone().start_grad()

    def gradients(self, loss: Var, inputs: Sequence[Var], again: bool = False) -> list[Var]:
        """The graph is always kept."""
        return jt.grad(loss, list(inputs))


IMPLEMENTATION = JittorBackend
