"""What the rest of vsrlib asks of PyTorch. Twin: `jittor_backend.py`; both offer the same names."""

from contextlib import AbstractContextManager

import numpy as np
import torch
from torch import Tensor

from vsrlib.common import memory
from vsrlib.common.errors import UserError
from vsrlib.networks import torch_ops as ops
from vsrlib.networks.architecture import NetworkConfig
from vsrlib.networks.distributed import ALONE, Team
from vsrlib.networks.losses import losses as losses_of
from vsrlib.networks.torch_net import BlurDown, Correlation, SelfBlindVSR

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
    """ "auto" becomes "cuda" where it works, else "cpu". Raises UserError for a device that is not there."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device not in ("cpu", "cuda"):
        raise UserError(f"There is no device {device!r}; choose auto, cpu or cuda.")
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("PyTorch sees no CUDA device here; choose --device cpu, or check the driver.")
    return device


def device_name(device: str) -> str:
    """The device in words, for results."""
    return torch.cuda.get_device_name() if device == "cuda" else "cpu, oneDNN"


def threads() -> int:
    """Threads that a computation on the CPU uses."""
    return torch.get_num_threads()


def build(config: NetworkConfig, device: str, correlation: Correlation, blur_down: BlurDown) -> SelfBlindVSR:
    """The network on a device, in float32; its values are not set yet."""
    # TF32 would keep 10 bits of the mantissa, and would be a difference between the frameworks.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    return SelfBlindVSR(config, correlation, blur_down).to(device)


def load(module: SelfBlindVSR, values: dict[str, np.ndarray]) -> None:
    """Set all parameters."""
    module.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in values.items()})


def state(module: SelfBlindVSR) -> dict[str, np.ndarray]:
    """All parameters, copied."""
    return {name: value.detach().cpu().numpy().copy() for name, value in module.state_dict().items()}


def tensor(values: np.ndarray, device: str) -> Tensor:
    """An array as a float32 tensor on the device."""
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(device)


def array(value: Tensor) -> np.ndarray:
    """A tensor as an array; waits for it to be computed."""
    return value.detach().cpu().numpy()


def no_grad() -> AbstractContextManager[None]:
    """Within it, no gradients are prepared."""
    return torch.no_grad()


def synchronise(device: str) -> None:
    """Wait until everything that was asked for has been computed."""
    if device == "cuda":
        torch.cuda.synchronize()


def peak_device_memory(device: str) -> int | None:
    """Largest number of bytes that PyTorch held on the GPU, or None on the CPU, where it does not count."""
    return torch.cuda.max_memory_allocated() if device == "cuda" else None


def own_memory(device: str) -> int | None:
    """Largest number of bytes that PyTorch's own allocator held on the GPU; it counts nothing on the CPU: None."""
    return torch.cuda.max_memory_reserved() if device == "cuda" else None


def keep_memory(device: str, largest_mib: int) -> None:
    """Let the process keep what tensors of up to that size leave behind, rather than fetch it again and again."""
    if device == "cpu":
        memory.keep_blocks(largest_mib)


def gradients(module: SelfBlindVSR, inputs: Tensor) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Losses, and the gradient of `total` for every parameter, for the referee rather than for training.

    On the CPU PyTorch's own convolutions are used, not oneDNN's: those choose another algorithm on every type of
    processor, and a sum that is rounded differently can open or shut a ReLU whose input is nearly zero, which moves
    some gradients by per cents.
    """
    enabled = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.enabled = False
    try:
        losses = losses_of(module.cycle(inputs), ops)
        names, parameters = zip(*module.named_parameters())
        values = torch.autograd.grad(losses["total"], parameters)
    finally:
        torch.backends.mkldnn.enabled = enabled
    return (
        {name: float(value.detach()) for name, value in losses.items()},
        {name: array(value) for name, value in zip(names, values)},
    )


class Optimiser:
    """Adam (betas 0.9 and 0.999, epsilon 1e-8, no weight decay) over groups of parameters with a rate each.

    clip_value: bound of every gradient's entries; clip_norm: bound of the norm of all gradients together; 0: none.
    team: the processes that train together, whose gradients are added.
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
        self._parameters = {name: parameters[name] for names, _ in groups for name in names}
        self._optimiser = torch.optim.Adam(
            [{"params": [parameters[name] for name in names], "lr": rate} for names, rate in groups],
            betas=(0.9, 0.999),
            eps=1e-8,
        )
        self._clip_value, self._clip_norm, self._team = clip_value, clip_norm, team
        self._updates = 0

    def set_rates(self, rates: list[float]) -> None:
        """Set each group's learning rate."""
        for group, rate in zip(self._optimiser.param_groups, rates, strict=True):
            group["lr"] = rate

    def step(self, loss: Tensor) -> bool:
        """Change the parameters by the gradients of `loss`; changes nothing and is False where one is not finite."""
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

    def state(self) -> tuple[dict[str, np.ndarray], int]:
        """Adam's two moments of every parameter, as `first.NAME` and `second.NAME`, and the number of updates."""
        moments = {}
        for name, value in self._parameters.items():
            kept = self._optimiser.state.get(value, {})
            for ours, theirs in _MOMENTS.items():
                moments[f"{ours}.{name}"] = array(kept.get(theirs, torch.zeros_like(value))).copy()
        return moments, self._updates

    def load(self, moments: dict[str, np.ndarray], updates: int) -> None:
        """Go on from a `state`."""
        self._updates = updates
        if not updates:
            return  # PyTorch makes them at the first update
        for name, value in self._parameters.items():
            kept = {theirs: tensor(moments[f"{ours}.{name}"].copy(), value.device) for ours, theirs in _MOMENTS.items()}
            self._optimiser.state[value] = {"step": torch.tensor(float(updates)), **kept}


_MOMENTS = {"first": "exp_avg", "second": "exp_avg_sq"}
