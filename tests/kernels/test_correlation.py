"""Correlation kernels of the CPU against their definition, and their gradients against float64 finite differences."""

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import FRAMEWORKS
from correlation_cases import SHAPES, maps, reference_gradients

from vsrlib.kernels import native
from vsrlib.kernels.correlation import cpp_source, pick, reference
from vsrlib.networks.backend import Backend, backend_of

NAMED = ("the kernel", "another")  # how it is called in messages
NO_COMPILER = pytest.mark.skipif(native.compiler() is None, reason="there is no g++ here")
JITTOR, PADDLE = FRAMEWORKS[1:]
Kernel = tuple[str, Backend, Callable[[Any, Any], Any]]


@pytest.fixture(
    params=[
        ("torch", "pure"),
        pytest.param(("torch", "cpp"), marks=NO_COMPILER),
        pytest.param(("jittor", "cpp"), marks=JITTOR.marks),
        pytest.param(("paddle", "pure"), marks=PADDLE.marks),
        pytest.param(("paddle", "cpp"), marks=[*PADDLE.marks, NO_COMPILER]),
    ],
    ids="-".join,
)
def kernel(request: pytest.FixtureRequest) -> Kernel:
    """Each framework's kernels for the CPU: the framework, its backend and the function."""
    framework, name = request.param
    picked, function = pick(framework, name, "cpu")
    assert picked == name
    return framework, backend_of(framework), function


def gradients(kernel: Kernel, *values: np.ndarray) -> list[np.ndarray]:
    _, backend, function = kernel
    first, second, gradient = (backend.leaf(backend.tensor(value)) for value in values)
    found = backend.vjp([function(first, second)], [gradient], [first, second])
    return [backend.array(value) for value in found]


