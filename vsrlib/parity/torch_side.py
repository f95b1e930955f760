"""PyTorch for the referee, in float32 or, as the judge, in float64. Twin: `jittor_side.py`."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


class TorchSide:
    """See `vsrlib.parity.sides.Side`."""

    call = "forward"
    namespace = "F"

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype

    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, Tensor) and value.is_floating_point()

    def tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.array(array)).to(self.dtype)

    def array(self, tensor: Tensor) -> np.ndarray:
        return np.atleast_1d(tensor.detach().cpu().numpy()).copy()  # Jittor's scalars have one axis

    def fixed(self, tensor: Tensor) -> Tensor:
        return tensor.detach()

    def with_gradients(self) -> AbstractContextManager[Any]:
        return torch.enable_grad()

    def pull(self, outputs: Sequence[Tensor], cotangents: Sequence[Tensor], inputs: Sequence[Tensor]) -> list[Tensor]:
        kept = [(output, weight) for output, weight in zip(outputs, cotangents, strict=True) if output.requires_grad]
        if not kept:
            return [torch.zeros_like(value) for value in inputs]
        return list(
            torch.autograd.grad(
                [output for output, _ in kept],
                inputs,
                [weight for _, weight in kept],
                allow_unused=True,
                materialize_grads=True,
            )
        )

    def variable(self, array: np.ndarray) -> Tensor:
        return self.tensor(array).requires_grad_()

    def gradients(self, loss: Tensor, parameters: Sequence[Tensor]) -> list[Tensor]:
        if not loss.requires_grad:
            return [torch.zeros_like(value) for value in parameters]
        return list(torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True, materialize_grads=True))


def side(double: bool) -> TorchSide:
    """PyTorch in float64 or float32."""
    return TorchSide(torch.float64 if double else torch.float32)


def _adam(series: Tensor) -> Tensor:
    value = torch.zeros_like(series[0]).requires_grad_()
    optimiser = torch.optim.Adam([value], lr=1e-3)
    for gradient in series.detach():
        value.grad = gradient.clone()
        optimiser.step()
    return value


OWN = {
    "adaptive pooling": lambda x: F.adaptive_avg_pool2d(x, 13),
    "absolute value": lambda x: x.abs(),
    "mean of all": lambda x: x.mean(),
    "resize by a factor": lambda x: F.interpolate(x, scale_factor=1.3, mode="bilinear", align_corners=False),
    "rounding": lambda x: (x * 2.5).round(),
    "Adam": _adam,
}
"""What PyTorch offers under the usual names."""
