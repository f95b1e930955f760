"""Watches a network at work: what goes into every step and what comes out, in one of three ways.

free   nothing is changed: each step works on what its own framework computed before. Errors add up.
reference  the same in float64, except that every value handed from step to step is rounded to float32; this is the
       script.
fed    every step is given the reference's inputs, and hands on the reference's outputs, in place of its own; its own
       are recorded first. So a fault stays where it is, and what a network does between two steps shows in what it
       hands to the next.

The reference's values replace a tensor's own while its gradient passes through, so in the last two ways the gradients
of all parameters are those at one and the same point in every framework: no ReLU opens here and stays shut there
because its input is nearly zero and was rounded the other way.
"""

import functools
import hashlib
import math
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.common.files import read_json, write_json
from vsrlib.networks.backend import Backend

FREE, REFERENCE, FED = "free", "reference", "fed"
Entry = dict[str, Any]
Adjust = Callable[[str, list[np.ndarray], list[str]], list[np.ndarray]]


class Store:
    """A folder of arrays through which processes with one framework each, one after another, exchange what they have.

    Whoever writes has a file of its own there, NAME.bin, all arrays one behind the other, with NAME.json to find them.
    """

    def __init__(self, folder: Path, name: str | None = None) -> None:
        """name: that of the file to write, which `close` completes; None to read only."""
        self.folder, self.name = Path(folder), name
        self.folder.mkdir(parents=True, exist_ok=True)
        self._places: dict[str, tuple[np.ndarray, int, str, list[int]]] = {}
        for path in sorted(self.folder.glob("*.json")):
            data = np.memmap(path.with_suffix(".bin"), mode="r")
            self._places |= {digest: (data, *place) for digest, place in read_json(path).items()}
        self._own: dict[str, tuple[int, str, list[int]]] = {}
        self._file = None if name is None else (self.folder / f"{name}.bin").open("wb")

    def put(self, array: np.ndarray) -> str:
        """Keep an array; returns the name by which `get` finds it once the store is closed."""
        assert self._file is not None, "a store without a name is for reading"
        array = np.ascontiguousarray(array)
        digest = hashlib.blake2b(f"{array.dtype.str}{array.shape}".encode(), digest_size=12)
        digest.update(array.data)
        name = digest.hexdigest()
        if name not in self._places and name not in self._own:
            self._own[name] = (self._file.tell(), array.dtype.str, list(array.shape))
            self._file.write(array.data)
        return name

    def get(self, name: str) -> np.ndarray:
        """The array that was put under this name; read-only."""
        data, offset, kind, shape = self._places[name]
        return np.frombuffer(data, kind, int(np.prod(shape)), offset).reshape(shape)

    def close(self) -> None:
        """Complete the file that was written."""
        assert self._file is not None, "a store without a name is for reading"
        self._file.write(b"\0")  # an empty file cannot be mapped
        self._file.close()
        write_json(self.folder / f"{self.name}.json", self._own)


