"""The steps behind the verdicts on time and memory, ten times from nothing: is every verdict the same each time?

python tests/reliability/ten_runs.py figures/history --count 10

Each run measures the costs anew (08_measure_costs) and judges all claims (09_judge_claims) with the rest of
the published results. It goes on where it was interrupted: a run that has judged is not made again.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

from common import main

from vsrlib.common.files import read_json
from vsrlib.common.provenance import PROJECT_ROOT

_RESULTS = PROJECT_ROOT / "figures" / "results"
_STEPS = ("08_measure_costs", "09_judge_claims")
_GIVEN = {
    "comparison_file": "05_compare_frameworks/comparison.json",
    "ablation_file": "07_ablate_alignment/ablation.json",
    "parity_file": "06_prove_parity/parity.json",
}
_KEPT = ("id", "verdict", "figure", "unit", "interval", "n", "over")


def check(folder: Path, count: int, seed: int) -> dict[str, Any]:
    """Make the runs, one after the other, and set their verdicts side by side. `seed` is not used: nothing is drawn."""
    runs = []
    for number in range(1, count + 1):
        claims = folder / f"{number}" / _STEPS[-1] / "claims.json"
        if not claims.is_file():
            given = [text for key, file in _GIVEN.items() for text in ("--set", f"09.{key}={_RESULTS / file}")]
            command = [sys.executable, "-m", "vsrlib", "study", "--run", str(folder / f"{number}"), "--only", *_STEPS]
            subprocess.run([*command, *given], cwd=PROJECT_ROOT, check=True, stdout=subprocess.DEVNULL)
        found = read_json(claims)
        runs.append(
            {
                "created": found["provenance"]["created"],
                "commit": found["provenance"]["commit"],
                "claims": [{key: one[key] for key in _KEPT} for one in found["claims"]],
            }
        )
    return {"runs": runs, "broken": differing(runs)}


def differing(runs: list[dict[str, Any]]) -> list[str]:
    """The parts whose verdict is not the same in all runs, each in a sentence."""
    verdicts = {one["id"]: [other["verdict"] for run in runs for other in run["claims"] if other["id"] == one["id"]]
                for one in runs[0]["claims"]}  # fmt: skip
    return [f"{name}: {', '.join(found)}" for name, found in verdicts.items() if len(set(found)) > 1]


if __name__ == "__main__":
    main("ten_runs", check, 10)
