"""Exported models, run by ONNX Runtime: PyTorch's network at every size, and files that say what they are."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from golden_weights import GOLDEN, frames, relative_error, weights

from vsrlib import cli
from vsrlib.common.errors import UserError
from vsrlib.networks import load_network, onnx_network, torch_ops
from vsrlib.networks.network import Network
from vsrlib.networks.onnx_graph import Graph
from vsrlib.networks.onnx_model import contents, export, path_of
from vsrlib.networks.onnx_net import FEATURES, FORMS, RESTORATION
from vsrlib.networks.onnx_network import OnnxNetwork
from vsrlib.networks.weights import weights_file
from vsrlib.restoration import engines, onnx_engine

SAME = 2e-6
"""How far a reordered float32 sum may move a value of a frame in [0, 1]."""
SIZES = [
    *[(1, 1), (1, 9), (7, 1), (2, 2), (2, 5), (3, 13)],  # smaller than a tile of anything
    *[(16, 16), (17, 31), (31, 45), (64, 64), (65, 63), (100, 130), (129, 70)],
]
"""Among them 100 rows, which round up to 128, and sizes that 13 bins do not divide."""
CONTROL = {True: "study-gaussian", False: "study-gaussian-align-false"}


@pytest.fixture(scope="module", params=CONTROL, ids=["align_corners", "not"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Network, OnnxNetwork]]:
    """The same weights in PyTorch and in ONNX Runtime, with either reading of the sampling grids."""
    name = CONTROL[request.param]
    theirs, ours = load_network("torch", name, device="cpu"), onnx_network.load(name, "study")
    assert ours.config == theirs.config and ours.config.align_corners is request.param
    return theirs, ours


def clip(count: int, height: int, width: int) -> dict[int, np.ndarray]:
    """A picture that moves by some pixels from frame to frame, with noise, (h, w, 3) uint8."""
    rng = np.random.default_rng([height, width])
    large = rng.integers(0, 256, (height // 4 + 9, width // 4 + 9, 3)).repeat(4, 0).repeat(4, 1)
    moved = [large[2 * i : 2 * i + height, i : i + width] for i in range(count)]
    return {i: (0.9 * one + rng.integers(0, 25, one.shape)).astype(np.uint8) for i, one in enumerate(moved)}


def window(height: int, width: int) -> np.ndarray:
    return frames(np.stack([*clip(5, height, width).values()]).transpose(0, 3, 1, 2))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
def test_the_window_s_form_at_every_size(pair: tuple[Network, OnnxNetwork], size: tuple[int, int]) -> None:
    theirs, ours = (network.infer(window(*size)) for network in pair)
    assert ours["recons"].shape == (3, 4 * size[0], 4 * size[1]) and ours["kernel"].shape == (13, 13)
    assert np.abs(ours["recons"] - theirs["recons"]).max() <= SAME
    assert np.abs(ours["kernel"] - theirs["kernel"]).max() <= SAME


@pytest.mark.parametrize("size, wanted", [((180, 50), (192, 64)), ((48, 16), (180, 50)), ((64, 64), (1, 3))])
def test_a_resize_reads_where_pytorch_reads(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    """By ONNX Runtime's own Resize the first is 1.5e-5 away, which was 2e-4 in a restored frame of noise."""
    graph, values = Graph(), np.random.default_rng(0).random((2, 3, *size), dtype=np.float32)
    resized = graph.resize("x", graph.integers(*wanted))
    data = graph.model({"x": (2, 3, "h", "w")}, {"y": (resized, (2, 3, "H", "W"))}, {})
    (found,) = onnxruntime.InferenceSession(data).run(None, {"x": values})
    expected = torch_ops.resize(torch.from_numpy(values), wanted).numpy()
    assert np.abs(found - expected).max() <= 1e-6


@pytest.mark.parametrize("size", [(1, 6), (31, 45), (70, 66)])
def test_a_clip_by_its_two_graphs(pair: tuple[Network, OnnxNetwork], size: tuple[int, int]) -> None:
    theirs, ours = pair
    known, windows = clip(6, *size), [[0, 1, 0, 1, 2], [0, 1, 2, 3, 4], [1, 2, 3, 4, 5]]
    results = []
    for engine in (engines.make("streaming", theirs), onnx_engine.make("streaming", ours)):
        engine.reset()
        for one in windows:
            engine.upload(one, known)
            results.append(np.asarray(engine.run()).copy())
        results.append(np.asarray(engine.kernel()).copy())
    half = len(results) // 2
    for expected, found in zip(results[:half], results[half:], strict=True):
        assert np.abs(found - expected).max() <= SAME
    steps = [np.rint(255 * np.stack(part).clip(0, 1)) for part in (results[: half - 1], results[half:-1])]
    differing = np.abs(steps[0] - steps[1])
    assert differing.max() <= 1 and np.mean(differing > 0) <= 1e-4


def test_each_frame_is_computed_once(pair: tuple[Network, OnnxNetwork], monkeypatch: pytest.MonkeyPatch) -> None:
    computed, compute = [], pair[1].compute
    monkeypatch.setattr(pair[1], "compute", lambda form, inputs: computed.append(form) or compute(form, inputs))
    engine, known = onnx_engine.make("streaming", pair[1]), clip(7, 8, 8)
    for begin in range(3):
        engine.upload(list(range(begin, begin + 5)), known)
        engine.run()
    assert (computed.count(FEATURES), computed.count(RESTORATION), len(computed)) == (7, 3, 10)
    engine.reset()
    assert not engine._known


