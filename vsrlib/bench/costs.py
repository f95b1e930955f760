"""What each framework costs beside the network: evidence for claims C4, C7 and C8. Command: `vsrlib costs`.

All costs in one file: each framework in processes of its own, and what needs none in this one.
"""

import os
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from vsrlib.bench import first_use, memory, output
from vsrlib.bench.options import NUMPY, Options, require_folder
from vsrlib.bench.worker import ask
from vsrlib.common import provenance
from vsrlib.common.files import write_json
from vsrlib.kernels import jittor_env, native

RESULT = "costs.json"
_IN_USE = ("first_use", "correlation", "protocols", "memory", "model_size")
"""The parts that need a framework which can be used."""
_ROOTS = {"torch": ("torch",), "jittor": ("jittor", "onednn-devel-cpu-gomp")}
"""The framework, then what this project needs beside it and its metadata does not say (oneDNN may be the system's)."""


def costs(folder: Path, options: Options, fresh: bool) -> dict[str, Any]:
    """Measure what each framework costs, and write `folder`/costs.json, which is returned.

    fresh: also time a first use with nothing compiled, in a temporary folder; in Jittor that takes minutes.
    A framework that cannot be used is {"skipped": reason} wherever it would be measured. UserError for an output that
    cannot be a folder.
    """
    require_folder(folder)
    found = {framework: _of(framework, options, fresh) for framework in options.frameworks}
    parts = ("install", "without_compiler", *_IN_USE)
    result = {part: {framework: one[part] for framework, one in found.items()} for part in parts} | {
        "image_output": output.parts(options),
        "options": {name: options.to_json()[name] for name in ("preset", "size", "repeats", "seconds", "device")}
        | {"fresh": fresh},
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


def _of(framework: str, options: Options, fresh: bool) -> dict[str, Any]:
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
    print(f"{framework}: correlation kernels ...", flush=True)
    found["correlation"] = _result(ask("correlation.in_one_frame", framework, options))
    print(f"{framework}: three ways of timing ...", flush=True)
    found["protocols"] = _three_ways(framework, options)
    print(f"{framework}: memory ...", flush=True)
    found["memory"] = {work: _result(ask("memory.of_work", framework, options, work=work)) for work in memory.BATCH}
    found["model_size"] = _result(ask("memory.model_file", NUMPY, options, format=memory.SAVED_AS[framework]))
    return found


def _three_ways(framework: str, options: Options) -> dict[str, Any]:
    """One run timed three ways, its conditions, and the first timed frame after either warm-up, each in a process."""
    answer = ask("three_ways.measure", framework, options)
    if "failed" in answer:
        return _result(answer)
    conditions = {name: answer["conditions"][name] for name in ("device", "threads", "correlation")}
    first = {
        name: _result(ask("three_ways.first_frame", framework, options, read=read))
        for name, read in (("executing", True), ("graph_only", False))
    }
    return answer["result"] | {
        "conditions": conditions | {"size": list(options.size), "preset": options.preset},
        "first_frame_seconds": {name: one.get("seconds", one) for name, one in first.items()},
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
