"""What the tests of the correlation kernels share: inputs, and a reference for the gradients."""

import numpy as np

SHAPES = [(2, 3, 5, 7), (1, 16, 1, 1), (1, 2, 12, 3), (1, 9, 7, 1), (1, 5, 1, 37), (2, 17, 6, 35), (1, 8, 9, 64)]
"""(B, C, h, w): widths and heights of 1, about a block's size and beyond it, and channels beside a multiple of 8."""


def maps(shape: tuple[int, ...], seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two maps (B, C, h, w), and (B, 81, h, w) as the gradient of their volume; float64 values that fit float32."""
    rng = np.random.default_rng(seed)
    first, second = (rng.standard_normal(shape).astype(np.float32).astype(np.float64) for _ in range(2))
    gradient = rng.standard_normal((shape[0], 81, *shape[2:])).astype(np.float32).astype(np.float64)
    return first, second, gradient


def reference_gradients(first: np.ndarray, second: np.ndarray, gradient: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both maps' gradients, displacement by displacement: every product of the volume hands one share to either map."""
    _, channels, height, width = first.shape
    of_first, of_second = np.zeros_like(first), np.zeros_like(second)
    for dy, dx in np.ndindex(9, 9):
        here = (..., slice(max(0, 4 - dy), height - max(0, dy - 4)), slice(max(0, 4 - dx), width - max(0, dx - 4)))
        there = (..., slice(max(0, dy - 4), height - max(0, 4 - dy)), slice(max(0, dx - 4), width - max(0, 4 - dx)))
        if max(abs(dy - 4) - height, abs(dx - 4) - width) >= 0:
            continue  # the maps do not meet
        share = gradient[:, dy * 9 + dx][:, None][here] / channels
        of_first[here] += share * second[there]
        of_second[there] += share * first[here]
    return of_first, of_second
