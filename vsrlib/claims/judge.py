"""Judges the ten claims from the result files of a run."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vsrlib.claims import evidence, results, rules
from vsrlib.claims.evidence import Evidence
from vsrlib.claims.results import is_skipped
from vsrlib.claims.ten_claims import CLAIMS
from vsrlib.claims.verdict import Finding, profile_of, table
from vsrlib.common import provenance
from vsrlib.common.files import atomic_path, relative, sha256_file, write_json

OF_CLAIM = {
    "C1": ("ablation",),
    **dict.fromkeys(("C2", "C3", "C4", "C5", "C6", "C7", "C8"), ("costs",)),
    "C9": ("ablation", "parity"),
    "C10": ("ablation", "costs"),
}
"""Which further evidence belongs to a claim."""
_RESTORING, _TRAINING = "inference.json", "train.json"
FILES_OF_CLAIM = {
    **dict.fromkeys(("C1", "C2", "C3", "C4", "C6"), (_RESTORING,)),
    "C5": (_TRAINING,),
    "C9": (_RESTORING, _TRAINING),
    "C10": (_RESTORING, _TRAINING),
}
"""Which of the files that the comparison was made from belong to a claim."""


def judge(
    comparison_file: Path,
    output: Path,
    further: Mapping[str, Path | None] | None = None,
    source: str | None = None,
    checkout: Mapping[str, Any] | None = None,
) -> dict:
    """Judge the ten claims from comparison.json and, where there are any, ablation.json, parity.json and costs.json.

    further: "ablation", "parity", "costs" -> file, or None. Writes claims.json and claims.md (a table) into the folder
    `output`. Returns the content of claims.json: {"claims": [{"id", "claim", "artefacts", "verdict", "reason",
    "figure", "unit", "interval", "spread", "evidence", "rule", "profile", "provenance"}], "by_use", "provenance"};
    evidence are paths relative to `output`. `source`: where the comparison's numbers were measured, in words; kept as
    "source". `checkout`: "commit" and "dirty" of the project's own, where they are not those of now.
    UserError: no comparison, a file that is missing or not JSON, or one that the comparison was made from has changed.
    """
    comparison_file, output = Path(comparison_file), Path(output)
    comparison = results.read_comparison(comparison_file)
    files = results.require_current(comparison, comparison_file.parent)
    there = {name: Path(path) for name, path in (further or {}).items() if path is not None}
    held = Evidence(**{name: results.read(path) for name, path in there.items()})
    findings = judge_comparison(comparison, held)
    measured = {"path": relative(comparison_file, output), "sha256": sha256_file(comparison_file)}
    sources = {name: {"path": relative(path, output), "sha256": sha256_file(path)} for name, path in there.items()}
    found = provenance.collect(comparison=measured, **sources) | dict(checkout or {})
    claims = [
        {
            "id": name,
            **asdict(claim),
            **asdict(findings[name]),
            "evidence": [
                measured["path"],
                *(relative(file, output) for file in files if file.name in FILES_OF_CLAIM.get(name, ())),
                *(sources[one]["path"] for one in OF_CLAIM.get(name, ()) if one in sources),
            ],
            "profile": profile_of(comparison),
            "provenance": {"comparison": measured, "commit": found["commit"], "created": found["created"]},
        }
        for name, claim in CLAIMS.items()
    ]
    result = {
        "claims": claims,
        "by_use": evidence.by_use(findings, _judged(comparison), held.costs),
        **({} if source is None else {"source": source}),
        "provenance": found,
    }
    write_json(output / "claims.json", result)
    with atomic_path(output / "claims.md") as temporary:
        temporary.write_text(table(result), encoding="utf-8")
    return result


def judge_comparison(comparison: dict, held: Evidence | None = None) -> dict[str, Finding]:
    """The verdicts alone, by id. Realistic blur is judged where both frameworks have it, as in the earlier report."""
    held = held or Evidence()
    alone = {
        "C5": evidence.with_memory(rules.memory(comparison), held.costs),
        "C7": evidence.installing(held.costs),
        "C8": evidence.correlation(held.costs),
    }
    blur = _judged(comparison)
    if blur is None:
        reasons = [results.why_not_both(one["runs"]) or "" for one in comparison["blurs"].values()]
        unfit = Finding("not testable here", reasons[-1].removeprefix("because "))
        return dict.fromkeys(CLAIMS, unfit) | alone
    equivalence = rules.equivalence(blur, comparison["training"])
    found = alone | {
        "C1": evidence.with_ablation(rules.quality(blur), held.ablation),
        "C2": rules.forward(blur),
        "C3": rules.total(blur),
        "C4": evidence.with_output(rules.image_output(blur), held.costs),
        "C6": evidence.with_model_size(rules.model_size(blur), held.costs),
        "C9": evidence.with_parity(evidence.with_sides(equivalence, held.ablation), held.parity),
    }
    return found | {"C10": rules.recommendation(found)}


def _judged(comparison: dict) -> dict[str, Any] | None:
    """The blur that is judged; None where no blur has both frameworks."""
    both = [one for one in comparison["blurs"].values() if not any(is_skipped(run) for run in one["runs"].values())]
    return both[-1] if both else None
