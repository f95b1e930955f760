"""Small trainings for tests: clips, options, what is compared of two of them, and trainers that only count.

A counting trainer has stand-ins for what costs: a network whose weights count its steps, batches that say their loss,
scores by the weights.
"""

import json
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vsrlib.common.files import read_json
from vsrlib.data.clips import write_clip
from vsrlib.data.synthetic.clips import embedded_clips
from vsrlib.networks.architecture import PARTS, NetworkConfig
from vsrlib.networks.distributed import ALONE, Batch, Team
from vsrlib.networks.weights import weights_file
from vsrlib.training import train, trainer
from vsrlib.training.options import Schedule, TrainOptions
from vsrlib.training.trainer import Trainer, Watch

TINY = {
    "steps": 4,
    "batch_size": 1,
    "patch_size": 16,
    "learning_rate": 1e-3,
    "validate_every": 2,
    "blur": "Gaussian",
    "device": "cpu",
}

SMALL = NetworkConfig(4, 1, 1, (2,) * 6, (2,) * 5, (2,) * 6, kernel_features=16, kernel_hidden=8)
"""A network that costs next to nothing, to be put in the place of a preset."""

BAD = math.nan
"""The loss of a batch for a counting trainer, whose step is then not taken."""

LOSSES = [8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0]
PSNR = [20.0, 22.0, 21.0, 23.0, 21.5, 24.0, 21.25, 21.0]
CYCLE = [0.5, 0.5, 0.25, 0.75, 0.75, 0.125, 0.75, 0.75]
"""Of the batches for a counting trainer; and its scores, by how many steps its weights have counted."""

COUNTED = {
    "framework": "torch",
    "blur": "Gaussian",
    "preset": "study",
    "objective": "supervised",
    "learning_rate": 0.5,
    "flow_learning_rate": 0.25,
    "clip_value": 3.0,
    "clip_norm": 4.0,
    "ema": 0.0,
    "patience": 0,
}

COUNTER = "in_conv.weight"


def make_clips(root: Path) -> Path:
    """A training clip and a validation clip of 64 x 96 pixels below `root`."""
    for split, frames in (("train", 7), ("validation", 5)):
        for clip in embedded_clips(split, frames, (64, 96), seed=0, count=1):
            write_clip(root / split / clip.name, clip)
    return root


def noise(frames: int = 6, height: int = 96, width: int = 112, seed: int = 0) -> np.ndarray:
    """Frames (N, H, W, 3) uint8 of noise."""
    return np.random.default_rng(seed).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)


def count_calls(monkeypatch: pytest.MonkeyPatch, module: object, name: str, calls: list[int]) -> None:
    """Have every call of a module's function add to `calls`."""
    untouched = getattr(module, name)
    monkeypatch.setattr(module, name, lambda *given: calls.append(1) or untouched(*given))


def run(framework: str, clips: Path, output: Path, watch: Watch | None = None, **changes: Any) -> dict[str, Any]:
    """Train on `make_clips`."""
    options = TrainOptions(**{"framework": framework, **TINY, **changes})
    return train.train(clips / "train", clips / "validation", output, options, progress=False, watch=watch)


def log(output: Path) -> list[dict[str, Any]]:
    """The lines of a training's log."""
    return [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]


def outcome(output: Path) -> dict[str, Any]:
    """All that two equal trainings have in common: times, and whether they were interrupted, are left out."""
    result = read_json(output / "train.json")
    timed = {
        "seconds",
        "seconds_per_step",
        "wait_seconds",
        "resumed",
        "peak_memory_mib",
        "import_memory_mib",
        "provenance",
    }
    lines = [{name: value for name, value in entry.items() if "seconds" not in name} for entry in log(output)]
    return {name: value for name, value in result.items() if name not in timed} | {"lines": lines}


def weights(output: Path) -> dict[str, dict[str, np.ndarray]]:
    """Every weights file of a training."""
    return {path.name: weights_file.read(path) for path in sorted(output.glob("weights*.safetensors"))}


def same_weights(a: Path, b: Path) -> None:
    """Assert that two trainings left the same weights, to the bit."""
    ours, theirs = weights(a), weights(b)
    assert list(ours) == list(theirs) and ours
    for file, values in ours.items():
        for name, value in values.items():
            assert value.tobytes() == theirs[file][name].tobytes(), f"{file}: {name}"


