"""Experiment E6 of the protocol: what is in "post-processing"?

PNG, PSNR and SSIM as the earlier report had them, of one frame of its size; each process by itself. No framework.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from vsrlib.bench.by_process import UNIT, Answer, asks_for_output, image_output, in_turns
from vsrlib.bench.costs_tables import output_table
from vsrlib.bench.options import Options
from vsrlib.common.numbers import counted, intervals_of, number
from vsrlib.common.parts import Parts
from vsrlib.experiments.options import OutputOptions

RESULT = "output.json"


def output(output: Path, options: OutputOptions) -> dict[str, Any]:
    """Time the parts, and write OUTPUT/output.json, which is returned; what is done is kept in OUTPUT/parts.

    A process that breaks off is named in the result and in no figure of it.
    """
    output = Path(output)
    parts = Parts(output, {"experiment": "output", **options.to_json()})
    wanted = Options(repeats=options.repeats, seconds=options.seconds, threads=options.threads)
    answers = in_turns({"output": kept(parts, "output", asks_for_output(wanted))}, options.processes)["output"]
    result = {
        "experiment": "output",
        "question": 'What is in "post-processing"?',
        "unit": UNIT,
        "n": options.processes,
        "options": options.to_json(),
        "image_output": image_output(answers),
        "busiest": busiest(answers),
    }
    return parts.finish(output / RESULT, result)


def kept(parts: Parts, name: str, asks: Callable[[int], Answer]) -> Callable[[int], Answer]:
    """What asks a process, or has its answer from an earlier call."""
    return lambda turn: parts.get(f"{name}, process {turn + 1}", lambda: asks(turn))


def busiest(answers: list[Answer]) -> float | None:
    """The largest one-minute load average before one of the processes began; None where none has answered."""
    return max((one["load_average"]["before"][0] for one in answers if "failed" not in one), default=None)


def load(found: float | None, of: str) -> list[str]:
    """What `busiest` found in a sentence, if it found anything; of: "one of these processes"."""
    return [] if found is None else [f"The largest load average before {of} was {found:.2f}."]


def table(result: dict[str, Any]) -> str:
    """The experiment in words and as a Markdown table."""
    asked, lines = result["options"], ['# What is in "post-processing"', output_table(result)]
    found = result["image_output"]
    if "skipped" not in found:
        said = (
            f"Each of {counted(result['n'], UNIT)} took the medians of {asked['repeats']} rounds, or of as many as "
            f"begin in {number(asked['seconds'], 0)} s, in which the parts took turns. "
            f"{intervals_of(found['sum']['n'], UNIT)}"
        )
        lines.append(" ".join([said, *load(result["busiest"], "one of them")]))
        lines += [f"Broke off: {'; '.join(found['failed'])}."] * bool(found["failed"])
    return "\n\n".join(lines) + "\n"
