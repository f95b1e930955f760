"""Several windows at once give the frames that they give one after the other; who asks for what is not to be had."""

import shlex
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stopping import stopped_at

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


def test_what_belongs_to_a_frame_is_computed_once_and_forgotten_after_its_last_window(
    network: Network, low: Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, seen = Batched(network), []
    features = engine._blocks.features
    monkeypatch.setattr(engine._blocks, "features", lambda frames: seen.append(frames.shape[0]) or features(frames))
    together(engine, network, low, 2)
    assert seen == [4, 2, 1] and sorted(engine._features) == [2, 3, 4, 5, 6]


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
    for name in (path.relative_to(tmp_path / "one") for path in (tmp_path / "one" / "kernels").glob("*/*")):
        np.testing.assert_allclose(np.load(tmp_path / "three" / name), np.load(tmp_path / "one" / name), atol=SAME)
    found = read_json(tmp_path / "three" / "inference.json")
    assert found["batch"] == 3 and [len(clip["frames"]) for clip in found["clips"]] == [7, 7]
    assert all(frame[part] > 0 for clip in found["clips"] for frame in clip["frames"] for part in ("pre", "forward"))
    for compare in (comparison.compare, partial(every_pair.compare, parity_files=[])):
        with pytest.raises(UserError, match="was made with batch 3, and frameworks are compared with 1"):
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


def test_bfloat16_in_batches(low: Frames) -> None:
    network = load_network("torch", "study-gaussian", device="cpu")
    engine = engine_of(network, "streaming", "framework", precision="bfloat16", batch=5)
    ours, exact = (together(one, network, low, size)[0] for one, size in ((engine, 5), (Batched(network), 1)))
    assert 1e-5 < np.sqrt(np.square(ours - exact).mean()) < 2e-3


def test_jobs_in_batches() -> None:
    jobs = [loop.Job(0, index, list(range(index - 2, index + 3))) for index in range(2, 9)]
    assert [len(some) for some in loop.in_batches(jobs, 3)] == [3, 3, 1]
    assert loop.joined(jobs[:2]) == [0, 1, 2, 3, 4, 1, 2, 3, 4, 5]


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
