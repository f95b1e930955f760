"""Judges the parts of the ten claims from the result files of a run and the experiments that were run once."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vsrlib.claims import results
from vsrlib.claims.evidence import SCENES, Evidence, experiment_files
from vsrlib.claims.rules import quality, sizes, times, training
from vsrlib.claims.rules.conclusion import by_use, recommendation
from vsrlib.claims.ten_claims import CLAIMS, ONE
from vsrlib.claims.verdict import Finding, profile_of, table
from vsrlib.common import provenance
from vsrlib.common.errors import UserError
from vsrlib.common.files import atomic_path, relative, sha256_file, write_json
from vsrlib.common.names import FRAMEWORKS, NAMES

RULES: dict[str, Callable[[Evidence], Finding]] = {
    "C1a": quality.precision,
    "C1b": quality.difference_explained,
    "C2": times.forward,
    "C3": times.total,
    "C4": times.image_output,
    "C5a": sizes.torch_memory,
    "C5b": sizes.jittor_memory,
    "C6": sizes.model_size,
    "C7a": sizes.torch_compiler,
    "C7b": sizes.jittor_compiler,
    "C8a": times.correlation,
    "C8b": training.zero_gradient,
    "C9a": quality.same_outputs,
    "C9b": training.same_training,
}
"""The rule of each part; C10 follows from the others."""
_COMPARISON, _ABLATION, _PARITY, _COSTS = "comparison", "ablation", "parity", "costs"
_HOLDS = {_ABLATION: "effects", _PARITY: "agree", _COSTS: "without_compiler"}
"""A part that every file of further evidence has, and no other result."""
READ = {
    "C1a": (_COMPARISON, "precision"),
    "C1b": (_ABLATION, "scenes", "measurement"),
    **dict.fromkeys(("C2", "C3", "C4", "C5a", "C6", "C7a", "C7b", "C8a"), (_COSTS,)),
    "C5b": ("memory",),
    **dict.fromkeys(("C8b", "C9b"), ("training",)),
    "C9a": (_COMPARISON, _ABLATION, "scenes", _PARITY),
    "C10": (_COMPARISON, _COSTS),
}
"""Which files a part is judged from."""


def judge(
    comparison_file: Path,
    output: Path,
    further: Mapping[str, Path | None] | None = None,
    experiments: Path | None = None,
    source: str | None = None,
    checkout: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Judge the ten claims from comparison.json and, where there are any, the further files and the experiments'.

    further: "ablation", "parity", "costs" -> file, or None. experiments: a folder of what `vsrlib experiment` wrote.
    `source`: where the comparison's numbers were measured, in words. `checkout`: "commit" and "dirty" of the project's
    own, where they are not those of now. Writes claims.json and claims.md (a table) into the folder `output`, and
    returns {"claims": [{"id", the fields of `Claim` and of `Finding`, "evidence", "profile", "provenance"}], "by_use",
    "source", "provenance"}: evidence are paths relative to `output`, a claim's provenance names the commits and times
    at which *they* were measured. UserError: no comparison, a file that is missing or holds something else, the referee
    of other frameworks, or a file that the comparison was made from has changed.
    """
    comparison_file, output = Path(comparison_file), Path(output)
    comparison = results.read_comparison(comparison_file)
    measured_in = results.require_current(comparison, comparison_file.parent)
    given = {name: (Path(path), _read(name, path)) for name, path in (further or {}).items() if path is not None}
    # What was skipped is not there, but for the referee, which says so itself.
    measured = {name: one for name, one in given.items() if name == _PARITY or not results.is_skipped(one[1])}
    there = {name: path for name, (path, _) in measured.items()}
    once = experiment_files(experiments)
    held = Evidence(
        comparison,
        **{name: content for name, (_, content) in measured.items()},
        experiments={name: _experiment(name, path) for name, path in once.items()},
    )
    findings = find(held)
    files = {_COMPARISON: comparison_file, **there, **once}
    sources = {name: {"path": relative(path, output), "sha256": sha256_file(path)} for name, path in files.items()}
    origins = {name: _measured(name, path, measured_in) for name, path in files.items()}
    claims = [
        {
            "id": name,
            **asdict(claim),
            "verdicts": list(claim.verdicts),
            **asdict(findings[name]),
            "evidence": [sources[one]["path"] for one in READ[name] if one in sources],
            "profile": profile_of(comparison),
            "provenance": {one: origins[one] for one in READ[name] if one in sources},
        }
        for name, claim in CLAIMS.items()
    ]
    result = {
        "claims": claims,
        "by_use": by_use(findings, held),
        **({} if source is None else {"source": source}),
        "provenance": provenance.collect(**sources) | dict(checkout or {}),
    }
    write_json(output / "claims.json", result)
    with atomic_path(output / "claims.md") as temporary:
        temporary.write_text(table(result), encoding="utf-8")
    return result


def _read(name: str, path: Path) -> dict[str, Any]:
    """A file of further evidence, or a study's note that it was skipped."""
    found = results.read(path)
    if not results.is_skipped(found) and _HOLDS[name] not in found:
        raise UserError(f"{path} holds no {name} of this version; run the step that writes it again, or give another.")
    if name == _PARITY and not set(results.sides_of(found)) <= set(FRAMEWORKS):
        pair, claimed = (" and ".join(NAMES[one] for one in two) for two in (results.sides_of(found), FRAMEWORKS))
        raise UserError(f"{path} is of {pair}, and the claims are about {claimed}; give the parity of these, or none.")
    return found


def _experiment(name: str, path: Path) -> dict[str, Any]:
    """The result file of an experiment, or of the ablation with many scenes."""
    found = results.read(path)
    if _HOLDS[_ABLATION] not in found if name == SCENES else found.get("experiment") != name:
        raise UserError(f"{path} holds no result of the experiment {name}; run it again, or move the file away.")
    return found


def find(held: Evidence) -> dict[str, Finding]:
    """The verdicts alone, by id."""
    left_out = held.left_out()
    found = {
        name: Finding(ONE, left_out) if left_out and ONE in CLAIMS[name].verdicts else rule(held)
        for name, rule in RULES.items()
    }
    return found | {"C10": recommendation(found)}


def _measured(name: str, path: Path, measured_in: list[Path]) -> dict[str, Any]:
    """Commits and times at which a file's numbers were measured: of a comparison, those of what it was made from."""
    files = [path] if name != _COMPARISON else [one for one in measured_in if one.name == "inference.json"]
    found = [results.read(file).get("provenance") or {} for file in files]
    commits = {commit for one in found for commit in one.get("measured_at") or [one.get("commit")]}
    return {
        "commits": sorted(str(commit) for commit in commits),
        "created": sorted(one["created"] for one in found if "created" in one),
        "protocol": sorted({str(one.get("protocol")) for one in found}),
    }
