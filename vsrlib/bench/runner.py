"""Suites and frameworks one after the other, each in a fresh process, and what they found in two files."""

import ast
import os
import re
from pathlib import Path
from typing import Any

from vsrlib.bench import engines, tables
from vsrlib.bench.options import NUMPY, Options
from vsrlib.bench.protocol import STATISTICS, pooled
from vsrlib.bench.worker import PROBE, ask
from vsrlib.common import provenance
from vsrlib.common.files import atomic_path, require_folder, sha256_bytes, write_json
from vsrlib.kernels import jittor_env
from vsrlib.networks import architecture
from vsrlib.networks.weights import weights_file

JSON, MARKDOWN = "bench.json", "bench.md"
_WITHOUT_FRAMEWORK = ("blur", "degrade", "post")  # suites that measure what is done on arrays,
_ONLY_WITHOUT = ("degrade", "post")  # and of these the ones that measure nothing else
_ONLY_IN_TORCH = ("scaling", "peers")  # what these are beside is the same in every framework
_PARTS = {
    "engines": "engines.measure",
    "memory": "memory.of_engine",
    "correlation": "correlation.measure",
    "blur": "blur.measure",
    "step": "step.measure",
    "degrade": "blur.degrade",
    "post": "output.measure",
    "scaling": "scaling.measure",
    "peers": "peers.measure",
}
"""Where each suite is."""
_NETWORK = (
    *("networks/architecture.py", "networks/network.py", "networks/backend.py", "data/frames.py", "bench/inputs.py"),
    *("kernels/native.py", "kernels/jittor_env.py"),  # what the compilers are told
    *("networks/torch_net.py", "networks/torch_ops.py", "networks/torch_backend.py", "kernels/torch_cpp.py"),
    "kernels/libraries.py",
    *("networks/jittor_net.py", "networks/jittor_ops.py", "networks/jittor_backend.py", "kernels/jittor_cpp.py"),
)
_CORRELATION = ("kernels/correlation.py", "kernels/correlation.h", "kernels/torch_pure.py")
_BLUR = ("kernels/blur.py", "kernels/blur_down.h")
_WINOGRAD = (
    *("kernels/winograd.py", "kernels/winograd.h", "kernels/winograd_product.h", "kernels/warp.h"),
    *("networks/fast.py", "networks/fast_flow.py"),
)
_PLAIN = ("bench/plain_torch.py", "bench/plain_jittor.py")
_ENGINES = (*_NETWORK, *_CORRELATION, *_WINOGRAD, "restoration/engines.py", "bench/engines.py", "common/memory.py")
_DATA = ("data/degradation.py", "data/blur_kernels.py", "bench/blur.py")
SOURCES = {
    "engines": _ENGINES,
    "memory": (*_ENGINES, "bench/memory.py"),
    "correlation": (*_NETWORK, *_CORRELATION, *_PLAIN, "bench/correlation.py"),
    "blur": (*_NETWORK, *_BLUR, *_PLAIN, *_DATA),
    "step": (
        *(*_NETWORK, *_CORRELATION, *_WINOGRAD, *_BLUR, *_PLAIN),
        *("networks/losses.py", "training/step.py", "bench/step.py"),
    ),
    "degrade": (*_DATA, "data/frames.py", "bench/inputs.py"),
    "post": ("restoration/metrics.py", "restoration/timing.py", "data/frames.py", "bench/output.py", "bench/inputs.py"),
    "scaling": (*_NETWORK, *_WINOGRAD, "bench/scaling.py"),
    "peers": (
        *(*_ENGINES, "networks/onnx_graph.py", "networks/onnx_net.py", "networks/onnx_network.py"),
        *("networks/onnx_model.py", "restoration/onnx_engine.py", "bench/peers.py"),
    ),
}
"""The files of this library whose work each suite times; how it is timed (`protocol.py`) stands behind all."""
_LIBRARY = Path(__file__).parents[1]


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
    # Before the first process: code that changes while they run is not known to be what was measured.
    codes = {suite: code(suite) for suite in options.suites}
    wanted = options.frameworks if set(options.suites) - set(_ONLY_WITHOUT) else ()
    frameworks = {name: _probe(name, options) for name in wanted}
    suites = {suite: _suite(suite, frameworks, options) for suite in options.suites}
    result = {
        "options": options.to_json() | {"weights": weights},
        "statistics": STATISTICS,
        "frameworks": frameworks,
        "code": codes,
        "load_average": {"before": before, "after": os.getloadavg()},
        "suites": suites,
        "provenance": provenance.collect(seed=0),
    }
    write_json(output / JSON, result)
    with atomic_path(output / MARKDOWN) as temporary:
        temporary.write_text(tables.bench_table(result), encoding="utf-8")
    return result


def code(suite: str) -> str:
    """Digest of the code behind a suite's figures (SOURCES), which comments, docstrings and layout leave as it is."""
    parts = [f"{name}\n{_essence(_LIBRARY / name)}" for name in (*SOURCES[suite], "bench/protocol.py")]
    return sha256_bytes("\0".join(parts).encode())


def _essence(path: Path) -> str:
    """A source file without what computes nothing."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return " ".join(re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL).split())
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [one for one in node.body if not _is_text(one)]
    return repr(_plain(tree))


def _plain(value: Any) -> Any:
    """A node as lists of its fields. What is empty is left out: which empty fields there are depends on the Python."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, ast.AST):
        return value
    fields = ((name, _plain(field)) for name, field in ast.iter_fields(value) if field not in (None, []))
    return [type(value).__name__, *fields]


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


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
    if suite in _ONLY_IN_TORCH:
        elsewhere = {"skipped": f"{suite} is measured in PyTorch alone"}
        places = {name: place if name == "torch" else elsewhere for name, place in places.items()}
    return {
        name: {"skipped": place["skipped"]} if "skipped" in place else _record(suite, name, options, place)
        for name, place in places.items()
    }


def _record(suite: str, framework: str, options: Options, place: dict[str, Any]) -> dict[str, Any]:
    if suite != "memory":
        answers: list[dict[str, Any]] = []
        while len(answers) < options.processes:
            answers.append(_measured(suite, framework, options))
            if "failed" in answers[-1]:
                return answers[-1]
        load = {when: answers[place]["load_average"][when] for when, place in (("before", 0), ("after", -1))}
        return answers[0] | {
            "load_average": load,
            "result": [pooled(one) for one in zip(*(answer["result"] for answer in answers), strict=True)],
        }
    # By the device that was found, which says "cpu, oneDNN" or the GPU's name: the option may be "auto".
    names = engines.names(place["device"].partition(",")[0], architecture.preset(options.preset).features)
    return {"engines": {engine: _measured(suite, framework, options, engine=engine) for engine in names}}


def _measured(suite: str, framework: str, options: Options, **values: str) -> dict[str, Any]:
    """What a fresh process finds, or {"failed": why}."""
    shown = ", ".join((suite, framework, *values.values()))
    print(f"{shown} ...", flush=True)
    answer = ask(_PARTS.get(suite, suite), framework, options, **values)
    if "failed" in answer:
        print(f"{shown}: {answer['failed']}", flush=True)
    return answer
