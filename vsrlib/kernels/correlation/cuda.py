"""What every user of `correlation.cu` shares: its text, the names of its kernels and the grid they are launched on."""

from typing import Literal, NamedTuple

from vsrlib.kernels.correlation import SEARCH_RANGE
from vsrlib.kernels.correlation import source as text_of

Kernel = Literal["correlation_forward", "correlation_backward_first", "correlation_backward_second"]
KERNELS: tuple[Kernel, ...] = ("correlation_forward", "correlation_backward_first", "correlation_backward_second")

_BLOCK = (32, 4, 1)  # pixels: a warp is one row of them
_CHUNK = 8  # channels that a block of threads shares at a time


class Launch(NamedTuple):
    """Sizes of a launch, (x, y, z) each."""

    grid: tuple[int, int, int]
    block: tuple[int, int, int]


def source() -> str:
    """The CUDA source with its sizes in front: it compiles as it is with NVRTC and with nvcc."""
    sizes = f"#define BLOCK_X {_BLOCK[0]}\n#define BLOCK_Y {_BLOCK[1]}\n#define CHUNK {_CHUNK}\n"
    return sizes + text_of("correlation.cu")


def launch(kernel: Kernel, shape: tuple[int, int, int, int]) -> Launch:
    """The grid and block for maps of `shape` (B, C, h, w)."""
    batch, channels, height, width = shape
    layers = 2 * SEARCH_RANGE + 1 if kernel == "correlation_forward" else -(-channels // _CHUNK)
    return Launch((-(-width // _BLOCK[0]), -(-height // _BLOCK[1]), batch * layers), _BLOCK)
