"""The same frames by everything that runs the network, each in processes of its own, in turns: how fast, how far apart?

No part of the protocol, and no claim is judged by it. It wants a machine that does nothing else.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.bench.backends import ENGINE
from vsrlib.bench.by_process import UNIT, Answer, failures, in_turns, over_processes, require_usable
from vsrlib.bench.engines import apart
from vsrlib.bench.options import Options, parse_size
from vsrlib.bench.protocol import FEWEST_PROCESSES
from vsrlib.bench.worker import ask
from vsrlib.common.names import NAMES
from vsrlib.common.numbers import counted, interval, markdown, number, percent, significant
from vsrlib.common.parts import Parts
from vsrlib.experiments.options import BackendsOptions
from vsrlib.experiments.output import busiest, kept, load
from vsrlib.networks.network import described
from vsrlib.networks.weights import weights_file

RESULT = "backends.json"


def backends(output: Path, options: BackendsOptions) -> dict[str, Any]:
    """Time the frames, and write OUTPUT/backends.json, which is returned; what is done is kept in OUTPUT/parts.

    A process that breaks off is named in the result and in no figure of it. UserError where one that was asked for
    cannot be used, and for weights that cannot be read or do not fit the preset.
    """
    output = Path(output)
    require_usable(options.backends)
    path = None if options.weights is None else weights_file.existing(options.weights)
    weights = None if path is None else weights_file.entry(path, output)
    notes = {} if path is None else weights_file.metadata(path)
    preset = options.preset or notes.get("preset", "published")
    if path is not None:
        described(path, preset)  # what does not fit would break off in every process
    digest = None if weights is None else weights["sha256"]
    asked = options.to_json() | {"preset": preset}
    parts = Parts(output, {"experiment": "backends", **asked, "weights": digest})
    wanted = Options(
        preset=preset,
        size=parse_size(options.size),
        repeats=options.repeats,
        seconds=options.seconds,
        threads=options.threads,
        weights=None if path is None else str(path),
    )
    with tempfile.TemporaryDirectory(prefix="vsrlib-backends-") as folder:
        files = {name: Path(folder) / f"{name}.npy" for name in options.backends}
        asks = {name: kept(parts, name, _asks(name, wanted, files[name])) for name in options.backends}
        answers = in_turns(asks, options.processes)
        differences = parts.get("differences", lambda: _differences(wanted, files))
    first = options.backends[0]
    result = {
        "experiment": "backends",
        "question": "How fast is the network in each of what runs it, and how far apart are the frames?",
        "unit": UNIT,
        "n": options.processes,
        "options": asked,
        "weights": weights,
        "engine": ENGINE,
        "backends": {name: _of_backend(answers[first], given) for name, given in answers.items()},
        "differences": {name: differences[name] for name in options.backends[1:]},
        "busiest": busiest([one for given in answers.values() for one in given]),
    }
    return parts.finish(output / RESULT, result)


def _asks(name: str, options: Options, frames: Path) -> Any:
    return lambda turn: ask("backends.measure", name, options, frames=str(frames) if turn == 0 else None)


def _differences(options: Options, files: dict[str, Path]) -> dict[str, Any]:
    """How far each one's first frames are from those of the first; made again where an earlier call made them."""
    for name, file in files.items():
        if not file.is_file():
            ask("backends.measure", name, options, frames=str(file))
    found = {name: list(np.load(file)) for name, file in files.items() if file.is_file()}
    first = next(iter(files))
    return {
        name: apart(found[name], found[first])
        if name in found and first in found
        else {"skipped": "because a process broke off"}
        for name in list(files)[1:]
    }


def _of_backend(first: list[Answer], own: list[Answer]) -> dict[str, Any]:
    done = [(one["result"], other) for one, other in zip(own, first, strict=True) if "failed" not in one]
    if not done:
        return {"skipped": own[0]["failed"]}
    example = next(one for one in own if "failed" not in one)
    paired = [other["result"]["seconds"] / one["seconds"] for one, other in done if "failed" not in other]
    return {
        "seconds": over_processes(one["seconds"] for one, _ in done),
        "times_as_fast": over_processes(paired) if paired else {"skipped": "because no turn has both"},
        "warm_up_seconds": over_processes(one["warm_up_seconds"] for one, _ in done),
        "conditions": {**example["conditions"], "convolution": example["result"]["convolution"]},
        "failed": failures(own),
    }


def table(result: dict[str, Any]) -> str:
    """The experiment in words and as a Markdown table."""
    asked, names = result["options"], list(result["backends"])
    first, rows, broke_off = NAMES[names[0]], [], []
    for name, one in result["backends"].items():
        if "skipped" in one:
            rows.append([NAMES[name], f"skipped, {one['skipped']}", *[""] * 6])
            continue
        broke_off += [f"{NAMES[name]}, {failed}" for failed in one["failed"]]
        difference = result["differences"].get(name, {})
        far = (
            ["", ""]
            if "skipped" in difference or not difference
            else [f"{percent(difference['share_of_8_bit_values'], 4)}", str(difference["largest_8_bit_difference"])]
        )
        rows.append(
            [
                NAMES[name],
                interval(one["seconds"], 3),
                "1" if name == names[0] else _ratio(one["times_as_fast"]),
                significant(one["warm_up_seconds"]["value"]),
                *far,
                str(one["conditions"]["threads"]),
                one["conditions"]["convolution"],
            ]
        )
    header = ["", "s a frame", f"times as fast as {first}", "warm-up (s)"]
    header += [f"8-bit values unlike {first}'s", "by at most", "threads", "convolutions"]
    said = (
        f"LR frames of {asked['size']} pixels, network of the preset {asked['preset']}, engine `{result['engine']}`; "
        f"upload, restoration and download of a frame. {counted(result['n'], UNIT)} of each, in turns, each the median "
        f"of {asked['repeats']} frames or of as many as begin in {number(asked['seconds'], 0)} s. Intervals: 95 %, "
        f"over the processes; there is none for fewer than {FEWEST_PROCESSES}."
    )
    lines = [
        "# The same frames in everything that runs the network",
        " ".join([said, *load(result["busiest"], "one of them")]),
        markdown(header, rows),
        *([f"Broke off: {'; '.join(broke_off)}."] if broke_off else []),
    ]
    return "\n\n".join(lines) + "\n"


def _ratio(found: dict[str, Any]) -> str:
    return f"skipped, {found['skipped']}" if "skipped" in found else interval(found, 2)
