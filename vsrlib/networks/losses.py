"""The training losses, written once for both frameworks.

`ops` is `vsrlib.networks.torch_ops` or `jittor_ops`; tensors are its framework's.
"""

from types import ModuleType
from typing import Any

import numpy as np

Tensor = Any

# Weights of the terms in the total (Bai and Pan, TPAMI 2024, as hard-coded in the published trainer).
WEIGHTS = {"down": 1.0, "cycle": 1.0, "boundaries": 0.5, "sparse": 0.04, "center": 1.0}
SUPERVISED_WEIGHTS = {"restored": 1.0, "cycle": 1.0, "boundaries": 0.5, "sparse": 0.04, "center": 1.0}


def losses(outputs: dict[str, Tensor], ops: ModuleType) -> dict[str, Tensor]:
    """The five losses and their weighted `total`, each a scalar.

    `outputs` is what the network's `cycle` returns: `input`, `recons_down` and `input_cycle` (B, 3, h, w) and
    `kernel` (B, 1, k, k).
    """
    terms = {"down": l1(outputs["recons_down"], outputs["input"], ops), **_kernel_terms(outputs, ops)}
    return terms | {"total": _total(terms, WEIGHTS)}


def supervised_losses(outputs: dict[str, Tensor], ops: ModuleType) -> dict[str, Tensor]:
    """As `losses`, for whoever has the truth: `restored` is the difference of the restoration from it.

    `outputs`: `recons` and `truth` (B, 3, 4h, 4w), `input` and `input_cycle` (B, 3, h, w), where the latter is the
    truth blurred with the estimated kernel and decimated, and `kernel` (B, 1, k, k). No gradient of `restored` reaches
    the kernel network, and none of the other terms the rest: the kernel is trained beside the restoration, by its own
    losses.
    """
    terms = {"restored": l1(outputs["recons"], outputs["truth"], ops), **_kernel_terms(outputs, ops)}
    return terms | {"total": _total(terms, SUPERVISED_WEIGHTS)}


def _kernel_terms(outputs: dict[str, Tensor], ops: ModuleType) -> dict[str, Tensor]:
    kernel = outputs["kernel"]
    return {
        "cycle": l1(outputs["input_cycle"], outputs["input"], ops),
        "boundaries": boundaries(kernel, ops),
        "sparse": sparse(kernel, ops),
        "center": center(kernel, ops),
    }


def _total(terms: dict[str, Tensor], weights: dict[str, float]) -> Tensor:
    first, *rest = terms
    total = terms[first] * weights[first]
    for name in rest:
        total = total + terms[name] * weights[name]
    return total


def l1(a: Tensor, b: Tensor, ops: ModuleType) -> Tensor:
    """Mean absolute difference; its gradient is 0 where a equals b. ValueError for different shapes."""
    require_same_shape(a, b)
    return ops.mean(ops.absolute(a - b))


def require_same_shape(a: Tensor, b: Tensor) -> None:
    """ValueError for tensors of different shapes, which a framework would repeat until they fit, if it can."""
    if tuple(a.shape) != tuple(b.shape):
        raise ValueError(f"tensors of the shapes {tuple(a.shape)} and {tuple(b.shape)} are compared")


def boundaries(kernel: Tensor, ops: ModuleType) -> Tensor:
    """Mean of |kernel| times a penalty that is not 0 only in the kernel's outer ring of two pixels."""
    return ops.mean(ops.absolute(kernel * ops.constant(boundary_penalty(kernel.shape[2]), kernel)))


def sparse(kernel: Tensor, ops: ModuleType) -> Tensor:
    """Mean of sqrt(|kernel|); a zero entry adds 0 and has no gradient, where the derivative would be infinite."""
    size = ops.absolute(kernel)
    smallest = float(np.finfo(np.float32).tiny)
    # A floor rather than "value * mask + (1 - mask)": Jittor's compiler may reassociate that sum to
    # "(value - 1) * mask + 1", which is 0 for a small value, and the root's gradient there is infinite.
    return ops.mean(ops.floored(size, smallest).sqrt() * ops.at_least(size, smallest))


def center(kernel: Tensor, ops: ModuleType) -> Tensor:
    """Mean squared distance, per coordinate, of the kernel's centre of mass from its middle pixel."""
    size = kernel.shape[2]
    offsets = np.arange(size, dtype=np.float64) - size // 2
    mass = kernel.sum((1, 2, 3))
    total = 0
    for axis in (2, 3):
        # Only the part that is odd under a flip moves the centre of mass. Summing that part alone keeps the digits
        # that the sum over the whole kernel loses in float32, where nearly all of it cancels.
        odd = (kernel - kernel.flip(axis)) * ops.constant(
            offsets.reshape((1, 1, size, 1) if axis == 2 else size), kernel
        )
        distance = odd.sum((1, 2, 3)) / mass / 2
        total = total + distance * distance
    return ops.mean(total / 2)


def boundary_penalty(size: int) -> np.ndarray:
    """30 (1 - G / max G) in the outer ring of two pixels, else 0; G a Gaussian of sigma 13. (size, size), float64."""
    offsets = np.arange(size) - size // 2
    profile = np.exp(-0.5 * (offsets / size) ** 2)
    gaussian = np.outer(profile, profile)
    penalty = 30 * (1 - gaussian / gaussian.max())
    penalty[2:-2, 2:-2] = 0
    return penalty
