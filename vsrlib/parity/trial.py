"""One trial: a network with some weights on some frames, the jobs that it means for the workers, and the verdict."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, write_json
from vsrlib.common.processes import ask
from vsrlib.parity import comparison
from vsrlib.parity.comparison import Values
from vsrlib.parity.network import CONFIGS, random_values
from vsrlib.parity.recorder import FED, REFERENCE, Store

Job = dict[str, Any]


def work(framework: str, jobs: list[Job], folder: Path, double: bool = False) -> None:
    """Have a fresh process of `vsrlib.parity.worker` do the jobs; `folder` keeps their list. UserError if it fails."""
    if not jobs:
        return
    listed = folder / f"jobs_{framework}{'_reference' if double else ''}.json"
    write_json(listed, jobs)
    answer = ask("vsrlib.parity.worker", {"framework": framework, "double": double, "jobs": str(listed)})
    if "failed" in answer:
        raise UserError(f"The {framework} process of the referee broke off: {answer['failed'].rstrip('.')}.")


@dataclass(frozen=True)
class Trial:
    """`folder` holds everything: weights.npz, inputs.npz, a store of arrays, and a folder for each who took part.

    config: a name of `vsrlib.parity.network.CONFIGS`. occurrences: see `vsrlib.parity.recorder.Recorder`.
    sides: the frameworks that the referee compares.
    """

    folder: Path
    config: str
    align_corners: bool = True
    occurrences: int = 0
    sides: tuple[str, ...] = ()

    def write(self, weights: Values, batch: np.ndarray, batches: np.ndarray | None = None) -> None:
        """Put down what it is about: batch (B, 5, 3, h, w); batches (n, B, 5, 3, h, w) for the trajectories."""
        self.folder.mkdir(parents=True, exist_ok=True)
        np.savez(self.folder / "weights.npz", **weights)
        np.savez(self.folder / "inputs.npz", batch=batch, **({} if batches is None else {"batches": batches}))

    def write_random(self, seed: int) -> None:
        """Random weights, random frames, and a size out of a few, which no multiple of 13 is among."""
        rng = np.random.default_rng(seed)
        height, width = (int(rng.choice((28, 32, 36, 44))) for _ in range(2))
        batch = rng.random((1, 5, 3, height, width), dtype=np.float32)
        self.write(random_values(CONFIGS[self.config], seed), batch)

    def job(self, kind: str, who: str, **more: Any) -> Job:
        """A job for a worker, whose output goes into the folder of `who`."""
        (self.folder / who).mkdir(parents=True, exist_ok=True)
        return {
            "kind": kind,
            "config": self.config,
            "align_corners": self.align_corners,
            "weights": str(self.folder / "weights.npz"),
            "inputs": str(self.folder / "inputs.npz"),
            "store": str(self.folder / "store"),
            "who": f"{who}_{more.get('way', '')}",
            "occurrences": self.occurrences,
            **more,
        }

    def jobs(self, who: str, fault: str | None = None) -> list[Job]:
        """What has to be done for the verdict by `who`: REFERENCE, which works first, or a name for a side."""
        way = {"way": REFERENCE} if who == REFERENCE else {"way": FED, "reference": str(self._of(REFERENCE))}
        return [
            self.job("describe", who, fault=fault, output=str(self.folder / who / "structure.json")),
            self.job("layers", who, fault=fault, output=str(self._of(who)), **way),
        ]

    def verdict(self, first: str, second: str) -> dict[str, Any]:
        """{"agree", "first" (the first departure, or None), "departures", "ratios": {kind: list}} of two sides."""
        store = Store(self.folder / "store")
        records = [read_json(self.record(who)) for who in (REFERENCE, first, second)]
        steps = comparison.compare_steps(records[0], records[1:], store)
        structures = [read_json(self.folder / who / "structure.json") for who in (REFERENCE, first, second)]
        gradients = comparison.compare_gradients(*(self.gradients(who) for who in (REFERENCE, first, second)))
        # The forward pass comes first, in the order of its steps: the first departure is the first layer that departs.
        forward = [one for one in steps["departures"] if one["kind"] != "backward"]
        backward = [one for one in steps["departures"] if one["kind"] == "backward"]
        departures = [*forward, *comparison.compare_structure(*structures), *backward, *gradients["departures"]]
        return {
            "agree": not departures,
            "first": departures[0] if departures else None,
            "departures": departures,
            "ratios": steps["ratios"] | {"gradient": gradients["ratios"]},
            "gradients": gradients["gradients"],
        }

    def gradients(self, who: str) -> Values:
        """Gradients of every loss for every parameter at the reference's point."""
        return dict(np.load(self._of(who) / "gradients.npz"))

    def record(self, who: str, way: str = FED) -> Path:
        """The record of the reference or a side; what the sides are fed by is the reference's own."""
        return (self._of(who) if way == FED else self.folder / who / way) / "record.json"

    def _of(self, who: str) -> Path:
        return self.folder / who / (REFERENCE if who == REFERENCE else FED)
