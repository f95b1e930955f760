"""The suite "peers": ONNX Runtime as it is, and OpenVINO through a stand-in that says what it was told."""

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vsrlib.bench import peers
from vsrlib.bench.options import Options
from vsrlib.networks import load_network
from vsrlib.networks.network import Network
from vsrlib.networks.onnx_net import FRAMES, RECONS

pytest.importorskip("onnxruntime")
OPTIONS = Options(preset="study", size=(16, 24), repeats=3, seconds=0)


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network("torch", preset="study", device="cpu")


def test_what_is_not_installed_is_named(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)  # as though it were not there
    (found,) = peers.measure(OPTIONS, network)
    assert list(found["variants"]) == ["sliding window", "ONNX Runtime", "ONNX Runtime, streaming", "streaming"]
    assert all("pip install openvino" in reason for reason in found["skipped"].values()) and len(found["skipped"]) == 2
    assert all(check["largest_difference"] < 1e-5 for check in found["checks"].values())


def test_openvino_is_measured_both_ways(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in rounds where it is not told otherwise, as OpenVINO does on a processor with bfloat16."""
    told = []

    def compile_model(model: bytes, device: str, hints: dict[str, Any]) -> Any:
        told.append((model[:0], device, hints))
        error = 0 if hints.get("INFERENCE_PRECISION_HINT") == "f32" else 0.04
        return lambda inputs: {RECONS: network.infer(inputs[FRAMES])["recons"][None] + np.float32(error)}

    core = SimpleNamespace(read_model=lambda model: model, compile_model=compile_model)
    monkeypatch.setitem(sys.modules, "openvino", SimpleNamespace(Core=lambda: core))
    (found,) = peers.measure(OPTIONS, network)
    assert not found["skipped"]
    checks = {name: check["largest_difference"] for name, check in found["checks"].items()}
    assert checks["OpenVINO, float32"] < 1e-5 and checks["OpenVINO, as it comes"] == pytest.approx(0.04, rel=1e-3)
    assert [(model, device) for model, device, _ in told] == [(b"", "CPU")] * 2
    assert [hints["INFERENCE_NUM_THREADS"] for *_, hints in told] == [network.backend.threads()] * 2
