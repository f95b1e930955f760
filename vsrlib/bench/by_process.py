"""What fresh processes measure in turns: a frame by two clocks, the correlation kernels, and image output.

The layout of its memory, and whatever else falls to a process once, all its repeats share. So the unit of every
interval here is a process, and one value of it the median of a few repeats. `measure` and `output.parts` run in
processes of their own; the rest asks for them and puts together what they answer.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from vsrlib.bench import correlation
from vsrlib.bench.inputs import MovingTexture
from vsrlib.bench.options import NUMPY, Options
from vsrlib.bench.worker import ask
from vsrlib.common.errors import UserError
from vsrlib.common.names import FRAMEWORKS, NAMES
from vsrlib.common.numbers import median_interval
from vsrlib.kernels import jittor_env
from vsrlib.networks.network import Network
from vsrlib.restoration import engines
from vsrlib.restoration.timing import PARTS, time_both_ways

UNIT = "process"
ENGINES = ("reference", "streaming")
"""The published algorithm, and the engine that restores."""
CLOCKS = ("as_reported", "synchronised")
MEASURED = (*PARTS, "total")
REPORTED_LR = (180, 320)
"""(height, width) of the earlier report's LR frames, pixels; its HR frames are 1280x720."""

Answer = dict[str, Any]
"""A worker's: {"conditions", "result", "load_average"}, or {"failed": reason}."""
Seconds = dict[str, dict[str, float]]
"""Of one frame in one process: clock -> one of MEASURED -> seconds."""


# In a process of its own


def measure(options: Options, network: Network, kernels: bool) -> dict[str, Any]:
    """One process's part: {"frames": {engine: medians of its frame's seconds, by both clocks of `restoration.timing`},
    "convolution": {engine: whose}, "correlation": `correlation.in_one_frame`, or None without `kernels`}.
    """
    clip, truth = MovingTexture(options.size), MovingTexture(options.high).frame(0)
    window, repeats = clip.stack(0), options.repeats
    reference = time_both_ways(network, window, truth, repeats)
    found = correlation.in_one_frame(options, network) if kernels else None
    # Made last: it sets the allocation of the whole process, and the sliding window has the C library's own.
    convolution = network.convolution()
    moving = cast(Network, Moving(network, engines.make("streaming", network, convolution), clip))
    streaming = time_both_ways(moving, window[:1], truth, repeats)
    return {
        "frames": dict(zip(ENGINES, (_medians(reference), _medians(streaming)), strict=True)),
        "convolution": dict(zip(ENGINES, ("framework", convolution), strict=True)),
        "correlation": found,
    }


class Moving:
    """An engine in the place of the network that `time_both_ways` times: each upload is the clip's next window.

    What it is given to upload is not looked at: an engine that remembers frames would find nothing to do in a second
    window of the same ones.
    """

    def __init__(self, network: Network, engine: engines.Engine, clip: MovingTexture) -> None:
        self.synchronise, self.download = network.synchronise, network.download
        self._engine, self._clip, self._turn = engine, clip, 0
        self._engine.reset()

    def upload(self, window: np.ndarray) -> None:
        """Upload the next window."""
        self._engine.upload(*self._clip.window(self._turn))
        self._turn += 1

    def run(self, window: None) -> dict[str, Any]:
        """Start its restoration."""
        return {"recons": self._engine.run()}


def _medians(found: dict[str, Any]) -> Seconds:
    parts = {
        clock: found[clock] | {"total": np.sum([found[clock][part] for part in PARTS], axis=0)} for clock in CLOCKS
    }
    return {clock: {part: float(np.median(one[part])) for part in MEASURED} for clock, one in parts.items()}


# Processes in turns


def in_turns(asks: Mapping[str, Callable[[int], Answer]], count: int) -> dict[str, list[Answer]]:
    """What each answers in turns 0 to count - 1, one process after the other: {name: answers in the order of turns}."""
    found: dict[str, list[Answer]] = {name: [] for name in asks}
    for turn in range(count):
        for name, one in asks.items():
            print(f"{name}, process {turn + 1} of {count} ...", flush=True)
            found[name].append(one(turn))
    return found


def require_usable(frameworks: Iterable[str]) -> None:
    """UserError for a framework that cannot be used here; Jittor is built where it is not built yet."""
    for framework in frameworks:
        reason = jittor_env.why_not(framework)
        if reason is not None:
            raise UserError(
                f"{NAMES[framework]} is needed and cannot be used here, because {reason}: run vsrlib doctor."
            )


def asks_for_frames(framework: str, options: Options, kernels: bool = False) -> Callable[[int], Answer]:
    """What asks a process of that framework for `measure`."""
    return lambda turn: ask("by_process.measure", framework, options, kernels=kernels)


def asks_for_output(options: Options) -> Callable[[int], Answer]:
    """What asks a process for the parts of image output at the earlier report's size; it needs no framework."""
    return lambda turn: ask("output.parts", NUMPY, replace(options, size=REPORTED_LR))


def over_processes(values: Iterable[float]) -> dict[str, Any]:
    """The median of one value per process, with its interval."""
    return median_interval(list(values), np.random.default_rng(0), UNIT)


def failures(answers: Sequence[Answer]) -> list[str]:
    """Why processes answered nothing, with their turns; these are in no figure."""
    return [f"process {turn + 1}: {one['failed']}" for turn, one in enumerate(answers) if "failed" in one]


