"""All costs in one file: each framework in processes of its own, and what needs none in this one."""

import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

from vsrlib.bench.costs import image_output, install, memory, no_compiler
from vsrlib.bench.costs.process import ask, outcome
from vsrlib.bench.options import Options
from vsrlib.common import provenance
from vsrlib.common.errors import UserError
from vsrlib.common.files import write_json
from vsrlib.kernels import jittor_env, native

RESULT = "costs.json"
_RUNS = 3  # of a first use with everything compiled
_BUILDS = 3  # Jittor builds itself, asks to be started again, and then compiles its operations


def costs(output: Path, options: Options, fresh: bool = False) -> dict[str, Any]:
    """Measure what each framework costs, and write `output`/costs.json, which is returned.

    fresh: also time a first use with nothing compiled, in a temporary folder; in Jittor that takes minutes.
    A framework that cannot be used is {"skipped": reason} wherever it would be measured. UserError for an output that
    cannot be a folder.
    """
    if output.exists() and not output.is_dir():
        raise UserError(f"The output {output} is a file; give the path of a folder.")
    found = {framework: _of(framework, options, fresh) for framework in options.frameworks}
    parts = ("install", "first_use", "without_compiler", "correlation", "protocols", "memory", "model_size")
    result = {part: {framework: one[part] for framework, one in found.items()} for part in parts} | {
        "image_output": image_output.measure(options),
        "options": {name: options.to_json()[name] for name in ("preset", "size", "repeats", "seconds", "device")}
        | {"fresh": fresh},
        "load_average": os.getloadavg(),
        "machine": provenance.collect()["machine"],
        "provenance": provenance.collect(seed=0),
    }
    write_json(output / RESULT, result)
    return result


def _of(framework: str, options: Options, fresh: bool) -> dict[str, Any]:
    print(f"{framework}: first use ...", flush=True)
    installed = install.measure(framework)
    reason = installed.get("skipped") or _why_not(framework, options)
    skipped = {"skipped": reason}
    # Where the machine itself has no compiler, the trial without one says why the framework does not work.
    tried = "skipped" not in installed and (reason is None or native.compiler() is None)
    found = {"install": installed, "without_compiler": without_compiler(framework, options) if tried else skipped}
    if reason is not None:
        return found | dict.fromkeys(("first_use", "correlation", "protocols", "memory", "model_size"), skipped)
    found["first_use"] = _first_use(framework, options, fresh)
    print(f"{framework}: correlation kernels ...", flush=True)
    kernels = outcome(ask("correlation", framework, options))
    print(f"{framework}: three ways of timing ...", flush=True)
    ways = outcome(ask("protocols", framework, options))
    if "skipped" not in ways:
        ways |= {"first_frame_seconds": _first_frames(framework, options)}
    print(f"{framework}: memory ...", flush=True)
    held = {work: outcome(ask("memory", framework, options, work=work)) for work in memory.BATCH}
    size = outcome(ask("model_size", framework, options))
    return found | {"correlation": kernels, "protocols": ways, "memory": held, "model_size": size}


def _why_not(framework: str, options: Options) -> str | None:
    """Why a framework cannot be used here, None if it can; what it compiles at its first use is compiled then."""
    if framework == "jittor":
        reason = jittor_env.why_unusable()
        if reason is not None:
            return reason
        try:
            jittor_env.prepare()
        except UserError as error:
            return str(error)
    return ask("first_use", framework, options).get("failed")


def _first_use(framework: str, options: Options, fresh: bool) -> dict[str, Any]:
    answers = [ask("first_use", framework, options) for _ in range(_RUNS)]
    failed = next((answer for answer in answers if "failed" in answer), None)
    if failed is not None:
        return outcome(failed)
    warm = [seconds(answer) for answer in answers]
    compiled = answers[-1]["result"]["compiled"]
    return {
        "warm_seconds": statistics.median(warm),
        "warm_runs": warm,
        "fresh_seconds": _fresh(framework, options) if fresh else None,
        "compiled_files": len(compiled),
        "compiled_bytes": sum(size for _, size in compiled),
        "correlation": answers[-1]["result"]["correlation"],
    }


def _fresh(framework: str, options: Options) -> float | None:
    """Seconds to the first frame with nothing compiled; None where it did not get that far."""
    print(f"{framework}: first use with nothing compiled (Jittor: minutes) ...", flush=True)
    with tempfile.TemporaryDirectory() as home:
        answer = ask("first_use", framework, options, home=Path(home), attempts=_BUILDS)
    return None if "failed" in answer else seconds(answer)


def seconds(answer: dict[str, Any]) -> float:
    """From the moment a process was asked for to its first frame, seconds."""
    return answer["result"]["done"] - answer["asked"]


def without_compiler(framework: str, options: Options) -> dict[str, Any]:
    """Try a first use with nothing compiled and no compiler: {"works", "reason" (None if it does), "correlation"}."""
    with tempfile.TemporaryDirectory() as name:
        programs, home = Path(name) / "programs", Path(name) / "home"
        programs.mkdir()
        home.mkdir()
        no_compiler.fill(programs, os.pathsep.join((str(native.BINARIES), os.environ.get("PATH", ""))))
        answer = ask("first_use", framework, options, home, str(programs), no_compiler.VARIABLES)
    if "failed" in answer:
        return {"works": False, "reason": answer["failed"], "correlation": None}
    found = answer["result"]["compilers"]
    if found:
        return {"skipped": f"the process still had a compiler ({', '.join(found)})"}
    return {"works": True, "reason": None, "correlation": answer["result"]["correlation"]}


def _first_frames(framework: str, options: Options) -> dict[str, Any]:
    """Seconds of the first timed frame after either warm-up, each in a fresh process."""
    answers = {
        name: outcome(ask("warm_up", framework, options, read=read))
        for name, read in (("executing", True), ("graph_only", False))
    }
    return {name: answer.get("seconds", answer) for name, answer in answers.items()}
