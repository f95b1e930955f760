"""The CUDA kernels without a GPU: NVIDIA's compilers take the source, and g++ runs its arithmetic.

`cuda_shim.h` turns the threads of a block into threads of the CPU; the grid is the one that is launched on a GPU. What
this cannot show is a fault of the driver's or of CuPy's, and speed.
"""

import ctypes
import importlib
import importlib.metadata
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import FRAMEWORKS
from correlation_cases import SHAPES, maps, reference_gradients

from vsrlib.kernels import native
from vsrlib.kernels.correlation import CUDA_KERNELS, CudaKernel, Launch, cuda_launch, cuda_source, reference

SHIM = (Path(__file__).parents[1] / "helpers" / "cuda_shim.h").read_text()
RUN = "".join(
    f"""
extern "C" void run_{name}(const unsigned* sizes, const float* one, const float* two, float* out,
                           int c, int h, int w) {{
    shim_launch(dim3(sizes[0], sizes[1], sizes[2]), dim3(sizes[3], sizes[4], sizes[5]),
                [=] {{ {name}(one, two, out, c, h, w); }});
}}"""
    for name in CUDA_KERNELS
)
ARCHITECTURES = (70, 75, 80, 86, 89, 90)
NO_COMPILER = pytest.mark.skipif(native.compiler() is None, reason="there is no g++ here")
NVCC = pytest.mark.skipif(shutil.which("nvcc") is None, reason="there is no nvcc here")


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ctypes.CDLL]:
    """A function that compiles a CUDA source with the shim and loads it."""

    def compiled(source: str) -> ctypes.CDLL:
        folder = tmp_path_factory.mktemp("shim")
        gxx(SHIM + source + RUN, "-O2", "-fPIC", "-shared", "-o", str(folder / "shim.so"))
        return ctypes.CDLL(str(folder / "shim.so"))

    return compiled


@pytest.fixture(scope="module")
def shim(build: Callable[[str], ctypes.CDLL]) -> ctypes.CDLL:
    return build(cuda_source())


def gxx(source: str, *flags: str) -> None:
    command = [native.compiler(), "-std=c++14", "-pthread", "-x", "c++", "-", *flags]
    subprocess.run(command, input=source, check=True, text=True)


def run(
    library: ctypes.CDLL, kernel: CudaKernel, one: np.ndarray, two: np.ndarray, shape: tuple[int, ...]
) -> np.ndarray:
    """What the kernel writes for maps of `shape`; every value it leaves alone stays NaN."""
    arrays = [np.ascontiguousarray(one, np.float32), np.ascontiguousarray(two, np.float32)]
    size = (shape[0], 81, *shape[2:]) if kernel == "correlation_forward" else shape
    arrays.append(np.full(size, np.nan, np.float32))
    launch(library, kernel, cuda_launch(kernel, shape), [array.ctypes.data for array in arrays], shape[1:])
    return arrays[2]


def launch(library: ctypes.CDLL, kernel: str, sizes: Launch, pointers: Sequence[int], numbers: Sequence[int]) -> None:
    getattr(library, f"run_{kernel}")(
        (ctypes.c_uint * 6)(*sizes.grid, *sizes.block),
        *(ctypes.c_void_p(pointer) for pointer in pointers),
        *map(int, numbers),
    )


def all_three(library: ctypes.CDLL, shape: tuple[int, ...]) -> list[tuple[np.ndarray, np.ndarray]]:
    """(result, reference) of the forward kernel and of both gradients."""
    first, second, gradient = maps(shape)
    inputs = {
        "correlation_forward": (first, second),
        "correlation_backward_first": (gradient, second),
        "correlation_backward_second": (gradient, first),
    }
    wanted = [reference(first, second), *reference_gradients(first, second, gradient)]
    return [(run(library, kernel, *inputs[kernel], shape), expected) for kernel, expected in zip(CUDA_KERNELS, wanted)]


