"""Several windows at once give the frames that they give one after the other; who asks for what is not to be had."""

import itertools
import shlex
import threading
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from stopping import stopped_at
from training_fixture import SMALL

from vsrlib import cli
from vsrlib.claims import comparison, every_pair
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json
from vsrlib.data.clips import Clip, write_clip
from vsrlib.data.degradation import blur_down
from vsrlib.data.degrade import clip_kernel
from vsrlib.data.frames import read_frame
from vsrlib.data.scenes import packaged_scenes
from vsrlib.networks import load_network
from vsrlib.networks.backend import backend_of
from vsrlib.networks.network import Network
from vsrlib.restoration import engines, loop
from vsrlib.restoration.batched import Batched
from vsrlib.restoration.infer import infer
from vsrlib.restoration.options import InferOptions
from vsrlib.restoration.restorers import engine_of

Frames = dict[int, np.ndarray]

WINDOWS = [[0, 0, 0, 1, 2], [0, 0, 1, 2, 3], [0, 1, 2, 3, 4], [1, 2, 3, 4, 5], [2, 3, 4, 5, 6]]
SAME = 2e-6
"""How far a reordered float32 sum may move a value of a frame in [0, 1]."""


@pytest.fixture(scope="module")
def low() -> Frames:
    """A filmed scene with motion as the network takes it, of odd sizes."""
    scene = next(one for one in packaged_scenes() if one.name == "carphone")
    kernel, _ = clip_kernel("Gaussian", 0, scene.name)
    return {index: blur_down(frame, kernel)[:33, :43] for index, frame in enumerate(scene.load())}


@pytest.fixture(scope="module")
def network(framework: str) -> Network:
    return load_network(framework, "study-gaussian", device="cpu")


