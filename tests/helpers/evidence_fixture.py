"""What the claims are judged from, as the software itself wrote it: the published files, with values changed."""

import copy
import pickle
from typing import Any

from vsrlib.claims.evidence import Evidence, experiment_files
from vsrlib.common.files import read_json
from vsrlib.common.provenance import PROJECT_ROOT

FIGURES = PROJECT_ROOT / "figures"
RESULTS = FIGURES / "results"
FILES = {
    "comparison": RESULTS / "05_compare_frameworks" / "comparison.json",
    "ablation": RESULTS / "07_ablate_alignment" / "ablation.json",
    "parity": RESULTS / "06_prove_parity" / "parity.json",
    "costs": RESULTS / "08_measure_costs" / "costs.json",
}
Change = tuple[tuple[Any, ...], Any]
"""Where (a file's name, then its keys), and what is put there; a whole file is None where it is left out."""


def published() -> dict[str, Any]:
    """The content of every published file by name; of the experiments below "experiments"."""
    experiments = {name: read_json(path) for name, path in experiment_files(FIGURES / "experiments").items()}
    return {name: read_json(path) for name, path in FILES.items()} | {"experiments": experiments}


_PUBLISHED = pickle.dumps(published())  # read anew for each: several times as fast as a deep copy


def evidence(*changes: Change) -> Evidence:
    """The published evidence with these changes; a key that the files do not have is an error, for no file has it.

    The ablation is that of the run alone, which changes name; `published` has the one that was run once, too.
    """
    found = pickle.loads(_PUBLISHED)
    found["experiments"].pop("scenes", None)
    for where, value in changes:
        target = found
        for key in where[:-1]:
            target = target[key]
        if value is ABSENT:
            target.pop(where[-1], None)
            continue
        if isinstance(target, dict) and where[-1] not in target:
            raise KeyError(where)
        target[where[-1]] = copy.deepcopy(value)  # what a later change does to it is not done to the table of changes
    return Evidence(**found)


ABSENT = object()
"""In place of a value: the key is taken out, as where an experiment was not run."""


def interval(value: float | None, low: float | None, high: float | None, unit: str, n: int = 8) -> dict[str, Any]:
    """As `vsrlib.common.numbers` gives it."""
    return {"value": value, "low": low, "high": high, "n": n, "unit": unit}