class CountingOptimiser:
    """Remembers what it is told; its moment is the number of its updates."""

    def __init__(self, *made_with: Any) -> None:
        self.made_with, self.updates = made_with[1:], 0
        self.rates: list[list[float]] = []
        self.taken: list[tuple[Any, ...]] = []

    def set_rates(self, rates: list[float]) -> None:
        self.rates.append(rates)

    def state(self) -> tuple[dict[str, np.ndarray], int]:
        return {f"first.{COUNTER}": np.full(2, self.updates, np.float32)}, self.updates

    def load(self, arrays: dict[str, np.ndarray], updates: int) -> None:
        assert arrays[f"first.{COUNTER}"].tolist() == [updates] * 2
        self.updates = updates


class CountingNetwork:
    """One weight in each part, to which a step adds 1."""

    module, device, blur = None, "cpu", "a blur"
    config = SimpleNamespace(align_corners=False)
    backend = SimpleNamespace(Optimiser=CountingOptimiser, ops=None)

    def __init__(self) -> None:
        self.values = {f"{part}.weight": np.zeros(2, np.float32) for part in PARTS}

    def state(self) -> dict[str, np.ndarray]:
        return {name: value.copy() for name, value in self.values.items()}

    def load(self, values: dict[str, np.ndarray]) -> None:
        self.values = {name: value.copy() for name, value in values.items()}

    def convolution(self) -> str:
        return "a convolution"

    def conditions(self) -> dict[str, Any]:
        return {"device": "a CPU"}

    def peak_device_memory(self) -> None:
        return None


class LossStream:
    """A batch for each loss, made in two seconds."""

    epoch = 3

    def __init__(self, losses: list[float], clock: list[float]) -> None:
        self.losses, self.shown, self.clock = losses, 0, clock

    def __next__(self) -> Batch:
        self.clock[0] += 2
        self.shown += 1
        return Batch(np.array([self.losses[self.shown - 1]]), digest=f"batch {self.shown}")

    def state(self) -> dict[str, int]:
        return {"shown": self.shown}

    def restore(self, state: dict[str, int]) -> None:
        self.shown = state["shown"]


class CountedScores:
    """A validation set that scores by what the weights have counted; `of` has that of every validation."""

    seen, bicubic = None, 19.0

    def __init__(self, psnr: list[float], cycle: list[float]) -> None:
        self.psnr, self.cycle = psnr, cycle
        self.of: list[float] = []

    def scores(self, network: CountingNetwork) -> dict[str, float]:
        self.of.append(float(network.values[COUNTER][0]))
        count = math.ceil(self.of[-1])
        return {"psnr": self.psnr[count], "cycle": self.cycle[count]}


def counting_trainers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Trainer]:
    """What makes counting trainers, whose outputs lie in `folder`; a step takes half a second after its batch.

    Losses, scores, schedule, team and whom it tells may be given, and other options.
    """
    clock = [100.0]

    def take(network: CountingNetwork, optimiser: CountingOptimiser, *told: Any) -> tuple[bool, dict[str, float]]:
        clock[0] += 0.5
        optimiser.taken.append(told)
        loss = float(told[1].low[0])
        if not math.isnan(loss):
            network.load({name: value + 1 for name, value in network.values.items()})
            optimiser.updates += 1
        return not math.isnan(loss), {"total": loss}

    def make(
        losses: list[float] = LOSSES,
        steps: int = 6,
        halve_every: int = 0,
        validate_every: int = 0,
        psnr: list[float] = PSNR,
        cycle: list[float] = CYCLE,
        team: Team = ALONE,
        output: str = "run",
        **others: Any,
    ) -> Trainer:
        told = {name: others.pop(name, None) for name in ("watch", "supervision", "events")}
        validation: Any = CountedScores(psnr, cycle) if team.rank == 0 else None
        network: Any = CountingNetwork()
        stream: Any = LossStream(losses, clock)
        schedule = Schedule(steps, halve_every, validate_every)
        return Trainer(network, COUNTED | others, schedule, stream, validation, folder / output, team, **told)

    monkeypatch.setattr(trainer, "take_step", take)
    monkeypatch.setattr(trainer, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    return make