def together(engine: engines.Engine, network: Network, low: Frames, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The frames and the kernels of WINDOWS, so many at once."""
    engine.reset()
    frames, kernels = [], []
    for begin in range(0, len(WINDOWS), size):
        engine.upload([index for window in WINDOWS[begin : begin + size] for index in window], low)
        frames.append(network.download(engine.run()))
        kernels.append(network.download(engine.kernel()))
    return np.concatenate(frames), np.concatenate(kernels)


@pytest.mark.parametrize("tile", [0, 16])
@pytest.mark.parametrize("convolution", ["framework", "winograd"])
def test_windows_at_once_are_what_they_are_by_themselves(
    network: Network, low: Frames, convolution: str, tile: int
) -> None:
    alone = together(engines.make("streaming", network, convolution, tile), network, low, 1)
    engine = Batched(network, convolution=convolution, tile=tile)
    for size in (1, 2, 5):
        frames, kernels = together(engine, network, low, size)
        assert frames.shape == alone[0].shape and kernels.shape == (len(WINDOWS), 1, 13, 13)
        np.testing.assert_allclose(frames, alone[0], rtol=0, atol=SAME)
        np.testing.assert_allclose(kernels, alone[1], rtol=0, atol=SAME)


def test_windows_at_once_by_a_network_that_costs_next_to_nothing() -> None:
    backend, rng = backend_of("torch"), np.random.default_rng(0)
    small = Network("torch", backend, SMALL, "cpu", "pure")
    small.load({name: rng.normal(0, 0.2, value.shape).astype(np.float32) for name, value in small.state().items()})
    low = dict(enumerate(rng.integers(0, 256, (7, 9, 13, 3), dtype=np.uint8)))
    alone = together(engines.make("streaming", small), small, low, 1)
    assert min(np.abs(np.diff(one, axis=0)).mean() for one in alone) > 1e-4  # no frame is as another
    for size in (1, 2, 5):
        for ours, theirs in zip(together(Batched(small), small, low, size), alone, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_what_belongs_to_a_frame_is_computed_once_and_forgotten_after_its_last_window(
    network: Network, low: Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, seen = Batched(network), []
    features = engine._blocks.features
    monkeypatch.setattr(engine._blocks, "features", lambda frames: seen.append(frames.shape[0]) or features(frames))
    together(engine, network, low, 2)
    assert seen == 7 * [1] and sorted(engine._features) == [2, 3, 4, 5, 6]


def test_another_clip_is_another_one(network: Network, low: Frames) -> None:
    engine, inverted = Batched(network), {index: 255 - frame for index, frame in low.items()}
    together(engine, network, low, 5)
    expected = together(engines.make("streaming", network), network, inverted, 1)[0]
    np.testing.assert_allclose(together(engine, network, inverted, 5)[0], expected, rtol=0, atol=SAME)


@pytest.fixture(scope="module")
def clips(low: Frames, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clips")
    for name in ("a", "b"):
        write_clip(root / name, Clip(name, np.stack(list(low.values()))[:7]))
    return root


def pictures(output: Path) -> dict[str, np.ndarray]:
    return {str(path.relative_to(output)): read_frame(path) for path in sorted((output / "frames").glob("*/*"))}


def test_the_command_restores_in_batches(clips: Path, tmp_path: Path) -> None:
    line = f"infer {clips} {tmp_path}/NAME --weights study-gaussian --device cpu --border --kernels --blur Gaussian"
    assert cli.main(shlex.split(line.replace("NAME", "one"))) == 0
    assert cli.main(shlex.split(line.replace("NAME", "three") + " --batch 3")) == 0
    one, three = pictures(tmp_path / "one"), pictures(tmp_path / "three")
    assert list(one) == list(three) and len(one) == 14
    differing = np.stack([np.abs(one[name].astype(int) - three[name]) for name in one])
    assert differing.max() <= 1 and (differing > 0).mean() <= 1e-4
    kernels = [sorted((tmp_path / run).glob("kernels/*/*")) for run in ("one", "three")]
    assert [path.parts[-3:] for path in kernels[0]] == [path.parts[-3:] for path in kernels[1]] and len(
        kernels[0]
    ) == 14
    for alone, ours in zip(*kernels):
        np.testing.assert_allclose(np.load(ours), np.load(alone), rtol=0, atol=SAME)
    found = read_json(tmp_path / "three" / "inference.json")
    assert found["batch"] == 3 and [len(clip["frames"]) for clip in found["clips"]] == [7, 7]
    for compare in (comparison.compare, partial(every_pair.compare, parity_files=[])):
        with pytest.raises(UserError, match="was made with batch 3, and frameworks are compared with batch 1"):
            compare([tmp_path / "three" / "inference.json"], [], output=tmp_path / "compared")


@pytest.mark.parametrize("after", [2, 3, 8])
def test_an_interruption_changes_neither_a_batch_nor_a_frame(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    options, batches = InferOptions(weights="study-gaussian", border=True, device="cpu", batch=3), []
    run = partial(infer, clips, gt_path=None, options=options, progress=False, resume=True)
    run(output=tmp_path / "whole")
    with monkeypatch.context() as patch:
        stopped_at(patch, after, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            run(output=tmp_path / "out")
    upload = Batched.upload
    monkeypatch.setattr(
        Batched, "upload", lambda self, window, frames: batches.append(len(window)) or upload(self, window, frames)
    )
    result = run(output=tmp_path / "out")
    assert result["resumed"] == after and set(batches) <= {15, 5}  # of seven frames three, three and one
    there, whole = pictures(tmp_path / "out"), pictures(tmp_path / "whole")
    assert list(there) == list(whole) and all(np.array_equal(there[name], whole[name]) for name in whole)


def test_each_frame_of_a_batch_takes_its_share_of_the_time(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that moves on by 1 s with each look of the loop, and not with the writer's."""
    ticks, main = itertools.count(), threading.main_thread()
    clock = SimpleNamespace(perf_counter=lambda: float(next(ticks)) if threading.current_thread() is main else 0.0)
    monkeypatch.setattr(loop, "time", clock)
    options = InferOptions(weights="study-gaussian", border=True, device="cpu", batch=3)
    for clip in infer(clips, tmp_path, None, options, progress=False)["clips"]:
        for part in ("pre", "forward", "post"):
            np.testing.assert_allclose([frame[part] for frame in clip["frames"]], [*(6 * [1 / 3]), 1])


def test_too_little_memory_is_said_of_the_batch(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Batched) -> None:
        raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr(Batched, "run", full)
    for timing_repeats in (0, 1):  # met by the loop, or by the frames that are restored to get warm
        options = InferOptions(weights="study-gaussian", device="cpu", batch=2, timing_repeats=timing_repeats)
        with pytest.raises(UserError, match="not enough memory for 2 frames of this size at once; give a smaller"):
            infer(clips, tmp_path / str(timing_repeats), None, options, progress=False)


def test_bfloat16_in_batches(low: Frames) -> None:
    network = load_network("torch", "study-gaussian", device="cpu")
    engine = engine_of(network, "streaming", "framework", precision="bfloat16", batch=5)
    ours, exact = (together(one, network, low, size)[0] for one, size in ((engine, 5), (Batched(network), 1)))
    assert 1e-5 < np.sqrt(np.square(ours - exact).mean()) < 2e-3


@pytest.mark.parametrize(
    "asked, words",
    [
        ({"batch": 2, "engine": "reference"}, 'batch is 2 and the engine "reference" is a baseline'),
        ({"batch": 2, "engine": "cached"}, 'batch is 2 and the engine "cached" is a baseline'),
        ({"batch": 2, "framework": "onnx"}, "batch is 2 and framework is 'onnx', whose graphs restore one whole frame"),
        ({"batch": 0}, "batch is 0"),
    ],
)
def test_what_cannot_be_had_is_said(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        InferOptions(**asked)
