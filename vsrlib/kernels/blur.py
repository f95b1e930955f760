"""Blur and decimation in training: which formulation is used. Nothing is imported but what is tried.

"cpp" is C++ of our own for the CPU, `blur_down.h`; "convolution" is the framework's grouped convolution, `blur_down` of
`vsrlib.networks.FRAMEWORK_ops`.
"""

import functools
import importlib
from collections.abc import Callable
from typing import Any

from vsrlib.kernels import native

BlurDown = Callable[[Any, Any, int], Any]


def pick(
    framework: str, device: str, size: int, scale: int, convolution: BlurDown, note: native.Note
) -> tuple[str, BlurDown]:
    """The name and the function of the fastest that can be had: "cpp" on the CPU where it can be compiled.

    size: side of the blur kernels in pixels; scale: of the decimation; convolution: the framework's own `blur_down`,
    which is taken else, and `note` told why. What has to be compiled beforehand is compiled here. The name belongs with
    every result.
    """
    if device != "cpu" or (framework == "jittor" and native.compiler() is None):
        return "convolution", convolution
    module = importlib.import_module(f"vsrlib.kernels.{framework}_cpp")
    # Jittor compiles what it uses at first use, itself among it.
    if framework != "jittor" and not native.had(functools.partial(module.prepare_blur_down, size, scale), note):
        return "convolution", convolution
    return "cpp", module.blur_down


@functools.cache
def cpp_source(size: int, scale: int, linkage: str) -> str:
    """The C++ for kernels of size x size that keep one pixel of scale x scale, as `native.functions`.

    "forward", and its gradients for the image ("backward_first") and for the kernel ("backward_second").
    """
    calls = {"forward": "forward", "backward_first": "backward_image", "backward_second": "backward_kernel"}
    calls = {name: f"blur::{call}(one, two, out, {{b, c, h, w}}, threads)" for name, call in calls.items()}
    sizes = f"#define BLUR_SIZE {size}\n#define BLUR_SCALE {scale}\n"
    return sizes + native.text("blur_down.h") + native.functions(calls, linkage)


def require_fitting(image: tuple[int, ...], kernel: tuple[int, ...]) -> None:
    """ValueError unless the shapes are (B, C, h, w) and (B, 1, k, k), k odd, of at least one value."""
    if len(image) != 4 or 0 in image or tuple(kernel) != (image[0], 1, kernel[-1], kernel[-1]) or kernel[-1] % 2 == 0:
        raise ValueError(
            f"an image (B, C, h, w) and a kernel (B, 1, k, k) with k odd are needed, not {[*image]} and {[*kernel]}"
        )