class Recorder:
    """Records steps; made for one run of a network.

    script: the reference's record and its store, for the way "fed". adjust: `away_from_kinks` of
    `vsrlib.parity.network`, for the reference. occurrences: a step that is taken more often is fed still, but its
    values are no longer recorded (0: always).
    """

    def __init__(
        self,
        backend: Backend,
        way: str,
        script: tuple[list[Entry], Store] | None = None,
        adjust: Adjust | None = None,
        occurrences: int = 0,
    ) -> None:
        self.backend, self.way, self.adjust, self.occurrences = backend, way, adjust, occurrences
        self.script = {} if script is None else {key(entry): entry for entry in script[0]}
        self.source: Any = None if script is None else script[1]  # a store wherever a reference has written
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
                    store.put(value if isinstance(value, np.ndarray) else self.backend.copied(value))
                    for value in entry[part]
                ]
        return self.entries

    def _take(self, name: str, function: Callable, call: tuple, pulled: bool, parameters: Sequence[Any]) -> Any:
        is_tensor = self.backend.is_tensor
        self._taken[name] += 1
        entry: Entry = {
            "step": name,
            "occurrence": self._taken[name],
            "within": self._open[-1][0],
            "started": self._tick(),
            "constants": constants(call, is_tensor),
            "inputs": leaves(call, is_tensor),
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
        entry["outputs"] = leaves(outputs, is_tensor)
        entry["ended"] = self._tick()
        if self.way == FREE:
            entry["inputs"] = []  # they are outputs of other steps
            return self._forgotten(entry, outputs)
        if pulled and entry["occurrence"] == 1:
            entry["pulls"] = self._pull(name, function, call, entry["fed"], parameters)
        if self.way == REFERENCE:
            entry["handed on"] = [_rounded(self.backend.copied(value)) for value in entry["outputs"]]
        return self._forgotten(entry, self._handed_on(outputs, entry, written))

    def _forgotten(self, entry: Entry, outputs: Any) -> Any:
        """The outputs; what is not to be recorded is dropped from the entry."""
        if self.occurrences and entry["occurrence"] > self.occurrences:
            entry["inputs"], entry["outputs"] = [], []
        if self.way == FED:
            entry["fed"] = []  # the reference's record has it
        return outputs

    @contextmanager
    def _inside(self, name: str) -> Iterator[None]:
        self._open.append((name, Counter()))
        try:
            yield
        finally:
            self._open.pop()

    def _fed(self, call: tuple, entry: Entry, written: Entry | None) -> tuple:
        """The call with the reference's inputs; a step that the reference has not taken keeps its own."""
        if self.way == REFERENCE:
            entry["fed"] = [_rounded(self.backend.copied(value)) for value in entry["inputs"]]
            if self.adjust is not None:
                entry["fed"] = self.adjust(entry["step"], entry["fed"], entry["constants"])
        elif written is not None and len(written["fed"]) == len(entry["inputs"]):
            entry["fed"] = [self.source.get(name) for name in written["fed"]]
        else:
            return call
        return self._replaced(call, entry["fed"])

    def _handed_on(self, outputs: Any, entry: Entry, written: Entry | None) -> Any:
        if self.way == REFERENCE:
            return self._replaced(outputs, entry["handed on"])
        if written is None or len(written["handed on"]) != len(entry["outputs"]):
            return outputs
        return self._replaced(outputs, [self.source.get(name) for name in written["handed on"]])

    def _replaced(self, tree: Any, arrays: list[np.ndarray]) -> Any:
        values = iter(arrays)
        return replace(tree, lambda own: self._pinned(own, next(values)), self.backend.is_tensor)

    def _pinned(self, own: Any, reference: np.ndarray) -> Any:
        """The reference's values with the gradient of one's own: own - own is zero exactly."""
        if math.prod(own.shape) != reference.size:
            return self.backend.tensor(reference)  # what is wrong here is seen in the record; the steps after it go on
        return own - self.backend.detached(own) + self.backend.tensor(reference.reshape(tuple(own.shape)))

    def _pull(self, name: str, function: Callable, call: tuple, fed: list, parameters: Sequence[Any]) -> list[Any]:
        """Gradients of the step alone: of its outputs times random weights, for its inputs and parameters."""
        if not fed:
            return []
        with self.backend.enable_grad():
            variables = [self.backend.leaf(self.backend.tensor(value)) for value in fed]
            rest = iter(variables)
            args, kwargs = replace(call, lambda _: next(rest), self.backend.is_tensor)
            outputs = leaves(function(*args, **kwargs), self.backend.is_tensor)
            rng = np.random.default_rng(zlib.crc32(name.encode()))
            weights = [
                self.backend.tensor(rng.standard_normal(tuple(value.shape)).astype(np.float32)) for value in outputs
            ]
            return self.backend.vjp(outputs, weights, [*variables, *parameters])

    def _tick(self) -> int:
        self._clock += 1
        return self._clock


def key(entry: Entry) -> str:
    """What tells the entries of a record apart: step and how often it had been taken."""
    return f"{entry['step']} #{entry['occurrence']}"


def replace(tree: Any, change: Callable[[Any], Any], wanted: Callable[[Any], bool]) -> Any:
    """The same structure with every wanted leaf changed; called on the leaves in order."""
    if wanted(tree):
        return change(tree)
    if isinstance(tree, dict):
        return {key: replace(value, change, wanted) for key, value in tree.items()}
    if isinstance(tree, (tuple, list)):
        return type(tree)(replace(value, change, wanted) for value in tree)
    return tree


def leaves(tree: Any, wanted: Callable[[Any], bool]) -> list[Any]:
    """Every wanted leaf, in order."""
    found: list[Any] = []
    replace(tree, lambda leaf: found.append(leaf), wanted)
    return found


def constants(tree: Any, wanted: Callable[[Any], bool]) -> list[str]:
    """What else stands in the arguments of a call: sizes, flags, axes; names of keyword arguments included."""
    if wanted(tree):
        return []
    if isinstance(tree, dict):
        return [f"{key}={text}" for key, value in tree.items() for text in constants(value, wanted)]
    if isinstance(tree, (tuple, list)):
        return [text for value in tree for text in constants(value, wanted)]
    return [repr(tree)] if isinstance(tree, (bool, int, float, str, type(None))) else []


def _rounded(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32)
