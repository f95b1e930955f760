"""Watches a network at work: what goes into every step and what comes out, in one of three ways.

free   nothing is changed: each step works on what its own framework computed before. Errors add up.
judge  the same in float64, except that every value handed from step to step is rounded to float32; this is the script.
fed    every step is given the judge's inputs, and hands on the judge's outputs, in place of its own; its own are
       recorded first. So a fault stays where it is, and what a network does between two steps shows in what it hands
       to the next.

The judge's values replace a tensor's own while its gradient passes through, so in the last two ways the gradients of
all parameters are those at one and the same point in every framework: no ReLU opens here and stays shut there because
its input is nearly zero and was rounded the other way.
"""

import functools
import math
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from vsrlib.parity import trees
from vsrlib.parity.sides import Side
from vsrlib.parity.store import Store

FREE, JUDGE, FED = "free", "judge", "fed"
Entry = dict[str, Any]
Adjust = Callable[[str, list[np.ndarray], list[str]], list[np.ndarray]]


def key(entry: Entry) -> str:
    """What tells the entries of a record apart: step and how often it had been taken."""
    return f"{entry['step']} #{entry['occurrence']}"


class Recorder:
    """Records steps; made for one run of a network.

    script: the judge's record and its store, for the way "fed". adjust: see `vsrlib.parity.network`; for the judge.
    occurrences: a step that is taken more often is fed still, but its values are no longer recorded (0: always).
    """

    def __init__(
        self,
        side: Side,
        way: str,
        script: tuple[list[Entry], Store] | None = None,
        adjust: Adjust | None = None,
        occurrences: int = 0,
    ) -> None:
        self.side, self.way, self.adjust, self.occurrences = side, way, adjust, occurrences
        self.script = {} if script is None else {key(entry): entry for entry in script[0]}
        self.source: Any = None if script is None else script[1]  # a store wherever a judge has written
        self.entries: list[Entry] = []
        self._open: list[tuple[str, Counter]] = [("", Counter())]  # steps under way, and what each has called so far
        self._taken: Counter = Counter()
        self._clock = 0

    def step(self, name: str, function: Callable, pulled: bool = False, parameters: Sequence[Any] = ()) -> Callable:
        """The function, recorded. `pulled`: its gradients are recorded, too, for its inputs and its parameters."""

        @functools.wraps(function)
        def watched(*args: Any, **kwargs: Any) -> Any:
            return self._take(name, function, (args, kwargs), pulled, parameters)

        return watched

    def inner(self, name: str, function: Callable) -> Callable:
        """As `step`, for a function that is called from many places: it is named after the step that calls it."""

        @functools.wraps(function)
        def watched(*args: Any, **kwargs: Any) -> Any:
            within, called = self._open[-1]
            called[name] += 1
            number = "" if called[name] == 1 else f".{called[name]}"
            return self._take(f"{within}.{name}{number}".lstrip("."), function, (args, kwargs), True, ())

        return watched

    def finish(self, store: Store) -> list[Entry]:
        """Put all arrays into the store; the entries then hold their names there."""
        for entry in self.entries:
            for part in ("inputs", "fed", "outputs", "handed on", "pulls"):
                entry[part] = [
                    store.put(value if isinstance(value, np.ndarray) else self.side.array(value))
                    for value in entry[part]
                ]
        return self.entries

    def _take(self, name: str, function: Callable, call: tuple, pulled: bool, parameters: Sequence[Any]) -> Any:
        is_tensor = self.side.is_tensor
        self._taken[name] += 1
        entry: Entry = {
            "step": name,
            "occurrence": self._taken[name],
            "within": self._open[-1][0],
            "started": self._tick(),
            "constants": trees.constants(call, is_tensor),
            "inputs": trees.leaves(call, is_tensor),
            "fed": [],
            "outputs": [],
            "handed on": [],
            "pulls": [],
        }
        self.entries.append(entry)
        written = self.script.get(key(entry))
        if self.way != FREE:
            call = self._fed(call, entry, written)
        with self._inside(name):
            outputs = function(*call[0], **call[1])
        entry["outputs"] = trees.leaves(outputs, is_tensor)
        entry["ended"] = self._tick()
        if self.way == FREE:
            entry["inputs"] = []  # they are outputs of other steps
            return self._forgotten(entry, outputs)
        if pulled and entry["occurrence"] == 1:
            entry["pulls"] = self._pull(name, function, call, entry["fed"], parameters)
        if self.way == JUDGE:
            entry["handed on"] = [_rounded(self.side.array(value)) for value in entry["outputs"]]
        return self._forgotten(entry, self._handed_on(outputs, entry, written))

    def _forgotten(self, entry: Entry, outputs: Any) -> Any:
        """The outputs; what is not to be recorded is dropped from the entry."""
        if self.occurrences and entry["occurrence"] > self.occurrences:
            entry["inputs"], entry["outputs"] = [], []
        if self.way == FED:
            entry["fed"] = []  # the judge's record has it
        return outputs

    @contextmanager
    def _inside(self, name: str) -> Iterator[None]:
        self._open.append((name, Counter()))
        try:
            yield
        finally:
            self._open.pop()

    def _fed(self, call: tuple, entry: Entry, written: Entry | None) -> tuple:
        """The call with the judge's inputs; a step that the judge has not taken keeps its own."""
        if self.way == JUDGE:
            entry["fed"] = [_rounded(self.side.array(value)) for value in entry["inputs"]]
            if self.adjust is not None:
                entry["fed"] = self.adjust(entry["step"], entry["fed"], entry["constants"])
        elif written is not None and len(written["fed"]) == len(entry["inputs"]):
            entry["fed"] = [self.source.get(name) for name in written["fed"]]
        else:
            return call
        return self._replaced(call, entry["fed"])

    def _handed_on(self, outputs: Any, entry: Entry, written: Entry | None) -> Any:
        if self.way == JUDGE:
            return self._replaced(outputs, entry["handed on"])
        if written is None or len(written["handed on"]) != len(entry["outputs"]):
            return outputs
        return self._replaced(outputs, [self.source.get(name) for name in written["handed on"]])

    def _replaced(self, tree: Any, arrays: list[np.ndarray]) -> Any:
        values = iter(arrays)
        return trees.replace(tree, lambda own: self._pinned(own, next(values)), self.side.is_tensor)

    def _pinned(self, own: Any, judges: np.ndarray) -> Any:
        """The judge's values with the gradient of one's own: own - own is zero exactly."""
        if math.prod(own.shape) != judges.size:
            return self.side.tensor(judges)  # what is wrong here is seen in the record; the steps after it go on
        return own - self.side.fixed(own) + self.side.tensor(judges.reshape(tuple(own.shape)))

    def _pull(self, name: str, function: Callable, call: tuple, fed: list, parameters: Sequence[Any]) -> list[Any]:
        """Gradients of the step alone: of its outputs times random weights, for its inputs and parameters."""
        if not fed:
            return []
        with self.side.with_gradients():
            variables = [self.side.variable(value) for value in fed]
            rest = iter(variables)
            args, kwargs = trees.replace(call, lambda _: next(rest), self.side.is_tensor)
            outputs = trees.leaves(function(*args, **kwargs), self.side.is_tensor)
            rng = np.random.default_rng(zlib.crc32(name.encode()))
            weights = [
                self.side.tensor(rng.standard_normal(tuple(value.shape)).astype(np.float32)) for value in outputs
            ]
            return self.side.pull(outputs, weights, [*variables, *parameters])

    def _tick(self) -> int:
        self._clock += 1
        return self._clock


def _rounded(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32)
