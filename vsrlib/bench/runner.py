"""Suites and frameworks one after the other, each in a fresh process, and what they found in two files."""

import os
from pathlib import Path
from typing import Any

from vsrlib.bench import engines, tables
from vsrlib.bench.options import NUMPY, Options, require_folder
from vsrlib.bench.protocol import STATISTICS
from vsrlib.bench.worker import PROBE, ask
from vsrlib.common import provenance
from vsrlib.common.files import atomic_path, write_json
from vsrlib.kernels import jittor_env
from vsrlib.networks import architecture
from vsrlib.networks.weights import weights_file

JSON, MARKDOWN = "bench.json", "bench.md"
_WITHOUT_FRAMEWORK = ("blur", "degrade", "post")  # suites that measure what is done on arrays,
_ONLY_WITHOUT = ("degrade", "post")  # and of these the ones that measure nothing else
_PARTS = {
    "engines": "engines.measure",
    "memory": "memory.of_engine",
    "correlation": "correlation.measure",
    "blur": "blur.measure",
    "step": "step.measure",
    "degrade": "blur.degrade",
    "post": "output.measure",
}
"""Where each suite is."""


def bench(options: Options, output: Path) -> dict[str, Any]:
    """Measure, and write OUTPUT/bench.json and OUTPUT/bench.md; returns what the former holds.

    A framework that cannot be used is {"skipped": reason} in every suite, one whose process broke off {"failed":
    reason}. UserError for weights that cannot be used and for an output that cannot be a folder.
    """
    require_folder(output)
    weights = None
    if options.weights is not None:
        path = Path(options.weights)
        shapes = architecture.parameter_shapes(architecture.preset(options.preset))
        weights_file.checked(weights_file.read(path), shapes, options.weights)
        weights = weights_file.entry(path, output)
    before = os.getloadavg()
    wanted = options.frameworks if set(options.suites) - set(_ONLY_WITHOUT) else ()
    frameworks = {name: _probe(name, options) for name in wanted}
    suites = {suite: _suite(suite, frameworks, options) for suite in options.suites}
    result = {
        "options": options.to_json() | {"weights": weights},
        "statistics": STATISTICS,
        "frameworks": frameworks,
        "load_average": {"before": before, "after": os.getloadavg()},
        "suites": suites,
        "provenance": provenance.collect(seed=0),
    }
    write_json(output / JSON, result)
    with atomic_path(output / MARKDOWN) as temporary:
        temporary.write_text(tables.bench_table(result), encoding="utf-8")
    return result


def complete(result: dict[str, Any]) -> bool:
    """Whether something was measured and no process broke off."""
    records = [record for suite in result["suites"].values() for record in suite.values()]
    records += [engine for record in records for engine in record.get("engines", {}).values()]
    return any("conditions" in record for record in records) and not any("failed" in record for record in records)


def _probe(framework: str, options: Options) -> dict[str, Any]:
    """The conditions in a framework, or {"skipped": why it cannot be used}."""
    reason = jittor_env.why_not(framework)
    if reason is not None:
        return {"skipped": reason}
    found = _measured(PROBE, framework, options)
    return {"skipped": found["failed"]} if "failed" in found else found["conditions"]


def _suite(suite: str, frameworks: dict[str, dict], options: Options) -> dict[str, dict[str, Any]]:
    places = {} if suite in _ONLY_WITHOUT else dict(frameworks)
    if suite in _WITHOUT_FRAMEWORK:
        places[NUMPY] = {}
    return {
        name: {"skipped": place["skipped"]} if "skipped" in place else _record(suite, name, options)
        for name, place in places.items()
    }


def _record(suite: str, framework: str, options: Options) -> dict[str, Any]:
    if suite != "memory":
        return _measured(suite, framework, options)
    names = engines.names(options.device, architecture.preset(options.preset).features)
    return {"engines": {engine: _measured(suite, framework, options, engine=engine) for engine in names}}


def _measured(suite: str, framework: str, options: Options, **values: str) -> dict[str, Any]:
    """What a fresh process finds, or {"failed": why}."""
    shown = ", ".join((suite, framework, *values.values()))
    print(f"{shown} ...", flush=True)
    answer = ask(_PARTS.get(suite, suite), framework, options, **values)
    if "failed" in answer:
        print(f"{shown}: {answer['failed']}", flush=True)
    return answer
