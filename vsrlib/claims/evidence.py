"""What claims are judged from: the comparison of a run, its further measurements, and the experiments run once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vsrlib.claims import results
from vsrlib.claims.results import is_skipped
from vsrlib.common.names import FRAMEWORKS, NAMES
from vsrlib.networks import architecture

SCENES = "scenes"
EXPERIMENTS = {
    SCENES: "ablation/ablation.json",
    "training": "training.json",
    "precision": "precision.json",
    "measurement": "measurement.json",
    "memory": "memory.json",
}
"""Those that bear on a claim -> the file that `vsrlib experiment` writes, or for many scenes `vsrlib ablate`."""


@dataclass(frozen=True)
class Evidence:
    """Contents of comparison.json, ablation.json, parity.json and costs.json; None for what was not measured.

    `experiments`: name -> content of its file, for those that are at hand.
    """

    comparison: dict[str, Any]
    ablation: dict[str, Any] | None = None
    parity: dict[str, Any] | None = None
    costs: dict[str, Any] | None = None
    experiments: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def blurs(self) -> dict[str, dict[str, Any]]:
        """What the comparison holds of each blur that both frameworks have."""
        found = self.comparison["blurs"].items()
        return {blur: one for blur, one in found if not any(is_skipped(run) for run in one["runs"].values())}

    @property
    def contrasts(self) -> dict[str, Any] | None:
        """The ablation that C1b and C9a are judged from; None where there is none.

        Of the published network it is the run's own, else the one that saw more filmed scenes: the run's, or that of
        the experiments.
        """
        own, once = self.ablation, self.experiments.get("scenes")
        if own is None or once is None or is_published(own):
            return once if own is None else own
        return max(own, once, key=lambda one: int(one["filmed_scenes"]))

    def one_framework(self) -> str:
        """Why no blur has both frameworks."""
        reasons = [results.why_not_both(one["runs"]) or "" for one in self.comparison["blurs"].values()]
        return reasons[-1].removeprefix("because ") if reasons else "this run holds no inference"

    def left_out(self) -> str | None:
        """Which framework the run was not asked for, in words; None where it was asked for both."""
        runs = [run for blur in self.comparison["blurs"].values() for run in blur["runs"].items()]
        names = [NAMES[name] for name, run in runs if not results.was_asked_for(run)]
        return f"{names[0]} was not asked for" if names else None

    def cost(self, part: str, framework: str) -> dict[str, Any]:
        """What a part of costs.json holds of a framework, or {"skipped": reason}."""
        found: dict[str, Any] = {} if self.costs is None else self.costs[part]
        return dict(found.get(framework, {"skipped": "it was not asked for"}))

    def absent_costs(self, part: str) -> str | None:
        """Why a part of costs.json does not hold both frameworks; None if it does."""
        if self.costs is None:
            return "this run holds no measurement of costs"
        both = {name: self.cost(part, name) for name in FRAMEWORKS}
        absent = [f"{NAMES[name]}: {one['skipped']}" for name, one in both.items() if is_skipped(one)]
        return "; ".join(absent) or None


def is_published(ablation: dict[str, Any]) -> bool:
    """Whether an ablation altered a network of the published size."""
    # Files from before the width was written are of the study network.
    return bool(ablation.get("features") == architecture.preset("published").features)


def experiment_files(folder: Path | None) -> dict[str, Path]:
    """The result files of the experiments that lie in a folder, by name; none for None."""
    found = {} if folder is None else {name: Path(folder) / file for name, file in EXPERIMENTS.items()}
    return {name: path for name, path in found.items() if path.is_file()}
