"""Blur and decimation in training: which formulation is used. Nothing but the one chosen is imported.

"cpp" is C++ of our own for the CPU, `blur_down.h`; "convolution" is the framework's grouped convolution, `blur_down` of
`vsrlib.networks.torch_ops` and `jittor_ops`.
"""

import functools
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vsrlib.kernels import native
from vsrlib.networks.architecture import NetworkConfig

BlurDown = Callable[[Any, Any, int], Any]


def pick(framework: str, config: NetworkConfig, device: str) -> tuple[str, BlurDown]:
    """The name and the function of the fastest that can be had: "cpp" on the CPU where there is a compiler.

    What has to be compiled beforehand is compiled here. The name belongs with every result.
    """
    if device != "cpu" or native.compiler() is None:
        return "convolution", importlib.import_module(f"vsrlib.networks.{framework}_ops").blur_down
    module = importlib.import_module(f"vsrlib.kernels.blur.{framework}_cpp")
    if framework == "torch":  # Jittor compiles what it uses at first use
        module.library(config.kernel_size, config.scale)
    return "cpp", module.blur_down


@functools.cache
def source(size: int, scale: int) -> str:
    """The C++ for kernels of size x size that keep one pixel of scale x scale."""
    text = Path(__file__).with_name("blur_down.h").read_text(encoding="utf-8")
    return f"#define BLUR_SIZE {size}\n#define BLUR_SCALE {scale}\n{text}"


def require_fitting(image: tuple[int, ...], kernel: tuple[int, ...]) -> None:
    """ValueError unless the shapes are (B, C, h, w) and (B, 1, k, k), k odd, of at least one value."""
    if len(image) != 4 or 0 in image or tuple(kernel) != (image[0], 1, kernel[-1], kernel[-1]) or kernel[-1] % 2 == 0:
        raise ValueError(
            f"an image (B, C, h, w) and a kernel (B, 1, k, k) with k odd are needed, not {[*image]} and {[*kernel]}"
        )
