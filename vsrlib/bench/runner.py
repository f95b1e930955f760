"""Suites and frameworks one after the other, each in a fresh process, and what they found in two files."""

import json
import os
from pathlib import Path
from typing import Any
from unittest import mock

from vsrlib.bench import engines, table
from vsrlib.bench.options import NUMPY, Options
from vsrlib.bench.protocol import STATISTICS
from vsrlib.bench.worker import PROBE, RESULT
from vsrlib.common import provenance
from vsrlib.common.errors import UserError
from vsrlib.common.files import atomic_path, write_json
from vsrlib.common.processes import run_watched
from vsrlib.kernels import jittor_env
from vsrlib.networks import architecture
from vsrlib.networks.weights import weights_file

JSON, MARKDOWN = "bench.json", "bench.md"
_WITHOUT_FRAMEWORK = ("blur", "degrade", "post")  # suites that measure what is done on arrays,
_ONLY_WITHOUT = ("degrade", "post")  # and of these the ones that measure nothing else
_ATTEMPTS = {"jittor": 2}  # its parallel compiler has been seen to crash once and to work the next time


def bench(options: Options, output: Path) -> dict[str, Any]:
    """Measure, and write OUTPUT/bench.json and OUTPUT/bench.md; returns what the former holds.

    A framework that cannot be used is {"skipped": reason} in every suite, one whose process broke off {"failed":
    reason}. UserError for weights that cannot be used and for an output that cannot be a folder.
    """
    if output.exists() and not output.is_dir():
        raise UserError(f"The output {output} is a file; give the path of a folder.")
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
        temporary.write_text(table.table(result), encoding="utf-8")
    return result


def complete(result: dict[str, Any]) -> bool:
    """Whether something was measured and no process broke off."""
    records = [record for suite in result["suites"].values() for record in suite.values()]
    records += [engine for record in records for engine in record.get("engines", {}).values()]
    return any("conditions" in record for record in records) and not any("failed" in record for record in records)


def _probe(framework: str, options: Options) -> dict[str, Any]:
    """The conditions in a framework, or {"skipped": why it cannot be used}."""
    if framework == "jittor":
        reason = jittor_env.why_unusable()
        if reason is not None:
            return {"skipped": reason}
        try:
            jittor_env.prepare()
        except UserError as error:
            return {"skipped": str(error)}
    found = _measured({"suite": PROBE, "framework": framework}, options)
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
    task = {"suite": suite, "framework": framework}
    if suite != "memory":
        return _measured(task, options)
    names = engines.names(options.device, architecture.preset(options.preset).features)
    return {"engines": {engine: _measured(task | {"engine": engine}, options) for engine in names}}


def _measured(task: dict[str, str], options: Options) -> dict[str, Any]:
    """What a fresh process finds, with the load average around it, or {"failed": why}."""
    shown = ", ".join(task.values())
    print(f"{shown} ...", flush=True)
    threads = {} if options.threads is None else {"OMP_NUM_THREADS": str(options.threads)}
    arguments = json.dumps(task | {"options": options.to_json()})
    for _ in range(_ATTEMPTS.get(task["framework"], 1)):
        before = os.getloadavg()
        with mock.patch.dict(os.environ, threads):
            status, output, last = run_watched(["-m", "vsrlib.bench.worker", arguments])
        answers = [line for line in output.splitlines() if line.startswith(RESULT)]
        if status == 0 and answers:
            load = {"before": before, "after": os.getloadavg()}
            return json.loads(answers[-1].removeprefix(RESULT)) | {"load_average": load}
        killed = "was killed, perhaps for want of memory" if status == -9 else f"ended with status {status}"
        reason = last[:300] if last and status > 0 else f"its process {killed}"
        print(f"{shown}: {reason}", flush=True)
        if status == 2:  # a sentence for the user, which a second attempt would only repeat
            break
    return {"failed": reason}
