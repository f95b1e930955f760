"""Jittor for the referee, in float32, the only type that the network has there. Twin: `torch_side.py`."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.kernels.jittor_env import import_jittor

jt = import_jittor()
from jittor import nn  # noqa: E402  (only after the environment has been set)

Var = Any


class JittorSide:
    """See `vsrlib.parity.sides.Side`."""

    call = "execute"
    namespace = "nn"

    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, jt.Var) and str(value.dtype).startswith("float")

    def tensor(self, array: np.ndarray) -> Var:
        return jt.array(np.ascontiguousarray(array, dtype=np.float32))

    def array(self, tensor: Var) -> np.ndarray:
        return tensor.numpy()

    def fixed(self, tensor: Var) -> Var:
        return tensor.detach()

    def with_gradients(self) -> AbstractContextManager[Any]:
        return jt.enable_grad()

    def pull(self, outputs: Sequence[Var], cotangents: Sequence[Var], inputs: Sequence[Var]) -> list[Var]:
        total = sum((output * weight).sum() for output, weight in zip(outputs, cotangents, strict=True))
        return jt.grad(total, list(inputs))

    def variable(self, array: np.ndarray) -> Var:
        return self.tensor(array)

    def gradients(self, loss: Var, parameters: Sequence[Var]) -> list[Var]:
        return jt.grad(loss, list(parameters))


def side(double: bool) -> JittorSide:
    """Jittor; UserError for float64."""
    if double:
        raise UserError("The Jittor side has no float64; let PyTorch be the judge.")
    return JittorSide()


def _adam(series: Var) -> Var:
    value = jt.zeros(series.shape[1])
    optimiser = jt.optim.Adam([value], lr=1e-3)
    for gradient in series:
        optimiser.step((value * gradient.detach()).sum())
    return value


OWN = {
    "adaptive pooling": lambda x: nn.AdaptiveAvgPool2d(13)(x),
    "absolute value": lambda x: x.abs(),
    "mean of all": lambda x: x.mean(),
    "resize by a factor": lambda x: nn.interpolate(x, scale_factor=1.3, mode="bilinear", align_corners=False),
    "rounding": lambda x: (x * 2.5).round(),
    "Adam": _adam,
}
"""What Jittor offers under the usual names."""
