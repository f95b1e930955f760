"""What processes of the bench would answer, for experiments that only put together what these find."""

from collections.abc import Callable
from typing import Any

import pytest

from vsrlib import cli
from vsrlib.common import processes
from vsrlib.kernels import jittor_env


class Processes:
    """`result` answers a task; the one after `interrupted_after` is interrupted; `broken` (from 1) break off."""

    def __init__(
        self,
        result: Callable[[dict[str, Any]], dict[str, Any]],
        interrupted_after: int | None = None,
        broken: tuple[int, ...] = (),
    ) -> None:
        self.result, self.interrupted_after, self.broken = result, interrupted_after, broken
        self.tasks: list[dict[str, Any]] = []

    def __call__(self, module: str, task: dict[str, Any], **how: Any) -> dict[str, Any]:
        if len(self.tasks) == self.interrupted_after:
            raise KeyboardInterrupt
        self.tasks.append(task)
        if len(self.tasks) in self.broken:
            return {"failed": "it was killed"}
        conditions = {"device": "a CPU", "threads": 2, "correlation": "cpp", "blur": None}
        load = {"before": [0.5, 0, 0], "after": [0, 0, 0]}
        return {"conditions": conditions, "result": self.result(task), "load_average": load}

    def run(self, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
        """`vsrlib experiment` with these in the place of processes; the exit status."""
        monkeypatch.setattr(processes, "ask", self)
        monkeypatch.setattr(jittor_env, "why_not", lambda framework: None)
        return cli.main(["experiment", *arguments])
