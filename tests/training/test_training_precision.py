"""A training in bfloat16: what is rounded, how much, and that nothing else is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_fixture import SMALL, log, make_clips, run, same_weights

from vsrlib.common.errors import UserError
from vsrlib.networks import architecture, load_network
from vsrlib.networks.distributed import Batch
from vsrlib.networks.network import Network
from vsrlib.training.options import TrainOptions
from vsrlib.training.step import terms_of

torch = pytest.importorskip("torch")
torch_precision = pytest.importorskip("vsrlib.networks.torch_precision")

ROUNDED = {"precision": "bfloat16"}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(architecture.PRESETS, "study", SMALL)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clips(tmp_path_factory.mktemp("clips"))


def networks() -> tuple[Network, Network]:
    """The same network as it is, and in bfloat16."""
    whole, rounded = (load_network("torch", preset="study", device="cpu", seed=3) for _ in range(2))
    torch_precision.reconstruct_in_bfloat16(rounded.module)
    return whole, rounded


def batch() -> Batch:
    rng = np.random.default_rng(0)
    return Batch(rng.random((2, 5, 3, 32, 40), np.float32), rng.random((2, 3, 128, 160), np.float32))


def gradients(network: Network, objective: str) -> dict[str, Any]:
    """Those of a step, joined by part of the network."""
    terms_of(objective, network, batch())["total"].backward()
    parts: dict[str, list[Any]] = {}
    for name, value in network.module.named_parameters():
        if value.grad is not None:
            assert value.grad.dtype == torch.float32
            parts.setdefault(name.split(".")[0], []).append(value.grad.flatten())
    return {part: torch.cat(values) for part, values in parts.items()}


@pytest.mark.parametrize("objective", ["supervised", "self-supervised"])
def test_gradients_point_where_those_of_float32_do(objective: str) -> None:
    """And are the same to the bit where nothing is rounded on the way: the kernel network's, of a supervised step."""
    whole, rounded = (gradients(network, objective) for network in networks())
    assert whole.keys() == rounded.keys() == {*torch_precision.PARTS, "flow_net", "kernel_net"}
    for part, exact in whole.items():
        found = rounded[part]
        cosine = ((found * exact).sum() / (found.norm() * exact.norm())).item()
        assert cosine > 0.998 and 0.95 < (found.norm() / exact.norm()).item() < 1.05, part
        assert torch.equal(found, exact) == (part == "kernel_net" and objective == "supervised"), part


def test_without_gradients_nothing_is_rounded() -> None:
    whole, rounded = networks()
    frames = whole.tensor(batch().low)
    with torch.no_grad():
        assert torch.equal(whole.module.infer(frames)["recons"], rounded.module.infer(frames)["recons"])
    with_gradients = rounded.module.infer(frames)["recons"]
    assert with_gradients.dtype == torch.float32 and not torch.equal(
        with_gradients, whole.module.infer(frames)["recons"]
    )


def test_a_training_says_its_precision_and_validates_in_float32(clips: Path, tmp_path: Path) -> None:
    whole, rounded = run("torch", clips, tmp_path / "whole"), run("torch", clips, tmp_path / "rounded", **ROUNDED)
    assert (whole["precision"], rounded["precision"]) == ("float32", "bfloat16")
    assert whole["validation"][0] == rounded["validation"][0] and whole["batches"] == rounded["batches"]
    pairs = list(zip(log(tmp_path / "whole"), log(tmp_path / "rounded")))
    assert all(one["total"] == pytest.approx(other["total"], rel=0.01) for one, other in pairs)
    assert any(one["total"] != other["total"] for one, other in pairs)


def test_it_goes_on_to_the_bit_and_in_its_own_precision_alone(clips: Path, tmp_path: Path) -> None:
    run("torch", clips, tmp_path / "whole", **ROUNDED)
    run("torch", clips, tmp_path / "cut", **ROUNDED, steps=2)
    with pytest.raises(UserError, match="precision was 'bfloat16' and is 'float32'"):
        run("torch", clips, tmp_path / "cut", resume=True)
    run("torch", clips, tmp_path / "cut", **ROUNDED, resume=True)
    same_weights(tmp_path / "whole", tmp_path / "cut")


@pytest.mark.parametrize("other", ["jittor", "paddle"])
def test_the_other_frameworks_refuse_it(other: str) -> None:
    with pytest.raises(UserError, match=f"precision is bfloat16 and framework is {other}, .* give the framework torch"):
        TrainOptions(framework=other, **ROUNDED)
