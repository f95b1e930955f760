"""Restoring at a lower precision: what is rounded, by how much, and that nothing else is; and who refuses it."""

import shlex
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vsrlib import cli
from vsrlib.claims import comparison, every_pair, results
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json
from vsrlib.data.clips import Clip, write_clip
from vsrlib.data.degradation import blur_down
from vsrlib.data.degrade import clip_kernel
from vsrlib.data.scenes import packaged_scenes
from vsrlib.networks import load_network
from vsrlib.networks.network import Network
from vsrlib.restoration import engines
from vsrlib.restoration.options import InferOptions

torch = pytest.importorskip("torch")
torch_precision = pytest.importorskip("vsrlib.networks.torch_precision")
rounded_engine = pytest.importorskip("vsrlib.restoration.rounded_engine")


@pytest.fixture(scope="module")
def low() -> dict[int, np.ndarray]:
    """A filmed scene with motion as the network takes it."""
    scene = next(one for one in packaged_scenes() if one.name == "carphone")
    kernel, _ = clip_kernel("Gaussian", 0, scene.name)
    return {index: blur_down(frame, kernel) for index, frame in enumerate(scene.load())}


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network("torch", "study-gaussian", device="cpu")


def restored(engine: engines.Engine, low: dict[int, np.ndarray]) -> Any:
    engine.reset()
    engine.upload(range(5), low)
    return engine.run()


def test_a_frame_in_bfloat16_is_near_the_one_in_float32(network: Network, low: dict[int, np.ndarray]) -> None:
    """A thousandth of the range or so, as 8 bits of mantissa let expect, and far less than what is restored."""
    exact = restored(engines.make("streaming", network), low)
    found = restored(rounded_engine.InBfloat16(network, 0), low)
    base = network.module.base(network.tensor(np.moveaxis(low[2], 2, 0)[None] / np.float32(255)))
    assert found.dtype == torch.float32 and found.shape == exact.shape
    error, residual = (float((one - other).square().mean().sqrt()) for one, other in ((found, exact), (base, exact)))
    assert 1e-5 < error < 0.02 * residual and error < 2e-3


def test_every_convolution_that_reconstructs_is_rounded_and_no_other(
    network: Network, low: dict[int, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the type that each convolution of a frame returns: 2 before and in the extra blocks, fusion, blocks, tail."""
    types: list[Any] = []
    convolve = torch.nn.functional.conv2d

    def watched(*given: Any, **more: Any) -> Any:
        types.append((convolve(*given, **more)).dtype)
        return convolve(*given, **more)

    monkeypatch.setattr(torch.nn.functional, "conv2d", watched)
    found = []
    for engine in (engines.make("streaming", network), rounded_engine.InBfloat16(network, 0)):
        types.clear()
        restored(engine, low)
        found.append(list(types))
    exact, rounded = found
    config, frames = network.config, 5
    own = frames * (1 + 2 * config.extra_blocks) + frames + 2 * config.recons_blocks + 9  # the tail's nine kernels
    assert exact == [torch.float32] * len(exact) and len(rounded) == len(exact)
    assert rounded.count(torch.bfloat16) == own and rounded.count(torch.float32) == len(exact) - own


def test_flows_and_warps_are_those_of_float32(
    network: Network, low: dict[int, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the bit, and what is warped is the rounded features in float32."""
    pairs = []
    for make in (lambda: engines.make("streaming", network), lambda: rounded_engine.InBfloat16(network, 0)):
        warped: list[Any] = []
        warp = network.module.warp
        with monkeypatch.context() as patch:
            patch.setattr(
                network.module, "warp", lambda x, flow, warp=warp, seen=warped: seen.append((x, flow)) or warp(x, flow)
            )
            restored(make(), low)
        pairs.append(warped)
    assert len(pairs[0]) == len(pairs[1]) == 4
    for (exact, flow), (features, same) in zip(*pairs):
        assert torch.equal(flow, same) and features.dtype == torch.float32
        assert not torch.equal(exact, features) and torch.allclose(
            exact, features, atol=0.05 * float(exact.abs().max())
        )


def test_tiles_and_estimated_kernels(network: Network, low: dict[int, np.ndarray]) -> None:
    whole, tiled = rounded_engine.InBfloat16(network, 0), rounded_engine.InBfloat16(network, tile=16)
    difference = (restored(whole, low) - restored(tiled, low)).abs()
    assert float(difference.max()) < 0.02 and float(difference.mean()) < 1e-4
    exact = engines.make("streaming", network)
    restored(exact, low)
    assert torch.equal(whole.kernel(), exact.kernel())


def test_the_command_restores_in_bfloat16_and_its_result_is_not_compared(
    low: dict[int, np.ndarray], tmp_path: Path
) -> None:
    write_clip(tmp_path / "low" / "a", Clip("a", np.stack(list(low.values()))))
    line = f"infer {tmp_path}/low {tmp_path}/out --weights study-gaussian --device cpu --precision "
    assert cli.main(shlex.split(line + "bfloat16 --blur Gaussian")) == 0
    found = read_json(tmp_path / "out" / "inference.json")
    assert found["precision"] == "bfloat16" and found["convolution"] == "framework"
    for compare in (comparison.compare, partial(every_pair.compare, parity_files=[])):
        with pytest.raises(
            UserError, match="made with precision bfloat16, and frameworks are compared with precision float32"
        ):
            compare([tmp_path / "out" / "inference.json"], [], output=tmp_path / "compared")
    assert results.collect([tmp_path / "out" / "inference.json"], tmp_path, ())  # it may be looked at


@pytest.mark.parametrize(
    "asked, words",
    [
        ({"precision": "bfloat16", "framework": "jittor"}, "framework is jittor, which computes in float32 alone"),
        ({"precision": "tf32", "framework": "onnx"}, "framework is onnx, which computes in float32 alone"),
        ({"precision": "bfloat16", "engine": "cached"}, 'the engine "cached" is a baseline'),
        ({"precision": "bfloat16", "convolution": "winograd"}, "convolution is winograd, which computes in float32"),
        ({"precision": "bfloat16", "timing_repeats": 3}, "times the published algorithm, in float32"),
        ({"precision": "float16"}, "choose one of: float32, tf32, bfloat16"),
    ],
)
def test_what_cannot_be_had_is_said(asked: dict[str, str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        InferOptions(**asked)


def test_tf32_is_for_gpus_alone(low: dict[int, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backends = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [one.allow_tf32 for one in backends]
    try:
        for one in backends:
            one.allow_tf32 = False
        with pytest.raises(UserError, match="runs on the device cpu, which has no such numbers; give float32"):
            torch_precision.allow_tf32("cpu")
        assert not any(one.allow_tf32 for one in backends)
        torch_precision.allow_tf32("cuda")
        assert all(one.allow_tf32 for one in backends)
    finally:
        for one, allowed in zip(backends, before):
            one.allow_tf32 = allowed
    write_clip(tmp_path / "low" / "a", Clip("a", np.stack(list(low.values()))))
    line = f"infer {tmp_path}/low {tmp_path}/out --weights study-gaussian --device cpu --precision tf32"
    assert cli.main(shlex.split(line)) == 2 and not (tmp_path / "out").exists()
    assert "precision is tf32 and the network runs on the device cpu" in capsys.readouterr().err