def frames(answers: Mapping[str, Sequence[Answer]], engine: str) -> dict[str, Any]:
    """One engine's frame as the processes of each framework timed it (`measure`), paired by turn.

    Returns {framework: {"unseen_share" (of the synchronised forward time, what the call does not wait for),
    "waiting_seconds" (by which the earlier report's clock finds post-processing longer), "pre", "forward", "post" and
    "total" {clock: seconds}, "conditions", "failed"}, or {"skipped": reason} where no process answered;
    "ratio": {"forward" and "total" {clock: PyTorch's time over Jittor's}}, or {"skipped"};
    "same_framework": {framework: {"forward" and "total": {"low", "high"}}}, the smallest and the largest ratio of two
    processes' synchronised times, where there are two}.
    """
    of_turns = {
        framework: {turn: one["result"]["frames"][engine] for turn, one in enumerate(given) if "failed" not in one}
        for framework, given in answers.items()
    }
    found: dict[str, Any] = {
        framework: _of_framework(engine, list(seconds.values()), answers[framework])
        for framework, seconds in of_turns.items()
    }
    return found | {
        "ratio": _ratio(*(of_turns.get(framework, {}) for framework in FRAMEWORKS)),
        "same_framework": {
            framework: _spread(list(seconds.values())) for framework, seconds in of_turns.items() if len(seconds) > 1
        },
    }


def _of_framework(engine: str, seconds: list[Seconds], answers: Sequence[Answer]) -> dict[str, Any]:
    if not seconds:
        return {"skipped": answers[0]["failed"]}
    by_clock = {
        part: {clock: over_processes(one[clock][part] for one in seconds) for clock in CLOCKS} for part in MEASURED
    }
    first = next(one for one in answers if "failed" not in one)
    conditions = {name: first["conditions"][name] for name in ("device", "threads", "correlation")}
    return {
        "unseen_share": over_processes(
            1 - one["as_reported"]["forward"] / one["synchronised"]["forward"] for one in seconds
        ),
        "waiting_seconds": over_processes(one["as_reported"]["post"] - one["synchronised"]["post"] for one in seconds),
        **by_clock,
        "conditions": conditions | {"convolution": first["result"]["convolution"][engine]},
        "failed": failures(answers),
    }


def _ratio(torch: Mapping[int, Seconds], jittor: Mapping[int, Seconds]) -> dict[str, Any]:
    both = sorted(torch.keys() & jittor.keys())
    if not both:
        return {"skipped": "no turn has both frameworks"}
    return {
        part: {
            clock: over_processes(torch[turn][clock][part] / jittor[turn][clock][part] for turn in both)
            for clock in CLOCKS
        }
        for part in ("forward", "total")
    }


def _spread(seconds: list[Seconds]) -> dict[str, dict[str, float]]:
    found = {}
    for part in ("forward", "total"):
        values = [one["synchronised"][part] for one in seconds]
        found[part] = {"low": min(values) / max(values), "high": max(values) / min(values)}
    return found


def kernels_of(answers: Sequence[Answer]) -> dict[str, Any]:
    """The correlation kernels as processes of one framework timed them.

    {kernel: {"frame_seconds", "ratio" (to the other kernel with the smallest median), "share_of_frame",
    "gradient_error" (the largest), "zero_gradient"} or {"skipped": why it cannot be had}}, or {"skipped": reason} where
    no process answered. To another one, because a kernel's ratio to itself is 1 however far processes lie apart: where
    there is no other, the ratio has no value.
    """
    done = [one["result"]["correlation"] for one in answers if "failed" not in one]
    if not done:
        return {"skipped": answers[0]["failed"]}
    had = [name for name, one in done[0].items() if "skipped" not in one]
    taken = {name: np.array([one[name]["frame_seconds"] for one in done]) for name in had}
    found = dict(done[0])
    for name in had:
        others = [other for other in had if other != name]
        fastest = min(others, key=lambda other: float(np.median(taken[other])), default=None)
        found[name] = {
            "frame_seconds": over_processes(taken[name]),
            "ratio": over_processes([] if fastest is None else taken[name] / taken[fastest]),
            "share_of_frame": over_processes(one[name]["share_of_frame"] for one in done),
            "gradient_error": max(one[name]["gradient_error"] for one in done),
            "zero_gradient": any(one[name]["zero_gradient"] for one in done),
        }
    return found


# Image output


def image_output(answers: Sequence[Answer]) -> dict[str, Any]:
    """The earlier report's post-processing of one HR frame, as processes timed its parts (`output.parts`).

    {"hr_size", "png_share" and "ssim_share" (of PNG, PSNR and three times SSIM), "sum" (of these, seconds), "seconds":
    {part: seconds}, "failed"}, or {"skipped": reason}.
    """
    done = [one["result"] for one in answers if "failed" not in one]
    if not done:
        return {"skipped": answers[0]["failed"]}
    whole = [one["png"] + one["psnr"] + one["ssim_three_times"] for one in done]
    return {
        "hr_size": [4 * side for side in REPORTED_LR],
        "png_share": over_processes(one["png"] / all_of for one, all_of in zip(done, whole)),
        "ssim_share": over_processes(one["ssim_three_times"] / all_of for one, all_of in zip(done, whole)),
        "sum": over_processes(whole),
        "seconds": {part: over_processes(one[part] for one in done) for part in done[0]},
        "failed": failures(answers),
    }
