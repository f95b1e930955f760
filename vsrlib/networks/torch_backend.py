"""What the rest of vsrlib asks of PyTorch. Twin: `jittor_backend.py`; both offer the same names."""

from contextlib import AbstractContextManager

import numpy as np
import torch
from torch import Tensor

from vsrlib import memory
from vsrlib.architecture import NetworkConfig
from vsrlib.errors import UserError
from vsrlib.losses import losses as losses_of
from vsrlib.networks import torch_ops as ops
from vsrlib.networks.torch_net import Correlation, SelfBlindVSR

__all__ = ["Optimiser", "array", "build", "device_name", "gradients", "keep_memory", "load", "no_grad", "ops", "peak_device_memory",
           "pick_device", "state", "synchronise", "tensor", "threads"]


def pick_device(device: str) -> str:
    """"auto" becomes "cuda" where it works, else "cpu". Raises UserError for a device that is not there."""
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


def build(config: NetworkConfig, device: str, correlation: Correlation) -> SelfBlindVSR:
    """The network on a device, in float32; its values are not set yet."""
    # TF32 would keep 10 bits of the mantissa, and would be a difference between the frameworks.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    return SelfBlindVSR(config, correlation).to(device)


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


def keep_memory(device: str) -> None:
    """Let the process keep what large tensors leave behind, rather than give it back and fetch it again."""
    if device == "cpu":
        memory.keep_large_blocks()


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
    return ({name: float(value.detach()) for name, value in losses.items()},
            {name: array(value) for name, value in zip(names, values)})


class Optimiser:
    """Adam (betas 0.9 and 0.999, epsilon 1e-8, no weight decay) over groups of parameters with a rate each."""

    def __init__(self, module: SelfBlindVSR, groups: list[tuple[list[str], float]]) -> None:
        parameters = dict(module.named_parameters())
        self._optimiser = torch.optim.Adam(
            [{"params": [parameters[name] for name in names], "lr": rate} for names, rate in groups],
            betas=(0.9, 0.999), eps=1e-8)

    def set_rates(self, rates: list[float]) -> None:
        """Set each group's learning rate."""
        for group, rate in zip(self._optimiser.param_groups, rates, strict=True):
            group["lr"] = rate

    def step(self, loss: Tensor) -> None:
        """Compute the gradients of `loss` and change the parameters; nothing is changed if it is not finite.

        PyTorch's CPU grid_sample would crash the process in the backward pass of a NaN.
        """
        if not bool(torch.isfinite(loss)):
            return
        self._optimiser.zero_grad()
        loss.backward()
        self._optimiser.step()
