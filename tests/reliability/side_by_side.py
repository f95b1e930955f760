"""Two builds of the library side by side on one machine: how long each takes for the same work, and what it holds.

    python tests/reliability/side_by_side.py OLD NEW OUTPUT [ROUNDS]

OLD and NEW are checkouts, e.g. a `git worktree` of an earlier commit and a clean clone. Every measurement is made by
processes of their own, of both builds in turns; who begins changes from round to round. A process gives its median, in
seconds of the processor and of the wall; a ratio is old / new of one round, the median over rounds with its bootstrap
interval. OUTPUT/speed.json and OUTPUT/speed.md. It asserts nothing.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SIDES = ("old", "new")
SETS = {
    "convolution 128 to 128, 180x320": ("convolution", "torch", "published", 180, 320, 1),
    "streaming frame, published, 180x320, PyTorch": ("frame", "torch", "published", 180, 320, 1),
    "streaming frame, published, 180x320, PyTorch, two threads": ("frame", "torch", "published", 180, 320, 2),
    "streaming frame, published, 180x320, Jittor": ("frame", "jittor", "published", 180, 320, 1),
    "four flows, published, 180x320, PyTorch": ("flows", "torch", "published", 180, 320, 1),
    "streaming frame, study, 64x96, PyTorch": ("frame", "torch", "study", 64, 96, 1),
    "streaming frame, study, 180x320, PyTorch": ("frame", "torch", "study", 180, 320, 1),
    "training step, study, PyTorch": ("step", "torch", "study", 64, 64, 1),
    "training step, study, Jittor": ("step", "jittor", "study", 64, 64, 1),
}
"""What is measured: the work, the framework, the preset, the LR frame's height and width, and threads."""

Work = Callable[[int], Any]


def measure(work: str, framework: str, preset: str, height: int, width: int) -> dict[str, Any]:
    """One process's answer: medians of "cpu" and "wall" seconds, and "peak_mib", of the build that is on the path."""
    from vsrlib.common import memory, provenance
    from vsrlib.networks import load_network

    network = load_network(framework, preset=preset, device="cpu")
    call, count, found = WORKS[work](network, (height, width))
    taken: dict[str, list[float]] = {"cpu": [], "wall": []}
    for turn in range(count + 2):
        begin = time.process_time(), time.perf_counter()
        call(turn)
        for name, now, before in zip(taken, (time.process_time(), time.perf_counter()), begin):
            taken[name].append(now - before)
    medians = {name: statistics.median(values[2:]) for name, values in taken.items()}  # two to get warm
    origin = provenance.collect()
    return medians | found | {"peak_mib": memory.peak_mib(), "origin": {key: origin[key] for key in _ORIGIN}}


_ORIGIN = ("commit", "dirty", "versions", "machine")


def convolution(network: Any, size: tuple[int, int]) -> tuple[Work, int, dict[str, Any]]:
    """A convolution of all features; also how far it is from float64, relative to the largest output."""
    import torch

    from vsrlib.kernels import torch_cpp, winograd

    features = network.config.features
    rng = np.random.default_rng(0)
    x = rng.standard_normal((features, *size)).astype(np.float32)
    weight = (rng.standard_normal((features, features, 3, 3)) / np.sqrt(9 * features)).astype(np.float32)
    bias = np.zeros(features, np.float32)
    tensors = [network.tensor(winograd.transformed(weight)), network.tensor(bias)]
    last = torch_cpp.channels_last(network.tensor(x[None]))
    several = hasattr(winograd, "LINEAR")  # the earlier build takes one image, not parts of several

    def call(turn: int) -> Any:
        return torch_cpp.convolve([last] if several else last, *tensors)

    exact = torch.nn.functional.conv2d(torch.tensor(x[None, :, :34, :34]).double(), torch.tensor(weight).double())
    ours = torch_cpp.channels_first(call(0))[:, :, 1:33, 1:33].double()
    return call, 15, {"error": float((ours - exact).abs().max() / exact.abs().max())}


def engine_of(network: Any, size: tuple[int, int]) -> tuple[Any, Callable[[int], None]]:
    """The streaming engine, and what gives it the window of a turn."""
    from vsrlib.bench.inputs import MovingTexture
    from vsrlib.restoration import engines

    clip, engine = MovingTexture(size), engines.make("streaming", network, "winograd")
    return engine, lambda turn: engine.upload(*clip.window(turn))


