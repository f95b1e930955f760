"""Correlation volume of the flow network: its definition in numpy, its sources, and which kernel is used.

Nothing but the kernel that is picked is imported: `correlation` of `vsrlib.kernels.FRAMEWORK_NAME`.
"""

import functools
import importlib
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.names import CORRELATIONS
from vsrlib.kernels import native

SEARCH_RANGE = 4  # displacements are -4..4 in both axes
CHANNELS = (2 * SEARCH_RANGE + 1) ** 2
"""Channels of the volume, one for each displacement."""

_KERNELS = {
    ("torch", "cpu"): ("cpp", "pure"),
    ("torch", "cuda"): ("cuda", "pure"),
    ("jittor", "cpu"): ("cpp",),
    ("jittor", "cuda"): ("cuda",),
    ("paddle", "cpu"): ("cpp", "pure"),
}
"""What each framework has on each device, the fastest first."""
_PREPARED = (
    ("torch", "cpp"),
    ("torch", "cuda"),
    ("paddle", "cpp"),
)  # else the first use would compile; Jittor compiles all it does so

CudaKernel = Literal["correlation_forward", "correlation_backward_first", "correlation_backward_second"]
CUDA_KERNELS: tuple[CudaKernel, ...] = (
    "correlation_forward",
    "correlation_backward_first",
    "correlation_backward_second",
)
_BLOCK = (32, 4, 1)  # pixels: a warp is one row of them
_CHUNK = 8  # channels that a block of threads shares at a time


class Launch(NamedTuple):
    """Sizes of a CUDA launch, (x, y, z) each."""

    grid: tuple[int, int, int]
    block: tuple[int, int, int]


def pick(
    framework: str, correlation: str, device: str, note: native.Note = lambda reason: None
) -> tuple[str, Callable[[Any, Any], Any]]:
    """The name and the function of a kernel, ready to run: what has to be compiled beforehand is compiled here.

    framework one of TRAINERS, correlation one of CORRELATIONS, device "cpu" or "cuda". "auto" is the fastest that
    can be had: "pure" where the compiled one cannot be (no g++ or one that fails, no CuPy on a GPU), and
    `note` is told why. The name returned is never "auto"; it belongs with every result. UserError for a kernel that
    cannot be had: a choice is never replaced by another.
    """
    offered = _KERNELS[framework, device]
    if correlation not in CORRELATIONS:
        raise UserError(f"There is no correlation kernel {correlation!r}; choose one of {', '.join(CORRELATIONS)}.")
    if correlation == "auto":
        fastest, *slower = offered
        try:
            return fastest, _ready(framework, fastest).correlation
        except UserError as error:
            if not slower:
                raise
            note(str(error).rstrip("."))
            correlation = slower[0]
    if correlation not in offered:
        raise UserError(
            f'The {framework} side has no correlation kernel "{correlation}" on {device}; '
            f"choose {' or '.join(['auto', *offered])}."
        )
    return correlation, _ready(framework, correlation).correlation


def reference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The definition: (B, C, h, w) twice -> (B, 81, h, w), in the inputs' type, displacement by displacement.

    Mean over channels of first(y, x) * second(y + dy, x + dx); dy, dx in -4..4, channel (dy + 4) * 9 + (dx + 4),
    zeros outside the second map (Sun et al., CVPR 2018, equation 2).
    """
    height, width = first.shape[2:]
    around = [(0, 0), (0, 0), (SEARCH_RANGE, SEARCH_RANGE), (SEARCH_RANGE, SEARCH_RANGE)]
    padded = np.pad(second, around)
    shifts = range(2 * SEARCH_RANGE + 1)
    return np.stack(
        [(first * padded[:, :, dy : dy + height, dx : dx + width]).mean(axis=1) for dy in shifts for dx in shifts],
        axis=1,
    )


def require_alike(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    """ValueError unless both shapes are (B, C, h, w), the same, and of at least one value."""
    if tuple(first) != tuple(second) or len(first) != 4 or 0 in first:
        raise ValueError(f"two maps (B, C, h, w) of one shape are needed, not {[*first]} and {[*second]}")


@functools.cache
def cpp_source(linkage: str) -> str:
    """The C++ of the kernel and of its gradients for both maps, as the `native.functions` of those names."""
    calls = {"forward": "forward", "backward_first": "backward<1>", "backward_second": "backward<-1>"}
    calls = {name: f"correlation::{call}(one, two, out, b, c, h, w, threads)" for name, call in calls.items()}
    return _source("correlation.h") + native.functions(calls, linkage)


@functools.cache
def cuda_source() -> str:
    """The CUDA source with its sizes in front: it compiles as it is with NVRTC and with nvcc."""
    sizes = f"#define BLOCK_X {_BLOCK[0]}\n#define BLOCK_Y {_BLOCK[1]}\n#define CHUNK {_CHUNK}\n"
    return sizes + _source("correlation.cu")


def cuda_launch(kernel: CudaKernel, shape: tuple[int, int, int, int]) -> Launch:
    """The grid and block for maps of `shape` (B, C, h, w)."""
    batch, channels, height, width = shape
    layers = 2 * SEARCH_RANGE + 1 if kernel == "correlation_forward" else -(-channels // _CHUNK)
    return Launch((-(-width // _BLOCK[0]), -(-height // _BLOCK[1]), batch * layers), _BLOCK)


def _source(name: str) -> str:
    """The text of a kernel file beside this one, with the search range in front of it."""
    return f"#define CORRELATION_RADIUS {SEARCH_RANGE}\n{native.text(name)}"


def _ready(framework: str, correlation: str) -> Any:
    """The module of a kernel, which is compiled and loaded."""
    module = importlib.import_module(f"vsrlib.kernels.{framework}_{correlation}")
    if (framework, correlation) in _PREPARED:
        module.prepare()
    return module
