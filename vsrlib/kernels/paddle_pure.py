"""Correlation volume in PaddlePaddle, from tensor operations alone: differentiable, for where no compiler is."""

from vsrlib.kernels.correlation import SEARCH_RANGE
from vsrlib.kernels.paddle_env import import_paddle

paddle = import_paddle()
import paddle.nn.functional as F  # noqa: E402  (only after the environment has been set)
from paddle import Tensor  # noqa: E402


def correlation(first: Tensor, second: Tensor) -> Tensor:
    """(B, C, h, w) twice -> (B, 81, h, w), as defined by `vsrlib.kernels.correlation.reference`, and as slowly."""
    height, width = first.shape[2:]
    padded = F.pad(second, [SEARCH_RANGE] * 4)
    shifts = range(2 * SEARCH_RANGE + 1)
    return paddle.stack(
        [(first * padded[:, :, y : y + height, x : x + width]).mean(axis=1) for y in shifts for x in shifts], axis=1
    )
