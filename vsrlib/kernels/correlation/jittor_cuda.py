"""Correlation volume in Jittor on a CUDA device: an operation of its own around `correlation.cu`."""

from typing import Any

from vsrlib.kernels.correlation import CHANNELS, cuda, require_alike
from vsrlib.kernels.jittor_env import import_jittor

jt = import_jittor()
Var = Any

# Every operation is a library of its own that holds all three kernels: `static` keeps them apart.
_HEADER = f"#include <stdexcept>\n#define KERNEL static __global__\n{cuda.source()}"
_LAUNCH = """
const dim3 grid(data["grid_x"], data["grid_y"], data["grid_z"]);
const dim3 block(data["block_x"], data["block_y"], data["block_z"]);
KERNEL_NAME<<<grid, block>>>(in0_p, in1_p, out0_p, in1_shape1, in1_shape2, in1_shape3);
const cudaError_t error = cudaGetLastError();
if (error != cudaSuccess) throw std::runtime_error(cudaGetErrorString(error));
"""


class Correlation(jt.Function):  # type: ignore[name-defined] # Jittor has no annotations
    """Forward and both gradients, each one launch."""

    def execute(self, first: Var, second: Var) -> Var:
        """(B, C, h, w) twice -> (B, 81, h, w)."""
        self.saved = first, second
        return _call("correlation_forward", [first, second], (first.shape[0], CHANNELS, *first.shape[2:]))

    def grad(self, gradient: Var) -> tuple[Var, Var]:
        """The gradients of both maps."""
        first, second = self.saved
        return (
            _call("correlation_backward_first", [gradient, second], first.shape),
            _call("correlation_backward_second", [gradient, first], second.shape),
        )


def correlation(first: Var, second: Var) -> Var:
    """(B, C, h, w) twice -> (B, 81, h, w), as defined by `kernels.correlation.reference`; float32, with use_cuda.

    TypeError for another type, ValueError for unlike shapes.
    """
    if str(first.dtype) != "float32" or str(second.dtype) != "float32":
        raise TypeError(f"the kernel takes float32, not {first.dtype} and {second.dtype}")
    require_alike(first.shape, second.shape)
    return Correlation.apply(first, second)


def _call(kernel: cuda.Kernel, inputs: list[Var], shape: tuple[int, ...]) -> Var:
    # Of the sizes only those of a map are passed, which are the second input's.
    sizes = cuda.launch(kernel, tuple(inputs[1].shape))
    data = {f"{name}_{axis}": size for name, three in sizes._asdict().items() for axis, size in zip("xyz", three)}
    return jt.code(
        shape, "float32", inputs, cuda_header=_HEADER, cuda_src=_LAUNCH.replace("KERNEL_NAME", kernel), data=data
    )
