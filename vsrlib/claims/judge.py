"""Judges the ten claims from the result files of a run."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vsrlib.claims import evidence as other
from vsrlib.claims import results, rules
from vsrlib.claims.evidence import Evidence
from vsrlib.claims.results import is_skipped
from vsrlib.claims.ten_claims import CLAIMS
from vsrlib.claims.verdict import Finding, profile_of, table
from vsrlib.common import provenance
from vsrlib.common.files import atomic_path, relative, sha256_file, write_json

OF_CLAIM = {
    "C1": ("ablation",),
    "C2": ("costs",),
    "C3": ("costs",),
    "C4": ("costs",),
    "C5": ("costs",),
    "C6": ("costs",),
    "C7": ("costs",),
    "C8": ("costs",),
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
    "figure", "unit", "interval", "evidence", "rule", "profile", "provenance"}], "by_use", "provenance"}; evidence are
    paths relative to `output`. `source`: where the comparison's numbers were measured, in words; it is kept as
    "source". `checkout`: "commit" and "dirty" of the project's own, where they are not those of now.
    UserError: no comparison, a file that is missing or not JSON, or one that the comparison was made from has changed.
    """
    comparison_file, output = Path(comparison_file), Path(output)
    comparison = results.read_comparison(comparison_file)
    files = results.require_current(comparison, comparison_file.parent)
    there = {name: Path(path) for name, path in (further or {}).items() if path is not None}
    evidence = Evidence(**{name: results.read(path) for name, path in there.items()})
    findings = judge_comparison(comparison, evidence)
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
        "by_use": other.by_use(findings, _judged(comparison), evidence.costs),
        **({} if source is None else {"source": source}),
        "provenance": found,
    }
    write_json(output / "claims.json", result)
    with atomic_path(output / "claims.md") as temporary:
        temporary.write_text(table(result), encoding="utf-8")
    return result


def judge_comparison(comparison: dict, evidence: Evidence | None = None) -> dict[str, Finding]:
    """The verdicts alone, by id. Realistic blur is judged where both frameworks have it, as in the earlier report."""
    evidence = evidence or Evidence()
    alone = {
        "C5": other.with_memory(rules.memory(comparison), evidence.costs),
        "C7": other.installing(evidence.costs),
        "C8": other.correlation(evidence.costs),
    }
    blur = _judged(comparison)
    if blur is None:
        reasons = [results.why_not_both(one["runs"]) or "" for one in comparison["blurs"].values()]
        found = {name: Finding("not testable here", reasons[-1].removeprefix("because ")) for name in CLAIMS}
        return found | alone
    computed: dict[str, Callable[[], Finding]] = {
        "C1": lambda: other.with_ablation(rules.quality(blur), evidence.ablation),
        "C2": lambda: rules.forward(blur),
        "C3": lambda: rules.total(blur),
        "C4": lambda: other.with_output(rules.image_output(blur), evidence.costs),
        "C6": lambda: other.with_model_size(rules.model_size(blur), evidence.costs),
        "C9": lambda: other.with_parity(
            other.with_sides(rules.equivalence(blur, comparison["training"]), evidence.ablation), evidence.parity
        ),
    }
    found = {name: rule() for name, rule in computed.items()} | alone
    return found | {"C10": rules.recommendation(found)}


def _judged(comparison: dict) -> dict[str, Any] | None:
    """The blur that is judged; None where no blur has both frameworks."""
    both = [one for one in comparison["blurs"].values() if not any(is_skipped(run) for run in one["runs"].values())]
    return both[-1] if both else None
