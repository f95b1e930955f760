"""The network's structure: names, shapes, attributes, and that the two files say the same."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

import vsrlib
from vsrlib.common.errors import UserError
from vsrlib.networks import architecture
from vsrlib.networks.architecture import Conv, Deconv, Linear
from vsrlib.networks.network import Network

NETWORKS = Path(vsrlib.__file__).with_name("networks")


@pytest.fixture(scope="module")
def network(framework: str) -> Network:
    return vsrlib.load_network(framework, preset="study", device="cpu")


def test_published_parameters_are_those_of_the_paper() -> None:
    shapes = architecture.parameter_shapes(architecture.preset("published"))
    sizes = {
        part: sum(math.prod(shape) for name, shape in shapes.items() if name.startswith(part + "."))
        for part in architecture.PARTS
    }
    assert len(shapes) == 272
    assert sizes == {
        "in_conv": 3584,
        "extra_feat": 885504,
        "fusion_conv": 737408,
        "recons_net": 5903360,
        "upsample_layers": 1180672,
        "out_conv": 151043,
        "flow_net": 9374274,
        "kernel_net": 664370,
    }


def test_published_names_and_shapes_one_by_one() -> None:
    shapes = architecture.parameter_shapes(architecture.preset("published"))
    lines = (Path(__file__).parents[1] / "golden" / "parameters.txt").read_text().splitlines()
    listed = {line.split(" ", 1)[0]: line.split(" ", 1)[1] for line in lines}
    assert {name: str(shape) for name, shape in shapes.items()} == listed


def test_parameters_and_their_order_are_the_architectures(network: Network) -> None:
    state = network.state()
    assert {name: value.shape for name, value in state.items()} == architecture.parameter_shapes(network.config)
    assert list(state) == list(architecture.parameter_shapes(network.config))


def test_layers_have_the_attributes_of_the_architecture(network: Network) -> None:
    """Dilation, stride and padding are invisible in the weights: a port that loses one still loads them."""
    modules = dict(network.module.named_modules())
    for name, layer in architecture.layers(network.config).items():
        module = modules[name]
        if isinstance(layer, Linear):
            continue
        for attribute in ("stride", "padding", "dilation") if isinstance(layer, Conv) else ("stride", "padding"):
            wanted = getattr(layer, attribute)
            assert tuple(getattr(module, attribute)) == (wanted, wanted), f"{name}.{attribute}"
        if isinstance(layer, Deconv):
            assert layer.weight_shape[0] == layer.inputs
    assert [
        tuple(modules[f"flow_net.moduleNetwork.moduleRefiner.moduleMain.{i}"].dilation) for i in range(0, 14, 2)
    ] == [(d, d) for d in (1, 2, 4, 8, 16, 1, 1)]


RENAMED = {
    "jittor": {
        r"\bTensor\b": "Var",
        r"def forward\(": "def execute(",
        r"\bF\.": "nn.",
        r"torch\.cat\(": "jt.concat(",
        r"\btorch\.": "jt.",
    },
    "paddle": {
        r"nn\.Module": "nn.Layer",
        r"nn\.LeakyReLU\(": "ops.LeakyReLU(",
        r"torch\.cat\(": "paddle.concat(",
        r"\btorch\.": "paddle.",
    },
}


@pytest.mark.parametrize("other", RENAMED)
def test_the_network_files_differ_in_the_frameworks_names_only(other: str) -> None:
    ours, theirs = (
        # the docstring names the twin, and the imports differ
        re.split(r"^(?=class ResBlock)", (NETWORKS / f"{name}_net.py").read_text(), flags=re.MULTILINE)[1]
        for name in ("torch", other)
    )
    for pattern, name in RENAMED[other].items():
        ours = re.sub(pattern, name, ours)
    assert ours.splitlines() == theirs.splitlines()
    assert len(theirs.splitlines()) > 250


def test_same_seed_gives_the_same_initial_values_in_both_frameworks(network: Network) -> None:
    values = architecture.initial_values(network.config, seed=0)
    for name, value in network.state().items():
        np.testing.assert_array_equal(value, values[name], err_msg=name)
    assert any((architecture.initial_values(network.config, seed=1)[name] != values[name]).any() for name in values)


@pytest.mark.parametrize("height, width", [(16, 24), (33, 47)])
def test_any_size_and_the_kernel_is_one(network: Network, height: int, width: int) -> None:
    rng = np.random.default_rng(3)
    outputs = network.infer(rng.random((5, 3, height, width), dtype=np.float32))
    assert outputs["recons"].shape == (3, 4 * height, 4 * width)
    assert outputs["kernel"].shape == (13, 13)
    assert outputs["kernel"].sum() == pytest.approx(1, abs=1e-5)
    assert (outputs["kernel"] >= 0).all()


def test_flow_of_a_frame_has_its_size(network: Network) -> None:
    rng = np.random.default_rng(4)
    first, second = rng.random((2, 3, 20, 36), dtype=np.float32)
    assert network.flow(first, second).shape == (2, 20, 36)


def test_both_masks_at_their_threshold(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly 0.999 in float32 is seen by the features' warp, not by the flow network's; beside it, they agree."""
    edge = np.float32(0.999)
    inside = np.array([np.nextafter(edge, np.float32(0)), edge, np.nextafter(edge, np.float32(1)), 1, 0], np.float32)
    shape = (1, 1, 1, len(inside))
    monkeypatch.setattr(network.backend.ops, "sample", lambda *anything: network.tensor(inside.reshape(shape)))
    x, flow = network.tensor(np.ones(shape)), network.tensor(np.zeros((1, 2, *shape[2:])))
    _, features = network.module.warp(x, flow)
    decoder = network.module.flow_net.moduleNetwork.moduleFou
    np.testing.assert_array_equal(network.download(features).ravel(), [0, 1, 1, 1, 0])
    np.testing.assert_array_equal(network.download(decoder.warp(x, flow)).ravel(), inside * [0, 0, 1, 1, 0])


def test_gradients_are_there_for_every_parameter(network: Network) -> None:
    rng = np.random.default_rng(5)
    losses, gradients = network.losses_and_gradients(rng.random((1, 5, 3, 32, 32), dtype=np.float32))
    assert set(losses) == {"down", "cycle", "boundaries", "sparse", "center", "total"}
    assert set(gradients) == set(network.state())
    dead = [name for name, value in gradients.items() if not np.any(value)]
    assert not [name for name in dead if not name.startswith("kernel_net")], dead


@pytest.mark.parametrize(
    "frames, words",
    [
        (np.zeros((4, 3, 8, 8), np.float32), "shape"),
        (np.zeros((5, 3, 8, 8), np.uint8), "uint8"),
        (np.full((5, 3, 8, 8), np.nan, np.float32), "NaN"),
    ],
)
def test_wrong_input_is_named(network: Network, frames: np.ndarray, words: str) -> None:
    with pytest.raises(UserError, match=words):
        network.infer(frames)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"framework": "tensorflow"}, "tensorflow"),
        ({"framework": "torch", "preset": "huge"}, "huge"),
        ({"framework": "torch", "device": "tpu"}, "tpu"),
        ({"framework": "torch", "weights": "none.safetensors"}, "none"),
        ({"framework": "torch", "weights": {}}, "missing"),
    ],
)
def test_wrong_choice_is_named(arguments: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        vsrlib.load_network(**arguments)