@NO_COMPILER
@pytest.mark.parametrize("shape", [*SHAPES, (1, 8, 4, 32), (2, 1, 5, 33)])
def test_kernels_equal_the_reference(shim: ctypes.CDLL, shape: tuple[int, ...]) -> None:
    for ours, expected in all_three(shim, shape):
        assert np.abs(expected).max() > 0.01
        np.testing.assert_allclose(ours, expected, atol=1e-5)


@NO_COMPILER
def test_the_result_is_the_same_every_time(shim: ctypes.CDLL) -> None:
    once, again = (all_three(shim, (1, 9, 6, 35)) for _ in range(2))
    assert all(np.array_equal(one[0], other[0]) for one, other in zip(once, again))


@NO_COMPILER
@pytest.mark.parametrize(
    "fault",
    [
        ("column + RADIUS + SIGN * dx", "column + RADIUS + dx"),  # the second gradient's horizontal displacement
        ("channel, SIGN * dy, channels", "channel, dy, channels"),  # and its vertical one
        ("line][column + i]", "line][column + SIDE - 1 - i]"),
        ("x >= width || y >= height", "x >= width || y >= height - 1"),
        ("channel += CHUNK", "channel += CHUNK + 1"),
        ("blockIdx.z / chunks", "0 * blockIdx.z"),
    ],
)
def test_planted_faults_are_seen(build: Callable[[str], ctypes.CDLL], fault: tuple[str, str]) -> None:
    assert cuda_source().count(fault[0]) == 1
    faulty = build(cuda_source().replace(*fault))
    assert not all(np.allclose(ours, expected, atol=1e-5) for ours, expected in all_three(faulty, (2, 17, 6, 35)))


PROGRAM = (
    RUN
    + """
#include <cstdlib>
int main(int count, char** sizes) {
    auto size = [&](int i) { return std::atoi(sizes[i]); };
    const int c = size(1), h = size(2), w = size(3);
    std::vector<float> map(c * h * w), other(map), volume(81 * h * w);
    std::vector<unsigned> launch;
    for (int i = 4; i < count; i++) launch.push_back(size(i));
    run_correlation_forward(&launch[0], map.data(), other.data(), volume.data(), c, h, w);
    run_correlation_backward_first(&launch[6], volume.data(), other.data(), map.data(), c, h, w);
    run_correlation_backward_second(&launch[12], volume.data(), map.data(), other.data(), c, h, w);
}
"""
)


def complaint(sanitizer: str, source: str, folder: Path) -> str:
    """What g++'s sanitizer says of all three kernels: "thread" sees races, "address" reads and writes outside."""
    try:
        gxx(SHIM + source + PROGRAM, "-g", "-O1", f"-fsanitize={sanitizer}", "-o", str(folder / "program"))
    except subprocess.CalledProcessError:
        pytest.skip(f"this g++ has no {sanitizer} sanitizer")
    shape = (1, 17, 5, 3)
    sizes = [str(size) for kernel in CUDA_KERNELS for three in cuda_launch(kernel, shape) for size in three]
    # setarch: with more randomness in its addresses than it knows, the thread sanitizer refuses to start.
    done = subprocess.run(
        ["setarch", "-R", str(folder / "program"), *map(str, shape[1:]), *sizes],
        capture_output=True,
        text=True,
        env={"TSAN_OPTIONS": "halt_on_error=1"},
    )
    if (done.returncode and "Sanitizer: " not in done.stderr) or "FATAL" in done.stderr:
        pytest.skip(f"the {sanitizer} sanitizer does not run here: {done.stderr[:200]}")
    return done.stderr


@NO_COMPILER
@pytest.mark.slow
@pytest.mark.parametrize("sanitizer", ["thread", "address"])
def test_no_race_and_no_access_outside(tmp_path: Path, sanitizer: str) -> None:
    assert complaint(sanitizer, cuda_source(), tmp_path) == ""


@NO_COMPILER
@pytest.mark.slow
@pytest.mark.parametrize("which", range(4))
def test_a_missing_barrier_is_seen(tmp_path: Path, which: int) -> None:
    barrier = "__syncthreads();"
    parts = cuda_source().split(barrier)
    assert len(parts) == 5
    source = parts[0] + "".join(("" if i == which else barrier) + part for i, part in enumerate(parts[1:]))
    # On a busy machine the threads may run one after the other, and then there is no race to see: look again.
    assert any("data race" in complaint("thread", source, tmp_path) for _ in range(5))


