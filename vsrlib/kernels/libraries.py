"""The C++ kernels of the CPU as libraries that ctypes calls, for every framework whose tensors have an address.

Compiled on first use and kept; the functions take addresses of float32 values, sizes, and the number of threads.
"""

import ctypes
import functools

from vsrlib.kernels import blur, native, winograd
from vsrlib.kernels import correlation as definition

_CONVOLVE = """
extern "C" void convolve(const float* const* parts, const int* channels, const float* weight, const float* bias,
                         const float* residual, float* out, int count, int images, int height, int width, int outputs,
                         int dilation, int threads, float slope) {
    std::vector<winograd::Part> in;
    for (int i = 0; i < count; i++) in.push_back({parts[i], channels[i]});
    winograd::convolve(in, weight, {bias, residual, out, outputs, slope}, {images, height, width, dilation}, threads);
}
extern "C" void warp_forward(const float* in, const float* flow, const float* mask, float* out, int images, int height,
                             int width, int channels, int align_corners, int threads) {
    warp::forward(in, flow, mask, out, images, height, width, channels, align_corners, threads);
}
"""


@functools.cache
def correlation() -> ctypes.CDLL:
    """`native.FUNCTIONS` of the correlation. UserError when it cannot be had; so with the others."""
    source = definition.cpp_source(native.EXPORTED)
    return _typed(native.load(source, 'the correlation kernel "cpp"', 'correlation="pure"'), 3, 5, *native.FUNCTIONS)


@functools.cache
def blur_down(size: int, scale: int) -> ctypes.CDLL:
    """`native.FUNCTIONS` of the blur by kernels of size x size with a decimation by `scale`."""
    source = blur.cpp_source(size, scale, native.EXPORTED)
    return _typed(native.load(source, "the blur of training", "the framework's own"), 3, 5, *native.FUNCTIONS)


@functools.cache
def convolutions() -> ctypes.CDLL:
    """`convolve` and `warp_forward`, as `_CONVOLVE` declares them."""
    loaded = native.load(winograd.source() + _CONVOLVE, 'the convolution "winograd"', 'convolution="framework"')
    return _typed(_typed(loaded, 6, 7, "convolve", floats=1), 4, 6, "warp_forward")


def _typed(library: ctypes.CDLL, pointers: int, integers: int, *names: str, floats: int = 0) -> ctypes.CDLL:
    """The library, its functions of that many pointers, then integers, then floats, declared to ctypes."""
    for name in names:
        arguments = [ctypes.c_void_p] * pointers + [ctypes.c_int] * integers + [ctypes.c_float] * floats
        getattr(library, name).argtypes = arguments
        getattr(library, name).restype = None
    return library