def brute_force(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The definition, value by value."""
    batch, channels, height, width = first.shape
    volume = np.zeros((batch, 81, height, width))
    for b, dy, dx, y, x in np.ndindex(batch, 9, 9, height, width):
        row, column = y + dy - 4, x + dx - 4
        if 0 <= row < height and 0 <= column < width:
            volume[b, dy * 9 + dx, y, x] = first[b, :, y, x] @ second[b, :, row, column] / channels
    return volume


def finite_differences(first: np.ndarray, second: np.ndarray, weight: np.ndarray) -> list[np.ndarray]:
    """Gradients of sum(volume * weight) in float64; the volume is linear in either map, so the step may be large."""

    def difference(which: int, index: tuple[int, ...]) -> float:
        step = np.zeros_like(first)
        step[index] = 0.5
        ends = [
            reference(first + sign * step, second) if which == 0 else reference(first, second + sign * step)
            for sign in (1, -1)
        ]
        return float(((ends[0] - ends[1]) * weight).sum())

    return [
        np.array([difference(which, index) for index in np.ndindex(first.shape)]).reshape(first.shape)
        for which in (0, 1)
    ]


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (1, 4, 1, 1), (1, 2, 3, 12)])
def test_the_reference_is_the_definition(shape: tuple[int, ...]) -> None:
    first, second, _ = maps(shape)
    np.testing.assert_allclose(reference(first, second), brute_force(first, second), atol=1e-14)


@pytest.mark.parametrize("shape", [(2, 3, 4, 6), (1, 2, 7, 1)])
def test_the_reference_of_gradients_is_the_finite_difference(shape: tuple[int, ...]) -> None:
    values = maps(shape)
    for expected, numeric in zip(reference_gradients(*values), finite_differences(*values)):
        np.testing.assert_allclose(expected, numeric, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_kernel_equals_the_reference(kernel: Kernel, shape: tuple[int, ...]) -> None:
    _, backend, function = kernel
    first, second, _ = maps(shape)
    volume = backend.array(function(backend.tensor(first, "cpu"), backend.tensor(second, "cpu")))
    np.testing.assert_allclose(volume, reference(first, second), atol=2e-6)


def test_gradients_equal_finite_differences(kernel: Kernel) -> None:
    values = maps((2, 3, 4, 6))
    for ours, numeric in zip(gradients(kernel, *values), finite_differences(*values)):
        assert np.abs(numeric).max() > 1
        np.testing.assert_allclose(ours, numeric, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_equal_the_reference(kernel: Kernel, shape: tuple[int, ...]) -> None:
    values = maps(shape)
    for ours, expected in zip(gradients(kernel, *values), reference_gradients(*values)):
        assert np.abs(expected).max() > 0.01
        np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_a_displacement_of_the_wrong_sign_would_be_seen() -> None:
    first, second, gradient = maps((2, 3, 4, 6))
    _, right = reference_gradients(first, second, gradient)
    # Channel 80 - d is the displacement turned round.
    _, wrong = reference_gradients(first, second, gradient[:, ::-1])
    assert np.abs(right - wrong).max() > 0.1
    assert np.abs(reference(first, second) - reference(first, second)[:, ::-1]).max() > 0.1


def test_only_the_gradient_that_is_asked_for(kernel: Kernel) -> None:
    framework, backend, function = kernel
    if framework == "jittor":
        pytest.skip("Jittor computes what is read")
    first, second, gradient = maps((1, 3, 5, 6))
    for which in (0, 1):
        pair = [backend.tensor(first, "cpu"), backend.tensor(second, "cpu")]
        pair[which] = backend.leaf(pair[which])
        function(*pair).backward(backend.tensor(gradient, "cpu"))
        np.testing.assert_allclose(
            backend.array(pair[which].grad), reference_gradients(first, second, gradient)[which], atol=1e-5
        )


def test_maps_that_are_not_contiguous(kernel: Kernel) -> None:
    framework, backend, function = kernel
    first, second, _ = maps((2, 3, 5, 7))
    turned = (backend.tensor(value.transpose(0, 1, 3, 2), "cpu") for value in (first, second))
    volume = backend.array(
        function(
            *((value.transpose(0, 1, 3, 2) if framework == "jittor" else value.transpose(2, 3)) for value in turned)
        )
    )
    np.testing.assert_allclose(volume, reference(first, second), atol=2e-6)


def test_zeros_from_an_earlier_larger_map_do_not_remain(kernel: Kernel) -> None:
    """The C++ kernel keeps its working memory: what lies there must not matter."""
    _, backend, function = kernel
    for shape in [(2, 5, 9, 40), (1, 3, 4, 6), (1, 4, 5, 33)]:
        first, second, _ = maps(shape)
        volume = backend.array(function(backend.tensor(first, "cpu"), backend.tensor(second, "cpu")))
        np.testing.assert_allclose(volume, reference(first, second), atol=2e-6)


def test_pure_kernel_in_float64() -> None:
    torch = pytest.importorskip("torch")
    _, pure = pick("torch", "pure", "cpu")
    first, second, _ = maps((2, 3, 3, 18))
    volume = pure(torch.from_numpy(first), torch.from_numpy(second))
    np.testing.assert_allclose(volume, reference(first, second), atol=1e-14)
    small = [torch.from_numpy(value).requires_grad_() for value in maps((1, 2, 2, 3))[:2]]
    assert torch.autograd.gradcheck(pure, small, fast_mode=True)


@NO_COMPILER
def test_cpp_kernel_refuses_what_it_cannot_do() -> None:
    torch = pytest.importorskip("torch")
    _, cpp = pick("torch", "cpp", "cpu")
    good = torch.zeros(1, 2, 3, 4)
    with pytest.raises(TypeError, match='"pure"'):
        cpp(good, good.double())
    with pytest.raises(TypeError, match="meta"):
        cpp(good.to("meta"), good.to("meta"))
    for other in (torch.zeros(1, 2, 3, 5), torch.zeros(2, 3, 4)):
        with pytest.raises(ValueError, match="one shape"):
            cpp(good, other)


@NO_COMPILER
def test_cpp_result_does_not_depend_on_the_threads() -> None:
    torch = pytest.importorskip("torch")
    _, cpp = pick("torch", "cpp", "cpu")
    values = [torch.from_numpy(value).float() for value in maps((2, 19, 11, 37))]
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3, 7):
            torch.set_num_threads(threads)
            pair = [value.clone().requires_grad_() for value in values[:2]]
            volume = cpp(*pair)
            volume.backward(values[2])
            results.append((volume.detach(), pair[0].grad, pair[1].grad))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one, other) for result in results[1:] for one, other in zip(results[0], result))


@NO_COMPILER
def test_cpp_kernel_of_a_cpu_without_avx512() -> None:
    library = native.load("#undef __AVX512F__\n" + torch_cpp_source(), *NAMED)
    for ours, expected in three_results(library, (2, 17, 6, 35)):
        np.testing.assert_allclose(ours, expected, atol=1e-5)


@NO_COMPILER
@pytest.mark.parametrize(
    "fault",
    [
        ("SIGN * (i - RADIUS)", "(i - RADIUS)"),
        ("y + SIGN * dy", "y + dy"),
        ("RADIUS - i)", "0)"),
        ("load(s + c + i)", "load(s + c + SIDE - 1 - i)"),
        ("std::fill(row + RADIUS + width", "std::fill(row + RADIUS + width + 1"),
    ],
)
def test_planted_faults_are_seen(fault: tuple[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(native, "HOME", tmp_path)
    assert torch_cpp_source().count(fault[0]) == 1
    library = native.load(torch_cpp_source().replace(*fault), *NAMED)
    larger = three_results(library, (2, 17, 9, 37))  # leaves values in the working memory
    results = [*larger, *three_results(library, (2, 17, 6, 35))]
    assert not all(np.allclose(ours, expected, atol=1e-5) for ours, expected in results)


def torch_cpp_source() -> str:
    return cpp_source(native.EXPORTED)


def three_results(library: ctypes.CDLL, shape: tuple[int, ...]) -> list[tuple[np.ndarray, np.ndarray]]:
    """(result, reference) of the forward function and of both gradients of a compiled `correlation.h`."""
    first, second, gradient = maps(shape)
    wanted = [reference(first, second), *reference_gradients(first, second, gradient)]
    results = []
    for name, pair, expected in zip(
        ("forward", "backward_first", "backward_second"),
        ((first, second), (gradient, second), (gradient, first)),
        wanted,
    ):
        arrays = [np.ascontiguousarray(value, np.float32) for value in pair]
        arrays.append(np.full(expected.shape, np.nan, np.float32))
        getattr(library, name)(*(ctypes.c_void_p(array.ctypes.data) for array in arrays), *shape, 2)
        results.append((arrays[2], expected))
    return results


COUNT = """
import os, threading
import torch
from vsrlib.kernels import native
from vsrlib.kernels.correlation import pick
maps = torch.ones(1, 4, 16, 16)
def new_threads():
    before = len(os.listdir("/proc/self/task"))
    cpp(maps, maps)
    print(len(os.listdir("/proc/self/task")) - before, len(native.openmp_runtimes()))
_, cpp = pick("torch", "cpp", "cpu")
for threads in (1, 2, 4):
    torch.set_num_threads(threads)
    new_threads()
one = threading.Thread(target=new_threads)  # in which PyTorch has not told OpenMP
one.start()
one.join()
"""


@NO_COMPILER
def test_cpp_kernel_obeys_pytorchs_number_of_threads_in_its_one_runtime() -> None:
    pytest.importorskip("torch")
    done = subprocess.run(
        [sys.executable, "-c", COUNT],
        check=True,
        capture_output=True,
        text=True,
        env=dict(os.environ, OMP_NUM_THREADS="8"),
    )
    assert done.stdout.splitlines() == ["0 1", "1 1", "2 1", "3 1"]


@pytest.mark.parametrize("side", [JITTOR, PADDLE])
def test_result_does_not_depend_on_the_threads(side: str, tmp_path: Path) -> None:
    program = (
        "import sys, numpy as np\nfrom correlation_cases import maps\nfrom vsrlib.kernels.correlation import pick\n"
        "from vsrlib.networks.backend import backend_of\nbackend = backend_of(sys.argv[2])\n"
        "_, kernel = pick(sys.argv[2], 'cpp', 'cpu')\n"
        "a, b, g = (backend.leaf(backend.tensor(value)) for value in maps((2, 19, 11, 37)))\n"
        "v = kernel(a, b)\n"
        "np.savez(sys.argv[1], *map(backend.array, [v, *backend.vjp([v], [g], [a, b])]))"
    )
    results = []
    for threads in (1, 3):
        path = tmp_path / f"{threads}.npz"
        environment = dict(
            os.environ, OMP_NUM_THREADS=str(threads), PYTHONPATH=str(Path(__file__).parents[1] / "helpers")
        )
        subprocess.run([sys.executable, "-c", program, path, side], check=True, env=environment, capture_output=True)
        with np.load(path) as saved:
            results.append([saved[name] for name in saved.files])
    assert len(results[0]) == 3
    assert all(np.array_equal(one, other) for one, other in zip(*results))
