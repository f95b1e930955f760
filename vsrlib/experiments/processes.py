"""Experiment E5 of the protocol: what does the earlier report's clock miss, and how fast are both frameworks?

Fresh processes of both in turns, each with one frame size and the study weights of one blur; each times the published
algorithm and the engine that restores, by both clocks. It wants a machine that does nothing else.
"""

from pathlib import Path
from typing import Any

from vsrlib.bench.by_process import ENGINES, UNIT, asks_for_frames, frames, in_turns, require_usable
from vsrlib.bench.costs_tables import by_engine
from vsrlib.bench.options import Options, parse_size
from vsrlib.common.names import FRAMEWORKS
from vsrlib.common.numbers import counted, intervals_of
from vsrlib.common.parts import Parts
from vsrlib.experiments.options import ProcessesOptions
from vsrlib.experiments.output import busiest, kept, load
from vsrlib.networks.weights import weights_file

RESULT = "processes.json"


def processes(output: Path, options: ProcessesOptions) -> dict[str, Any]:
    """Time the frames, and write OUTPUT/processes.json, which is returned; what is done is kept in OUTPUT/parts.

    A process that breaks off is named in the result and in no figure of it. UserError where a framework cannot be used.
    """
    output = Path(output)
    require_usable(FRAMEWORKS)
    weights = {blur: weights_file.path_of(f"study-{blur.lower()}") for blur in options.blurs}
    entries = {blur: weights_file.entry(path, output) for blur, path in weights.items()}
    digests = {blur: entry["sha256"] for blur, entry in entries.items()}
    parts = Parts(output, {"experiment": "processes", "weights": digests, **options.to_json()})
    cases = [_case(parts, blur, size, str(path), options) for blur, path in weights.items() for size in options.sizes]
    result = {
        "experiment": "processes",
        "question": "What does the clock miss, and how fast are both?",
        "unit": UNIT,
        "n": options.processes,
        "options": options.to_json(),
        "weights": entries,
        "cases": cases,
    }
    return parts.finish(output / RESULT, result)


def _case(parts: Parts, blur: str, size: str, weights: str, options: ProcessesOptions) -> dict[str, Any]:
    """One blur and frame size: {"blur", "size", engine: `by_process.frames`, "busiest"}."""
    wanted = Options(
        preset="study",
        size=parse_size(size),
        repeats=options.repeats,
        threads=options.threads,
        weights=weights,
    )
    asks = {
        f"{blur}, {size}, {framework}": kept(parts, f"{blur}, {size}, {framework}", asks_for_frames(framework, wanted))
        for framework in FRAMEWORKS
    }
    answers = dict(zip(FRAMEWORKS, in_turns(asks, options.processes).values(), strict=True))
    return {
        "blur": blur,
        "size": list(wanted.size),
        **{engine: frames(answers, engine) for engine in ENGINES},
        "busiest": busiest([one for given in answers.values() for one in given]),
    }


def table(result: dict[str, Any]) -> str:
    """The experiment in words and as Markdown tables."""
    lines = [
        "# What the clock misses, and how fast both frameworks are",
        f"The study network on the CPU: {counted(result['n'], UNIT)} of each framework for each blur and frame size, "
        f"in turns, each the medians of {result['options']['repeats']} frames by either clock. `reference` is the "
        "published algorithm, `streaming` the engine that restores; a total has this project's post-processing in it "
        f"(PSNR, SSIM, PNG). {intervals_of(result['n'], UNIT)}",
    ]
    for one in result["cases"]:
        lines.append(f"## {one['blur']} blur, {one['size'][0]}x{one['size'][1]} LR pixels")
        lines.append(by_engine({engine: one[engine] for engine in ENGINES}))
        lines += load(one["busiest"], "one of these processes")
    return "\n\n".join(lines) + "\n"
