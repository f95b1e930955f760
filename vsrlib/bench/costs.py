"""What each framework costs: evidence for claims C2 to C8. Command: `vsrlib costs`.

All costs in one file, each framework in processes of its own. What is a time has processes as its unit (`by_process`).
"""

import os
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from vsrlib.bench import by_process, first_use, memory
from vsrlib.bench.options import NUMPY, Options
from vsrlib.bench.worker import ask
from vsrlib.common import provenance
from vsrlib.common.files import require_folder, write_json
from vsrlib.common.names import NAMES
from vsrlib.kernels import jittor_env, native

RESULT = "costs.json"
_IN_USE = ("first_use", "memory", "model_size")
"""The parts that need a framework which can be used."""
_OF_C8, _OUTPUT = "torch", "image output"
_ROOTS = {"torch": ("torch",), "jittor": ("jittor", "onednn-devel-cpu-gomp")}
"""The framework, then what this project needs beside it and its metadata does not say (oneDNN may be the system's)."""


def costs(folder: Path, options: Options, batch: int, fresh: bool) -> dict[str, Any]:
    """Measure what each framework costs, and write `folder`/costs.json, which is returned.

    batch: windows of the training step whose memory is measured. fresh: also time a first use with nothing compiled, in
    a temporary folder; in Jittor that takes minutes. A framework that cannot be used is {"skipped": reason} wherever it
    would be measured. UserError for an output that
    cannot be a folder.
    """
    require_folder(folder)
    found = {framework: _of(framework, options, batch, fresh) for framework in options.frameworks}
    parts = ("install", "without_compiler", *_IN_USE)
    told = ("preset", "size", "repeats", "seconds", "processes", "device")
    result = {part: {framework: one[part] for framework, one in found.items()} for part in parts} | {
        **_by_process({framework: one["first_use"].get("skipped") for framework, one in found.items()}, options),
        "options": {name: options.to_json()[name] for name in told} | {"fresh": fresh},
        "load_average": os.getloadavg(),
        "machine": provenance.collect()["machine"],
        "provenance": provenance.collect(seed=0),
    }
    write_json(folder / RESULT, result)
    return result


def installed(framework: str) -> dict[str, Any]:
    """The framework's distribution and everything it requires here, markers honoured; nothing is imported.

    Returns {"count", "bytes" (of the files in RECORD; None if one distribution does not tell), "distributions":
    [{"name", "version", "bytes"}], "missing": [what is required and not installed]}, or {"skipped": reason}.
    """
    first, *beside = _ROOTS[framework]
    if _distribution(first) is None:
        return {"skipped": f"the distribution {first} is not installed"}
    found: dict[str, metadata.Distribution] = {}
    missing: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(name, frozenset[str]()) for name in (first, *(name for name in beside if _distribution(name)))]
    while waiting:
        name, extras = waiting.pop()
        name = canonicalize_name(name)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        distribution = _distribution(name)
        if distribution is None:
            missing.add(name)
            continue
        found[name] = distribution
        wanted = (Requirement(text) for text in distribution.requires or ())
        waiting += [(one.name, frozenset(one.extras)) for one in wanted if _applies(one.marker, extras)]
    rows = [{"name": name, "version": found[name].version, "bytes": _bytes(found[name])} for name in sorted(found)]
    sizes = [row["bytes"] for row in rows]
    return {
        "count": len(rows),
        "bytes": None if None in sizes else sum(sizes),
        "distributions": rows,
        "missing": sorted(missing),
    }


def _of(framework: str, options: Options, batch: int, fresh: bool) -> dict[str, Any]:
    print(f"{framework}: first use ...", flush=True)
    distributions = installed(framework)
    # What is compiled at a first use is compiled by the question whether the framework can be used.
    reason = (
        distributions.get("skipped") or jittor_env.why_not(framework) or first_use.ask(framework, options).get("failed")
    )
    skipped = {"skipped": reason}
    # Where the machine itself has no compiler, the trial without one says why the framework does not work.
    tried = "skipped" not in distributions and (reason is None or native.compiler() is None)
    found = {
        "install": distributions,
        "without_compiler": first_use.without_compiler(framework, options) if tried else skipped,
    }
    if reason is not None:
        return found | dict.fromkeys(_IN_USE, skipped)
    found["first_use"] = first_use.times(framework, options, fresh)
    print(f"{framework}: memory ...", flush=True)
    found["memory"] = {
        work: _result(ask("memory.of_work", framework, options, work=work, batch=size))
        for work, size in (memory.BATCH | {memory.TRAINING: batch}).items()
    }
    found["model_size"] = _result(ask("memory.model_file", NUMPY, options, format=memory.SAVED_AS[framework]))
    return found


def _by_process(reasons: dict[str, str | None], options: Options) -> dict[str, Any]:
    """What processes measure in turns: "processes", of the published algorithm and of the engine that restores,
    "correlation", of PyTorch, whose kernels C8 is about, and "image_output". reasons: why a framework cannot be used.
    """
    asks = {
        framework: by_process.asks_for_frames(framework, options, kernels=framework == _OF_C8)
        for framework, reason in reasons.items()
        if reason is None
    } | {_OUTPUT: by_process.asks_for_output(options)}
    answers = by_process.in_turns(asks, options.processes)
    output = by_process.image_output(answers.pop(_OUTPUT))
    skipped = {framework: {"skipped": reason} for framework, reason in reasons.items() if reason is not None}
    reference, streaming = (by_process.frames(answers, engine) | skipped for engine in by_process.ENGINES)
    kernels = (
        by_process.kernels_of(answers[_OF_C8])
        if _OF_C8 in answers
        else skipped.get(_OF_C8, {"skipped": f"{NAMES[_OF_C8]} was not asked for"})
    )
    return {
        "processes": reference | {"streaming": streaming},
        "correlation": {_OF_C8: kernels},
        "image_output": output,
    }


def _result(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer's result, or {"skipped": reason}."""
    return {"skipped": answer["failed"]} if "failed" in answer else answer["result"]


def _distribution(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


def _applies(marker: Marker | None, extras: frozenset[str]) -> bool:
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""})


def _bytes(distribution: metadata.Distribution) -> int | None:
    # Bytecode, and RECORD itself, stand in RECORD without a size.
    return None if distribution.files is None else sum(file.size for file in distribution.files if file.size)
