"""Checkpoints that want to run code, in every format, and safetensors files with every kind of damage.

python tests/reliability/checkpoints.py OUTPUT --count 10000 --seed 1
"""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import main, mutations
from survivors import survey, tally

from vsrlib.common.errors import UserError
from vsrlib.data.sets.tree import read_kernel
from vsrlib.networks.weights.weights_file import digest, read, write
from vsrlib.training import checkpoint

CANARIES = (".pt", ".pth", ".pytorch", ".pth.tar", ".pkl", ".npz", ".npy", ".mat")
MOST_MIB = 1024
_WEIGHTS, _TRAINING = "weights.safetensors", checkpoint.FILE


class Canary:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def put_canary(path: Path, ran: Path) -> None:
    """A file of the format that `path` ends in, or, for .mat, what a loader that guesses would unpickle."""
    canary, suffix = Canary(ran), path.name[path.name.index(".") :]
    if suffix in (".pkl", ".mat"):
        path.write_bytes(pickle.dumps({"kernel": canary}))
    elif suffix in (".npz", ".npy"):
        values = np.array([canary, None], dtype=object)
        with open(path, "wb") as file:
            np.savez(file, kernel=values) if suffix == ".npz" else np.save(file, values)
    else:
        torch.save({"a": canary}, path)


def load(path: Path) -> Any:
    """As the library reads what a user gives it: a kernel, or weights."""
    return read_kernel(path) if path.suffix in (".npy", ".mat") else read(path)


def trusting(path: Path) -> Any:
    """What the library must not be; shows that each canary works."""
    if path.suffix in (".pkl", ".mat"):
        return pickle.loads(path.read_bytes())
    if path.suffix in (".npz", ".npy"):
        found = np.load(path, allow_pickle=True)
        return found["kernel"] if path.suffix == ".npz" else found
    return torch.load(path, weights_only=False)


def canaries(folder: Path, loader: Callable[[Path], Any] = load) -> tuple[dict[str, Any], list[str]]:
    """What `loader` did with a canary in each format, and what was broken by that."""
    folder.mkdir(exist_ok=True)
    ran, did, broken = folder / "ran", {}, []
    for suffix in CANARIES:
        path = folder / f"canary{suffix}"
        put_canary(path, ran)
        trusting(path)
        alive = ran.exists()
        ran.unlink(missing_ok=True)
        try:
            loader(path)
            answer = "read"
        except UserError as error:
            answer = "refused" if path.name in str(error) else f"refused without a name: {error}"
        executed = ran.exists()
        ran.unlink(missing_ok=True)
        did[suffix] = {"works in a trusting loader": alive, "ran": executed, "answer": answer}
        if executed or not alive or answer != "refused":
            broken.append(f"{suffix}: {did[suffix]}")
    return did, broken


def check(folder: Path, count: int, seed: int, loader: Callable[[Path], Any] = load) -> dict[str, Any]:
    """The canaries, and `count` damaged safetensors files: weights, and checkpoints of a training."""
    did, broken = canaries(folder / "canaries", loader)
    rng = np.random.default_rng(seed)
    values = {f"layer.{i}.weight": rng.standard_normal((8, 4, 3, 3)).astype(np.float32) for i in range(6)}
    write(folder / _WEIGHTS, values, {"preset": "tiny"})
    checkpoint.write(folder, {f"weights.{name}": value for name, value in values.items()}, {"step": 3})
    names = [_WEIGHTS, _TRAINING]
    files = [(folder / name).read_bytes() for name in names]
    mutate, damaged = mutations(files, seed), folder / "damaged"
    damaged.mkdir(exist_ok=True)

    def task(number: int) -> str:
        _, which, data = mutate(number)
        path = damaged / names[which]
        path.write_bytes(data)
        if data == files[which]:
            return "unchanged"
        try:
            found = loader(path) if names[which] == _WEIGHTS else checkpoint.read(damaged)[0]
        except UserError as error:
            return "refused" if path.name in str(error) else f"crash: the error does not name the file: {error}"
        if sum(value.nbytes for value in found.values()) > len(data):
            return "crash: more values than the file holds"
        same = digest(found) == digest(values if names[which] == _WEIGHTS else _prefixed(values))
        return "same values" if same else "other values"

    def wrong(name: str, answer: str) -> str | None:
        # The checkpoint of a training holds a digest of its values; plain safetensors files hold none.
        guarded = name == _TRAINING and answer == "other values"
        return answer if guarded or answer.startswith(("crash", "hang")) else None

    answers = ((names[number % 2], answer, mib) for number, answer, mib in survey(task, count))
    found = tally(answers, wrong)
    if found["peak_mib"] > MOST_MIB:
        found["broken"].append(f"a process took {found['peak_mib']} MiB")
    files_read = sum(sum(group.values()) for group in found["counts"].values())
    return {"canaries": did, "files": files_read, **found, "broken": [*broken, *found["broken"]]}


def _prefixed(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {f"weights.{name}": value for name, value in values.items()}


if __name__ == "__main__":
    main("checkpoints", check, 10_000)