@NO_COMPILER
@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        ("inside && channel + c < channels", "inside"),
        ("&& column < width", ""),
        ("v < height && ", ""),
        ("x >= width || y >= height", "x >= width"),
    ],
)
def test_an_access_outside_is_seen(tmp_path: Path, fault: tuple[str, str]) -> None:
    assert cuda_source().count(fault[0]) == 1
    assert "AddressSanitizer" in complaint("address", cuda_source().replace(*fault), tmp_path)


def nvrtc() -> ctypes.CDLL | None:
    try:
        files = importlib.metadata.files("nvidia-cuda-nvrtc-cu12") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((ctypes.CDLL(str(file.locate())) for file in files if file.name == "libnvrtc.so.12"), None)


def compiled_by_nvrtc(library: ctypes.CDLL, source: str, architecture: int) -> bytes:
    """The machine code; ValueError with the compiler's words if it refuses the source."""
    program = ctypes.c_void_p()
    assert library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"correlation.cu", 0, None, None) == 0
    options = [f"--gpu-architecture=sm_{architecture}".encode(), b"--std=c++14"]
    status = library.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
    kind = "CUBIN" if status == 0 else "ProgramLog"
    size = ctypes.c_size_t()
    assert getattr(library, f"nvrtcGet{kind}Size")(program, ctypes.byref(size)) == 0
    text = ctypes.create_string_buffer(size.value)
    assert getattr(library, f"nvrtcGet{kind}")(program, text) == 0
    library.nvrtcDestroyProgram(ctypes.byref(program))
    if status:
        raise ValueError(text.value.decode())
    return text.raw


@pytest.mark.skipif(nvrtc() is None, reason="the package nvidia-cuda-nvrtc-cu12 is not installed")
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_cupys_compiler_takes_the_source(architecture: int) -> None:
    code = compiled_by_nvrtc(nvrtc(), cuda_source(), architecture)
    assert all(name.encode() in code for name in CUDA_KERNELS)
    with pytest.raises(ValueError, match="error"):
        compiled_by_nvrtc(nvrtc(), cuda_source().replace("__shared__ float", "__shared__ flaot"), architecture)


@NVCC
@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_nvcc_takes_the_source(tmp_path: Path, architecture: int) -> None:
    known = subprocess.run(["nvcc", "--list-gpu-code"], check=True, capture_output=True, text=True).stdout.split()
    if f"sm_{architecture}" not in known:
        pytest.skip(f"this nvcc does not know sm_{architecture}")
    (tmp_path / "correlation.cu").write_text(cuda_source())
    subprocess.run(
        ["nvcc", "-cubin", f"-arch=sm_{architecture}", "-o", "correlation.cubin", "correlation.cu"],
        check=True,
        cwd=tmp_path,
    )
    code = (tmp_path / "correlation.cubin").read_bytes()
    assert all(name.encode() in code for name in CUDA_KERNELS)


