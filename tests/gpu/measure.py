"""What only a GPU can show: is everything CUDA right, how fast, at what precision, and in how much memory.

Run by `run.sh`. Every part is tried, and one that breaks off is written down as that: then the exit status is 1.
Nothing here asserts a time.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vsrlib.bench import correlation, engines
from vsrlib.bench.inputs import MovingTexture
from vsrlib.bench.options import Options
from vsrlib.common import provenance
from vsrlib.common.files import atomic_path, write_json
from vsrlib.common.names import BFLOAT16, PRECISIONS, TF32
from vsrlib.common.numbers import markdown
from vsrlib.data.clips import WINDOW
from vsrlib.data.frames import to_float
from vsrlib.kernels.correlation import reference
from vsrlib.networks import load_network
from vsrlib.networks.distributed import Batch
from vsrlib.networks.network import Network
from vsrlib.restoration.batched import Batched
from vsrlib.restoration.engines import Engine
from vsrlib.restoration.rounded_engine import InBfloat16
from vsrlib.training.step import take_step

Found = dict[str, Any]

_WARM = 2  # calls that are not timed


@dataclass(frozen=True)
class Plan:
    """How much is measured, and where."""

    device: str
    preset: str
    size: tuple[int, int]
    repeats: int
    seconds: float
    batches: tuple[int, ...]

    @property
    def options(self) -> Options:
        """For the suites of `vsrlib bench`."""
        return Options(
            frameworks=("torch",), preset=self.preset, size=self.size, repeats=self.repeats, seconds=self.seconds,
            device=self.device,
        )  # fmt: skip


FULL = Plan("cuda", "published", (180, 320), 10, 20, (1, 2, 4, 8))
DRY = Plan("cpu", "study", (16, 24), 3, 0, (1, 2))


def kernels(plan: Plan, network: Network) -> Found:
    """Each correlation kernel: how far its volume and both gradients are from float64, and that a frame uses it."""
    rng = np.random.default_rng(0)
    first, second = (rng.standard_normal((2, 37, 21, 45)).astype(np.float32) for _ in range(2))
    exact = reference(first.astype(np.float64), second.astype(np.float64))
    found = {}
    for name, kernel in correlation.available(network)[0].items():
        ours = network.download(kernel(network.tensor(first), network.tensor(second)))
        error = float(np.abs(ours - exact).max() / np.abs(exact).max())
        found[name] = {"volume_error": error, **correlation.gradients(network, kernel)}
    return {"kernels": found, "in_use": network.correlation}


def frames(plan: Plan, network: Network) -> Found:
    """The sliding window and the faster engines, with the clock that waits and with the one that does not."""
    found = {}
    for synchronised in (True, False):
        options = Options.from_json(plan.options.to_json() | {"synchronised": synchronised})
        (one,) = engines.measure(options, network)
        name = "synchronised" if synchronised else "not synchronised"
        found[name] = {"seconds": {key: value["median"] for key, value in one["variants"].items()}}
        found[name]["checks"] = one["checks"]
    return found


def precision(plan: Plan, network: Network) -> Found:
    """A streaming frame in TF32 and in bfloat16: its time, and in dB how far it is from the one in float32."""
    found: Found = {}
    exact = None
    for name in PRECISIONS:
        with _products_in_tf32(name == TF32):
            make = partial(InBfloat16, tile=0) if name == BFLOAT16 else partial(engines.make, "streaming")
            seconds = _seconds(_restorer(make(network), plan), network, plan)
            frame = network.download(_restorer(make(network), plan)(0))
        exact = frame if exact is None else exact
        error = float(np.mean((frame - exact) ** 2))
        found[name] = {"seconds": seconds, "psnr_to_float32": None if error == 0 else -10 * float(np.log10(error))}
    return found


def batches(plan: Plan, network: Network) -> Found:
    """Several windows at once, by the published algorithm and by the streaming engine, which uploads its frames within
    the time: seconds of a window, and how far each is from the published one of that window alone.
    """
    clip, found = MovingTexture(plan.size), {}
    stacks = [to_float(clip.stack(turn)) for turn in range(max(plan.batches))]
    with torch.no_grad():
        alone = [network.module.reconstruct(network.tensor(stack[None])) for stack in stacks]
        for count in plan.batches:
            windows = network.tensor(np.stack(stacks[:count]))
            seconds = _seconds(lambda turn, windows=windows: network.module.reconstruct(windows), network, plan)
            streaming = _restorer(Batched(network), plan, count)
            of_streaming = _seconds(streaming, network, plan)
            found[str(count)] = {
                "seconds_of_a_window": {"reference": seconds / count, "streaming": of_streaming / count},
                "largest_difference": {
                    "reference": _largest(alone, network.module.reconstruct(windows)),
                    "streaming": _largest(alone, streaming(0)),
                },
            }
    return found


def training(plan: Plan, network: Network) -> Found:
    """A step of two windows of 64x64, and the losses of the first one."""
    optimiser = network.backend.Optimiser(network.module, [(list(network.state()), 1e-4)])
    batch = Batch(np.stack([to_float(MovingTexture((64, 64), seed).stack(0)) for seed in range(2)]))
    _, losses = take_step(network, optimiser, "self-supervised", batch)
    assert all(np.isfinite(value) for value in losses.values()), losses
    return {"seconds": _seconds(lambda turn: take_step(network, optimiser, "self-supervised", batch), network, plan),
            "losses": losses}  # fmt: skip


def memory(plan: Plan, network: Network) -> Found:
    """The most that PyTorch held on the GPU while frames were restored, MiB; None on a CPU, where none is counted."""
    found = {}
    for name in ("reference", "streaming"):
        if plan.device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        for _ in engines.first_frames(engines.make(name, network), network, MovingTexture(plan.size)):
            pass
        peak = network.backend.peak_device_memory(network.device)
        found[name] = None if peak is None else peak / 2**20
    return found


PARTS: tuple[Callable[[Plan, Network], Found], ...] = (kernels, frames, precision, batches, memory, training)
"""In this order: the training, last, changes the network's weights."""