@pytest.mark.parametrize("align_corners", [True, False])
def test_the_authors_network(align_corners: bool) -> None:
    """The published size against what the authors' network computed in float64, and the graphs of a clip as well."""
    golden = np.load(GOLDEN / "infer_seed11_40x56.npz")
    truth = golden["recons" if align_corners else "recons_align_corners_false"][0]
    config, values = onnx_network.described(weights(11), align_corners=align_corners)
    network = OnnxNetwork(config, lambda form: contents(form, config, values), weights_file.digest(values))
    found = network.infer(frames(golden["frames_u8"][0]))
    assert relative_error(found["recons"], truth) < 1e-5
    assert relative_error(found["kernel"], golden["est_kernel"][0, 0]) < 1e-5
    engine = onnx_engine.make("streaming", network)
    engine.upload([0, 1, 2, 3, 4], dict(enumerate(golden["frames_u8"][0].transpose(0, 2, 3, 1))))
    assert np.abs(engine.run()[0] - found["recons"]).max() <= SAME


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = tmp_path_factory.mktemp("exported") / "model.onnx"
    assert cli.main(["export", "study-gaussian", str(model)]) == 0
    return model


def test_the_files_say_what_they_are(exported: Path, tmp_path: Path) -> None:
    values, notes = weights_file.read("study-gaussian"), []
    for path in export("study-gaussian", tmp_path / "model.onnx"):
        assert path.read_bytes() == (exported.parent / path.name).read_bytes()
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        notes.append({entry.key: entry.value for entry in model.metadata_props})
        kept = {entry.name: onnx.numpy_helper.to_array(entry) for entry in model.graph.initializer}
        named = values.keys() & kept.keys()
        assert len(named) >= 10 and all((kept[name] == values[name]).all() for name in named)
        sides = model.graph.input[0].type.tensor_type.shape.dim
        assert [side.dim_param for side in sides][2:] == ["height", "width"]
    assert [one["form"] for one in notes] == [*FORMS]
    for one in notes:
        assert (one["preset"], one["align_corners"], one["scale"]) == ("study", "true", "4")
        assert one["digest"] == weights_file.digest(values) and "layout" in one and "range" in one


def test_exported_files_are_what_is_run(exported: Path) -> None:
    expected = onnx_network.load("study-gaussian", "study").infer(window(9, 11))
    found = onnx_network.load(exported, "study").infer(window(9, 11))
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_a_mistake_is_one_sentence(exported: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    for path in exported.parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(UserError, match="give --preset study"):
        onnx_network.load(model, "published")
    with pytest.raises(UserError, match="is the form features of a model, and window is wanted"):
        onnx_network.load(path_of(model, FEATURES), "study")
    path_of(model, FEATURES).write_bytes(contents(FEATURES, *onnx_network.described("study-realistic")))
    with pytest.raises(UserError, match=r"model.features.onnx was made of other weights than the model"):
        onnx_network.load(model, "study").compute(FEATURES, {"frames": window(8, 8)})
    path_of(model, FEATURES).unlink()
    with pytest.raises(UserError, match=r"model.features.onnx does not exist"):
        onnx_network.load(model, "study").compute(FEATURES, {"frames": window(8, 8)})
    model.write_bytes(model.read_bytes()[:1000])
    with pytest.raises(UserError, match="was refused by ONNX Runtime .*; export the model again"):
        onnx_network.load(model, "study")
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy"]
    foreign = onnx.helper.make_model(onnx.helper.make_graph([node], "g", ends[:1], ends[1:]), ir_version=8)
    onnx.save(foreign, model)
    with pytest.raises(UserError, match="was not written by `vsrlib export`"):
        onnx_network.load(model, "study")
    with pytest.raises(UserError, match="run it by `vsrlib infer --framework onnx`"):
        load_network("torch", exported)
    with pytest.raises(UserError, match=r"Exported models end in .onnx, and model.pb does not"):
        export("study-gaussian", tmp_path / "model.pb")


def test_too_little_memory_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def get_outputs(self) -> list:
            return []

        def run(self, names: list, inputs: dict) -> list:
            raise RuntimeError("Non-zero status code: Failed to allocate memory for requested buffer of size 1")

    network = onnx_network.load(None, "study")
    monkeypatch.setattr(network, "_session", lambda form: Full())
    with pytest.raises(UserError, match="There is not enough memory for frames of this size"):
        network.infer(window(8, 8))


def test_a_package_that_is_absent_is_named() -> None:
    program = (
        "import sys\nfrom vsrlib import cli\n"
        "for name in ('onnx', 'onnxruntime'):\n    sys.modules[name] = None\n"
        "print(cli.main(['export', 'study-gaussian', 'never.onnx']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "2\n" and "ONNX needs the package onnx, which cannot be imported" in done.stderr
    # by this Python, and with what keeps numpy 1 beside Jittor: a newer ml_dtypes would replace it
    assert f"{sys.executable} -m pip install 'ml_dtypes<0.6' onnx onnxruntime." in done.stderr
    assert not Path("never.onnx").exists()
