"""The check of the checker: does the referee name the place of faults that were planted, and else keep silent?"""

import tempfile
from pathlib import Path
from typing import Any

from vsrlib.common import provenance
from vsrlib.common.files import atomic_path, require_folder, write_json
from vsrlib.kernels.jittor_env import why_not
from vsrlib.parity.comparison import RULE, summary
from vsrlib.parity.faults import FAULTS
from vsrlib.parity.options import CheckOptions
from vsrlib.parity.recorder import REFERENCE
from vsrlib.parity.trial import Trial, work

JSON, TEXT = "parity_check.json", "parity_check.txt"
_TOGETHER = 5  # trials whose arrays lie on the disk at once, some 50 MB each
_OCCURRENCES = 2  # of the 8 flows of a training step and their steps; `vsrlib parity` itself looks at all


def check(output: Path, options: CheckOptions, faults: list[str] | None = None) -> dict[str, Any]:
    """Plant each fault in the framework `options.second`, and compare it with PyTorch `options.runs` times without any.

    faults: names of `vsrlib.parity.faults.FAULTS` (None: all). All with random weights and inputs and the "tiny"
    network. Writes OUTPUT/parity_check.json and parity_check.txt and returns what the former holds: {"faults": [...],
    "clean": [...], "found", "false_alarms", "ratios" (quantiles over all clean runs), "rule", "provenance"}, or
    {"skipped": "because ..."}. UserError for an output that cannot be a folder.
    """
    require_folder(output)
    sides, seed = ("torch", options.second), options.seed
    reason = next((reason for side in sides if (reason := why_not(side))), None)
    result: dict[str, Any] = {"skipped": f"because {reason}", "provenance": provenance.collect(seed=seed)}
    if reason is None:
        found = _faults(list(FAULTS) if faults is None else faults, sides, seed)
        clean, ratios = _clean(options.runs, sides, seed + 1)
        result = {
            "sides": list(sides),
            "faults": found,
            "clean": clean,
            "found": sum(one["found"] for one in found),
            "false_alarms": sum(not one["agree"] for one in clean),
            "ratios": {kind: summary(values) for kind, values in ratios.items()},
            "rule": RULE,
            "provenance": provenance.collect(seed=seed),
        }
    write_json(output / JSON, result)
    with atomic_path(output / TEXT) as temporary:
        temporary.write_text(text(result), encoding="utf-8")
    return result


def _faults(names: list[str], sides: tuple[str, ...], seed: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(Path(folder), "tiny", occurrences=_OCCURRENCES)
        trial.write_random(seed)
        work("torch", trial.jobs(REFERENCE), trial.folder, double=True)
        work(sides[0], trial.jobs("sound"), trial.folder)
        work(sides[1], [job for name in names for job in trial.jobs(name.replace("/", " "), name)], trial.folder)
        return [_placed(name, trial.verdict("sound", name.replace("/", " "))) for name in names]


def _placed(name: str, verdict: dict[str, Any]) -> dict[str, Any]:
    fault, first = FAULTS[name], verdict["first"]
    places = list(dict.fromkeys(one["place"] for one in verdict["departures"] if one["kind"] != "gradient"))
    right = first is not None and first["place"] == fault.place and first["kind"] in fault.kinds
    return {"fault": name, "planted_in": fault.place, "found": right, "named": first, "places": places}


def _clean(runs: int, sides: tuple[str, ...], seed: int) -> tuple[list[dict[str, Any]], dict[str, list[float]]]:
    clean: list[dict[str, Any]] = []
    ratios: dict[str, list[float]] = {"forward": [], "backward": [], "gradient": []}
    for begin in range(0, runs, _TOGETHER):
        with tempfile.TemporaryDirectory() as folder:
            trials = [
                Trial(Path(folder) / str(number), "tiny", occurrences=_OCCURRENCES)
                for number in range(begin, min(begin + _TOGETHER, runs))
            ]
            for number, trial in enumerate(trials, begin):
                trial.write_random(seed + number)
            work("torch", [job for trial in trials for job in trial.jobs(REFERENCE)], Path(folder), double=True)
            for which, side in enumerate(sides):
                jobs = [job for trial in trials for job in trial.jobs(("first", "second")[which])]
                work(side, jobs, Path(folder))
            for number, trial in enumerate(trials, begin):
                verdict = trial.verdict("first", "second")
                for kind, values in verdict["ratios"].items():
                    ratios[kind] += values
                largest = {kind: max(values, default=0.0) for kind, values in verdict["ratios"].items()}
                clean.append(
                    {"seed": seed + number, "agree": verdict["agree"], "first": verdict["first"], "largest": largest}
                )
    return clean, ratios


def text(result: dict[str, Any]) -> str:
    """The result in words."""
    if "faults" not in result:
        return f"skipped {result['skipped']}\n"
    lines = [
        f"{result['found']} of {len(result['faults'])} planted faults found and placed; {result['false_alarms']} "
        f"false alarms in {len(result['clean'])} clean runs ({' against '.join(result['sides'])}).",
        "",
    ]
    for one in result["faults"]:
        named = one["named"]
        where = "nothing departs" if named is None else f"{named['place']} ({named['kind']}): {named['says']}"
        lines.append(
            f"{'found' if one['found'] else 'MISSED':<7} {one['fault']}, planted in {one['planted_in']}\n"
            f"        {where}"
        )
    lines += ["", "Ratios that the rule bounds, over all steps and gradients of the clean runs:"]
    for kind, found in result["ratios"].items():
        bound = result["rule"]["k_gradient" if kind == "gradient" else "k"]
        lines.append(
            f"  {kind:<9} {found['count']:>8} of them: median {found['median']:.2f}, 99 % below "
            f"{found['99 %']:.2f}, largest {found['largest']:.2f}; bound {bound:g}"
        )
    return "\n".join(lines) + "\n"
