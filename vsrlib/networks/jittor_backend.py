"""What the rest of vsrlib asks of Jittor. Twin: `torch_backend.py`; both offer the same names."""

import os
from contextlib import AbstractContextManager

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.networks import jittor_ops as ops
from vsrlib.networks.architecture import NetworkConfig
from vsrlib.networks.distributed import ALONE, Team
from vsrlib.networks.jittor_net import BlurDown, Correlation, SelfBlindVSR
from vsrlib.networks.jittor_ops import Var, jt
from vsrlib.networks.losses import losses as losses_of

__all__ = [
    "Optimiser",
    "array",
    "build",
    "device_name",
    "gradients",
    "keep_memory",
    "load",
    "no_grad",
    "ops",
    "own_memory",
    "peak_device_memory",
    "pick_device",
    "state",
    "synchronise",
    "tensor",
    "threads",
]


def pick_device(device: str) -> str:
    """ "auto" becomes "cpu": the network's Jittor side runs there only. Raises UserError for any other device."""
    if device not in ("auto", "cpu", "cuda"):
        raise UserError(f"There is no device {device!r}; choose auto or cpu.")
    if device == "cuda":
        raise UserError("The Jittor side has no CUDA correlation yet; choose --device cpu.")
    jt.flags.use_cuda = 0
    return "cpu"


def device_name(device: str) -> str:
    """The device in words, for results."""
    return "cpu, oneDNN" if jt.compile_extern.mkl_ops is not None else "cpu, without oneDNN"


def threads() -> int:
    """Threads that a computation on the CPU uses: OpenMP's, one for each core the process may use if not told."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdigit() else len(os.sched_getaffinity(0))


def build(config: NetworkConfig, device: str, correlation: Correlation, blur_down: BlurDown) -> SelfBlindVSR:
    """The network, in float32; its values are not set yet."""
    return SelfBlindVSR(config, correlation, blur_down)


def load(module: SelfBlindVSR, values: dict[str, np.ndarray]) -> None:
    """Set all parameters."""
    module.load_state_dict({name: np.array(value) for name, value in values.items()})


def state(module: SelfBlindVSR) -> dict[str, np.ndarray]:
    """All parameters, copied."""
    return {name: value.numpy() for name, value in module.state_dict().items()}


def tensor(values: np.ndarray, device: str) -> Var:
    """An array as a float32 variable."""
    return jt.array(np.ascontiguousarray(values, dtype=np.float32))


def array(value: Var) -> np.ndarray:
    """A variable as an array; computes it."""
    return value.numpy()


def no_grad() -> AbstractContextManager[None]:
    """Within it, no gradients are prepared."""
    return jt.no_grad()


def synchronise(device: str) -> None:
    """Wait until everything that was asked for has been computed; before that, a call has only built a graph."""
    jt.sync_all(True)


def peak_device_memory(device: str) -> int | None:
    """None: the CPU's memory is the process's."""
    return None


def own_memory(device: str) -> int | None:
    """Bytes that Jittor's own allocator holds now, in use or kept for the next variable."""
    return jt.get_mem_info().total_cpu_used


def keep_memory(device: str, largest_mib: int) -> None:
    """Nothing: Jittor keeps what variables leave behind."""


def gradients(module: SelfBlindVSR, inputs: Var) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Losses, and the gradient of `total` for every parameter, for the referee rather than for training."""
    losses = losses_of(module.cycle(inputs), ops)
    names, parameters = zip(*module.named_parameters())
    values = jt.grad(losses["total"], list(parameters))
    return (
        {name: float(value.item()) for name, value in losses.items()},
        {name: array(value) for name, value in zip(names, values)},
    )


class Optimiser:
    """Adam (betas 0.9 and 0.999, epsilon 1e-8, no weight decay) over groups of parameters with a rate each.

    clip_value: bound of every gradient's entries; clip_norm: bound of the norm of all gradients together; 0: none.
    team: one process, because several are for PyTorch.

    Jittor's Adam adds epsilon before the bias correction, unlike PyTorch's; its AdamW adds it after, and without
    weight decay is PyTorch's Adam.
    """

    def __init__(
        self,
        module: SelfBlindVSR,
        groups: list[tuple[list[str], float]],
        clip_value: float = 0.0,
        clip_norm: float = 0.0,
        team: Team = ALONE,
    ) -> None:
        parameters = dict(module.named_parameters())
        self._names = [name for names, _ in groups for name in names]
        self._optimiser = jt.optim.AdamW(
            [{"params": [parameters[name] for name in names], "lr": rate} for names, rate in groups],
            lr=groups[0][1],
            eps=1e-8,
            betas=(0.9, 0.999),
            weight_decay=0,
        )
        self._clip_value, self._clip_norm = clip_value, clip_norm

    def set_rates(self, rates: list[float]) -> None:
        """Set each group's learning rate."""
        for group, rate in zip(self._optimiser.param_groups, rates, strict=True):
            group["lr"] = rate

    def step(self, loss: Var) -> bool:
        """Change the parameters by the gradients of `loss`; changes nothing and is False where one is not finite."""
        # The loss is read only after the update was asked for: Jittor fuses forward and backward only if it meets
        # them together, and otherwise keeps every intermediate of a convolution, which fills the memory. So a step
        # that must not count is taken back.
        held = [part for key in ("params", "values", "m") for part in self._all(key)]
        before = [part.clone() for part in held]
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
        for part, old in zip(held, before, strict=True):
            part.update(old)
        self._optimiser.n_step -= 1
        return False

    def state(self) -> tuple[dict[str, np.ndarray], int]:
        """Adam's two moments of every parameter, as `first.NAME` and `second.NAME`, and the number of updates."""
        moments = {
            f"{ours}.{name}": part.numpy()
            for ours, theirs in _MOMENTS.items()
            for name, part in zip(self._names, self._all(theirs), strict=True)
        }
        return moments, self._optimiser.n_step

    def load(self, moments: dict[str, np.ndarray], updates: int) -> None:
        """Go on from a `state`."""
        self._optimiser.n_step = updates
        for ours, theirs in _MOMENTS.items():
            for name, part in zip(self._names, self._all(theirs), strict=True):
                part.update(jt.array(moments[f"{ours}.{name}"]).stop_grad())

    def _all(self, key: str) -> list[Var]:
        return [part for group in self._optimiser.param_groups for part in group[key]]


_MOMENTS = {"first": "m", "second": "values"}
