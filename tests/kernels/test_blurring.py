"""The blurs of training against float64, their gradients against exact differences, and which of them is used."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import FRAMEWORKS

from vsrlib.data.degrade import blur_down_exact
from vsrlib.kernels import blur as kernels_blur
from vsrlib.kernels import native
from vsrlib.networks.backend import backend_of

NO_COMPILER = pytest.mark.skipif(native.compiler() is None, reason="there is no g++ here")
JITTOR, PADDLE = FRAMEWORKS[1:]
# batch, height, width, kernel's side, scale; below and above the rows that are computed together, and a vector's width
SHAPES = [(2, 36, 21, 13, 4), (1, 35, 66, 13, 4), (1, 1, 1, 13, 4), (1, 3, 70, 13, 4), (1, 9, 8, 3, 2), (1, 7, 5, 9, 1)]


class Tools:
    """A framework's tensors and gradients."""

    def __init__(self, framework: str) -> None:
        self._backend = backend_of(framework)

    def tensors(self, *values: np.ndarray) -> list[Any]:
        return [self._backend.tensor(value, "cpu") for value in values]

    def all(self, function: Callable, x: Any, kernel: Any, scale: int, weight: Any) -> list[np.ndarray]:
        """The blur, and the gradients of image and kernel."""
        leaves = [self._backend.leaf(x), self._backend.leaf(kernel)]
        output = function(*leaves, scale)
        return [self._backend.array(value) for value in (output, *self._backend.vjp([output], [weight], leaves))]


@pytest.fixture(
    params=[
        ("torch", "convolution"),
        pytest.param(("torch", "cpp"), marks=NO_COMPILER),
        pytest.param(("jittor", "convolution"), marks=JITTOR.marks),
        pytest.param(("jittor", "cpp"), marks=JITTOR.marks),
        pytest.param(("paddle", "convolution"), marks=PADDLE.marks),
        pytest.param(("paddle", "cpp"), marks=[*PADDLE.marks, NO_COMPILER]),
    ],
    ids="-".join,
)
def blur(request: pytest.FixtureRequest, hide_compiler: Callable[[], None]) -> tuple[Tools, Callable]:
    """A framework's tools and one of its blurs."""
    framework, name = request.param
    tools = Tools(framework)  # before the compiler is hidden, without which Jittor does not start
    if name == "convolution":
        hide_compiler()
    picked, function = pick(framework)
    assert picked == name
    return tools, function


def pick(framework: str, device: str = "cpu") -> tuple[str, Callable]:
    ops = importlib.import_module(f"vsrlib.networks.{framework}_ops")
    return kernels_blur.pick(framework, device, 13, 4, ops.blur_down, lambda reason: None)


def drawn(batch: int, height: int, width: int, side: int, scale: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng([height, width])
    shape = (batch, 3, -(-height // scale), -(-width // scale))
    values = (
        rng.standard_normal((batch, 3, height, width)),
        rng.random((batch, 1, side, side)),
        rng.standard_normal(shape),
    )
    return tuple(value.astype(np.float32).astype(np.float64) for value in values)


def truth(x: np.ndarray, kernel: np.ndarray, scale: int) -> np.ndarray:
    return np.stack(
        [blur_down_exact(one.transpose(1, 2, 0), k[0], scale).transpose(2, 0, 1) for one, k in zip(x, kernel)]
    )


def close(ours: np.ndarray, expected: np.ndarray) -> None:
    assert ours.shape == expected.shape
    assert np.abs(ours - expected).max() <= 3e-6 * np.abs(expected).max()


@pytest.mark.parametrize("shape", SHAPES)
def test_every_pixel_and_both_gradients(blur: tuple[Tools, Callable], shape: tuple[int, ...]) -> None:
    """The blur is linear in either input, so the difference quotient of any step is the derivative itself."""
    tools, function = blur
    x, kernel, weight = drawn(*shape)
    output, of_x, of_kernel = tools.all(function, *tools.tensors(x, kernel), shape[-1], *tools.tensors(weight))
    close(output, truth(x, kernel, shape[-1]))
    close(of_kernel, derivatives(kernel, lambda step: truth(x, step, shape[-1]), weight))
    if x.size < 2000:
        close(of_x, derivatives(x, lambda step: truth(step, kernel, shape[-1]), weight))
    else:  # along one direction
        step = np.random.default_rng(1).standard_normal(x.shape)
        assert np.vdot(of_x, step) == pytest.approx(np.vdot(weight, truth(step, kernel, shape[-1])), rel=1e-4)


def derivatives(values: np.ndarray, function: Callable[[np.ndarray], np.ndarray], weight: np.ndarray) -> np.ndarray:
    """Of sum(function(values) * weight), for a linear function that treats every sample by itself."""
    found = np.zeros_like(values)
    for place in np.ndindex(values.shape[1:]):
        step = np.zeros_like(values)
        step[(slice(None), *place)] = 1
        found[(slice(None), *place)] = (function(step) * weight).sum((1, 2, 3))
    return found


@NO_COMPILER
def test_the_number_of_threads_changes_no_bit() -> None:
    torch, tools = importlib.import_module("torch"), Tools("torch")
    _, function = pick("torch")
    x, kernel, weight = tools.tensors(*drawn(2, 70, 33, 13, 4))
    found, threads = [], torch.get_num_threads()
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            found.append(b"".join(value.tobytes() for value in tools.all(function, x, kernel, 4, weight)))
    finally:
        torch.set_num_threads(threads)
    assert found[0] == found[1]


@NO_COMPILER
def test_what_it_cannot_do_is_refused(framework: str) -> None:
    tools = Tools(framework)
    _, function = pick(framework)
    x, kernel, even = tools.tensors(np.zeros((2, 3, 8, 8)), np.zeros((2, 1, 3, 3)), np.zeros((2, 1, 4, 4)))
    for bad in (even, kernel[:1], kernel[:, :, :2]):
        with pytest.raises(ValueError, match="are needed"):
            function(x, bad, 4)
    with pytest.raises(TypeError, match="float64"):
        function(x.astype("float64") if framework == "paddle" else x.double(), kernel, 4)


def test_a_gpu_keeps_the_grouped_convolution() -> None:
    name, function = pick("torch", "cuda")
    assert name == "convolution" and function is importlib.import_module("vsrlib.networks.torch_ops").blur_down