def frame(network: Any, size: tuple[int, int]) -> tuple[Work, int, dict[str, Any]]:
    """The next frame of a clip."""
    engine, upload = engine_of(network, size)

    def call(turn: int) -> Any:
        upload(turn)
        return network.download(engine.run())

    return call, 3 if network.config.features > 32 else 9, {}


def flows(network: Any, size: tuple[int, int]) -> tuple[Work, int, dict[str, Any]]:
    """The four flows of one window."""
    engine, upload = engine_of(network, size)
    upload(0)
    engine.run()

    def call(turn: int) -> Any:
        with network.backend.no_grad():
            return [network.download(flow) for flow in engine._flows()]

    return call, 9, {}


def step(network: Any, size: tuple[int, int]) -> tuple[Work, int, dict[str, Any]]:
    """A training step of two windows."""
    from vsrlib.bench.step import _batch
    from vsrlib.training.step import take_step

    optimiser, batch = network.backend.Optimiser(network.module, [(list(network.state()), 1e-4)]), _batch()
    return lambda turn: take_step(network, optimiser, "self-supervised", batch), 9, {}


WORKS = {"convolution": convolution, "frame": frame, "flows": flows, "step": step}


def ask(tree: Path, task: tuple[Any, ...]) -> dict[str, Any]:
    """What `measure` finds with the build in this tree, in a process of its own."""
    *of_work, threads = task
    environment = os.environ | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, __file__, "--worker", json.dumps(of_work)]
    done = subprocess.run(command, env=environment, cwd=tree, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def compared(answers: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """What processes of both builds answered, with the ratio of each clock."""
    from vsrlib.common.numbers import median_interval

    found: dict[str, Any] = {
        side: {key: statistics.median(one[key] for one in of_side) for key in of_side[0] if key != "origin"}
        for side, of_side in answers.items()
    }
    for clock in ("cpu", "wall"):
        values = [{key: one[key] for key in ("cpu", "wall")} for one in answers["old"]]
        ratios = [old[clock] / new[clock] for old, new in zip(values, answers["new"], strict=True)]
        found[f"{clock}_ratio"] = median_interval(ratios, np.random.default_rng(0), "process")
    return found | {"processes": {side: [one["cpu"] for one in of_side] for side, of_side in answers.items()}}


def table(result: dict[str, Any]) -> str:
    """The result in Markdown."""
    from vsrlib.common.numbers import interval, markdown, number, significant

    rows = []
    for name, found in result["measurements"].items():
        sides = [f"{significant(found[side]['cpu'])} ({significant(found[side]['wall'])})" for side in SIDES]
        memory = " / ".join(number(found[side]["peak_mib"], 0) for side in SIDES)
        rows.append([name, *sides, interval(found["cpu_ratio"], 2), interval(found["wall_ratio"], 2), memory])
    commits = " and ".join(f"{side} {result['builds'][side]['commit'][:12]}" for side in SIDES)
    header = ["work", *(f"{side}: s of the processor (wall)" for side in SIDES)]
    header += ["old / new, processor", "old / new, wall", "peak MiB, old / new"]
    return (
        f"# Two builds side by side\n\n{commits} on {result['builds']['new']['machine']['processor']}, "
        f"{result['rounds']} processes of each in turns; load average {result['load_average'][0]:.1f} at the end.\n\n"
        f"{markdown(header, rows)}\n"
    )


def main(old: str, new: str, output: str, rounds: str = "6") -> None:
    """Measure, and write both files after each measurement."""
    from vsrlib.common.files import atomic_path, write_json

    trees = dict(zip(SIDES, (Path(old).resolve(), Path(new).resolve())))
    result: dict[str, Any] = {"rounds": int(rounds), "measurements": {}, "builds": {}}
    for name, task in SETS.items():
        answers: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
        for turn in range(int(rounds)):
            for side in SIDES[:: -1 if turn % 2 else 1]:
                answers[side].append(ask(trees[side], task))
        result["measurements"][name] = compared(answers)
        result["builds"] = {side: answers[side][0]["origin"] for side in SIDES}
        result["load_average"] = os.getloadavg()
        write_json(Path(output) / "speed.json", result)
        with atomic_path(Path(output) / "speed.md") as path:
            path.write_text(table(result), encoding="utf-8")
        print(f"{name}: {result['measurements'][name]['cpu_ratio']}", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "--worker":
        print(json.dumps(measure(*json.loads(sys.argv[2]))))
    else:
        main(*sys.argv[1:])
