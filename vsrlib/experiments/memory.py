"""Experiment E7 of the protocol: what does a sample more take in memory?

The peak of a process that takes one training step holds what importing the framework takes, too; the slope of the peaks
over batch sizes does not. No two of these processes run at once.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.bench.by_process import UNIT, Answer, failures, over_processes, require_usable
from vsrlib.bench.memory import TRAINING
from vsrlib.bench.options import Options
from vsrlib.bench.worker import ask
from vsrlib.common.names import FRAMEWORKS, NAMES
from vsrlib.common.numbers import counted, markdown, significant
from vsrlib.common.parts import Parts
from vsrlib.experiments.options import MemoryOptions

RESULT = "memory.json"
COMPILED = "jittor"
"""The framework that compiles its operations at their first use."""


def memory(output: Path, options: MemoryOptions) -> dict[str, Any]:
    """Take the steps, and write OUTPUT/memory.json, which is returned; what is done is kept in OUTPUT/parts.

    A process that breaks off is named in the result, and its repeat of that framework has no slope. UserError where a
    framework cannot be used.
    """
    output = Path(output)
    require_usable(FRAMEWORKS)
    parts = Parts(output, {"experiment": "memory", **options.to_json()})
    answers: dict[str, dict[int, list[Answer]]] = {
        name: {size: [] for size in options.batch_sizes} for name in FRAMEWORKS
    }
    for size in options.batch_sizes:
        # What Jittor compiles when it first meets a size must not be in the peak of a process that counts.
        parts.get(f"{COMPILED}, batch {size}, not counted", partial(_step, COMPILED, size, options))
    for turn in range(options.processes):
        for size in options.batch_sizes:
            for framework in FRAMEWORKS:
                name = f"{framework}, batch {size}, process {turn + 1} of {options.processes}"
                print(f"{name} ...", flush=True)
                answers[framework][size].append(parts.get(name, partial(_step, framework, size, options)))
    result = {
        "experiment": "memory",
        "question": "What does a sample more take in memory?",
        "unit": UNIT,
        "n": options.processes,
        "options": options.to_json(),
        **summary(answers),
    }
    return parts.finish(output / RESULT, result)


def _step(framework: str, size: int, options: MemoryOptions) -> Answer:
    side = options.patch_size
    wanted = Options(frameworks=(framework,), preset=options.preset, size=(side, side), threads=options.threads)
    return ask("memory.of_work", framework, wanted, work=TRAINING, batch=size, turns=1)


def summary(answers: dict[str, dict[int, list[Answer]]]) -> dict[str, Any]:
    """What the processes of each framework and batch size say, repeat by repeat.

    Returns {"peak_mib": {framework: {batch size: of each process, None where it broke off}}, "slope_mib" (MiB a sample
    by least squares), "ratio" (Jittor's slope over PyTorch's in the same repeat; None without any), "failed"}; the
    former two have {"value" (median), "smallest", "largest", "n", ...} and "of_repeats".
    """
    peaks = {
        framework: {
            size: [None if "failed" in one else one["result"]["peak_mib"] for one in given]
            for size, given in by_size.items()
        }
        for framework, by_size in answers.items()
    }
    slopes = {framework: _slopes(by_size) for framework, by_size in peaks.items()}
    ratios = [
        None if torch is None or jittor is None else jittor / torch
        for torch, jittor in zip(*(slopes[framework] for framework in FRAMEWORKS), strict=True)
    ]
    return {
        "peak_mib": {
            framework: {str(size): values for size, values in by_size.items()} for framework, by_size in peaks.items()
        },
        "slope_mib": {framework: _of_repeats(values) for framework, values in slopes.items()},
        "ratio": _of_repeats(ratios),
        "failed": [
            f"{NAMES[framework]}, batch {size}, {reason}"
            for framework, by_size in answers.items()
            for size, given in by_size.items()
            for reason in failures(given)
        ],
    }


def _slopes(peaks: dict[int, list[float | None]]) -> list[float | None]:
    """Of each repeat, over the batch sizes; None where one of its processes broke off."""
    sizes = list(peaks)
    repeats = zip(*peaks.values(), strict=True)
    return [None if None in values else float(np.polyfit(sizes, values, 1)[0]) for values in repeats]


def _of_repeats(values: list[float | None]) -> dict[str, Any]:
    known = [value for value in values if value is not None]
    ends = {"smallest": min(known), "largest": max(known)} if known else {"smallest": None, "largest": None}
    return over_processes(known) | ends | {"of_repeats": values}


def table(result: dict[str, Any]) -> str:
    """The experiment in words and as Markdown tables."""
    asked = result["options"]
    side = 4 * asked["patch_size"]
    sizes = [str(size) for size in asked["batch_sizes"]]
    rows = [
        [
            NAMES[framework],
            *(_range(result["peak_mib"][framework][size]) for size in sizes),
            _words(result["slope_mib"][framework]),
        ]
        for framework in FRAMEWORKS
    ]
    lines = [
        "# What a sample more takes in memory",
        f"One training step of the {asked['preset']} network on the CPU, on samples of {side}x{side} HR pixels, each "
        f"in a process of its own: {counted(result['n'], UNIT)} of each framework and batch size, never two at once. "
        "The peak is the process's own high-water mark, with what importing the framework takes, which the slope "
        "leaves out. Medians; in parentheses the smallest and the largest.",
        markdown(["peak (MiB)", *(f"batch {size}" for size in sizes), "slope (MiB a sample)"], rows),
        f"Jittor's slope over PyTorch's, each repeat by itself: {_words(result['ratio'])} ({result['ratio']['n']} "
        "repeats).",
        *([f"Broke off: {'; '.join(result['failed'])}."] if result["failed"] else []),
    ]
    return "\n\n".join(lines) + "\n"


def _words(found: dict[str, Any]) -> str:
    if found["value"] is None:
        return "-"
    return f"{significant(found['value'])} ({significant(found['smallest'])} to {significant(found['largest'])})"


def _range(values: list[float | None]) -> str:
    return _words(_of_repeats(values))
