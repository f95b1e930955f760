"""Correlation volume in Jittor on a CUDA device: an operation of its own around `correlation.cu`."""

import functools
from typing import Any

from vsrlib.kernels import correlation as definition
from vsrlib.kernels.jittor_cpp import Operation, jt, require_float32

Var = Any

# Every operation is a library of its own that holds all three kernels: `static` keeps them apart.
_HEADER = f"#include <stdexcept>\n#define KERNEL static __global__\n{definition.cuda_source()}"
_LAUNCH = """
const dim3 grid(data["grid_x"], data["grid_y"], data["grid_z"]);
const dim3 block(data["block_x"], data["block_y"], data["block_z"]);
KERNEL_NAME<<<grid, block>>>(in0_p, in1_p, out0_p, in1_shape1, in1_shape2, in1_shape3);
const cudaError_t error = cudaGetLastError();
if (error != cudaSuccess) throw std::runtime_error(cudaGetErrorString(error));
"""


def correlation(first: Var, second: Var) -> Var:
    """(B, C, h, w) twice -> (B, 81, h, w), as defined by `kernels.correlation.reference`; float32, with use_cuda.

    TypeError for another type, ValueError for unlike shapes.
    """
    require_float32("kernel", first, second)
    definition.require_alike(first.shape, second.shape)
    size = (first.shape[0], definition.CHANNELS, *first.shape[2:])
    return Operation.apply(first, second, size, functools.partial(_run, tuple(first.shape)))


def _run(shape: tuple[int, int, int, int], name: str, one: Var, two: Var, size: tuple[int, ...]) -> Var:
    kernel: Any = f"correlation_{name}"
    # Of the sizes only those of a map are passed, which are the second input's.
    sizes = definition.cuda_launch(kernel, shape)
    data = {f"{part}_{axis}": size for part, three in sizes._asdict().items() for axis, size in zip("xyz", three)}
    source = _LAUNCH.replace("KERNEL_NAME", kernel)
    return jt.code(size, "float32", [one, two], cuda_header=_HEADER, cuda_src=source, data=data)