@contextmanager
def _products_in_tf32(wanted: bool) -> Iterator[None]:
    """Within it, products are in TF32 if that is wanted: as `--precision tf32` has it, but for the check of the device,
    because a CPU goes through this script, too, and changes nothing."""
    backends = (torch.backends.cuda.matmul, torch.backends.cudnn)
    for one in backends:
        one.allow_tf32 = wanted
    yield
    for one in backends:
        one.allow_tf32 = False


def _largest(alone: list[torch.Tensor], together: torch.Tensor) -> float:
    """The largest difference of the first frames to themselves alone."""
    return max(float((one - other).abs().max()) for one, other in zip(alone, together.split(1)))


def _restorer(engine: Engine, plan: Plan, count: int = 1) -> Callable[[int], torch.Tensor]:
    """What restores the next `count` frames of a clip at once."""
    clip = MovingTexture(plan.size)
    indices = range(count * (plan.repeats + _WARM) + WINDOW)
    frames = {index: clip.frame(index) for index in indices}  # made outside the time

    def restore(turn: int) -> torch.Tensor:
        begins = range(count * turn, count * (turn + 1))
        engine.upload([index for begin in begins for index in indices[begin : begin + WINDOW]], frames)
        return engine.run()

    return restore


def _seconds(call: Callable[[int], Any], network: Network, plan: Plan) -> float:
    """Median of a call, waited for, after `_WARM` ones."""
    taken, begun = [], time.perf_counter()
    for turn in range(_WARM + plan.repeats):
        network.synchronise()
        begin = time.perf_counter()
        call(turn)
        network.synchronise()
        taken.append(time.perf_counter() - begin)
        if turn >= _WARM + 2 and time.perf_counter() - begun > plan.seconds:
            break
    return statistics.median(taken[_WARM:])


def measure(plan: Plan) -> Found:
    """Every part's answer, or {"failed": why}, with the seconds that it took."""
    network = load_network("torch", preset=plan.preset, device=plan.device)
    found: Found = {"plan": plan.options.to_json(), "parts": {}}
    for part in PARTS:
        begin = time.perf_counter()
        try:
            answer = part(plan, network)
        except Exception as error:  # whatever it is, the other parts are wanted all the same
            answer = {"failed": f"{type(error).__name__}: {error}"}
        found["parts"][part.__name__] = answer | {"took_seconds": time.perf_counter() - begin}
        print(f"{part.__name__}: {answer.get('failed', 'done')}", flush=True)
    return found | {"conditions": network.conditions(), "cuda": torch.version.cuda, "provenance": provenance.collect()}


def table(found: Found) -> str:
    """All that was found, a line for each value."""
    machine = found["provenance"]["machine"]
    rows = [[part, *line] for part, answer in found["parts"].items() for line in _lines(answer, "")]
    about = f"GPU: {machine['gpu'] or 'none'}; CUDA {found['cuda'] or 'none'}; commit {found['provenance']['commit']}."
    return f"# On a GPU\n\n{about}\n\n{markdown(['part', 'what', 'value'], rows)}\n"


def _lines(value: Any, name: str) -> list[list[str]]:
    if isinstance(value, dict):
        return [line for key, one in value.items() for line in _lines(one, f"{name}, {key}" if name else key)]
    return [[name, f"{value:.3g}" if isinstance(value, float) else json.dumps(value)]]


def main(arguments: list[str]) -> int:
    """Measure and write the results."""
    plan = DRY if "--dry-run" in arguments else FULL
    output = Path(next((one for one in arguments if not one.startswith("--")), "figures/gpu"))
    found = measure(plan)
    write_json(output / "gpu.json", found)
    with atomic_path(output / "gpu.md") as path:
        path.write_text(table(found), encoding="utf-8")
    return 1 if any("failed" in part for part in found["parts"].values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