@NO_COMPILER
def test_pytorchs_side_with_a_stand_in_for_cupy(shim: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> None:
    """Autograd, arguments and launch of `torch_cuda`, on tensors of the CPU."""
    torch = pytest.importorskip("torch")
    streams: list[int] = []

    def kernel(name: str) -> Callable[..., None]:
        def call(grid: tuple[int, ...], block: tuple[int, ...], arguments: tuple[Any, ...]) -> None:
            # CuPy hands on an int as 64 bits, which the kernels take for pointers only.
            assert [type(value) for value in arguments] == [int] * 3 + [np.int32] * 3
            launch(shim, name, Launch(grid, block), arguments[:3], arguments[3:])

        return call

    def module(code: str, options: tuple[str, ...]) -> SimpleNamespace:
        assert code == cuda_source()
        return SimpleNamespace(get_function=kernel)

    def stream(pointer: int) -> Any:
        streams.append(pointer)
        return nullcontext()

    stand_in = SimpleNamespace(RawModule=module, cuda=SimpleNamespace(Device=nullcontext, ExternalStream=stream))
    monkeypatch.setitem(sys.modules, "cupy", stand_in)
    monkeypatch.delitem(sys.modules, "vsrlib.kernels.torch_cuda", raising=False)
    torch_cuda = importlib.import_module("vsrlib.kernels.torch_cuda")
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: SimpleNamespace(cuda_stream=7 + len(streams)))
    try:
        values = maps((2, 9, 5, 33))
        first, second, gradient = (torch.from_numpy(value).float() for value in values)
        turned = first.transpose(2, 3).contiguous().transpose(2, 3).requires_grad_()
        second.requires_grad_()
        volume = torch_cuda.unchecked(turned, second)
        np.testing.assert_allclose(volume.detach(), reference(*values[:2]), atol=1e-5)
        volume.backward(gradient)
        for ours, expected in zip((turned.grad, second.grad), reference_gradients(*values)):
            np.testing.assert_allclose(ours, expected, atol=1e-5)
        assert streams == [7, 8, 9]  # asked anew for every launch
        with pytest.raises(TypeError, match="CUDA device"):
            torch_cuda.correlation(first, first)
    finally:
        del sys.modules["vsrlib.kernels.torch_cuda"]


@pytest.fixture(params=[pytest.param("jittor", marks=FRAMEWORKS[1].marks)])
def jittor_cuda(request: pytest.FixtureRequest) -> Any:
    return importlib.import_module(f"vsrlib.kernels.{request.param}_cuda")


def as_cpp(launching: str) -> str:
    """The launch as a call of the shim's."""
    changed, count = re.subn(r"(\w+)<<<grid, block>>>(\(.*\));", r"shim_launch(grid, block, [=] { \1\2; });", launching)
    assert count == 1
    return changed


def test_jittors_side_on_the_shim(jittor_cuda: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Operation, gradients, arguments and launch of `jittor_cuda`, the launch written as a call of the shim's."""
    jt = jittor_cuda.jt
    original = jt.code

    def code(shape: Any, dtype: Any, inputs: Any, cuda_header: str, cuda_src: str, data: Any) -> Any:
        return original(shape, dtype, inputs, cpu_header=SHIM + cuda_header, cpu_src=as_cpp(cuda_src), data=data)

    monkeypatch.setattr(jt, "code", code)
    for shape in [(2, 9, 5, 33), (1, 3, 6, 1)]:
        values = maps(shape)
        first, second, gradient = (jt.array(value.astype(np.float32)) for value in values)
        volume = jittor_cuda.correlation(first, second)
        np.testing.assert_allclose(volume.numpy(), reference(*values[:2]), atol=1e-5)
        for ours, expected in zip(jt.grad((volume * gradient).sum(), [first, second]), reference_gradients(*values)):
            np.testing.assert_allclose(ours.numpy(), expected, atol=1e-5)


@NVCC
def test_nvcc_takes_jittors_operation(jittor_cuda: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str]] = []
    monkeypatch.setattr(
        jittor_cuda.jt, "code", lambda *_, cuda_header, cuda_src, data: seen.append((cuda_header, cuda_src))
    )
    for kernel in CUDA_KERNELS:
        jittor_cuda._run((1, 8, 6, 40), kernel.removeprefix("correlation_"), None, None, (1, 81, 6, 40))
    bodies = "".join(
        f"""
void run{i}(float* in0_p, float* in1_p, float* out0_p, int in1_shape1, int in1_shape2, int in1_shape3) {{
    std::map<std::string, double> data;
    {body}
}}"""
        for i, (_, body) in enumerate(seen)
    )
    (tmp_path / "operation.cu").write_text(f"#include <map>\n#include <string>\n{seen[0][0]}\n{bodies}\n")
    subprocess.run(["nvcc", "-w", "-c", "-arch=sm_90", "-o", "operation.o", "operation.cu"], check=True, cwd=tmp_path)
